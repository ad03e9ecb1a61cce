"""Who is there: tables of what happens in a house, and arbitrary sequences of it."""

from __future__ import annotations

import pytest

from tests.support.houses import PEOPLE, House
from uSense.core.presence import (
    FORGOTTEN,
    GAP,
    Arrived,
    CameraNow,
    Eye,
    Glance,
    Left,
    PersonNow,
    Place,
    PresenceRules,
    Reason,
    Stayed,
)


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
