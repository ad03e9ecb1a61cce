"""What may stand on a person's own page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.core.errors import RequestError
from uSense.core.mypage import (
    LONGEST_ADDRESS,
    LONGEST_MESSAGE,
    Block,
    Kind,
    Layout,
    Page,
    checked,
    decoded,
    encoded,
    is_video,
    origin,
    videos,
)

CSP_UNSAFE = set("; ,'\"*\\\n\t")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://Calendar.LAN/anna?x=1#y", "https://calendar.lan"),
        ("http://10.0.0.7:8123/lovelace", "http://10.0.0.7:8123"),
        ("http://pi:80/", "http://pi"),
        ("https://pi:443", "https://pi"),
        ("http://[FE80::1]:8080/x", "http://[fe80::1]:8080"),
        ("https://bücher.example/", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_as_browsers_write_it(address: str, expected: str) -> None:
    """Lower case, without the usual port, in letters that every header takes."""
    assert origin(address) == expected


@pytest.mark.parametrize(
    "address",
    [
        *("", "calendar.lan", "ftp://x/", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//x/"),
        *("https://", "https:///x", "https://anna:secret@x/", "https://x:0/", "https://x:99999/", "https://x:y/"),
        *("https://x; script-src *", "https://x'/", "https://a,b/", "https://*/", "https://x\n/", "https://[::1/"),
        *("https://x y/", "https://-x-/", "https://x\\@evil/"),
    ],
)
def test_what_is_no_address_of_the_web_is_refused(address: str) -> None:
    """Nor is one that would say more in a header than where it is."""
    with pytest.raises(RequestError) as caught:
        origin(address)
    assert caught.value.code == "bad_block"


@given(st.text() | st.text(alphabet="htps:/.[]@%;, *'1a-").map("https://{}".format))
def test_an_origin_says_nothing_else_in_a_header(address: str) -> None:
    """Whatever was typed, an origin cannot end one rule of a policy and begin another."""
    try:
        found = origin(address)
    except RequestError:
        return
    assert found.isascii()
    assert not CSP_UNSAFE & set(found)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.MESSAGE, " "),
        (Kind.MESSAGE, "x" * (LONGEST_MESSAGE + 1)),
        (Kind.PICTURES, ""),
        (Kind.WEB, "calendar"),
        (Kind.FEED, "file:///etc/passwd"),
        (Kind.VIDEO, "https://x/" + "y" * LONGEST_ADDRESS),
    ],
)
def test_a_block_that_cannot_be_shown_is_refused(kind: Kind, value: str) -> None:
    """In plain words, before it is kept."""
    with pytest.raises(RequestError) as caught:
        checked(Block(kind, value))
    assert caught.value.code == "bad_block"


def test_only_pages_of_the_web_are_told_who_stands_there() -> None:
    """A feed cannot be handed anything."""
    assert checked(Block(Kind.WEB, "https://x", trusted=True)).trusted
    assert not checked(Block(Kind.FEED, "https://x", trusted=True)).trusted
    assert checked(Block(Kind.MESSAGE, " Hi\nyou ", "  A   title ")) == Block(Kind.MESSAGE, "Hi\nyou", "A title")


@given(st.text())
def test_anything_else_is_no_page(text: str) -> None:
    """What was kept or sent by somebody else is a page or refused."""
    try:
        assert decoded(encoded(decoded(text))) == decoded(text)
    except RequestError as error:
        assert error.code in {"bad_page", "bad_block"}  # noqa: PT017 - whatever it was


def test_a_page_comes_back_as_it_was() -> None:
    """As text and back."""
    page = Page(Layout.PICTURE, (Block(Kind.MESSAGE, "Grüße 🎉", "Hi"), Block(Kind.WEB, "https://x", trusted=True)))
    assert decoded(encoded(page)) == page


def test_a_playlist_is_a_list_of_addresses() -> None:
    """Beside itself, comments and what is no address of the web left out."""
    text = "#EXTM3U\n#EXTINF:1,One\none.mp4\n\n/two.webm\nhttps://other.lan/3.mp4\nfile:///etc/passwd\nhttp://[x\n"

    assert videos(text, "http://nas.lan/list/mine.m3u") == [
        "http://nas.lan/list/one.mp4",
        "http://nas.lan/two.webm",
        "https://other.lan/3.mp4",
    ]


def test_a_stream_is_played_as_it_is() -> None:
    """Its parts are the browser's to find."""
    assert videos("#EXTM3U\n#EXT-X-VERSION:3\npart1.ts\n", "http://nas/live.m3u8") == ["http://nas/live.m3u8"]
    assert is_video("https://x/a/Film.MP4?x=1")
    assert not is_video("https://x/a/list.m3u")
