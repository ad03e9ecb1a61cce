"""Guided enrollment: portraits move in front of a camera of the running pipeline, and all faces are kept, or none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.support.guided import QUICK, House, Nobody, moving, noise, plain, serving
from tests.support.portraits import EILEEN, GRACE
from uSense.core.errors import ConflictError, RequestError
from uSense.core.models import MOST_FACES, Rgb
from uSense.detectors.hog import HogSettings
from uSense.detectors.yunet import YunetSettings
from uSense.recognizers.local import LocalSettings
from uSense.storage import open_storage

# Real faces, detectors and embeddings


@asynccontextmanager
async def real(tmp_path: Path, kind: str, models: Path, show: Callable[[], Rgb]) -> AsyncIterator[House]:
    """A house in which only the camera is a stand-in."""
    settings = YunetSettings(path=models / "face_detection_yunet_2023mar.onnx") if kind == "yunet" else HogSettings()
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(tmp_path / "data"))
        recognizer = await stack.enter_async_context(LocalSettings().open(storage, keep_crops=False))
        detector = await stack.enter_async_context(settings.open("detect-photos"))
        yield await stack.enter_async_context(serving(recognizer, detector, show))


@pytest.mark.parametrize("kind", ["yunet", "hog"])
async def test_who_was_enrolled_at_the_camera_is_named_at_the_next_look(
    tmp_path: Path, models: Path, kind: str
) -> None:
    """Six faces are taken and trained, with and without landmarks, and the pipeline knows the person at once."""
    async with real(tmp_path, kind, models, moving(GRACE)) as house:
        begun = await house.control.guide.start("Grace", "hall")
        finished = await house.finished()
        async with HogSettings().open("detect") as detector, asyncio.TaskGroup() as group:
            tasks = [group.create_task(house.pipeline.detect(detector)), group.create_task(house.pipeline.identify())]
            await house.ears.until(lambda ears: bool(ears.sightings))
            for task in tasks:
                task.cancel()
        (person,) = await house.control.people()

    assert (finished["state"], finished["code"], finished["faces"], finished["alike"]) == ("succeeded", "done", 6, [])
    assert finished["text"] == "Grace is enrolled with 6 pictures."
    assert finished["enrollment_id"] == begun.enrollment_id
    assert (finished["person_id"], len(person.face_ids), person.trained) == (person.person_id, 6, True)
    assert house.ears.sightings[0].name == "Grace"
    assert house.codes[0] == "look_straight"
    assert "look_left" in house.codes
    steps = [prompt["step"] for prompt in house.told("enroll.prompt")]
    assert steps == sorted(steps)


async def test_who_looks_like_somebody_enrolled_is_refused_unless_forced(tmp_path: Path, models: Path) -> None:
    """Grace cannot become Clara by mistake; if it is meant, she is named as the one to be confused with."""
    async with real(tmp_path, "yunet", models, moving(GRACE)) as house:
        await house.enrolled("Grace", GRACE)
        await house.control.guide.start("Clara")
        refused = await house.finished()
        before = [person.name for person in await house.control.people()]
        await house.control.guide.start("Clara", force=True)
        forced = await house.finished(2)
        after = [person.name for person in await house.control.people()]

    assert (refused["state"], refused["code"], refused["faces"]) == ("refused", "looks_like", 0)
    assert refused["text"] == "This looks like Grace, who is enrolled already. Nothing was saved."
    assert before == ["Grace"]
    assert (forced["state"], after) == ("succeeded", ["Clara", "Grace"])
    assert [one["name"] for one in forced["alike"]] == ["Grace"]
    assert forced["text"].endswith("Clara and Grace look alike: more pictures of both keep them apart.")


async def test_who_is_enrolled_gets_further_faces_but_not_somebody_else_s(tmp_path: Path, models: Path) -> None:
    """The name of somebody who exists adds to them, if it is them."""
    async with real(tmp_path, "yunet", models, moving(GRACE)) as house:
        await house.enrolled("Grace", GRACE)
        await house.control.guide.start("grace")
        added = await house.finished()
        house.camera.show = moving(EILEEN)
        await house.control.guide.start("Grace")
        refused = await house.finished(2)
        (person,) = await house.control.people()

    assert (added["state"], added["code"]) == ("succeeded", "added")
    assert added["text"] == "6 more pictures of Grace were added."
    assert (refused["state"], refused["code"]) == ("refused", "unlike")
    assert refused["text"] == "This does not look like the Grace who is enrolled. Nothing was saved."
    assert len(person.face_ids) == 9


async def test_a_swap_half_way_is_refused(tmp_path: Path, models: Path) -> None:
    """When somebody else takes the place, nothing is saved of either."""
    async with real(tmp_path, "yunet", models, moving(GRACE)) as house:
        await house.control.guide.start("Grace")
        await house.prompted("look_left")
        house.camera.show = moving(EILEEN)
        finished = await house.finished()
        people = await house.control.people()

    assert (finished["state"], finished["code"], finished["person_id"]) == ("refused", "another_person", None)
    assert people == []


async def test_two_people_in_view_are_refused(tmp_path: Path, models: Path) -> None:
    """Nothing is taken of them, and it is said why."""
    async with real(tmp_path, "hog", models, moving(GRACE, EILEEN)) as house:
        await house.control.guide.start("Grace")
        finished = await house.finished()

    assert (finished["state"], finished["code"]) == ("refused", "two_people")
    assert "one_person" in house.codes
    assert {prompt["step"] for prompt in house.told("enroll.prompt")} == {0}


async def test_the_dark_is_said_until_there_is_light(tmp_path: Path, models: Path) -> None:
    """A face in the dark is not taken; with light it goes on."""
    async with real(tmp_path, "yunet", models, moving(GRACE, light=0.06)) as house:
        await house.control.guide.start("Grace")
        await house.prompted("too_dark")
        house.camera.show = moving(GRACE)
        finished = await house.finished()

    assert finished["state"] == "succeeded"


# What may go wrong, with stand-ins for all that sees


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house where a red person stands in front of the camera."""
    async with plain(tmp_path, noise(180, 40, 40)) as house:
        yield house


async def test_one_at_a_time(house: House) -> None:
    """A second start is told that it is busy; afterwards there is room again."""
    await house.control.guide.start("Anna")
    with pytest.raises(ConflictError, match="already") as busy:
        await house.control.guide.start("Bea")
    first = await house.finished()
    house.camera.show = noise(40, 40, 180)
    await house.control.guide.start("Bea")
    second = await house.finished(2)

    assert busy.value.code == "busy"
    assert (first["state"], second["state"]) == ("succeeded", "succeeded")
    assert [person.name for person in await house.control.people()] == ["Anna", "Bea"]


async def test_a_cancel_ends_it_and_saves_nothing(house: House) -> None:
    """It is answered with the enrollment that ends, and does no harm where there is none."""
    nobody = house.control.guide.cancel()
    begun = await house.control.guide.start("Anna")
    await house.prompted("look_straight")

    canceled = house.control.guide.cancel()
    finished = await house.finished()

    assert (nobody, canceled) == (None, begun.enrollment_id)
    assert (finished["state"], finished["text"]) == ("canceled", "The enrollment was canceled. Nothing was saved.")
    assert await house.control.people() == []


async def test_nobody_comes(house: House) -> None:
    """It ends by itself when nobody is to be seen."""
    house.control.detector = Nobody()
    await house.control.guide.start("Anna")
    finished = await house.finished()

    assert (finished["state"], finished["code"]) == ("failed", "nobody")
    assert house.codes[0] == "nobody"


async def test_a_camera_that_is_paused_cannot_begin_nor_go_on(house: House) -> None:
    """Both are told in plain words."""
    await house.control.guide.start("Anna")
    await house.prompted("look_straight")
    house.control.pause("hall", paused=True)
    finished = await house.finished()
    with pytest.raises(RequestError, match="it is paused") as offline:
        await house.control.guide.start("Anna")
    with pytest.raises(RequestError, match="no camera 'attic'"):
        await house.control.guide.start("Anna", "attic")

    assert (finished["state"], finished["code"]) == ("failed", "camera_offline")
    assert finished["text"].startswith("The camera hall ")
    assert finished["text"].endswith(". Nothing was saved.")
    assert offline.value.code == "camera_offline"


async def test_a_camera_that_is_lost_ends_it(house: House) -> None:
    """The reason is the camera's."""
    await house.control.guide.start("Anna")
    await house.prompted("look_straight")
    house.camera.lost = "the cable is out"
    finished = await house.finished()

    assert (finished["state"], finished["code"]) == ("failed", "camera_offline")
    assert finished["text"] in {
        "The camera hall is offline: the cable is out. Nothing was saved.",
        "The camera hall sent no picture within 5 s. Nothing was saved.",
    }


async def test_a_service_that_stops_says_so(house: House) -> None:
    """Who is being enrolled is told."""
    await house.control.guide.start("Anna")
    await house.prompted("look_straight")
    await house.stopped()

    assert (await house.finished())["text"] == "The service is stopping. Nothing was saved."


async def test_who_is_erased_meanwhile_does_not_come_back(house: House) -> None:
    """Nobody is made again by an enrollment that began before the erasure."""
    await house.control.create_person("Anna")
    await house.control.guide.start("Anna")
    await house.prompted("look_straight")
    await house.control.delete_person("Anna")
    finished = await house.finished()

    assert (finished["state"], finished["text"]) == ("failed", "Anna was erased meanwhile. Nothing was saved.")
    assert await house.control.people() == []


async def test_who_has_too_many_faces_is_refused_at_once(house: House) -> None:
    """Nobody stands in front of a camera for nothing."""
    person = await house.control.create_person("Anna")
    probe = await house.control.one_face((await house.pipeline.cameras.shot("hall")).rgb, "hall")
    for _ in range(MOST_FACES - QUICK.steps + 1):
        await house.control.recognizer.add_face(person.person_id, probe, force=True)

    with pytest.raises(ConflictError, match="35 faces") as caught:
        await house.control.guide.start("Anna")

    assert caught.value.code == "too_many_faces"
    assert house.control.guide.cancel() is None
