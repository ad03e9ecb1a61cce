"""One camera's scene: from looks and answers to sightings."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.support.theater import ANNA, BEA, BETWEEN, DOUBTFUL, NOBODY, RULES, Theater
from tests.support.values import answer, face, frame
from uSense.core.announcing import AnnounceRules
from uSense.core.events import SightingType
from uSense.core.judging import DecisionRules
from uSense.core.models import Answer, Candidate
from uSense.core.scene import CHANGED, Scene, SceneRules
from uSense.core.voting import VotingRules


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
