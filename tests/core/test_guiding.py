"""What is said to somebody who is enrolled at a camera, and which of their faces are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import count, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.values import GOOD
from uSense.core.guiding import Advice, Guiding, GuidingRules, SeenFace, thumbnail
from uSense.core.models import Box, Quality, Vector
from uSense.core.prompts import ENDINGS, TEXTS, Cue, Ending
from uSense.core.quality import QualityRules

RULES = GuidingRules()
_numbers = count()


def view() -> Vector:
    """A view that is like no other one."""
    made = np.random.default_rng(next(_numbers)).normal(size=144).astype(np.float32)
    return np.asarray(made / np.linalg.norm(made), np.float32)


def seen(
    turned: float | None = 0.0,
    *,
    height: float = 0.4,
    x: float = 0.5,
    quality: Quality = GOOD,
    same: Vector | None = None,
) -> SeenFace:
    """A usable face in the middle of the picture."""
    box = Box(x - height / 3, 0.5 - height / 2, x + height / 3, 0.5 + height / 2)
    return SeenFace(box, quality, turned, view() if same is None else same)


@dataclass
class Course:
    """An enrollment, three pictures a second, and all that came of it."""

    rules: GuidingRules = RULES
    now: float = 100.0
    guiding: Guiding = field(init=False)
    said: list[tuple[float, Cue, str]] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    ending: Ending | None = None

    def __post_init__(self) -> None:
        self.guiding = Guiding(QualityRules(), self.rules, self.now)

    def look(self, *faces: SeenFace, brightness: float = 0.5, seconds: float = 1 / 3) -> Advice:
        """One picture, and what is done after it."""
        advice = self.guiding.see(faces, brightness, self.now)
        if advice.prompt:
            self.said.append((self.now, advice.prompt.code, advice.prompt.text))
        if advice.take:
            self.guiding.took(faces[0], self.now)
            self.took.append(self.now)
        self.ending = self.ending or advice.ending
        self.now += seconds
        return advice

    def until_ended(self, shown: Callable[[], Iterable[SeenFace]], brightness: float = 0.5) -> Course:
        """Look at always new faces until it is done or has ended."""
        while not self.guiding.done and not self.ending and self.now < 1000:
            self.look(*shown(), brightness=brightness)
        return self

    @property
    def codes(self) -> list[Cue]:
        """What was said."""
        return [code for _, code, _ in self.said]


def obedient(course: Course) -> Callable[[], list[SeenFace]]:
    """Somebody who turns as told."""

    def shown() -> list[SeenFace]:
        asked = [code for code in course.codes if code.value.startswith("look_")]
        sides = {Cue.LOOK_LEFT: 0.5, Cue.LOOK_RIGHT: -0.5}
        return [seen(sides.get(asked[-1], 0.0) if asked else 0.0)]

    return shown


def test_somebody_who_does_as_told_is_done_in_twenty_seconds() -> None:
    """Six faces are taken, two of each side, and each is answered."""
    course = Course()

    course.until_ended(obedient(course))

    assert course.guiding.done
    assert course.now - 100.0 < 20
    assert [text for _, _, text in course.said] == [
        "Please look straight at the camera.",
        "Good. 1 of 6.",
        "2 of 6. Now turn your head a little to your left.",
        "Good. 3 of 6.",
        "4 of 6. Now turn your head a little to your right.",
        "Good. 5 of 6.",
    ]


def test_a_detector_without_landmarks_gets_six_faces_too() -> None:
    """Where nobody knows how a head is turned, a side is taken as shown when there was time to turn."""
    course = Course()

    course.until_ended(lambda: [seen(None)])

    assert course.guiding.done
    assert course.codes[0] is Cue.LOOK_STRAIGHT
    assert {Cue.LOOK_LEFT, Cue.LOOK_RIGHT} <= set(course.codes)
    asked = next(at for at, code, _ in course.said if code is Cue.LOOK_LEFT)
    assert not [at for at in course.took if asked < at < asked + RULES.turning]


def test_somebody_who_turns_the_other_way_gets_done() -> None:
    """A mirrored picture exchanges the sides: both are taken in the order in which they come."""
    course = Course()
    to_the_left = iter([0.0] * 16 + [-0.5] * 20 + [0.5] * 60)

    course.until_ended(lambda: [seen(next(to_the_left))])

    assert course.guiding.done


def test_who_cannot_turn_gets_done_when_patience_ends() -> None:
    """After ten seconds without a face any usable one will do."""
    course = Course()

    course.until_ended(lambda: [seen(0.0)])

    assert course.guiding.done
    assert 20 < course.now - 100.0 < 45


def test_a_face_that_is_only_just_usable_will_do_when_patience_ends() -> None:
    """A camera that shows nothing better must not keep anybody out; before, it is said what to do."""
    course = Course()

    course.until_ended(lambda: [seen(0.0, quality=replace(GOOD, size=50.0))])

    assert course.guiding.done
    assert course.codes[0] is Cue.COME_CLOSER
    assert course.took[0] - 100.0 >= RULES.patience


@pytest.mark.parametrize(
    ("face", "cue"),
    [
        (seen(quality=replace(GOOD, size=60.0)), Cue.COME_CLOSER),
        (seen(quality=replace(GOOD, brightness=0.03, value=0.2)), Cue.TOO_DARK),
        (seen(quality=replace(GOOD, brightness=0.96, value=0.2)), Cue.TOO_BRIGHT),
        (seen(quality=replace(GOOD, sharpness=0.01, value=0.2)), Cue.HOLD_STILL),
        (seen(quality=replace(GOOD, noise=18.0, value=0.2)), Cue.TOO_DARK),
        (seen(quality=replace(GOOD, turned=1.5, value=0.1)), Cue.TURN_BACK),
        (seen(quality=replace(GOOD, value=0.2)), Cue.LOOK_STRAIGHT),
        (seen(height=0.9), Cue.STEP_BACK),
        (seen(x=0.05), Cue.TO_THE_MIDDLE),
    ],
)
def test_what_stands_in_the_way_is_said(face: SeenFace, cue: Cue) -> None:
    """A face with a flaw is not taken, and the person is told what to change."""
    course = Course()

    for _ in range(6):
        course.look(face)

    assert course.codes == [cue]
    assert course.took == []


def test_what_lasts_for_one_picture_is_not_said() -> None:
    """A single blurred picture is no reason to speak."""
    course = Course()

    for number in range(12):
        course.look(seen(quality=replace(GOOD, sharpness=0.01, value=0.2)) if number % 2 else seen())

    assert Cue.HOLD_STILL not in course.codes


@pytest.mark.parametrize(("brightness", "cue"), [(0.5, Cue.NOBODY), (0.02, Cue.TOO_DARK)])
def test_it_ends_if_nobody_comes(brightness: float, cue: Cue) -> None:
    """After twenty seconds, with the hint that explains it in a dark room."""
    course = Course().until_ended(list, brightness)

    assert course.ending is Ending.NOBODY
    assert course.now - 100.0 == pytest.approx(20, abs=1)
    assert set(course.codes) == {cue}
    assert (TEXTS[cue] in course.guiding.farewell(Ending.NOBODY)) == (cue is Cue.TOO_DARK)


def test_it_ends_without_progress() -> None:
    """A face that never becomes usable ends it after a minute, with the last hint."""
    course = Course().until_ended(lambda: [seen(height=0.9)])

    assert course.ending is Ending.NO_PROGRESS
    assert course.guiding.farewell(Ending.NO_PROGRESS) == (
        "No picture could be used for 60 seconds. Nothing was saved. The last hint was: Please step back a little."
    )


def test_a_second_person_stops_it_and_ends_it() -> None:
    """Nothing is taken of two people, they are asked for one, and after fifteen seconds it is refused."""
    course = Course().until_ended(lambda: [seen(x=0.3), seen(x=0.7, height=0.2)])

    assert course.ending is Ending.TWO_PEOPLE
    assert course.ending.state == "refused"
    assert course.took == []
    assert course.codes == [Cue.ONE_PERSON] * 3
    assert "15 seconds" in course.guiding.farewell(Ending.TWO_PEOPLE)


def test_it_goes_on_when_the_second_person_leaves() -> None:
    """A moment after the last look at two people."""
    course = Course()
    for _ in range(20):
        course.look(seen(x=0.3), seen(x=0.7))

    course.until_ended(obedient(course))

    assert course.guiding.done


def test_a_small_face_in_the_background_is_no_second_person() -> None:
    """A picture on the wall, or somebody far away, is not in the way."""
    course = Course()

    for _ in range(10):
        course.look(seen(), seen(x=0.9, height=0.1))

    assert len(course.took) == 2


def test_the_same_view_is_not_taken_twice() -> None:
    """A photo that is held still gives one face, and it is said to move; then it ends."""
    face = seen()

    course = Course().until_ended(lambda: [face])

    assert len(course.took) == 1
    assert Cue.MOVE_A_LITTLE in course.codes
    assert course.ending is Ending.NO_PROGRESS


def test_two_faces_unlike_those_before_end_it() -> None:
    """One may be a bad view; a second one in a row is somebody else."""
    guiding = Guiding(QualityRules(), RULES, 0.0)

    first = guiding.unlike()
    guiding.took(seen(), 1.0)

    assert (first, guiding.unlike(), guiding.unlike()) == (None, None, Ending.ANOTHER_PERSON)


faces = st.builds(
    seen,
    st.sampled_from([None, 0.0, 0.1, 0.5, -0.5]),
    height=st.sampled_from([0.1, 0.4, 0.9]),
    x=st.sampled_from([0.05, 0.5]),
    quality=st.builds(
        Quality,
        st.sampled_from([0.0, 0.2, 0.9]),
        st.sampled_from([30.0, 60.0, 200.0]),
        st.sampled_from([0.0, 0.1]),
        st.sampled_from([0.0, 0.5, 1.0]),
    ),
    same=st.sampled_from([None, *(view() for _ in range(3))]),
)
pictures = st.tuples(
    st.lists(faces, max_size=3), st.sampled_from([0.0, 0.5]), st.sampled_from([0.1, 1 / 3, 1.0, 5.0]), st.integers(1, 9)
)


@given(st.lists(pictures, min_size=3, max_size=40))
def test_whatever_is_shown_it_speaks_and_takes_with_measure(
    shown: list[tuple[list[SeenFace], float, float, int]],
) -> None:
    """Prompts and faces keep their distance, nothing is repeated soon, and a crowd or a known view is never taken."""
    course = Course()
    for people, brightness, seconds, times in shown:
        for _ in range(times):
            before = list(course.guiding.taken)
            took = course.look(*people, brightness=brightness, seconds=seconds).take
            if took:
                assert len(before) < RULES.steps
                assert len(people) == 1 or people[1].box.height < RULES.beside * people[0].box.height
                assert all(people[0].view @ known < RULES.identical for known in before)
            if course.ending:
                break

    assert all(later - at >= RULES.pace for at, later in pairwise(course.took))
    spoken = [at for at, _, _ in course.said]
    assert all(later - at >= RULES.pace for at, later in pairwise(spoken))
    for cue in set(course.codes) - {Cue.TAKEN}:
        own = [at for at, code, _ in course.said if code is cue]
        assert all(later - at >= RULES.again for at, later in pairwise(own))


@given(st.lists(st.lists(faces, max_size=2), min_size=1, max_size=12))
def test_it_always_comes_to_an_end(shown: list[list[SeenFace]]) -> None:
    """Whatever is shown over and over: it is done, or gives up within a minute of the last face taken."""
    course = Course()

    while not course.guiding.done and not course.ending:
        for people in shown:
            course.look(*people, seconds=0.9)

    assert course.now - 100.0 <= (RULES.steps + 1) * RULES.stalled + 12


def test_every_cue_and_every_ending_has_its_words() -> None:
    """Nothing is left without a text to speak."""
    assert set(TEXTS) == set(Cue)
    assert set(ENDINGS) == set(Ending)
    assert {ending.state for ending in Ending} == {"succeeded", "refused", "canceled", "failed"}


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.5, 1.0), st.integers(0, 60))
def test_light_does_not_change_a_view(height: int, width: int, gain: float, offset: int) -> None:
    """A view is compared by what is in it, whatever its size."""
    face = np.random.default_rng(height * 61 + width).integers(60, 180, (height, width)).astype(np.uint8)
    lit = (face * gain + offset).astype(np.uint8)

    likeness = float(thumbnail(face) @ thumbnail(lit))

    assert likeness > 0.97 or not thumbnail(face).any()


def test_a_face_without_contrast_is_like_nothing() -> None:
    """A white wall has no view."""
    assert not thumbnail(np.full((40, 30), 200, np.uint8)).any()
