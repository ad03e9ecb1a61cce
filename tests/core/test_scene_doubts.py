"""Names that are in doubt: taken back, rejected, out of sight for a moment."""

from __future__ import annotations

from dataclasses import replace

from tests.support.theater import ANNA, BEA, DOUBTFUL, NOBODY, RULES, Theater
from tests.support.values import face, frame
from uSense.core.announcing import AnnounceRules
from uSense.core.events import SightingType
from uSense.core.scene import PATIENCE, SLOW


def test_a_rejected_name_is_taken_back_and_not_given_to_the_track_again() -> None:
    """The correction names nobody and tells whom it corrects; only somebody else can be named then."""
    theater = Theater()
    theater.show(ANNA, ANNA)
    (wrong,) = theater.sightings

    correction = theater.scene.take_back(wrong, event_id="c", seq=7, at=9.0, now=theater.now)
    theater.show(*[ANNA] * 9)

    assert correction is not None
    assert (correction.type, correction.name, correction.replaces) == (SightingType.CHANGED, None, wrong.event_id)
    assert (correction.event_id, correction.seq, correction.captured_at) == ("c", 7, 9.0)
    assert correction.previous is not None
    assert correction.previous.person_id == "anna"
    assert theater.scene.present() == []
    assert theater.told == [("recognized", "anna")]
    theater.show(*[BEA] * 9)
    assert theater.told[1:] == [("recognized", "bea")]
    assert theater.sightings[-1].replaces == "c"


def test_a_track_that_ended_or_has_another_name_by_now_is_not_corrected() -> None:
    """There is nothing to take back, but the name is not given to a track that goes on."""
    theater = Theater()
    theater.show(ANNA, ANNA)
    theater.show(*[BEA] * 30)
    told, now = theater.sightings[0], theater.now

    assert theater.scene.take_back(told, event_id="c", seq=7, at=9.0, now=now) is None
    theater.show(*[ANNA] * 30)
    assert theater.told[-1] == ("changed", None)
    theater.leave()
    assert theater.scene.take_back(told, event_id="c", seq=7, at=9.0, now=now) is None


def test_a_name_is_taken_back_from_the_track_that_goes_on_with_it() -> None:
    """A track that broke is not told again, so the only event there is counts for the next one, too."""
    theater = Theater()
    theater.show(ANNA, ANNA)
    (wrong,) = theater.sightings
    theater.leave()
    theater.show(ANNA, ANNA)
    assert theater.told == [("recognized", "anna")]

    correction = theater.scene.take_back(wrong, event_id="c", seq=7, at=9.0, now=theater.now)

    assert correction is not None
    assert (correction.type, correction.person_id, correction.replaces) == (SightingType.CHANGED, None, "e0")
    assert correction.track_id in theater.scene.tracker.tracks
    assert theater.scene.present() == []
    theater.show(*[NOBODY] * 9)
    assert theater.told == [("recognized", "anna")]


def test_who_was_not_told_because_of_a_wrong_name_is_told_when_it_is_taken_back() -> None:
    """Anna came while somebody else was called Anna: she is announced now."""
    theater = Theater()
    theater.show(ANNA, ANNA)
    (wrong,) = theater.sightings
    both = (face(100.0), face(500.0))
    for _ in range(9):
        theater.now += 0.1
        for ask in theater.scene.look(both, frame(theater.now)).asks:
            theater.reply(ask, ANNA)
    assert theater.told == [("recognized", "anna")]

    theater.scene.take_back(wrong, event_id="c", seq=7, at=9.0, now=theater.now)
    for _ in range(9):
        theater.now += 0.1
        for ask in theater.scene.look(both, frame(theater.now)).asks:
            theater.reply(ask, ANNA)

    assert theater.told == [("recognized", "anna")] * 2
    assert theater.sightings[1].track_id != wrong.track_id


def test_a_face_that_was_out_of_sight_is_looked_at_again_at_once() -> None:
    """Somebody else may stand where a known person stood: the old votes do not count, nor does one look alike."""
    theater = Theater()
    theater.show(ANNA, ANNA)
    theater.scene.look((), frame(theater.now + 0.3))
    theater.scene.look((), frame(theater.now + 0.45))
    theater.now += 0.55

    theater.show(NOBODY, DOUBTFUL, NOBODY)

    assert theater.told == [("recognized", "anna"), ("changed", None)]


def test_who_was_out_of_sight_and_looks_alike_keeps_the_name_for_some_looks() -> None:
    """Somebody who turned round comes back with bad looks: most must resemble them, and not for ever."""
    theater = Theater()
    theater.show(ANNA, ANNA)
    theater.scene.look((), frame(theater.now + 0.3))
    theater.scene.look((), frame(theater.now + 0.45))
    theater.now += 0.55

    theater.show(*[DOUBTFUL] * PATIENCE)
    assert theater.told == [("recognized", "anna")]
    assert all(glance.doubtful for glance in theater.scene.glances())
    theater.show(*[DOUBTFUL] * 60)

    assert theater.told == [("recognized", "anna"), ("changed", None)]


def test_who_was_out_of_sight_is_asked_about_again_and_again() -> None:
    """Bad looks at first do not make the next identification rare: it must be known soon who is there."""
    theater = Theater()
    theater.show(*[ANNA] * 2000)
    theater.scene.look((), frame(theater.now + 0.3))
    theater.scene.look((), frame(theater.now + 0.45))
    theater.now += 0.55
    theater.show(*[DOUBTFUL] * PATIENCE)

    theater.show(*[ANNA] * 20)

    assert not any(glance.doubtful for glance in theater.scene.glances())


def test_who_just_was_there_and_comes_back_with_bad_looks_is_no_stranger() -> None:
    """Looks that resemble somebody who is gone for a moment wait for better ones; soon nobody is waited for."""
    theater = Theater()
    theater.show(ANNA, ANNA)
    theater.leave(3.0)

    theater.show(*[DOUBTFUL] * 50)
    assert theater.told == [("recognized", "anna")]
    theater.scene.tick(theater.now + 1)
    theater.show(*[DOUBTFUL] * 60)
    theater.scene.tick(theater.now)
    theater.show(DOUBTFUL)

    assert theater.told == [("recognized", "anna"), ("unknown", None)]


def test_a_recognizer_that_takes_long_is_noticed() -> None:
    """While somebody waits for the first name longer than some seconds; not for one that is only confirmed."""
    theater = Theater()
    (ask,) = theater.scene.look((face(100.0),), frame(0.0)).asks
    for second in range(1, 7):
        theater.scene.look((face(100.0),), frame(float(second)))
        assert theater.scene.waits(second) is (second > SLOW)
    theater.now = 6.0
    theater.reply(ask, ANNA)
    assert not theater.scene.waits(6.0)
    theater.show(ANNA, ANNA)
    for second in range(10, 40):
        theater.scene.look((face(100.0),), frame(float(second)))
    assert not theater.scene.waits(40.0)


def test_a_stranger_is_told_however_long_names_are_not_repeated() -> None:
    """Who looks a little like somebody who left minutes ago is a stranger, also if she is told once an hour."""
    theater = Theater(replace(RULES, announce=AnnounceRules(repeat_after=3600.0)))
    theater.show(ANNA, ANNA)
    theater.leave(120.0)

    theater.show(*[DOUBTFUL] * 9)

    assert theater.told == [("recognized", "anna"), ("unknown", None)]


def test_who_resembles_somebody_in_sight_is_a_stranger() -> None:
    """Anna's sister beside her cannot be Anna."""
    theater = Theater()
    theater.show(ANNA, ANNA)
    for _ in range(5):
        theater.now += 0.1
        for ask in theater.scene.look((face(100.0), face(400.0)), frame(theater.now)).asks:
            theater.reply(ask, ANNA if ask.face.box.x0 < 200 else DOUBTFUL)

    assert theater.told == [("recognized", "anna"), ("unknown", None)]


def test_a_name_does_not_last_for_ever_without_a_look_that_confirms_it() -> None:
    """A face that only ever resembles the person weakly loses the name after some looks."""
    theater = Theater()
    theater.show(ANNA, ANNA)

    theater.show(*[DOUBTFUL] * 2000, step=0.4)

    assert theater.told == [("recognized", "anna"), ("changed", None)]
