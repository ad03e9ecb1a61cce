"""Presence as it is told: what is posted when somebody comes, goes, is erased, and when the service is started anew."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.support.hall import RULES, Hall, begun
from tests.support.household import Household, MemoryNotebook, crowd
from tests.support.stand_ins import Busy, Ears, Oracle, Source, Spotter, picture
from tests.support.values import answer
from tests.support.waiting import until
from uSense.core.events import Located, Notice, Sighting, State
from uSense.core.presence import Eye, PresenceRules
from uSense.core.quality import QualityRules
from uSense.core.scene import Scene
from uSense.core.stats import Stats
from uSense.overheard import Overheard
from uSense.pipeline import Pipeline, PipelineSettings
from uSense.presence import Attending


async def test_before_anybody_is_seen_everybody_is_unknown() -> None:
    """All topics are told at the start, once."""
    hall = await begun(Hall())
    assert set(hall.states) == {"presence/a", "presence/b", "house", "camera/hall/people"}
    assert hall.states["presence/a"] == {
        "state": "unknown",
        "person_id": "a",
        "name": "Anna",
        "cameras": [],
        "since": "2026-09-21T14:13:20.000Z",
        "seq": 1,
    }
    assert hall.states["house"] == {"names": [], "person_ids": [], "unknown": 0, "uncertain": ["Anna", "Bea"]}
    assert hall.wait(30) == []


async def test_somebody_comes_and_goes() -> None:
    """The arrival is told with the look that decided, the departure after the time-out; between them nothing."""
    hall = await begun(Hall())
    hall.wait(100)
    hall.there = {100.0: "a", 400.0: None}
    came = hall.wait(1)

    assert [event.topic for event in came if isinstance(event, State)][:2] == ["presence/a", "house"]
    (arrived,) = [event for event in came if isinstance(event, Notice)]
    since = "2026-09-21T14:15:01.000Z"
    assert (arrived.type, arrived.lasting) == ("person.arrived", False)
    assert arrived.data == {"person_id": "a", "name": "Anna", "camera": "hall", "since": since}
    assert hall.states["presence/a"] | {"seq": 0} == {
        "state": "present",
        "person_id": "a",
        "name": "Anna",
        "cameras": ["hall"],
        "since": since,
        "seq": 0,
    }
    assert hall.states["house"] == {"names": ["Anna"], "person_ids": ["a"], "unknown": 1, "uncertain": []}
    assert hall.states["camera/hall/people"] == {
        "count": 2,
        "names": ["Anna"],
        "unknown": 1,
        "last_at": since,
        "last_name": None,
    }
    assert hall.wait(300) == []

    hall.there = {}
    hall.wait(70)

    (left,) = [event for event in hall.posted if isinstance(event, Notice) and event.type == "person.left"]
    assert dict(left.data) == {**arrived.data, "last_at": "2026-09-21T14:20:01.000Z", "reason": "not_seen"}
    assert hall.states["presence/a"]["state"] == "absent"
    assert hall.states["house"] == {"names": [], "person_ids": [], "unknown": 0, "uncertain": []}
    assert hall.states["camera/hall/people"]["count"] == 0
    assert hall.wait(300) == []


async def test_a_correction_is_told_at_once() -> None:
    """The track was Anna and is Bea: with the look that says so Anna has left as `corrected`."""
    hall = await begun(Hall())
    hall.there = {100.0: "a"}
    hall.wait(3)
    hall.there = {100.0: "b"}
    hall.wait(20)
    assert hall.notices == [("person.arrived", "Anna"), ("person.left", "Anna"), ("person.arrived", "Bea")]
    (left,) = [event for event in hall.posted if isinstance(event, Notice) and event.type == "person.left"]
    assert left.data["reason"] == "corrected"
    assert hall.states["house"]["names"] == ["Bea"]


async def test_the_time_out_changes_at_run_time() -> None:
    """A shorter one counts for those who are there already."""
    hall = await begun(Hall())
    hall.there = {100.0: "a"}
    hall.wait(3)
    hall.there = {}
    hall.wait(10)
    hall.attending.leave_by(leave_after=5.0)
    hall.wait(1)
    assert hall.notices == [("person.arrived", "Anna"), ("person.left", "Anna")]


async def test_who_is_rejected_was_never_there() -> None:
    """`sighting/reject` takes the name back, and with it the presence."""
    hall = await begun(Hall())
    hall.there = {100.0: "a"}
    hall.wait(3)
    (told,) = hall.told

    correction = hall.scene.take_back(told, event_id="f", seq=1, at=hall.wall, now=hall.now)
    assert correction is not None
    hall.attending.hear(correction)

    assert hall.notices == [("person.arrived", "Anna"), ("person.left", "Anna")]
    assert hall.states["house"] == {"names": [], "person_ids": [], "unknown": 1, "uncertain": ["Anna", "Bea"]}


async def test_a_lost_camera_makes_nobody_leave() -> None:
    """Its status is heard at once: the person is unknown, and the camera cannot say how many there are."""
    hall = await begun(Hall())
    hall.there = {100.0: "a"}
    hall.wait(3)
    hall.eye = Eye.BLIND
    hall.attending.hear(State("camera/hall/status", "offline"))
    assert hall.states["presence/a"]["state"] == "unknown"
    assert hall.states["camera/hall/people"] | {"last_at": ""} == {
        "count": None,
        "names": [],
        "unknown": None,
        "last_at": "",
        "last_name": "Anna",
    }
    assert hall.wait(10_000) == []

    hall.eye = Eye.CLEAR
    hall.wait(3)

    assert hall.states["presence/a"]["state"] == "present"
    assert hall.notices == [("person.arrived", "Anna")]


async def test_a_new_name_shows_at_once_and_the_erased_vanish_without_a_word() -> None:
    """Renames are heard, and of who is erased an empty message removes the topic, the name and the note."""
    hall = await begun(Hall())
    hall.wait(70)
    hall.there = {100.0: "a"}
    hall.wait(3)
    hall.enrolled({"a": "Änne", "b": "Bea"})
    assert hall.states["presence/a"]["name"] == "Änne"
    assert hall.states["house"]["names"] == hall.states["camera/hall/people"]["names"] == ["Änne"]
    assert hall.states["camera/hall/people"]["last_name"] == "Änne"

    hall.enrolled({"b": "Bea"})

    assert hall.states["presence/a"] is None
    assert hall.states["house"]["names"] == []
    assert hall.states["camera/hall/people"]["last_name"] is None
    assert "Änne" not in str([value for value in hall.states.values() if value is not None])
    assert hall.wait(100) == []
    assert hall.notices == [("person.arrived", "Anna")]


async def test_ignored_visitors_do_not_count() -> None:
    """Somebody of whom nothing is to be told is no stranger in sight either."""
    hall = await begun(Hall())
    hall.attending.ignored = lambda track_id: track_id == "r0-1"
    hall.there = {100.0: None}
    hall.wait(3)
    assert hall.states["house"]["unknown"] == 0
    hall.there = {100.0: None, 300.0: None}
    hall.wait(3)
    assert hall.states["house"]["unknown"] == 1


async def test_rooms_are_told_every_few_seconds_while_somebody_is_in_sight() -> None:
    """For `mqtt_room`: who is how far away, only of those who are known, and only with a topic for it."""
    hall = await begun(Hall(room_topic="room_presence"))
    hall.there = {100.0: "a", 400.0: None}
    rooms = [event for event in hall.wait(11) if isinstance(event, Located)]
    assert rooms == [Located("room_presence/hall", "a", "Anna", 1.2)] * 3
    hall.there = {}
    hall.wait(3)
    assert not [event for event in hall.wait(20) if isinstance(event, Located)]

    silent = await begun(Hall())
    silent.there = {100.0: "a"}
    assert not [event for event in silent.wait(11) if isinstance(event, Located)]


@pytest.mark.parametrize("step", [0.2, 1.0])
@pytest.mark.parametrize("seed", range(3))
async def test_three_people_in_view_are_quiet(seed: int, step: float) -> None:
    """Ten minutes of turning and hiding, at a hot machine's look a second, too: each is told once, and stays."""
    people = crowd(NAMES, seed)
    hall = Household(people, step=step)
    hall.attending.hear(State("people", [{"person_id": one.name, "name": one.name} for one in people]))
    await hall.attending.begin()
    hall.told.clear()

    hall.pass_time(600)

    told = [event for _, event in hall.told]
    assert Counter(event.name for event in told if isinstance(event, Sighting)) == dict.fromkeys(NAMES, 1)
    notices = Counter(event.type for event in told if isinstance(event, Notice))
    assert {kind: count for kind, count in notices.items() if "person" in kind} == {"person.arrived": 3}
    states = Counter(event.topic for event in told if isinstance(event, State))
    assert {topic: count for topic, count in states.items() if "presence" in topic} == {
        f"presence/{name}": 1 for name in NAMES
    }
    assert states["house"] == states["camera/hall/people"] == 3
    assert min(one.looks for one in people) > 60, "they were asked about all the time"


NAMES = ("Anna", "Bea", "Cem")


async def test_presence_of_a_running_pipeline() -> None:
    """With real tasks: who is before the camera arrives at once; only a pause makes them unknown, no ill recognizer."""
    scenes = {"hall": Scene("hall", RULES, "r")}
    ears, oracle = Ears(), Oracle(answer(("a", 0.8)))
    told = Overheard(ears, [])
    source = Source(lambda name: Busy(name, picture(), new_scenes=False), fps=50.0)
    pipeline = Pipeline(PipelineSettings(), QualityRules(), scenes, oracle, told, Stats())
    attending = Attending(PresenceRules(), scenes, pipeline.eye, ears, MemoryNotebook())
    told.ears.append(attending.hear)
    attending.hear(State("people", [{"person_id": "a", "name": "Anna"}]))
    await attending.begin()
    assert ears.states["presence/a"]["state"] == "unknown"  # type: ignore[index] # a mapping
    async with asyncio.TaskGroup() as group:
        jobs = (pipeline.cameras.watch("hall", source), pipeline.detect(Spotter()), pipeline.identify())
        tasks = [group.create_task(job) for job in (*jobs, attending.run())]

        def place() -> str:
            return str(ears.states["presence/a"]["state"])  # type: ignore[index] # a mapping

        await ears.until(lambda _: place() == "present")
        pipeline.cameras.switches["hall"].turn(on=False)
        await ears.until(lambda _: place() == "unknown")
        pipeline.cameras.switches["hall"].turn(on=True)
        await ears.until(lambda _: place() == "present")
        oracle.ill = True
        pipeline.gallery_changed()
        await until(lambda: pipeline.eye("hall") is Eye.DIM)
        oracle.ill = False
        await until(lambda: pipeline.eye("hall") is Eye.CLEAR)
        for task in tasks:
            task.cancel()
    assert [one.type for one in ears.notices] == ["person.arrived"]
