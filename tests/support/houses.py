"""A house with cameras, people and a clock, for the rules of presence."""

from __future__ import annotations

from uSense.core.presence import (
    Arrived,
    Change,
    Eye,
    Glance,
    Place,
    Presence,
    PresenceRules,
)

PEOPLE = {"a": "Anna", "b": "Bea", "c": "Cem"}
LEAVE = 60.0


class House:
    """Cameras with tracks, looked at once a second; `who` of a track is None for a stranger."""

    def __init__(self, *cameras: str, **rules: float) -> None:
        self.rules = PresenceRules(**rules)  # type: ignore[arg-type] # numbers only
        self.now, self.wall = 100.0, 1e9
        self.eyes = dict.fromkeys(cameras or ("hall",), Eye.CLEAR)
        self.tracks: dict[tuple[str, str], str | None] = {}
        self.doubtful: set[str] = set()
        self.names = dict(PEOPLE)
        self.told: list[Change] = []
        self.presence = self.begin()

    def begin(self) -> Presence:
        """A new run, which knows who is enrolled."""
        presence = Presence(self.rules, tuple(self.eyes), self.now)
        presence.people(self.names)
        return presence

    def step(self, seconds: float = 1.0) -> list[Change]:
        """Let time pass, and look at all cameras."""
        self.now, self.wall = self.now + seconds, self.wall + seconds
        for name, eye in self.eyes.items():
            self.presence.look(name, eye, self.glances(name), self.now, self.wall)
        told = self.presence.tick(self.now, self.wall)
        self.told += told
        return told

    def glances(self, camera: str) -> list[Glance]:
        """The tracks of a camera as its scene would tell them."""
        return [
            Glance(track_id=track, person_id=who, seen=self.now, doubtful=track in self.doubtful)
            for (where, track), who in self.tracks.items()
            if where == camera
        ]

    def wait(self, seconds: int) -> list[Change]:
        """Let seconds pass; what was told."""
        return [change for _ in range(seconds) for change in self.step()]

    def restart(self, away: float = 5.0, *, long_ago: bool = False) -> list[Change]:
        """The service ends and comes back after a while."""
        stayed = self.presence.stayed()
        self.now, self.wall = self.now + away, self.wall + away
        self.tracks.clear()
        self.presence = self.begin()
        told = self.presence.restore(stayed, self.now, long_ago=long_ago)
        told += self.presence.tick(self.now, self.wall)
        self.told += told
        return told

    def place(self, person_id: str) -> Place:
        return self.presence.person(person_id).place

    @property
    def events(self) -> list[tuple[str, str]]:
        """What was told, in short."""
        return [("arrived" if isinstance(one, Arrived) else one.reason.value, one.person_id) for one in self.told]
