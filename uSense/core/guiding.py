"""Guided enrollment: what to say to somebody in front of a camera, and which of their faces to take.

It is fed what each picture shows. It asks for a few views straight ahead and a few to both sides, takes a face when
nothing stands in the way, and gives up in time. A detector without landmarks does not see where a head is turned:
then a side was shown when it was asked for and there was time to turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from uSense.core.bounds import Looks, Pause, Share
from uSense.core.models import Box, Gray, Quality, Vector
from uSense.core.prompts import ENDINGS, HINT, PROGRESS, TEXTS, Cue, Ending
from uSense.core.quality import Flaw, QualityRules, gate

_THUMBNAIL = 12
"""Sides of the little picture by which two views are compared."""


_FLAWS: Mapping[Flaw, Cue] = {
    Flaw.TOO_SMALL: Cue.COME_CLOSER,
    Flaw.BLURRED: Cue.HOLD_STILL,
    Flaw.TOO_DARK: Cue.TOO_DARK,
    Flaw.NOISY: Cue.TOO_DARK,
    Flaw.TOO_BRIGHT: Cue.TOO_BRIGHT,
    Flaw.TURNED_AWAY: Cue.TURN_BACK,
    Flaw.DOUBTFUL: Cue.LOOK_STRAIGHT,
    Flaw.UNSEEN: Cue.LOOK_STRAIGHT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidingRules:
    """How a guided enrollment goes."""

    steps: Looks = 6
    """Faces that are taken: a third to each side, the others straight ahead."""
    pace: Pause = 2.0
    """Seconds between two faces that are taken, and between two prompts, at least."""
    again: Pause = 6.0
    """Seconds after which the same prompt may be said once more."""
    settle: Pause = 0.6
    """Seconds that something has to be wrong before it is said."""
    turning: Pause = 1.5
    """Seconds that it takes to do what was asked."""
    patience: Pause = 10.0
    """Seconds without a face taken, of somebody alone in view, after which any usable face will do."""
    crowd: Pause = 15.0
    """Seconds with a second person after which it ends."""
    nobody: Pause = 20.0
    """Seconds without anybody after which it ends."""
    stalled: Pause = 60.0
    """Seconds without a face taken after which it ends."""
    min_size: float = 80.0
    """Face height in pixels of the camera's picture, as long as there is patience."""
    min_value: Share = 0.3
    """Overall quality, as long as there is patience."""
    tall: Share = 0.8
    """Part of the picture's height from which a face is too close."""
    beside: Share = 0.33
    """Height of another face, as a part of the first one's, from which it is a second person."""
    aside: Share = 0.25
    """How far a head that looks aside is turned; 1 has the nose tip in front of an eye."""
    dark: Share = 0.08
    """Brightness of the whole picture below which nobody could be seen."""
    identical: Share = 0.99
    """Likeness of two views from which the second is not taken."""


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face of a picture: its box in parts of the picture (0 to 1), and how far it is turned to the person's own left.

    `turned` is negative to the right, and None if nobody knows; `view` is what `thumbnail` makes of the face.
    """

    box: Box
    quality: Quality
    turned: float | None
    view: Vector


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something to say, after so many steps."""

    code: Cue
    text: str
    step: int
    steps: int


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do after a picture: say something, take its largest face, or end."""

    prompt: Prompt | None = None
    take: bool = False
    ending: Ending | None = None


@dataclass(slots=True)
class Guiding:
    """One guided enrollment, from `now` on. Times are seconds of one clock that never goes back."""

    quality: QualityRules
    rules: GuidingRules
    now: float
    taken: list[Vector] = field(default_factory=list)
    """The views of the faces taken."""
    _shown: dict[Cue, int] = field(default_factory=dict)
    """How many faces were taken of each side."""
    _said: dict[Cue, float] = field(default_factory=dict)
    _spoke: float | None = None
    _praise: bool = False
    _cue: Cue | None = None
    _cue_since: float = 0.0
    _hindrance: Cue | None = None
    _progress: float = field(init=False)
    _there: float = field(init=False)
    _alone: float | None = None
    _crowded: tuple[float, float] | None = None
    _content: bool = False
    """Patience is at an end: any usable face will do."""
    _strange: int = 0

    def __post_init__(self) -> None:
        self._progress = self._there = self.now

    @property
    def done(self) -> bool:
        """Whether all faces are taken."""
        return len(self.taken) >= self.rules.steps

    def see(self, faces: Sequence[SeenFace], brightness: float, now: float) -> Advice:
        """What to do after a picture with these faces, largest first; `brightness` is that of the whole picture."""
        self._note(faces, now)
        cue, ready = self._judged(faces, brightness, now)
        if cue != self._cue:
            self._cue, self._cue_since = cue, now
        self._hindrance = cue or self._hindrance
        if ending := self._ending(now):
            return Advice(ending=ending)
        return Advice(self._prompt(now), take=ready)

    def took(self, face: SeenFace, now: float) -> None:
        """The face was taken."""
        side = self._side(face)
        self._shown[side] = self._shown.get(side, 0) + 1
        self.taken.append(face.view)
        self._progress, self._praise, self._strange, self._hindrance = now, True, 0, None

    def unlike(self) -> Ending | None:
        """The face was not taken, because it is not like those before; once may be a bad view."""
        self._strange += 1
        return Ending.ANOTHER_PERSON if self._strange > 1 else None

    def farewell(self, ending: Ending) -> str:
        """Why it ends, in plain words."""
        rules, hint = self.rules, self._hindrance
        seconds = {Ending.TWO_PEOPLE: rules.crowd, Ending.NOBODY: rules.nobody, Ending.NO_PROGRESS: rules.stalled}
        text = ENDINGS[ending].format(seconds=seconds.get(ending, 0.0))
        if ending not in {Ending.NOBODY, Ending.NO_PROGRESS} or hint is None or hint is Cue.NOBODY:
            return text
        return f"{text} {HINT.format(text=TEXTS[hint])}"

    def _note(self, faces: Sequence[SeenFace], now: float) -> None:
        """Keep account of who is in view since when."""
        crowd = self._is_crowd(faces)
        if faces:
            self._there = now
        if crowd:
            self._crowded = (self._crowded[0] if self._crowded else now, now)
        elif self._crowded and now - self._crowded[1] >= self.rules.turning:
            self._crowded = None
        if crowd or not faces:
            self._alone = None
        elif self._alone is None:
            self._alone = now

    def _is_crowd(self, faces: Sequence[SeenFace]) -> bool:
        return len(faces) > 1 and faces[1].box.height >= self.rules.beside * faces[0].box.height

    def _ending(self, now: float) -> Ending | None:
        if self._crowded and now - self._crowded[0] >= self.rules.crowd:
            return Ending.TWO_PEOPLE
        if now - self._there >= self.rules.nobody:
            return Ending.NOBODY
        return Ending.NO_PROGRESS if now - self._progress >= self.rules.stalled else None

    def _judged(self, faces: Sequence[SeenFace], brightness: float, now: float) -> tuple[Cue | None, bool]:
        """What is to be said about a picture, if anything, and whether its largest face may be taken."""
        if not faces:
            return (Cue.TOO_DARK if brightness < self.rules.dark else Cue.NOBODY), False
        if self._is_crowd(faces):
            return Cue.ONE_PERSON, False
        if self._crowded or self.done:
            return None, False
        face = faces[0]
        self._lose_patience(face, now)
        cue = self._misplaced(face) or self._flaw(face) or self._unposed(face)
        if cue or not self._time_for_a_face(face, now):
            return cue, False
        cue = self._repeated(face)
        return cue, cue is None

    def _lose_patience(self, face: SeenFace, now: float) -> None:
        usable = gate(face.quality, self.quality) is None
        waited = 0.0 if self._alone is None else now - max(self._progress, self._alone)
        self._content = self._content or (usable and waited >= self.rules.patience)

    def _misplaced(self, face: SeenFace) -> Cue | None:
        box = face.box
        if box.height >= self.rules.tall:
            return Cue.STEP_BACK
        beyond = max(-box.x0, box.x1 - 1.0) > 0.1 * box.width or max(-box.y0, box.y1 - 1.0) > 0.1 * box.height
        return Cue.TO_THE_MIDDLE if beyond else None

    def _flaw(self, face: SeenFace) -> Cue | None:
        rules = self.quality
        if not self._content:
            size, value = max(rules.min_size, self.rules.min_size), max(rules.min_value, self.rules.min_value)
            rules = QualityRules(min_size=size, min_value=value)
        flaw = gate(face.quality, rules)
        return _FLAWS[flaw] if flaw else None

    def _unposed(self, face: SeenFace) -> Cue | None:
        """What to ask for if the head is not turned as asked, nor to another side of which there are too few."""
        wanted = self._wanted()
        if wanted not in self._said:
            return wanted
        side = self._side(face)
        return None if self._shown.get(side, 0) < self._share(side) else wanted

    def _time_for_a_face(self, face: SeenFace, now: float) -> bool:
        if self.taken and now - self._progress < self.rules.pace:
            return False
        seen_to_turn = face.turned is not None and not self._content
        return seen_to_turn or now - self._said[self._wanted()] >= self.rules.turning

    def _repeated(self, face: SeenFace) -> Cue | None:
        """What to ask for if the same view was taken already."""
        if all(float(face.view @ view) < self.rules.identical for view in self.taken):
            return None
        wanted = self._wanted()
        return Cue.MOVE_A_LITTLE if wanted is Cue.LOOK_STRAIGHT else wanted

    def _side(self, face: SeenFace) -> Cue:
        """The side that a face shows; what was asked for if nobody knows, or if it does not matter any more."""
        if face.turned is None or self._content:
            return self._wanted()
        if abs(face.turned) < self.rules.aside:
            return Cue.LOOK_STRAIGHT
        return Cue.LOOK_LEFT if face.turned > 0 else Cue.LOOK_RIGHT

    def _wanted(self) -> Cue:
        """The first side of which there are too few."""
        sides = (Cue.LOOK_STRAIGHT, Cue.LOOK_LEFT, Cue.LOOK_RIGHT)
        return next((side for side in sides if self._shown.get(side, 0) < self._share(side)), sides[0])

    def _share(self, side: Cue) -> int:
        third = self.rules.steps // 3
        return self.rules.steps - 2 * third if side is Cue.LOOK_STRAIGHT else third

    def _prompt(self, now: float) -> Prompt | None:
        """What to say now: nothing too soon, nothing twice in short time, and that a face was taken in any case."""
        if self._spoke is not None and now - self._spoke < self.rules.pace:
            return None
        cue = self._cue
        if cue is not None and cue is not self._wanted() and now - self._cue_since < self.rules.settle:
            cue = None
        if cue is not None and now - self._said.get(cue, -np.inf) < self.rules.again:
            cue = None
        if cue is None and not self._praise:
            return None
        cue = cue or Cue.TAKEN
        return self._spoken(cue, now)

    def _spoken(self, cue: Cue, now: float) -> Prompt:
        step, steps = len(self.taken), self.rules.steps
        text = TEXTS[cue]
        if self._praise:
            counted = PROGRESS.format(step=step, steps=steps)
            text = f"{text} {counted}" if cue is Cue.TAKEN else f"{counted} {text}"
        self._praise, self._spoke, self._said[cue] = False, now, now
        return Prompt(cue, text, step, steps)


def thumbnail(gray_face: Gray) -> Vector:
    """A little picture of a face, whose product with another one's is their likeness: 1 for the same view, 0 for none.

    Light and contrast do not count. It is a vector of length 1, or of length 0 for a face without any contrast.
    """
    repeats = [-(-_THUMBNAIL // max(1, side)) for side in gray_face.shape]
    large = np.asarray(gray_face, np.float32).repeat(repeats[0], axis=0).repeat(repeats[1], axis=1)
    if not large.size:
        return np.zeros(_THUMBNAIL * _THUMBNAIL, np.float32)
    rows = np.array_split(large, _THUMBNAIL, axis=0)
    cells = [[part.mean() for part in np.array_split(row, _THUMBNAIL, axis=1)] for row in rows]
    values = np.asarray(cells, np.float32).ravel()
    values -= values.mean()
    length = float(np.linalg.norm(values))
    return np.asarray(values / length if length > 0.0 else values, np.float32)
