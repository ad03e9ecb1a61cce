"""What a machine that is hot, short of power or short of memory allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.core.protection import Cause, Protection, ProtectionRules, Readings

RULES = ProtectionRules(slower_from=75, usual_below=70, little_memory=60, restore_after=120)
EVERY = 10.0
WELL = Readings(temperature=50.0, slowed=False, low_voltage=False, available=400.0)

degrees = st.none() | st.floats(40, 95)
readings = st.builds(
    Readings,
    temperature=degrees,
    slowed=st.none() | st.booleans(),
    low_voltage=st.none() | st.booleans(),
    available=st.none() | st.floats(0, 500),
)


def shares(history: Sequence[Readings], protection: Protection | None = None) -> list[float]:
    """The share after each reading, one every ten seconds."""
    protection = protection or Protection(RULES)
    found = []
    for number, read in enumerate(history):
        protection.feed(read, EVERY * number)
        found.append(protection.share)
    return found


def at(*temperatures: float) -> list[Readings]:
    """Readings of a machine that is well but for its temperature."""
    return [replace(WELL, temperature=temperature) for temperature in temperatures]


def test_the_rate_falls_in_steps_before_a_pi_slows_itself_down() -> None:
    """At 75 °C half of the looks are taken, from 77 a quarter, from 79 an eighth, and never fewer."""
    assert shares(at(74.9, 75, 76.9, 77, 79, 85, 99)) == [1, 0.5, 0.5, 0.25, 0.125, 0.125, 0.125]


def test_it_rises_again_step_by_step_when_it_is_cool() -> None:
    """Two minutes below the lower bound bring one step, the next two minutes the next one."""
    found = shares(at(79, *[60] * 40))

    assert [found.index(share) for share in (0.125, 0.25, 0.5, 1)] == [0, 12, 24, 36]


def test_a_temperature_in_between_changes_nothing() -> None:
    """What was begun at 75 °C goes on at 71, and nothing is begun there."""
    assert set(shares(at(75, *[71] * 60))) == {0.5}
    assert set(shares(at(*[74] * 60))) == {1}


def test_a_machine_that_slows_itself_down_is_spared_most() -> None:
    """Whatever the thermometer says."""
    assert shares([replace(WELL, slowed=True)]) == [0.125]


@pytest.mark.parametrize(
    ("ill", "cause", "words"),
    [
        (replace(WELL, temperature=78.4), Cause.HEAT, "hot, 78 °C: looks at the cameras a quarter as often until"),
        (replace(WELL, low_voltage=True), Cause.POWER, "the supply voltage is too low: looks at the cameras half"),
        (replace(WELL, available=35.0), Cause.MEMORY, "35 MB of memory are left: looks at the cameras an eighth as"),
    ],
)
def test_each_cause_is_said_in_plain_words(ill: Readings, cause: Cause, words: str) -> None:
    """What is not well, what is done about it, and what ends it; while it recovers, that; and then nothing."""
    protection = Protection(RULES)
    said = [protection.reason]
    for number, read in enumerate([ill, *[WELL] * 40]):
        protection.feed(read, EVERY * number)
        said.append(protection.reason)
        if number == 0:
            assert protection.causes == [cause]

    assert said[0] == said[-1] == ""
    assert said[1].startswith(words)
    assert " until " in said[1]
    assert said[2].endswith("as often, and more often when all has been well for 120 s")


def test_several_causes_are_said_together() -> None:
    """The one that needs most decides."""
    protection = Protection(RULES)
    protection.feed(Readings(temperature=80, slowed=False, low_voltage=True, available=20), 0)

    assert protection.share == 0.125
    assert protection.reason == (
        "hot, 80 °C and the supply voltage is too low and 20 MB of memory are left: looks at the cameras an eighth as "
        "often until it is below 74 °C and that is over (use the Pi's own power supply) and there are 90 MB"
    )


@given(st.lists(readings, max_size=80))
def test_it_never_flaps(history: list[Readings]) -> None:
    """Any step up comes at least two minutes after the change before it, and is one step."""
    found = [1.0, *shares(history)]
    changes = [
        (EVERY * number, before, after) for number, (before, after) in enumerate(pairwise(found)) if before != after
    ]

    for (earlier, *_), (later, before, after) in pairwise(changes):
        if after > before:
            assert later - earlier >= RULES.restore_after
            assert after == 2 * before
    assert all(0.125 <= share <= 1 for share in found)


@given(st.lists(st.tuples(st.floats(40, 95), st.floats(0, 20)), max_size=80))
def test_hotter_never_gives_more(history: list[tuple[float, float]]) -> None:
    """A machine that is hotter at every moment is never looked through more often at any."""
    cooler = shares(at(*(temperature for temperature, _ in history)))
    hotter = shares(at(*(temperature + more for temperature, more in history)))

    assert all(one >= other for one, other in zip(cooler, hotter, strict=True))


@given(st.lists(readings, max_size=40))
def test_it_comes_back_whatever_happened(history: list[Readings]) -> None:
    """When all is well for as long as three steps take, everything is as usual and nothing is said."""
    protection = Protection(RULES)
    shares([*history, *[WELL] * 40], protection)

    assert (protection.share, protection.causes, protection.reason) == (1, [], "")


@given(st.lists(readings, max_size=40), st.integers(1, 60))
def test_sensors_that_cannot_be_read_change_nothing(history: list[Readings], times: int) -> None:
    """Neither is anything begun without them, nor is what was not well taken for well."""
    protection = Protection(RULES)
    shares(history, protection)
    causes, share = protection.causes, protection.share
    for number in range(times):
        protection.feed(Readings(), EVERY * (len(history) + number))

    assert protection.causes == causes
    assert share <= protection.share <= (0.5 if causes else 1)


def test_a_machine_without_sensors_is_never_spared() -> None:
    """As a PC's: nothing is known, nothing is done."""
    assert set(shares([Readings()] * 50)) == {1}


def test_there_must_be_a_gap() -> None:
    """With one temperature for both the rate would flap."""
    with pytest.raises(ValueError, match="usual_below must be below"):
        ProtectionRules(slower_from=70, usual_below=70)
