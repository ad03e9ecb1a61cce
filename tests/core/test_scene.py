"""One camera's scene: from looks and answers to sightings."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.support.values import GOOD, answer, face, frame
from uSense.core.announcing import AnnounceRules
from uSense.core.events import Sighting, SightingType
from uSense.core.judging import DecisionRules
from uSense.core.models import Answer, Candidate
from uSense.core.scene import CHANGED, PATIENCE, SLOW, Look, Scene, SceneRules
from uSense.core.tracking import Ask, TrackingRules
from uSense.core.voting import VotingRules

RULES = SceneRules(
    tracking=TrackingRules(lost_after=0.5, lost_looks=2, recheck=1.0),
    voting=VotingRules(needed=2, unknown_needed=3, window=4),
    announce=AnnounceRules(repeat_after=10.0),
    decision=DecisionRules(threshold=0.5, margin=0.05),
)
ANNA = answer(("anna", 0.7), ("bea", 0.3))
BEA = answer(("bea", 0.7), ("anna", 0.3))
NOBODY = answer(("anna", 0.2), ("bea", 0.1))
DOUBTFUL = answer(("anna", 0.45), ("bea", 0.3))
BETWEEN = answer(("anna", 0.62), ("bea", 0.60))


class Theater:
    """Plays looks to a scene and collects its sightings."""

    def __init__(self, rules: SceneRules = RULES) -> None:
        self.scene = Scene("hall", rules, "r")
        self.now = 0.0
        self.sightings: list[Sighting] = []

    def show(self, *answers: Answer, x: float = 100.0, step: float = 0.1, scene: int = 1) -> None:
        """One look per answer, each answered at once if the scene asks."""
        for reply in answers:
            self.now += step
            for ask in self.scene.look((face(x),), frame(self.now, scene=scene)).asks:
                self.reply(ask, reply)

    def reply(self, ask: Ask, reply: Answer) -> None:
        """Answer one ask."""
        look = Look(
            track_id=ask.track_id,
            captured_at=self.now + 1e6,
            stamp=self.now,
            box=ask.face.box,
            frame_size=(640, 480),
            quality=GOOD,
        )
        number = len(self.sightings)
        outcome = self.scene.answer(look, reply, event_id=f"e{number}", seq=number)
        if outcome is not None and outcome.sighting is not None:
            self.sightings.append(outcome.sighting)

    def leave(self, seconds: float = 2.0) -> None:
        """Nobody is there for a while."""
        for _ in range(4):
            self.now += seconds / 4
            self.scene.look((), frame(self.now))
            self.scene.tick(self.now)

    @property
    def told(self) -> list[tuple[str, str | None]]:
        """Type and name of all sightings."""
        return [(sighting.type.value, sighting.name) for sighting in self.sightings]


def test_a_person_is_named_when_enough_looks_agree() -> None:
    """One look is not enough; the second agreeing one names the person, with the receipt of the decision."""
    theater = Theater()
    theater.show(ANNA)
    assert theater.told == []

    theater.show(ANNA)

    (sighting,) = theater.sightings
    assert (sighting.type, sighting.name, sighting.camera) == (SightingType.RECOGNIZED, "anna", "hall")
    assert (sighting.decision.votes, sighting.decision.looks) == (2, 2)
    assert (sighting.decision.score, sighting.decision.runner_up) == (0.7, 0.3)
    assert sighting.captured_at == theater.now + 1e6
    assert sighting.first_seen_at == 0.1 + 1e6


def test_a_stranger_is_called_unknown_after_more_looks() -> None:
    """Three looks without a match make an unknown, told once."""
    theater = Theater()
    theater.show(NOBODY, NOBODY)
    assert theater.told == []

    theater.show(NOBODY, NOBODY, NOBODY)

    assert theater.told == [("unknown", None)]


def test_unknown_votes_count_against_a_name() -> None:
    """One lucky look among unknown ones names nobody."""
    theater = Theater()

    theater.show(NOBODY, ANNA, NOBODY, NOBODY)

    assert theater.told == [("unknown", None)]


def test_between_two_persons_nobody_is_named() -> None:
    """A face that resembles two enrolled persons equally is unknown, however high its score."""
    theater = Theater()

    theater.show(BETWEEN, BETWEEN, BETWEEN)

    assert theater.told == [("unknown", None)]
    assert theater.sightings[0].decision.reason == "between_two"


def test_an_empty_gallery_says_so() -> None:
    """Without anybody enrolled everybody is unknown, and the reason says why."""
    theater = Theater()

    theater.show(*[answer()] * 3)

    assert theater.sightings[0].decision.reason == "nobody_enrolled"


def test_who_stays_is_told_once() -> None:
    """A person in sight for a minute is one event, not one per look."""
    theater = Theater()

    theater.show(*[ANNA] * 600)

    assert theater.told == [("recognized", "anna")]


def test_who_comes_back_soon_is_not_told_again_but_later_is() -> None:
    """Across tracks the same person is announced again only after being away for repeat_after."""
    theater = Theater()
    theater.show(ANNA, ANNA)
    theater.leave(3.0)
    theater.show(ANNA, ANNA, ANNA)
    assert len(theater.sightings) == 1

    theater.leave(11.0)
    theater.show(ANNA, ANNA)

    assert theater.told == [("recognized", "anna")] * 2
    assert theater.sightings[0].track_id != theater.sightings[1].track_id


def test_who_is_in_sight_is_known() -> None:
    """As they were told last, by their present name, also when they came back too soon to be told again."""
    theater, renamed = Theater(), Answer((Candidate("anna", "Anna", 0.7),), 1)
    assert theater.scene.present() == []
    theater.show(ANNA, ANNA)
    there = theater.scene.present()
    theater.leave(2.0)
    left = theater.scene.present()
    theater.show(renamed, renamed)
    back = theater.scene.present()
    theater.leave(20.0)

    assert there == theater.sightings
    assert left == theater.scene.present() == []
    assert [(one.event_id, one.person_id, one.name) for one in back] == [("e0", "anna", "Anna")]
    assert theater.scene._told == {}


def test_nobody_is_in_sight_until_a_changed_gallery_named_them() -> None:
    """Who was there may just have been erased: no name is told before an answer names that person anew."""
    theater = Theater()
    theater.show(ANNA, ANNA)

    theater.scene.gallery_is(CHANGED)
    changed = theater.scene.present()
    theater.show(replace(NOBODY, gallery=2))
    asked = theater.scene.present()
    theater.show(replace(ANNA, gallery=2))

    assert changed == asked == []
    assert [one.name for one in theater.scene.present()] == ["anna"]


def test_who_does_not_move_stays_in_sight() -> None:
    """Without motion nobody is looked at, however long that takes."""
    theater = Theater()
    theater.show(ANNA, ANNA)

    theater.now += 100.0
    theater.scene.tick(theater.now)
    still = theater.scene.present()
    theater.show(ANNA)
    moved = theater.scene.present()

    assert still == moved == theater.sightings


def test_who_was_taken_for_somebody_else_is_not_in_sight() -> None:
    """A corrected name is that of nobody there."""
    theater = Theater()
    theater.show(ANNA, ANNA, *[BEA] * 60)

    assert [one.name for one in theater.scene.present()] == ["bea"]


def test_a_stranger_who_turns_out_to_be_known_is_recognized() -> None:
    """The first name a track gets is `recognized`, and says which unknown it replaces."""
    theater = Theater()
    theater.show(NOBODY, NOBODY, NOBODY)

    theater.show(*[ANNA] * 40)

    assert theater.told == [("unknown", None), ("recognized", "anna")]
    assert theater.sightings[1].replaces == "e0"


def test_a_wrong_name_is_corrected() -> None:
    """A track that turns out to be somebody else says `changed`, whom it replaces and which event it corrects."""
    theater = Theater()
    theater.show(ANNA, ANNA)

    theater.show(*[BEA] * 60)

    assert theater.told == [("recognized", "anna"), ("changed", "bea")]
    changed = theater.sightings[1]
    assert changed.replaces == "e0"
    assert changed.previous is not None
    assert changed.previous.name == "anna"


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


def test_after_a_correction_the_person_may_arrive_afresh() -> None:
    """The person wrongly named was never there: their real arrival is announced."""
    theater = Theater()
    theater.show(ANNA, ANNA)
    theater.show(*[BEA] * 60)
    theater.leave(2.0)

    theater.show(ANNA, ANNA, x=500)

    assert theater.told[-1] == ("recognized", "anna")


def test_a_named_person_who_turns_away_keeps_the_name() -> None:
    """Weak looks that still point at the person do not take the name back."""
    theater = Theater()
    theater.show(ANNA, ANNA)

    theater.show(*[DOUBTFUL] * 60)

    assert theater.told == [("recognized", "anna")]


def test_a_name_is_taken_back_when_nothing_speaks_for_it() -> None:
    """Looks that clearly show a stranger change a named track to unknown."""
    theater = Theater()
    theater.show(ANNA, ANNA)

    theater.show(*[NOBODY] * 60)

    assert theater.told == [("recognized", "anna"), ("changed", None)]


def test_a_renamed_person_who_turns_away_keeps_the_new_name() -> None:
    """A rename is no reason to take a name back: people are compared by id, and the track learns the new name."""
    theater = Theater()
    theater.show(ANNA, ANNA)
    anne = Candidate("anna", "Anne", 0.45)

    theater.scene.gallery_is(CHANGED)
    theater.show(*[Answer((anne,), -1)] * 60)

    assert theater.told == [("recognized", "anna")]


def test_an_unknown_is_corrected_even_if_the_person_was_there_before() -> None:
    """Whoever was told as unknown gets the name, also without being a new arrival."""
    theater = Theater()
    theater.show(ANNA, ANNA)
    theater.leave(3.0)

    theater.show(NOBODY, NOBODY, NOBODY)
    theater.show(*[ANNA] * 40)

    assert theater.told == [("recognized", "anna"), ("unknown", None), ("recognized", "anna")]
    assert theater.sightings[2].replaces == theater.sightings[1].event_id
    assert theater.sightings[2].previous is None


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


def test_a_new_gallery_starts_the_vote_anew() -> None:
    """Votes cast on an old gallery do not count: the next looks decide, and at once."""
    theater = Theater()
    theater.show(NOBODY, NOBODY, NOBODY)

    theater.scene.gallery_is(2)
    theater.show(answer(("carla", 0.8), ("anna", 0.2), gallery=2))
    assert len(theater.sightings) == 1
    theater.show(answer(("carla", 0.8), ("anna", 0.2), gallery=2))

    assert theater.told == [("unknown", None), ("recognized", "carla")]


def test_an_answer_for_an_ended_track_is_dropped() -> None:
    """A late answer never names somebody who has left."""
    theater = Theater()
    (ask,) = theater.scene.look((face(100),), frame(0.1)).asks
    theater.leave(2.0)

    theater.reply(ask, ANNA)

    assert theater.sightings == []


def test_a_face_given_up_is_asked_about_again() -> None:
    """A face that lost its place in the queue gets another chance at the next look."""
    scene = Scene("hall", RULES, "r")
    (ask,) = scene.look((face(100),), frame(0.1)).asks
    assert scene.look((face(100),), frame(0.2)).asks == ()

    scene.give_up(ask.track_id)

    assert len(scene.look((face(100),), frame(0.3)).asks) == 1


def test_medium_assurance_needs_three_agreeing_clear_looks() -> None:
    """Two looks decide with assurance low; a rule that needs three gives medium when the margin is clear."""
    quick = Theater()
    quick.show(ANNA, ANNA)
    careful = Theater(
        SceneRules(
            tracking=RULES.tracking,
            voting=VotingRules(needed=3, unknown_needed=3, window=4),
            announce=RULES.announce,
            decision=RULES.decision,
        )
    )
    careful.show(ANNA, ANNA, ANNA)

    assert quick.sightings[0].assurance == "low"
    assert careful.sightings[0].assurance == "medium"


@given(st.lists(st.sampled_from([ANNA, BEA, NOBODY, DOUBTFUL, BETWEEN]), max_size=60))
def test_no_name_without_its_votes(replies: list[Answer]) -> None:
    """Whatever the answers: a name is told only with enough agreeing looks, and no state is told twice in a row."""
    theater = Theater()

    theater.show(*replies)

    for sighting in theater.sightings:
        needed = RULES.voting.needed if sighting.person_id else RULES.voting.unknown_needed
        assert needed <= sighting.decision.votes <= sighting.decision.looks <= RULES.voting.window
    names = [sighting.name for sighting in theater.sightings]
    assert all(one != other for one, other in pairwise(names))
    assert [sighting.seq for sighting in theater.sightings] == list(range(len(names)))


def test_a_raised_threshold_counts_at_the_next_decision() -> None:
    """Votes cast before do not count: who is not decided yet stays unnamed, who was named is asked about again."""
    theater = Theater()
    theater.show(ANNA)

    theater.scene.judge_by(DecisionRules(threshold=0.75, margin=0.05))
    theater.show(ANNA, ANNA, ANNA)

    assert theater.told == [("unknown", None)]
    assert theater.sightings[0].decision.threshold == 0.75
    theater.scene.judge_by(RULES.decision)
    theater.show(ANNA, ANNA)
    assert theater.told[1:] == [("recognized", "anna")]


def test_another_pause_between_announcements_counts_at_once() -> None:
    """A person who was out of sight for longer than the new rules want is announced again."""
    theater = Theater()
    theater.show(ANNA, ANNA)

    theater.scene.announce_by(AnnounceRules(repeat_after=1.0))
    theater.leave(2.0)
    theater.show(ANNA, ANNA)

    assert theater.told == [("recognized", "anna"), ("recognized", "anna")]
