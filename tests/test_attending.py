"""Presence as it is told: what is posted when somebody comes, goes, is erased, and when the service is started anew."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import contract
from tests.support.household import Household, MemoryNotebook, crowd
from tests.support.stand_ins import Busy, Ears, Oracle, Source, Spotter, picture
from tests.support.values import GOOD, answer, face, frame
from tests.support.waiting import until
from uSense import attending as module
from uSense.app import Overheard
from uSense.attending import FILE, Attending, Clocks
from uSense.core.errors import StorageError
from uSense.core.events import Event, Located, Notice, Sighting, State
from uSense.core.presence import Eye, PresenceRules
from uSense.core.quality import QualityRules
from uSense.core.scene import Look, Scene, SceneRules
from uSense.core.stats import Stats
from uSense.core.tracking import TrackingRules
from uSense.core.voting import VotingRules
from uSense.pipeline import Pipeline, PipelineSettings
from uSense.ports import Notebook
from uSense.storage import notebook

PEOPLE = {"a": "Anna", "b": "Bea"}
RULES = SceneRules(
    tracking=TrackingRules(lost_after=0.5, lost_looks=1), voting=VotingRules(needed=1, unknown_needed=1, window=1)
)


class Hall:
    """A camera `hall` whose faces stand at places, each of a person (None: a stranger), and its presence."""

    def __init__(self, keeper: Notebook | None = None, cameras: tuple[str, ...] = ("hall",), **rules: Any) -> None:
        self.now, self.wall = 1000.0, 1_790_000_000.0
        self.eye, self.blind = Eye.CLEAR, set[str]()
        self.cameras, self.where = cameras, cameras[0]
        self.keeper = keeper or MemoryNotebook()
        self.rules = PresenceRules(**rules)
        self.posted: list[Event] = []
        self.told: list[Sighting] = []
        self.runs = itertools.count()
        self.start()

    def start(self, people: dict[str, str] | None = None) -> None:
        """A new run of the service, which has not begun yet."""
        self.there: dict[float, str | None] = {}
        self.rooms = {name: Scene(name, RULES, f"r{next(self.runs)}") for name in self.cameras}
        clocks = Clocks(lambda: self.now, lambda: self.wall)
        self.attending = Attending(self.rules, self.rooms, self.sees, self, self.keeper, clocks)
        self.enrolled(people or PEOPLE)

    @property
    def scene(self) -> Scene:
        """Of the camera before which everybody is."""
        return self.rooms[self.where]

    def sees(self, camera: str) -> Eye:
        """What a camera can tell."""
        return Eye.BLIND if camera in self.blind else self.eye

    def post(self, event: Event) -> None:
        contract.check(event)
        self.posted.append(event)

    def enrolled(self, people: dict[str, str]) -> None:
        """Tell who is enrolled."""
        self.attending.hear(State("people", [{"person_id": one, "name": name} for one, name in people.items()]))

    def wait(self, seconds: float = 1.0) -> list[Event]:
        """Look once a second; what was posted."""
        before = len(self.posted)
        for _ in range(round(seconds)):
            self.now, self.wall = self.now + 1.0, self.wall + 1.0
            for name in set(self.cameras) - {self.where}:
                self.rooms[name].look([], frame(self.now))
            faces = {x: face(x) for x in self.there}
            for ask in self.scene.look(list(faces.values()), frame(self.now)).asks:
                who = next(one for x, one in self.there.items() if faces[x] is ask.face)
                look = Look(
                    track_id=ask.track_id,
                    captured_at=self.wall,
                    stamp=self.now,
                    box=ask.face.box,
                    frame_size=(640, 480),
                    quality=GOOD,
                )
                reply = answer((who, 0.8)) if who else answer(("a", 0.1))
                outcome = self.scene.answer(look, reply, event_id="e", seq=0)
                if outcome is not None and outcome.sighting is not None:
                    self.told.append(outcome.sighting)
                    self.attending.hear(outcome.sighting)
            self.attending.look()
        return self.posted[before:]

    @property
    def states(self) -> dict[str, Any]:
        """The newest value of every topic."""
        return {event.topic: event.value for event in self.posted if isinstance(event, State)}

    @property
    def notices(self) -> list[tuple[str, str]]:
        """Type and name of all events."""
        return [(event.type, event.data["name"]) for event in self.posted if isinstance(event, Notice)]


async def begun(hall: Hall) -> Hall:
    """The hall after the service began."""
    await hall.attending.begin()
    return hall


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


@asynccontextmanager
async def working(hall: Hall) -> AsyncIterator[Hall]:
    """The hall while its service runs."""
    await hall.attending.begin()
    task = asyncio.create_task(hall.attending.run())
    try:
        yield hall
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_after_a_restart_nobody_arrives_or_leaves_who_stayed(tmp_path: Path) -> None:
    """Who is there is in a small file, without names; the next run finds them where they were."""
    hall = Hall(notebook.Notebook(tmp_path / FILE))
    async with working(hall):
        hall.there = {100.0: "a", 300.0: "b"}
        hall.wait(10)
        await until(lambda: (tmp_path / FILE).exists() and '"b"' in (tmp_path / FILE).read_text())
    assert "Anna" not in (tmp_path / FILE).read_text()
    since = hall.states["presence/a"]["since"]

    hall.wall += 1800
    hall.start()
    async with working(hall):
        assert hall.states["presence/a"]["state"] == "unknown"
        hall.there = {200.0: "a"}
        hall.wait(100)
        assert hall.states["presence/a"]["state"] == "present"
        assert hall.states["presence/a"]["since"] == since
        assert hall.notices[2:] == [("person.left", "Bea")]
        hall.enrolled({"b": "Bea"})
        await until(lambda: '"a"' not in (tmp_path / FILE).read_text())


@pytest.mark.parametrize(("away", "told"), [(3601.0, True), (3599.0, False), (-1e7, False)])
async def test_after_hours_of_absence_they_have_left(*, away: float, told: bool) -> None:
    """The wall clock says how long the service was away; one that went back counts as short."""
    keeper = MemoryNotebook()
    hall = Hall(keeper)
    async with working(hall):
        hall.there = {100.0: "a"}
        hall.wait(3)
        await until(lambda: bool(keeper.values))
    hall.wall += away
    hall.start()
    await hall.attending.begin()
    assert (("person.left", "Anna") in hall.notices) is told


async def test_a_disk_that_is_full_is_a_problem_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said until the next note succeeds."""
    monkeypatch.setattr(module, "AGAIN", 0.01)
    keeper = MemoryNotebook()
    hall = Hall(keeper)
    async with working(hall):
        keeper.error = StorageError("the disk is full")
        hall.there = {100.0: "a"}
        hall.wait(3)
        await until(lambda: "the disk is full" in hall.attending.problems.get("presence", ""))
        keeper.error = None
        hall.wait(1)
        await until(lambda: not hall.attending.problems)
    assert keeper.saves


@pytest.mark.parametrize("text", ["{", '{"at": 1}', '{"at": 1e400, "people": {}}', '{"people": [], "at": 0}'])
async def test_a_file_that_is_not_ours_is_a_problem_and_no_end(tmp_path: Path, text: str) -> None:
    """Nobody is known to have been there then, and it is said."""
    (tmp_path / FILE).write_text(text)
    hall = await begun(Hall(notebook.Notebook(tmp_path / FILE)))
    assert "presence.json" in hall.attending.problems["presence"]
    assert hall.notices == []


async def test_nothing_is_written_while_nothing_changes() -> None:
    """A house without people never writes, and one with people writes when they come and go."""
    keeper = MemoryNotebook()
    hall = Hall(keeper)
    async with working(hall):
        hall.wait(100)
        assert keeper.saves == 0
        hall.there = {100.0: "a"}
        hall.wait(3)
        await until(lambda: keeper.saves == 1)
        hall.wait(300)
        await asyncio.sleep(0)
        assert keeper.saves == 1


async def test_a_restart_finds_people_where_they_had_gone() -> None:
    """Who went to another room is looked for there, also if its camera opens late; going to and fro is written once."""
    keeper = MemoryNotebook()
    hall = Hall(keeper, ("hall", "attic"))
    async with working(hall):
        hall.there = {100.0: "a"}
        hall.wait(3)
        await until(lambda: keeper.saves == 1)
        for hall.where in ("attic", "hall", "attic"):
            hall.wait(100)
            await until(lambda: keeper.saves == 2)
        since = hall.states["presence/a"]["since"]

    hall.start()
    hall.blind = {"attic"}
    async with working(hall):
        hall.wait(100)
        hall.blind, hall.there = set(), {100.0: "a"}
        hall.wait(3)

    assert hall.notices == [("person.arrived", "Anna")]
    assert hall.states["presence/a"]["since"] == since


@pytest.mark.parametrize("seed", range(3))
async def test_three_people_in_view_are_quiet(seed: int) -> None:
    """Ten minutes of turning away, hiding and blurring: each is told once, and presence changes only at the start."""
    people = crowd(NAMES, seed)
    hall = Household(people)
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
