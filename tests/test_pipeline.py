"""The way of a frame: bounded everywhere, newest frames win, waiting people first, nothing stops it quietly."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from typing import Any

import numpy as np
import pytest

from tests.support.stage import Stage, busy
from tests.support.stand_ins import Busy, Ears, Oracle, Source, Spotter, picture
from tests.support.values import answer, face
from tests.support.waiting import until
from uSense import imaging
from uSense.core.events import Notice
from uSense.core.explaining import ExplainRules
from uSense.core.models import Face, Frame, Picture
from uSense.core.quota import Tier
from uSense.core.scene import Scene, SceneRules
from uSense.core.tracking import Looked
from uSense.core.voting import VotingRules
from uSense.pipeline import PipelineSettings
from uSense.ports import Habits
from uSense.query import Query
from uSense.recognizers.azureface.limiter import Limiter


async def test_a_face_travels_from_the_camera_to_the_outbox() -> None:
    """A known face ends as one sighting, and the camera as online."""
    stage = Stage(Oracle())

    async with stage.running(stage.camera(Source(busy(), fps=100)), stage.pipeline.detect(Spotter())):
        await stage.ears.until(lambda ears: bool(ears.sightings))

    (sighting,) = stage.ears.sightings
    assert (sighting.name, sighting.camera, sighting.seq) == ("anna", "hall", 0)
    assert sighting.frame_size == (640, 480)
    assert stage.ears.states["camera/hall/status"] == "online"
    assert stage.stats.counts["sightings_recognized"] == 1


async def test_a_slow_recognizer_keeps_memory_flat_and_frames_fresh() -> None:
    """With a rate-limited backend queues stay bounded; frames are overwritten and the worst faces leave, counted."""
    limiter = Limiter(Tier(1, 0.2))
    faces = tuple(face(40 + 20 * index, size=80) for index in range(30))
    stage = Stage(Oracle(limiter=limiter), settings=PipelineSettings(faces=8, batch_size=2, batch_wait=0.0))
    source = Source(busy(new_scenes=True), fps=500)
    spotter = Spotter(*faces)

    async with stage.running(stage.camera(source), stage.pipeline.detect(spotter)):
        for _ in range(5):
            await next_call(stage.oracle)
            gc.collect()
            alive = Counter(type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, Query | Frame))
            assert alive["Query"] <= 8 + 2 + len(faces)
            assert alive["Frame"] <= 4

    assert stage.stats.counts["faces_dropped"] > 0
    assert stage.stats.dropped["hall"] > 0
    assert all(len(batch) <= 2 for batch in stage.oracle.batches)


async def next_call(oracle: Oracle) -> None:
    """Wait for the recognizer's next call."""
    oracle.called.clear()
    await asyncio.wait_for(oracle.called.wait(), 30)


async def test_the_newest_frame_wins() -> None:
    """While the detector is busy the camera goes on; the next frame it gets is the newest one."""
    release = asyncio.Event()
    seen: list[int] = []

    class Slow(Spotter):
        async def detect(self, picture: Any) -> list[Face]:
            await release.wait()
            return await super().detect(picture)

    stage = Stage(Oracle())
    camera = Busy("hall", picture(), new_scenes=True)
    scene = stage.pipeline.scenes["hall"]
    stage.pipeline.scenes = {"hall": Spy(scene, seen)}  # type: ignore[dict-item] # it notes what it is shown

    async with stage.running(stage.camera(Source(lambda _: camera)), stage.pipeline.detect(Slow())):
        await until(lambda: camera.read_count >= 20)
        newest = camera.read_count
        release.set()
        await until(lambda: len(seen) >= 2)

    assert seen[0] == 1
    assert seen[1] >= newest - 1
    assert stage.stats.dropped["hall"] >= 17


class Spy:
    """A scene that notes the numbers of the frames it is shown."""

    def __init__(self, scene: Scene, seen: list[int]) -> None:
        self._scene = scene
        self._seen = seen

    def look(self, faces: list[Face], frame: Frame) -> Looked:
        self._seen.append(frame.scene)
        return self._scene.look(faces, frame)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scene, name)


async def test_a_recognizer_that_fails_is_asked_again_and_no_face_is_lost() -> None:
    """While the backend is away the faces wait and the problem is named; when it is back they are decided."""
    oracle = Oracle()
    oracle.ill = True
    stage = Stage(oracle)

    async with stage.running(stage.camera(Source(busy(), fps=100)), stage.pipeline.detect(Spotter())):
        await next_call(oracle)
        await until(lambda: "recognizer" in stage.pipeline.problems)
        assert "the cloud is away" in stage.pipeline.problems["recognizer"]
        oracle.ill = False
        await stage.ears.until(lambda ears: bool(ears.sightings))

    assert stage.pipeline.problems == {}


async def test_a_recognizer_that_nobody_asks_any_more_is_no_problem() -> None:
    """It failed while somebody was there; once nobody waits for it, only what it says itself counts."""
    oracle = Oracle()
    oracle.ill = True
    stage = Stage(oracle)
    pipeline = stage.pipeline

    async with stage.running(stage.camera(Source(busy(), fps=100)), pipeline.detect(Spotter())):
        await until(lambda: "recognizer" in pipeline.problems and pipeline.faces_waiting > 0)
        pipeline.tick()
        assert "recognizer" in pipeline.problems
    (track_id,) = pipeline.scenes["hall"].tracker.tracks
    pipeline._faces.discard(("hall", track_id))
    pipeline.tick()

    assert pipeline.problems == {}


async def test_people_who_left_are_not_asked_about() -> None:
    """When a slow backend has its next turn, the faces of tracks that ended do not stand before those who are there."""
    limiter = Limiter(Tier(1, 0.3))
    stage = Stage(Oracle(limiter=limiter), settings=PipelineSettings(batch_size=1, batch_wait=0.0))
    source = Source(busy(new_scenes=True), fps=200)

    async with stage.running(stage.camera(source), stage.pipeline.detect(Spotter())):
        tracker = stage.pipeline.scenes["hall"].tracker
        await next_call(stage.oracle)
        # However slow this machine is: many have come and gone.
        await until(lambda: tracker._count > 20)
        await next_call(stage.oracle)
        waiting = len(stage.pipeline._faces)

    assert waiting <= 1


async def test_the_best_view_of_a_waiting_face_is_identified() -> None:
    """Of the views that come while a face ripens the best goes to a backend whose calls are few, and only that one."""
    oracle = Oracle()
    oracle.habits = Habits(looks=1, ripen=1.5)
    stage = Stage(oracle)
    stage.pipeline.scenes["hall"].tracker.choosy = True
    sharp = picture()
    dull = imaging.ArrayPicture(np.repeat(np.repeat(sharp.rgb()[::4, ::4], 4, axis=0), 4, axis=1))
    camera = Busy("hall", dull)

    class Glimpse(Spotter):
        async def detect(self, picture: Picture) -> list[Face]:
            camera.picture = dull if self.seen else sharp
            return await super().detect(picture)

    spotter = Glimpse()
    async with stage.running(stage.camera(Source(lambda _: camera, fps=5)), stage.pipeline.detect(spotter)):
        await next_call(oracle)

    (batch,) = oracle.batches
    best = max((imaging.probe(seen, spotter.faces[0]) for seen in spotter.seen), key=lambda one: one.quality.value)
    assert [probe.quality for probe in batch] == [best.quality]
    assert len({id(seen) for seen in spotter.seen}) > 1


async def test_an_answer_from_before_a_rename_is_asked_again() -> None:
    """While the recognizer thinks, Anna is renamed: the old name is not told any more."""
    oracle = Oracle(answer(("anna", 0.9), ("bea", 0.1)))
    stage = Stage(oracle)
    thinking, renamed = asyncio.Event(), asyncio.Event()
    identify = oracle.identify

    async def slowly(probes: Any) -> Any:
        answers = await identify(probes)
        thinking.set()
        await renamed.wait()
        return answers

    oracle.identify = slowly  # type: ignore[method-assign] # a recognizer that can be held
    async with stage.running(stage.camera(Source(busy(), fps=100)), stage.pipeline.detect(Spotter())):
        await thinking.wait()
        oracle.reply = answer(("anne", 0.9), ("bea", 0.1))
        stage.pipeline.gallery_changed()
        renamed.set()
        await stage.ears.until(lambda ears: bool(ears.sightings))

    assert [one.name for one in stage.ears.sightings] == ["anne"]


async def test_a_face_too_bad_to_compare_costs_no_identification() -> None:
    """The quality gate keeps tiny faces from the recognizer and counts them."""
    stage = Stage(Oracle())
    spotter = Spotter(face(100, size=30))

    async with stage.running(stage.camera(Source(busy(), fps=200)), stage.pipeline.detect(spotter)):
        await until(lambda: stage.stats.counts["refused_too_small"] >= 2)

    assert stage.oracle.batches == []


async def test_a_changed_gallery_is_asked_about_everybody_in_sight() -> None:
    """After a training a person called unknown a moment ago gets their name without waiting."""
    oracle = Oracle(answer(("bea", 0.1), gallery=1))
    stage = Stage(oracle)

    async with stage.running(stage.camera(Source(busy(), fps=100)), stage.pipeline.detect(Spotter())):
        await stage.ears.until(lambda ears: bool(ears.sightings))
        oracle.reply = answer(("anna", 0.9), ("bea", 0.1), gallery=2)
        stage.pipeline.gallery_changed()
        await stage.ears.until(lambda ears: len(ears.sightings) > 1)

    assert [(one.type, one.name) for one in stage.ears.sightings] == [("unknown", None), ("recognized", "anna")]


async def test_a_bug_is_not_hidden() -> None:
    """An unexpected exception in a worker ends the group: the process stops instead of limping on."""

    class Broken(Spotter):
        async def detect(self, picture: Any) -> list[Face]:
            raise ZeroDivisionError

    stage = Stage(Oracle())

    with pytest.raises(ExceptionGroup) as caught:
        async with stage.running(stage.camera(Source(busy())), stage.pipeline.detect(Broken())):
            await asyncio.Event().wait()

    assert caught.group_contains(ZeroDivisionError)


async def test_who_is_not_recognized_is_told_why() -> None:
    """A face that stays undecided is explained on the way out, with what was seen of it."""
    stage = Stage(Oracle(answer(("anna", 0.52), ("bea", 0.51))))
    rules = SceneRules(
        voting=VotingRules(needed=100, unknown_needed=100, window=100),
        decision=stage.oracle.rules,
        explain=ExplainRules(after=0.05),
    )
    stage.pipeline.scenes = {"hall": Scene("hall", rules, "r")}

    def told(ears: Ears) -> list[Notice]:
        return [notice for notice in ears.notices if notice.type == "track.undecided"]

    async with stage.running(stage.camera(Source(busy(), fps=200)), stage.pipeline.detect(Spotter())):
        await stage.ears.until(lambda ears: any(notice.data["looks"] for notice in told(ears)))

    data = next(notice.data for notice in told(stage.ears) if notice.data["looks"])
    assert (data["camera"], data["reason"], data["name"], data["gone"]) == ("hall", "between_two", "anna", False)
    assert data["missing"] == pytest.approx(0.04)


async def test_other_rules_count_for_answers_under_way() -> None:
    """Rules that change while the recognizer is asked are those of the decision, of recognizer and scenes alike."""
    stage = Stage(Oracle(answer(("anna", 0.8), ("bea", 0.2))))

    async with stage.running(stage.camera(Source(busy(), fps=200)), stage.pipeline.detect(Spotter())):
        await stage.oracle.called.wait()
        stage.pipeline.judge_by(threshold=0.9)
        await stage.ears.until(lambda ears: bool(ears.sightings))

    assert [(one.name, one.decision.threshold) for one in stage.ears.sightings] == [(None, 0.9)]
    assert stage.oracle.rules.threshold == 0.9
