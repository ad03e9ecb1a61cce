"""When a person is announced: once on arrival, not again while they stay."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from uSense.core.bounds import Pause, Week

Telling: TypeAlias = Literal["all", "visitors", "nobody"]
"""Unknown people who are told: all, only those who were here before, or nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceRules:
    """How often a person is announced, how soon, and which unknown people are."""

    repeat_after: Week = 60.0
    """Seconds a person must have been out of a camera's sight before that camera announces them again."""
    within: Pause = 5.0
    """Age of a deciding picture, in seconds, up to which its name is told live; an older one counts as late."""

    unknown: Telling = "all"
    """Unknown people who are told: `all`, only `visitors` who were here before, or `nobody`."""


@dataclass(slots=True)
class Attendance:
    """Who was seen by one camera, and when last (monotonic seconds)."""

    rules: AnnounceRules
    last_seen: dict[str, float] = field(default_factory=dict)

    def seen(self, person_id: str, now: float) -> bool:
        """Note that a person is in sight; True if this is an arrival."""
        last = self.last_seen.get(person_id)
        self.last_seen[person_id] = now
        return last is None or now - last > self.rules.repeat_after

    def forget(self, person_id: str) -> None:
        """The person was not there after all, or is enrolled no more."""
        self.last_seen.pop(person_id, None)

    def tick(self, now: float) -> None:
        """Drop those who left: the table stays as small as the number of people present."""
        gone = [person for person, last in self.last_seen.items() if now - last > self.rules.repeat_after]
        for person in gone:
            del self.last_seen[person]
