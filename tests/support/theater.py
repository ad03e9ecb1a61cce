"""A stage for one camera's scene, and the answers of a recognizer."""

from __future__ import annotations

from tests.support.values import GOOD, answer, face, frame
from uSense.core.announcing import AnnounceRules
from uSense.core.events import Sighting
from uSense.core.judging import DecisionRules
from uSense.core.models import Answer
from uSense.core.scene import Look, Scene, SceneRules
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
