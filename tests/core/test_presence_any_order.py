"""Whatever happens in a house, in whatever order: the promises of presence."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.houses import LEAVE, PEOPLE, House
from uSense.core.presence import (
    Arrived,
    Change,
    Eye,
    Place,
    Reason,
)

CAMERAS = ("hall", "attic")


@dataclass
class Model:
    """What the machine expects, kept apart from what it tests."""

    by: dict[tuple[str, str, str], float] = field(default_factory=dict)
    """When a camera saw a person last by a track, of this run, and without what was corrected."""
    arrived: dict[str, float] = field(default_factory=dict)
    """Wall-clock time of the arrival of everybody who has not left."""


class AnyHouse(RuleBasedStateMachine):
    """Everything that may happen in a house with two cameras and three people, in any order."""

    people = st.sampled_from(sorted(PEOPLE))
    cameras = st.sampled_from(CAMERAS)

    @initialize()
    def begin(self) -> None:
        self.house, self.model, self.number = House(*CAMERAS), Model(), 0
        self.blind_had: dict[str, set[str]] = {name: set() for name in CAMERAS}
        self.go(1)

    def go(self, steps: int) -> list[Change]:
        """Let seconds pass and check what was told in each."""
        told = []
        for _ in range(steps):
            house = self.house
            held = {one for name, had in self.blind_had.items() if house.eyes[name] is Eye.BLIND for one in had}
            changes = house.step()
            for (camera, track), who in house.tracks.items():
                if who in house.names and house.eyes[camera] is not Eye.BLIND:
                    self.model.by[camera, who, track] = house.now
            for change in changes:
                self.check(change, held)
            told += changes
            self.who_is_there_was_seen_in_time()
        for name in CAMERAS:
            if self.house.eyes[name] is not Eye.BLIND:
                self.blind_had[name] = set(self.house.presence.camera(name).person_ids)
        return told

    def check(self, change: Change, held: set[str]) -> None:
        """Arrivals and departures alternate, and no blind camera lets anybody leave."""
        who = change.person_id
        if isinstance(change, Arrived):
            assert who not in self.model.arrived
            self.model.arrived[who] = change.since
        else:
            assert change.since == self.model.arrived.pop(who)
            assert change.reason is Reason.CORRECTED or who not in held

    @rule(camera=cameras, who=st.one_of(st.none(), people))
    def comes(self, camera: str, who: str | None) -> None:
        self.number += 1
        if who is None or who in self.house.names:
            self.house.tracks[camera, f"t{self.number}"] = who
        self.go(1)

    @precondition(lambda self: self.house.tracks)
    @rule(data=st.data(), steps=st.integers(0, 80))
    def goes(self, data: st.DataObject, steps: int) -> None:
        del self.house.tracks[data.draw(st.sampled_from(sorted(self.house.tracks)))]
        self.go(steps)

    @precondition(lambda self: self.house.tracks)
    @rule(data=st.data(), who=st.one_of(st.none(), people))
    def is_corrected(self, data: st.DataObject, who: str | None) -> None:
        track = data.draw(st.sampled_from(sorted(self.house.tracks)))
        before = self.house.tracks[track]
        self.house.tracks[track] = now = who if who in self.house.names else None
        if before is not None and before != now:
            self.model.by.pop((track[0], before, track[1]), None)
        self.go(1)

    @rule(camera=cameras, eye=st.sampled_from(Eye), steps=st.integers(1, 90))
    def turns(self, camera: str, eye: Eye, steps: int) -> None:
        house = self.house
        if eye is Eye.BLIND:
            # What it follows ends with its pictures.
            house.tracks = {track: who for track, who in house.tracks.items() if track[0] != camera}
            self.model.by = {key: at for key, at in self.model.by.items() if key[0] != camera}
        house.eyes[camera] = eye
        self.go(steps)

    @rule(steps=st.integers(1, 100))
    def time_passes(self, steps: int) -> None:
        self.go(steps)

    @rule(seconds=st.floats(-1e8, 1e8))
    def clock_jumps(self, seconds: float) -> None:
        self.house.wall += seconds
        self.go(1)

    @rule(who=people, name=st.text(min_size=1, max_size=3))
    def is_renamed_or_comes_back(self, who: str, name: str) -> None:
        self.house.names[who] = name
        self.house.presence.people(self.house.names)
        self.go(1)

    @rule(who=people)
    def is_erased(self, who: str) -> None:
        house = self.house
        house.names.pop(who, None)
        house.presence.people(house.names)
        house.tracks = {track: None if one == who else one for track, one in house.tracks.items()}
        self.model.arrived.pop(who, None)
        self.model.by = {key: at for key, at in self.model.by.items() if key[1] != who}
        for had in self.blind_had.values():
            had.discard(who)
        self.go(1)
        assert who not in house.presence.stayed()

    @rule(away=st.floats(0, 1e4), long_ago=st.booleans(), stay=st.booleans())
    def restarts(self, *, away: float, long_ago: bool, stay: bool) -> None:
        tracks = self.house.tracks
        told = self.house.restart(away, long_ago=long_ago)
        self.model.by.clear()
        self.blind_had = {name: set() for name in CAMERAS}
        if not long_ago:
            assert told == []
        for change in told:
            self.check(change, set())
        assert {self.house.place(one) for one in self.house.names} <= {Place.UNKNOWN}
        if stay:
            self.house.tracks = {(camera, f"{track}+"): who for (camera, track), who in tracks.items()}
            self.go(1)

    @rule()
    def nothing_changes(self) -> None:
        self.go(int(3 * LEAVE))
        before = self.views()
        assert self.go(90) == []
        assert self.views() == before

    def views(self) -> object:
        """All that is told of now, but for when somebody was seen last."""
        now = self.house.presence
        cameras = [(one.person_ids, one.unknown, one.last_id) for one in map(now.camera, CAMERAS)]
        return cameras, [now.person(one) for one in self.house.names], now.unknown()

    @invariant()
    def the_house_is_the_union_of_its_cameras(self) -> None:
        now = self.house.presence
        for who in self.house.names:
            cameras = tuple(name for name in CAMERAS if who in now.camera(name).person_ids)
            person = now.person(who)
            assert person.cameras == cameras
            assert (person.place is Place.PRESENT) == bool(cameras)
            if cameras:
                assert person.since == self.model.arrived[who]
            if person.place is Place.ABSENT:
                assert who not in self.model.arrived

    @invariant()
    def who_is_there_was_seen_in_time(self) -> None:
        for name in CAMERAS:
            expected = {
                who for (camera, who, _), at in self.model.by.items() if camera == name and self.house.now - at < LEAVE
            }
            assert set(self.house.presence.camera(name).person_ids) == expected


AnyHouse.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAnyHouse = AnyHouse.TestCase
