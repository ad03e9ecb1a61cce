"""Whose page a kiosk shows."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.theater import ANNA, BEA, NOBODY, Theater
from tests.support.values import frame
from uSense.core.kiosk import CONFIRMED, SETTLE, Kiosk, KioskRules, Privacy, Stander, Standing
from uSense.core.models import Answer, PersonRef
from uSense.core.scene import SceneRules

A, B = PersonRef("a", "Anna"), PersonRef("b", "Bea")
ANNAS = Stander("1", Standing.KNOWN, A)
BEAS = Stander("2", Standing.KNOWN, B)
STRANGER = Stander("3", Standing.UNKNOWN)
UNDECIDED = Stander("4", Standing.OPEN)
PERHAPS_ANNA = Stander("1", Standing.OPEN, A)
ALL = list(Privacy)


def played(privacy: Privacy, *moments: tuple[float, Sequence[Stander]], leave_after: float = 5.0) -> list[str]:
    """Whose page is shown at each moment; `-` is the neutral one."""
    kiosk = Kiosk(KioskRules(privacy=privacy, leave_after=leave_after))
    shown = [kiosk.look(standers, now) for now, standers in moments]
    return [person.person_id if person else "-" for person in shown]


@pytest.mark.parametrize("privacy", ALL)
def test_a_page_comes_with_its_person_and_goes_after_them(privacy: Privacy) -> None:
    """At once when they are named, and until they are out of sight for `leave_after`."""
    moments: list[tuple[float, list[Stander]]] = [
        (0, [UNDECIDED]),
        (0.2, [Stander("4", Standing.KNOWN, A)]),
        (1, []),
        (5.1, []),
        (5.3, []),
    ]
    expected = ["-", "a", "a", "a", "-"]

    assert played(privacy, *moments) == expected


@pytest.mark.parametrize(
    ("privacy", "other", "expected"),
    [
        (Privacy.ALONE, UNDECIDED, ["a", "-", "-", "a"]),
        (Privacy.ALONE, STRANGER, ["a", "-", "-", "a"]),
        (Privacy.ALONE, BEAS, ["a", "-", "-", "a"]),
        (Privacy.KNOWN, UNDECIDED, ["a", "a", "a", "a"]),
        (Privacy.KNOWN, STRANGER, ["a", "a", "a", "a"]),
        (Privacy.KNOWN, BEAS, ["a", "-", "-", "a"]),
        (Privacy.FIRST, BEAS, ["a", "a", "a", "a"]),
    ],
)
def test_others_hide_the_page_as_the_rule_says(privacy: Privacy, other: Stander, expected: list[str]) -> None:
    """At once, and until a moment after they went."""
    moments = ((0, [ANNAS]), (0.1, [ANNAS, other]), (0.9, [ANNAS]), (0.1 + SETTLE + 0.1, [ANNAS]))

    assert played(privacy, *moments) == expected


@pytest.mark.parametrize(
    ("privacy", "other", "expected"),
    [
        (Privacy.ALONE, UNDECIDED, "-"),
        (Privacy.ALONE, STRANGER, "-"),
        (Privacy.KNOWN, UNDECIDED, "a"),
        (Privacy.KNOWN, STRANGER, "-"),
        (Privacy.FIRST, STRANGER, "a"),
    ],
)
def test_who_comes_while_the_person_is_out_of_sight_is_minded_more(
    privacy: Privacy, other: Stander, expected: str
) -> None:
    """The time of leaving is no time in which a stranger reads what is left."""
    assert played(privacy, (0, [ANNAS]), (1.5, []), (2, [other])) == ["a", "a", expected]


@pytest.mark.parametrize(("privacy", "then"), [(Privacy.ALONE, "b"), (Privacy.KNOWN, "b"), (Privacy.FIRST, "a")])
def test_the_next_person_gets_their_page(privacy: Privacy, then: str) -> None:
    """At once when the one before is gone for a moment; under `first` when that one has left."""
    moments = ((0, [ANNAS]), (2, [BEAS]), (4.9, [BEAS]), (5.1, [BEAS]))

    assert played(privacy, *moments) == ["a", then, then, "b"]


def test_a_face_to_be_looked_at_again_keeps_the_page_for_the_time_of_leaving() -> None:
    """Who was out of sight shortly may be somebody else: they are not counted as there, nor as another one."""
    moments = ((0, [ANNAS]), (1, [PERHAPS_ANNA]), (4.9, [PERHAPS_ANNA]), (5.1, [PERHAPS_ANNA]), (5.2, [ANNAS]))

    assert played(Privacy.ALONE, *moments) == ["a", "a", "a", "-", "a"]


def test_a_blind_camera_shows_nobody() -> None:
    """A paused or lost camera's kiosk is neutral at once."""
    kiosk = Kiosk(KioskRules())
    kiosk.look([ANNAS], 0)

    assert kiosk.look([ANNAS], 0.1, seeing=False) is None
    assert kiosk.look([], 0.2) is None


def test_alone_is_who_is_seen_now_without_anybody() -> None:
    """Passes are only for them: not in the time of leaving, nor just after somebody else."""
    kiosk = Kiosk(KioskRules(privacy=Privacy.FIRST))

    assert kiosk.alone([ANNAS], 0) == A
    assert kiosk.alone([Stander("1", Standing.KNOWN, A, missed=True)], 0.1) is None
    assert kiosk.alone([ANNAS, UNDECIDED], 0.2) is None
    assert kiosk.alone([ANNAS], 0.9) is None
    assert kiosk.alone([ANNAS], 1.3) == A
    assert kiosk.alone([ANNAS, BEAS], 1.4) is None
    assert kiosk.alone([], 9) is None


def test_alone_is_only_of_whom_was_made_sure_lately() -> None:
    """A pass says that somebody stands there, not that they did some time ago."""
    kiosk = Kiosk(KioskRules())

    assert kiosk.alone([ANNAS], CONFIRMED) == A
    assert kiosk.alone([ANNAS], CONFIRMED + 0.1) is None
    assert kiosk.look([ANNAS], CONFIRMED + 0.2) == A


@pytest.mark.parametrize("stood", [3, 20, 60])
def test_who_takes_somebodys_place_does_not_keep_their_page(stood: int) -> None:
    """At the same spot after one picture without a face, however long the first had stood there."""
    theater, kiosk = Theater(SceneRules()), Kiosk(KioskRules())

    def shown(reply: Answer) -> PersonRef | None:
        theater.scene.attend(theater.now)
        theater.show(reply, step=0.2)
        return kiosk.look(theater.scene.standing(), theater.now)

    for _ in range(5 * stood):
        before = shown(ANNA)
    theater.now += 0.2
    theater.scene.look((), frame(theater.now))
    after = [shown(BEA) for _ in range(10)]

    assert before == PersonRef("anna", "anna")
    assert after[-1] == PersonRef("bea", "bea")
    assert kiosk.alone(theater.scene.standing(), theater.now) == after[-1]


def test_the_scene_tells_who_stands_there() -> None:
    """A followed face is open until it is decided, and a changed gallery makes it open again."""
    theater = Theater()
    theater.show(ANNA)
    assert [(one.standing, one.person) for one in theater.scene.standing()] == [(Standing.OPEN, None)]

    theater.show(ANNA)
    (anna,) = theater.scene.standing()
    assert (anna.standing, anna.known, anna.missed) == (Standing.KNOWN, PersonRef("anna", "anna"), False)

    theater.scene.gallery_is(7)
    assert [(one.standing, one.person) for one in theater.scene.standing()] == [(Standing.OPEN, None)]

    theater.show(ANNA, ANNA)
    theater.scene.look((), frame(theater.now + 0.1))
    assert [one.missed for one in theater.scene.standing()] == [True]

    theater = Theater()
    theater.show(NOBODY, NOBODY, NOBODY)
    assert [one.standing for one in theater.scene.standing()] == [Standing.UNKNOWN]


def stander(track_id: str, standing: Standing, person: PersonRef, *, missed: bool) -> Stander:
    """One as a scene may tell them: nobody unknown has a name."""
    return Stander(track_id, standing, None if standing is Standing.UNKNOWN else person, missed=missed)


STANDERS = st.lists(
    st.builds(
        stander, st.sampled_from("123"), st.sampled_from(Standing), st.sampled_from([A, B]), missed=st.booleans()
    ),
    max_size=3,
    unique_by=lambda one: one.track_id,
)


@given(st.sampled_from(Privacy), st.lists(st.tuples(st.floats(0, 4), STANDERS), min_size=1, max_size=8))
def test_a_page_is_only_shown_while_the_rule_allows_it(
    privacy: Privacy, steps: list[tuple[float, list[Stander]]]
) -> None:
    """Whatever happens: its person was there within `leave_after`, and nobody whom the rule minds is there."""
    kiosk, now, there = Kiosk(KioskRules(privacy=privacy)), 0.0, dict[str, float]()
    recent: dict[str, tuple[float, Stander]] = {}
    for pause, standers in steps:
        now += pause
        standing = [Stander(one.track_id, one.standing, one.person, now, one.missed) for one in standers]
        there |= {one.known.person_id: now for one in standing if one.known}
        recent |= {one.track_id: (now, one) for one in standing}
        others = [one for at, one in recent.values() if now - at <= SETTLE]

        shown = kiosk.look(standing, now)

        if shown is None:
            continue
        assert now - there[shown.person_id] <= 5.0
        strangers = [one for one in others if one.person is None or one.person.person_id != shown.person_id]
        if privacy is Privacy.ALONE:
            assert strangers == []
        if privacy is Privacy.KNOWN:
            assert not [one for one in strangers if one.known]


@given(st.sampled_from(Privacy), st.lists(STANDERS, max_size=4))
def test_who_stands_there_alone_is_shown_within_a_second(privacy: Privacy, before: list[list[Stander]]) -> None:
    """Whatever was before, unless the one before may still come back under `first`."""
    kiosk = Kiosk(KioskRules(privacy=privacy))
    for number, standers in enumerate(before):
        kiosk.look(standers, number / 10)
    late = 6.0 if privacy is Privacy.FIRST else SETTLE + 0.1

    assert kiosk.look([Stander("9", Standing.KNOWN, B)], len(before) / 10 + late) == B
