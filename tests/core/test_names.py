"""What a person may be called."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.core.errors import RequestError
from uSense.core.names import NAME_LENGTH, USER_DATA_BYTES, clean_name, clean_user_data, folded_name


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("Anna", "Anna"),
        ("  Anna Maria \u00a0", "Anna Maria"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("محمد", "محمد"),
        ("پری\u200cسیما", "پری\u200cسیما"),  # noqa: RUF001 - Persian is meant
        ("山田 太郎", "山田 太郎"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("'; DROP TABLE persons; --", "'; DROP TABLE persons; --"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("7", "7"),
        ("x" * NAME_LENGTH, "x" * NAME_LENGTH),
        ("Anna/Bea + Cleo #2", "Anna/Bea + Cleo #2"),
        ("Unknown Soldier", "Unknown Soldier"),
        ("\u200eAn\u00adna\ufeff ", "Anna"),
    ],
)
def test_a_name_in_any_script_is_kept(given_name: str, kept: str) -> None:
    """Names of any script are kept in NFC, without space around them and without what nobody sees."""
    assert kept == clean_name(given_name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "\u200b",
        "\u0301",
        "\u200d\u200c\ufeff",
        "\u3164",
        "\u115f\u2800",
        "An\nna",
        "An\x00na",
        "An\x1b[31mna",
        "An\u2028na",
        "An\ud800na",
        "An\u202ena",
        "\u2066Anna\u2069",
        "x" * (NAME_LENGTH + 1),
        "x" * 10_000,
    ],
)
def test_an_unusable_name_is_refused(name: str) -> None:
    """Names that are empty, invisible, too long or hold control characters are refused, without repeating them."""
    with pytest.raises(RequestError) as caught:
        clean_name(name)

    assert caught.value.code == "bad_name"
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize(
    "name",
    [
        "unknown",
        " UNKNOWN ",
        "un\u200bknown",
        "un\u200dknown",
        "\uff35nknown",
        "unknown\u3164",
        "None",
        "unavailable",
        "4b33a1d2-90ab-4cde-8f01-23456789abcd",
        "4B33A1D2-90AB-4CDE-8F01-23456789ABCD",
    ],
)
def test_a_name_that_would_be_mistaken_is_refused(name: str) -> None:
    """What is told where there is no name cannot be one, however it is written, and neither can what ids look like."""
    with pytest.raises(RequestError, match="choose another one") as caught:
        clean_name(name)

    assert caught.value.code == "bad_name"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna", "ANNA"),
        ("Zo\u00eb", "zoe\u0308"),
        ("Weiß", "WEISS"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ("Anna Maria", "Anna \u00a0Maria"),
        ("Anna", "An\u200dna\u3164"),
        ("پری\u200cسیما", "پریسیما"),  # noqa: RUF001 - Persian is meant
    ],
)
def test_names_that_people_cannot_tell_apart_count_as_one(one: str, other: str) -> None:
    """Case, space, the encoding of accents and invisible characters do not make another person."""
    assert folded_name(one) == folded_name(other)


@given(st.text())
def test_every_text_is_either_refused_or_cleaned_for_good(text: str) -> None:
    """Whatever comes in: a RequestError, or a name in NFC that stays the same when cleaned again and can be stored."""
    try:
        name = clean_name(text)
    except RequestError:
        return

    assert name == clean_name(name)
    assert unicodedata.is_normalized("NFC", name)
    assert 1 <= len(name) <= NAME_LENGTH
    assert name.encode().decode() == name
    assert name == clean_name(f"\u200e{name}\n")


@given(st.text(min_size=1))
def test_folding_is_stable(text: str) -> None:
    """A folded name folds to itself, and composed and decomposed text to the same."""
    folded = folded_name(text)

    assert folded == folded_name(folded)
    assert folded == folded_name(unicodedata.normalize("NFC", text))
    assert folded == folded_name(unicodedata.normalize("NFD", text))


def test_user_data_is_limited_in_bytes() -> None:
    """16 KiB of UTF-8 are kept, one byte more is refused, and so is text that is no Unicode."""
    assert clean_user_data("ä" * (USER_DATA_BYTES // 2)) == "ä" * (USER_DATA_BYTES // 2)
    for refused in ("ä" * (USER_DATA_BYTES // 2) + "x", "\udfff"):
        with pytest.raises(RequestError) as caught:
            clean_user_data(refused)
        assert caught.value.code == "bad_user_data"
