"""Who is there: tables of what happens in a house, and arbitrary sequences of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from uSense.core.presence import (
    FORGOTTEN,
    GAP,
    Arrived,
    CameraNow,
    Change,
    Eye,
    Glance,
    Left,
    PersonNow,
    Place,
    Presence,
    PresenceRules,
    Reason,
    Stayed,
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


def test_who_is_seen_arrives_at_once_and_leaves_when_the_time_is_over() -> None:
    """One arrival at the first look, one departure a minute after the last, with when that was."""
    house = House()
    house.tracks["hall", "t1"] = "a"
    (arrived,) = house.step()
    assert arrived == Arrived("a", "hall", house.wall)
    assert house.wait(600) == []
    assert house.presence.person("a") == PersonNow(Place.PRESENT, ("hall",), arrived.since)
    assert house.presence.camera("hall") == CameraNow(("a",), 0, "a", house.wall)

    house.tracks.clear()
    last = house.wall

    assert house.wait(59) == []
    assert house.wait(1) == [Left("a", "hall", arrived.since, last, Reason.NOT_SEEN)]
    assert house.presence.person("a") == PersonNow(Place.ABSENT, (), house.wall)
    assert house.presence.camera("hall") == CameraNow((), 0, "a", last)


def test_before_anybody_could_be_seen_everybody_is_unknown() -> None:
    """At a start nobody is absent until a camera has looked for a whole time-out."""
    house = House()
    house.step()
    assert house.place("a") is Place.UNKNOWN
    house.wait(58)
    assert house.place("a") is Place.UNKNOWN

    house.wait(2)

    assert house.place("a") is Place.ABSENT
    assert house.told == []


def test_arriving_can_take_a_while() -> None:
    """With `arrive_after` a glimpse is no arrival, also not the second one after a while; a stay is."""
    house = House(arrive_after=10.0)
    for _ in range(3):
        house.tracks["hall", "t1"] = "a"
        house.wait(3)
        house.tracks.clear()
        house.wait(int(GAP) + 1)
    assert house.told == []

    house.tracks["hall", "t2"] = "a"
    house.wait(10)
    assert house.told == []
    house.wait(1)

    assert house.events == [("arrived", "a")]


def test_who_goes_from_room_to_room_has_not_left() -> None:
    """The house has them as long as one camera has; they are in both until the first camera's time is over."""
    house = House("hall", "attic", arrive_after=5.0)
    house.tracks["hall", "t1"] = "a"
    house.wait(10)
    del house.tracks["hall", "t1"]
    house.wait(30)
    house.tracks["attic", "t2"] = "a"
    house.wait(1)
    assert house.presence.person("a").cameras == ("hall", "attic")

    house.wait(100)

    assert house.presence.person("a").cameras == ("attic",)
    assert house.events == [("arrived", "a")]


@pytest.mark.parametrize("eye", [Eye.BLIND, Eye.DIM])
def test_nobody_leaves_because_a_camera_or_the_recognizer_failed(eye: Eye) -> None:
    """Whom a camera had is unknown, not away; when it is back they have the whole time-out to be seen again."""
    house = House()
    house.tracks["hall", "t1"] = "a"
    house.step()
    house.eyes["hall"] = eye
    house.tracks.clear()
    house.wait(3 * 3600)
    assert house.place("a") is Place.UNKNOWN

    house.eyes["hall"] = Eye.CLEAR
    house.wait(59)
    assert house.place("a") is Place.UNKNOWN
    house.tracks["hall", "t2"] = "a"
    house.wait(2)

    assert house.presence.person("a") == PersonNow(Place.PRESENT, ("hall",), house.told[0].since)
    assert house.events == [("arrived", "a")]
    house.eyes["hall"] = eye
    house.tracks.clear()
    house.wait(100)
    house.eyes["hall"] = Eye.CLEAR
    house.wait(61)
    assert house.events == [("arrived", "a"), ("not_seen", "a")]


def test_a_blind_camera_has_nobody_and_cannot_say_how_many_strangers() -> None:
    """Its last pictures are no sight of now, also in the moment in which it is back."""
    house = House()
    house.tracks |= {("hall", "t1"): "a", ("hall", "t2"): None}
    house.step()
    assert house.presence.camera("hall").unknown == house.presence.unknown() == 1
    stale = house.glances("hall")
    house.eyes["hall"] = Eye.BLIND
    house.step()
    assert house.presence.camera("hall") == CameraNow((), None, "a", house.wall - 1)
    assert house.presence.unknown() is None
    assert house.place("b") is Place.UNKNOWN

    house.presence.look("hall", Eye.CLEAR, stale, house.now + 1, house.wall + 1)
    house.presence.tick(house.now + 1, house.wall + 1)

    assert house.presence.camera("hall") == CameraNow((), 0, "a", house.wall - 1)
    assert house.place("a") is Place.UNKNOWN


def test_without_the_recognizer_who_stays_in_sight_stays_present() -> None:
    """A face that is followed needs no new name."""
    house = House()
    house.tracks["hall", "t1"] = "a"
    house.step()
    house.eyes["hall"] = Eye.DIM
    house.wait(300)
    assert house.place("a") is Place.PRESENT
    house.tracks.clear()
    house.wait(61)
    assert house.place("a") is Place.UNKNOWN
    assert house.events == [("arrived", "a")]


def test_a_camera_that_is_blind_for_hours_does_not_keep_who_is_seen_elsewhere() -> None:
    """Else somebody whom a broken camera saw last would never come and go again."""
    house = House("hall", "attic")
    house.tracks["attic", "t1"] = "a"
    house.step()
    house.eyes["attic"] = Eye.BLIND
    house.tracks.clear()
    house.wait(10)
    house.tracks["hall", "t2"] = "a"
    house.step()
    house.tracks.clear()
    house.wait(100)
    assert house.place("a") is Place.UNKNOWN, "the attic may have her"

    house.wait(int(FORGOTTEN))
    house.tracks["hall", "t3"] = "a"
    house.step()
    house.tracks.clear()
    house.wait(61)

    assert house.place("a") is Place.ABSENT
    assert house.events == [("arrived", "a"), ("not_seen", "a")]


def test_a_correction_takes_the_presence_back_at_once() -> None:
    """A track that was Anna and is Bea: Anna was never there, and leaves as `corrected`."""
    house = House()
    house.tracks["hall", "t1"] = "a"
    house.wait(5)
    house.tracks["hall", "t1"] = "b"

    told = house.step()

    assert [type(one) for one in told] == [Left, Arrived]
    assert house.events == [("arrived", "a"), ("corrected", "a"), ("arrived", "b")]
    assert house.presence.camera("hall").person_ids == ("b",)


@pytest.mark.parametrize("other_ended", [True, False])
def test_a_correction_leaves_alone_what_others_saw(*, other_ended: bool) -> None:
    """Another track of hers, be it one that ended a moment ago, goes on counting."""
    house = House()
    house.tracks |= {("hall", "t1"): "a", ("hall", "t2"): "a"}
    house.wait(5)
    if other_ended:
        del house.tracks["hall", "t2"]
        house.wait(10)
    house.tracks["hall", "t1"] = None
    house.step()
    assert house.place("a") is Place.PRESENT

    house.tracks.pop(("hall", "t2"), None)
    house.wait(61)

    assert house.events == [("arrived", "a"), ("not_seen", "a")]


def test_a_doubtful_track_does_not_prolong_a_stay() -> None:
    """A face that was out of sight must be recognized again, else the stay ends with its time."""
    house = House()
    house.tracks["hall", "t1"] = "a"
    house.step()
    house.doubtful.add("t1")
    house.wait(59)
    assert house.place("a") is Place.PRESENT
    house.wait(1)
    assert house.events == [("arrived", "a"), ("not_seen", "a")]


def test_strangers_are_more_at_once_and_fewer_only_when_that_lasts() -> None:
    """A track that ends and begins anew is no stranger less."""
    house = House()
    house.tracks |= {("hall", str(number)): None for number in range(3)}
    house.step()
    assert house.presence.unknown() == 3
    del house.tracks["hall", "0"], house.tracks["hall", "1"]
    house.wait(4)
    assert house.presence.unknown() == 3
    house.tracks["hall", "0"] = None
    house.step()
    house.wait(1)

    assert house.presence.unknown() == 2
    house.tracks["hall", "1"] = None
    house.step()
    assert house.presence.unknown() == 3


def test_a_stranger_who_gets_a_name_is_not_counted_twice() -> None:
    """Not for a moment; other strangers stay, and one who went at the same time waits as always."""
    house = House()
    house.tracks |= {("hall", str(number)): None for number in range(3)}
    house.step()
    house.tracks["hall", "0"] = "a"
    del house.tracks["hall", "1"]
    house.step()

    assert house.place("a") is Place.PRESENT
    assert house.presence.unknown() == 2
    house.wait(6)
    assert house.presence.unknown() == 1


def test_a_stranger_who_is_missed_is_gone_when_the_time_is_over() -> None:
    """Also if the camera has no picture since that would end the track."""
    house = House()
    house.step()
    glance = Glance(track_id="t", person_id=None, seen=house.now, missed=True)
    for _ in range(70):
        house.now += 1
        house.presence.look("hall", Eye.CLEAR, [glance], house.now, house.wall)
        house.presence.tick(house.now, house.wall)

    assert house.presence.unknown() == 0


def test_after_a_short_restart_nobody_arrives_who_was_there() -> None:
    """Everybody is unknown first; who is seen is there since when they came, who is not leaves in time."""
    house = House("hall", "attic")
    house.tracks |= {("hall", "t1"): "a", ("attic", "t2"): "b"}
    house.wait(10)
    since = house.presence.person("a").since

    assert house.restart() == []
    assert {house.place(one) for one in PEOPLE} == {Place.UNKNOWN}
    house.tracks["hall", "t3"] = "a"
    house.wait(100)

    assert house.presence.person("a") == PersonNow(Place.PRESENT, ("hall",), since)
    left = house.told[-1]
    assert house.events[2:] == [("not_seen", "b")]
    assert isinstance(left, Left)
    assert (left.camera, left.last_at) == (None, None)


def test_a_restart_into_a_dead_camera_leaves_them_unknown() -> None:
    """Nobody leaves before the camera that had them has looked, however often the service is started."""
    house = House("hall", "attic")
    house.tracks["attic", "t1"] = "a"
    house.wait(10)
    for _ in range(2):
        house.restart()
        house.eyes["attic"] = Eye.BLIND
        house.wait(200)
    assert house.place("a") is Place.UNKNOWN
    assert house.place("b") is Place.ABSENT
    house.eyes["attic"] = Eye.CLEAR
    house.wait(61)
    assert house.events == [("arrived", "a"), ("not_seen", "a")]


def test_after_hours_of_absence_they_have_left() -> None:
    """A service that was down for long tells who left, and a sight is an arrival again."""
    house = House()
    house.tracks["hall", "t1"] = "a"
    house.step()
    assert house.restart(7200, long_ago=True) == [Left("a", None, house.told[0].since, None, Reason.NOT_SEEN)]
    assert house.place("a") is Place.UNKNOWN
    house.tracks["hall", "t2"] = "a"
    house.step()
    assert house.events == [("arrived", "a"), ("not_seen", "a"), ("arrived", "a")]


def test_who_was_at_a_camera_that_has_another_name_now_is_looked_for_everywhere() -> None:
    """A renamed camera makes nobody leave before the others have looked."""
    house = House("hall")
    house.presence.restore({"a": Stayed(("porch",), 5.0)}, house.now, long_ago=False)
    house.tracks["hall", "t1"] = "a"
    house.wait(10)
    assert house.told == []
    assert house.presence.person("a").since == 5.0


def test_who_is_erased_is_gone_without_a_word() -> None:
    """Nothing of them is told, kept for the next run, or shown as the last one seen."""
    house = House()
    house.tracks["hall", "t1"] = "a"
    house.step()
    del house.names["a"]
    house.presence.people(house.names)
    house.wait(100)
    assert house.events == [("arrived", "a")]
    assert house.presence.stayed() == {}
    assert house.presence.camera("hall").person_ids == ()
    assert house.presence.camera("hall").last_id is None


def test_rooms_must_be_a_topic() -> None:
    """What nobody can publish to is refused."""
    with pytest.raises(ValueError, match="must not contain"):
        PresenceRules(room_topic="rooms/#")


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
