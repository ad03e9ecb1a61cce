"""Tracks: joined, begun, ended, and asked about no more often than needed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.values import face
from uSense.core.models import Face, PersonRef
from uSense.core.tracking import Looked, Status, Tracker, TrackingRules


def look(tracker: Tracker, *faces: Face, now: float, scene: int = 1) -> Looked:
    """Show faces to the tracker; the wall clock runs ahead of the monotonic one."""
    return tracker.look(faces, scene=scene, at=now + 1e6, now=now)


def decide(tracker: Tracker) -> None:
    """The only track is, or stays, Anna's."""
    if track := tracker.answered("r-1"):
        track.settle(Status.KNOWN, PersonRef("a", "Anna"), "e1")


def test_a_walking_face_stays_one_track() -> None:
    """A face that moves half its size between looks keeps its track id, and ids carry the run."""
    tracker = Tracker(TrackingRules(), "r7")

    for step in range(20):
        look(tracker, face(100 + 50 * step), now=0.1 * step)

    assert list(tracker.tracks) == ["r7-1"]


def test_two_people_passing_keep_their_tracks() -> None:
    """Two faces that walk towards each other and pass are told apart by their motion."""
    tracker = Tracker(TrackingRules(), "r")

    for step in range(21):
        look(tracker, face(100 + 20 * step, size=90), face(500 - 20 * step, y=130, size=90), now=0.1 * step)

    first, second = tracker.tracks.values()
    assert first.box.center[0] > 400
    assert second.box.center[0] < 200


def test_a_face_of_another_size_is_another_track() -> None:
    """A face three times as large at the same place is not the same person."""
    tracker = Tracker(TrackingRules(), "r")
    look(tracker, face(100, size=50), now=0.0)

    looked = look(tracker, face(100, size=150), now=0.1)

    assert looked.begun == ("r-2",)


def test_a_track_survives_a_few_blind_looks_and_then_ends() -> None:
    """A face may be missed for a moment; after lost_after seconds and lost_looks looks its track ends."""
    tracker = Tracker(TrackingRules(lost_after=1.0, lost_looks=3), "r")
    look(tracker, face(100), now=0.0)

    blind = [look(tracker, now=now).ended for now in (0.4, 0.8, 0.9, 1.1)]

    assert blind == [(), (), (), ("r-1",)]


def test_time_alone_does_not_end_a_track() -> None:
    """In a still scene nobody looks: a single look after a long pause does not end the track."""
    tracker = Tracker(TrackingRules(lost_after=1.0, lost_looks=3), "r")
    look(tracker, face(100), now=0.0)

    assert look(tracker, now=30.0).ended == ()


def test_a_new_scene_ends_all_tracks() -> None:
    """The next photo of a folder never continues a track of the photo before."""
    tracker = Tracker(TrackingRules(), "r")
    look(tracker, face(100), now=0.0, scene=1)

    looked = look(tracker, face(100), now=0.1, scene=2)

    assert looked.ended == ("r-1",)
    assert looked.begun == ("r-2",)


def test_an_undecided_track_is_asked_about_once_at_a_time() -> None:
    """While an answer is awaited only a clearly larger view is offered; afterwards the next look is."""
    tracker = Tracker(TrackingRules(), "r")

    first = look(tracker, face(100, size=100), now=0.0).asks
    waiting = look(tracker, face(100, size=105), now=0.1).asks
    larger = look(tracker, face(100, size=120), now=0.2).asks
    tracker.answered("r-1")
    again = look(tracker, face(100, size=100), now=0.3).asks

    assert [len(asks) for asks in (first, waiting, larger, again)] == [1, 0, 1, 1]
    assert first[0].waiting_person


def test_a_face_that_waits_too_long_makes_place_for_a_newer_view() -> None:
    """With a slow backend the face that is finally looked at is not an old one."""
    tracker = Tracker(TrackingRules(), "r")
    look(tracker, face(100), now=0.0)

    asked = [now / 10 for now in range(1, 31) if look(tracker, face(100), now=now / 10).asks]

    assert asked == [1.0, 2.0, 3.0]


def test_a_decided_track_costs_less_and_less() -> None:
    """Rechecks of a decided track start after `recheck` seconds and double, so that a quota lasts."""
    tracker = Tracker(TrackingRules(recheck=5.0), "r")
    asked = []
    for tenth in range(1500):
        now = tenth / 10
        if look(tracker, face(100), now=now).asks:
            asked.append(now)
            track = tracker.answered("r-1")
            assert track is not None
            track.settle(Status.KNOWN, PersonRef("a", "Anna"), "e")

    assert asked == [0.0, 5.0, 15.0, 35.0, 75.0, 135.0]


def test_a_much_better_view_is_asked_about_at_once() -> None:
    """A decided track is looked at again when its face has become much larger."""
    tracker = Tracker(TrackingRules(better=1.3), "r")
    look(tracker, face(100, size=60), now=0.0)
    track = tracker.answered("r-1")
    assert track is not None
    track.settle(Status.UNKNOWN, None, "e")

    assert not look(tracker, face(100, size=70), now=0.1).asks
    assert look(tracker, face(100, size=90), now=0.2).asks


def test_a_changed_gallery_asks_about_everybody_again() -> None:
    """After a training nobody waits for the next recheck."""
    tracker = Tracker(TrackingRules(), "r")
    look(tracker, face(100), now=0.0)
    track = tracker.answered("r-1")
    assert track is not None
    track.settle(Status.UNKNOWN, None, "e")

    tracker.ask_again()

    assert look(tracker, face(100), now=0.1).asks


def test_eager_while_somebody_is_undecided_or_missing_but_not_for_ever() -> None:
    """Frames are wanted without motion while a decision is pending or a face is missing, for a bounded time."""
    tracker = Tracker(TrackingRules(lost_after=2.0), "r")
    assert not tracker.eager(0.0)
    for step in range(30):
        look(tracker, face(100), now=0.1 * step)
        tracker.answered("r-1")
    undecided = tracker.eager(3.0)
    look(tracker, now=3.1)

    assert not undecided
    assert tracker.eager(3.2)
    assert not tracker.eager(9.0)


@pytest.mark.parametrize(("choosy", "again"), [(False, True), (True, False)])
def test_who_is_relied_on_is_made_sure_of_more_often(*, choosy: bool, again: bool) -> None:
    """After two seconds, without motion too, and at once when the face was hidden; not where it costs."""
    tracker = Tracker(TrackingRules(), "r", choosy)
    look(tracker, face(100), now=0.0)
    decide(tracker)
    for now in (10.0, 25.0, 50.0):
        look(tracker, face(100), now=now)
        decide(tracker)
    assert not look(tracker, face(100), now=53.0).asks
    assert not tracker.eager(53.0)

    tracker.attend(53.0)
    assert tracker.eager(53.1) is again
    assert bool(look(tracker, face(100), now=53.2).asks) is again
    decide(tracker)
    assert not look(tracker, face(100), now=53.3).asks
    look(tracker, now=53.4)
    assert bool(look(tracker, face(100), now=53.5).asks) is again
    decide(tracker)
    assert not tracker.eager(60.0)


def test_too_many_faces_are_refused_and_counted() -> None:
    """The number of tracks is bounded, and those left out are counted."""
    tracker = Tracker(TrackingRules(max_tracks=2), "r")

    look(tracker, face(100), face(400), face(800), now=0.0)

    assert (len(tracker.tracks), tracker.refused) == (2, 1)


@given(
    st.lists(
        st.lists(st.tuples(st.floats(0, 2000), st.floats(0, 2000), st.floats(10, 400)), max_size=6),
        min_size=1,
        max_size=25,
    )
)
def test_every_face_belongs_to_exactly_one_track(looks: list[list[tuple[float, float, float]]]) -> None:
    """Whatever the detector says: ids are never reused, no track has two faces, begun minus ended is what remains."""
    tracker = Tracker(TrackingRules(), "r")
    alive: set[str] = set()
    ever: set[str] = set()

    for step, faces in enumerate(looks):
        looked = look(tracker, *(face(x, y, size) for x, y, size in faces), now=0.2 * step)
        assert not ever & set(looked.begun)
        ever |= set(looked.begun)
        alive = (alive | set(looked.begun)) - set(looked.ended)
        asked = [ask.track_id for ask in looked.asks]
        assert len(asked) == len(set(asked))
        assert alive == set(tracker.tracks)
        assert len(alive) <= tracker.rules.max_tracks


def test_a_choosy_tracker_offers_further_views_of_who_waits() -> None:
    """While a face waits for its turn, another view of it is offered every 0.15 s; an unchoosy tracker waits longer."""
    counts = []
    for choosy in (True, False):
        tracker = Tracker(TrackingRules(), "r", choosy)
        counts.append(sum(len(look(tracker, face(100), now=0.1 * step).asks) for step in range(10)))

    assert counts == [5, 1]


def test_a_choosy_tracker_asks_ever_more_seldom() -> None:
    """Where each look costs, somebody who stays undecided or known is asked about less and less often."""
    tracker = Tracker(TrackingRules(), "r", choosy=True)
    asked: list[float] = []
    for step in range(20_000):
        if look(tracker, face(100), now=0.5 * step).asks:
            asked.append(0.5 * step)
            tracker.answered("r-1")

    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert pauses == sorted(pauses)
    assert len(asked) < 30
    assert pauses[-1] == 600.0
