"""A guided enrollment that is canceled or fails while it saves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.guided import House, noise, plain
from uSense.core.errors import BadImageError, RecognizerError
from uSense.core.models import Probe, Training
from uSense.ports import AddedFace

# Real faces, detectors and embeddings


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house where a red person stands in front of the camera."""
    async with plain(tmp_path, noise(180, 40, 40)) as house:
        yield house


async def test_a_training_that_fails_leaves_nobody_behind(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new person is erased again, and who was there before has the faces they had."""
    bea = await house.control.create_person("Bea")
    probe = await house.control.one_face(noise(40, 180, 40)(), "photo")
    await house.control.recognizer.add_face(bea.person_id, probe)

    async def failing() -> Training:
        await asyncio.sleep(0)
        raise RecognizerError("the disk is full")

    monkeypatch.setattr(house.control.recognizer, "train", failing)
    await house.control.guide.start("Anna")
    new = await house.finished()
    house.camera.show = noise(40, 180, 40)
    await house.control.guide.start("Bea")
    known = await house.finished(2)

    assert [one["text"] for one in (new, known)] == ["The disk is full. Nothing was saved."] * 2
    assert [(person.name, len(person.face_ids)) for person in await house.control.people()] == [("Bea", 1)]


async def test_what_cannot_be_undone_is_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told that nothing was saved if something was."""
    recognizer = house.control.recognizer

    async def failing(*_: object, **__: object) -> AddedFace:
        await asyncio.sleep(0)
        raise RecognizerError("the disk is full")

    monkeypatch.setattr(recognizer, "add_face", failing)
    monkeypatch.setattr(recognizer, "delete_person", failing)
    await house.control.guide.start("Anna")
    finished = await house.finished()

    assert finished["text"] == "The disk is full. What had been saved could not be removed: delete Anna."


async def test_a_cancel_while_it_saves_removes_what_was_saved(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """All or nothing also then."""
    training = asyncio.Event()

    async def endless() -> Training:
        training.set()
        await asyncio.Event().wait()
        raise AssertionError("it is canceled")

    monkeypatch.setattr(house.control.recognizer, "train", endless)
    await house.control.guide.start("Anna")
    await training.wait()
    house.control.guide.cancel()
    finished = await house.finished()

    assert finished["state"] == "canceled"
    assert await house.control.people() == []


@pytest.mark.parametrize("step", ["create_person", "add_face"])
async def test_a_cancel_at_any_step_removes_what_was_saved(
    house: House, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The disk goes on with what it has begun; the person it made, or the face it added, is removed all the same."""
    if step == "add_face":
        await house.control.create_person("Anna")
    real = getattr(house.control.recognizer, step)

    async def slow(*args: Any, **options: Any) -> Any:
        house.control.guide.cancel()
        return await asyncio.shield(asyncio.create_task(real(*args, **options)))

    monkeypatch.setattr(house.control.recognizer, step, slow)
    await house.control.guide.start("Anna")
    finished = await house.finished()

    assert finished["text"] == "The enrollment was canceled. Nothing was saved."
    left = [(person.name, len(person.face_ids)) for person in await house.control.people()]
    assert left == ([("Anna", 0)] if step == "add_face" else [])


async def test_what_a_stop_cannot_undo_is_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also then nobody is told that nothing was saved if something was."""
    training = asyncio.Event()

    async def endless() -> Training:
        training.set()
        await asyncio.Event().wait()
        raise AssertionError("it is canceled")

    async def failing(*_: object) -> None:
        await asyncio.sleep(0)
        raise RecognizerError("the disk is full")

    monkeypatch.setattr(house.control.recognizer, "train", endless)
    monkeypatch.setattr(house.control.recognizer, "delete_person", failing)
    await house.control.guide.start("Anna")
    await training.wait()
    await house.stopped()

    assert (await house.finished())["text"] == (
        "The service is stopping. What had been saved could not be removed: delete Anna."
    )


async def test_a_cancel_when_all_is_trained_trains_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Faces that were trained at the last moment do not go on to count."""
    bea = await house.control.create_person("Bea")
    probe = await house.control.one_face((await house.pipeline.cameras.shot("hall")).rgb, "hall")
    await house.control.recognizer.add_face(bea.person_id, probe)
    await house.control.train()
    train, trainings = house.control.recognizer.train, list[Training]()

    async def late() -> Training:
        trainings.append(await train())
        if len(trainings) == 1:
            house.control.guide.cancel()
            await asyncio.Event().wait()
        return trainings[-1]

    monkeypatch.setattr(house.control.recognizer, "train", late)
    await house.control.guide.start("Bea")
    finished = await house.finished()

    assert finished["state"] == "canceled"
    assert [report.faces for report in trainings] == [7, 1]


async def test_faces_that_cannot_be_removed_are_no_reason_to_delete_the_person(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was enrolled before is not to be deleted for a few pictures too many."""
    await house.control.create_person("Anna")

    async def failing(*_: object, **__: object) -> None:
        await asyncio.sleep(0)
        raise RecognizerError("the disk is full")

    monkeypatch.setattr(house.control.recognizer, "train", failing)
    monkeypatch.setattr(house.control.recognizer, "delete_face", failing)
    await house.control.guide.start("Anna")
    finished = await house.finished()

    assert finished["text"] == "The disk is full. Some of the new pictures of Anna could not be removed."


async def test_a_face_that_the_recognizer_does_not_see_is_not_taken(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that looks for faces itself may find none: the next picture is another chance."""
    compare = house.control.recognizer.compare
    asked: list[Probe] = []

    async def doubting(a: Probe, b: Probe) -> float:
        asked.append(b)
        if len(asked) % 2:
            raise BadImageError("the picture", "no face is found in it", code="no_face")
        return await compare(a, b)

    monkeypatch.setattr(house.control.recognizer, "compare", doubting)
    await house.control.guide.start("Anna")
    finished = await house.finished()

    assert finished["faces"] == 6
    assert len(asked) == 10
