"""Faces that are kept for a person: all of them, or none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.guided import Tints
from tests.support.porch import probe
from tests.support.stand_ins import Ears, Spotter
from uSense.aio import Lane
from uSense.control import Control
from uSense.core.errors import NotFoundError, NotUndoneError, RecognizerError
from uSense.core.judging import DecisionRules
from uSense.core.quality import QualityRules
from uSense.recognizers.local import LocalRecognizer
from uSense.saving import Saving
from uSense.storage import Storage


@pytest.fixture
async def control(storage: Storage) -> AsyncIterator[Control]:
    """A real gallery, and an embedder that sees only colors."""
    async with Lane("embed") as lane:
        recognizer = LocalRecognizer(lane, Tints, storage.vault, DecisionRules())
        await recognizer.load()
        yield Control(recognizer, Spotter(), Ears(), QualityRules(), {}, dict)


async def keep(saving: Saving, new: str = "") -> Saving:
    """Two faces, trained; of somebody new if there is a name."""
    async with saving:
        if new:
            await saving.create(new)
        for shade in (40, 90):
            await saving.add(probe(shade), force=True)
        await saving.train()
    return saving


async def failing(*_: object, **__: object) -> Any:
    """The disk does not take it."""
    await asyncio.sleep(0)
    raise RecognizerError("the disk is full")


async def canceled() -> Any:
    """Somebody cancels it meanwhile."""
    await asyncio.sleep(0)
    raise asyncio.CancelledError


async def kept(control: Control) -> dict[str, int]:
    """How many faces everybody has."""
    return {person.name: len(person.face_ids) for person in await control.people()}


async def test_all_faces_are_kept_and_count(control: Control) -> None:
    """Somebody new, and then two more of the same person, who are told by their ids."""
    first = await keep(Saving(control), "Anna")
    second = await keep(Saving(control, first.person))

    (anna,) = await control.people()
    assert anna.trained
    assert set(anna.face_ids) == {*first.face_ids, *second.face_ids}
    assert (second.person.person_id, len(anna.face_ids)) == (anna.person_id, 4)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("step", ["add_face", "train"])
async def test_what_fails_leaves_nothing(
    control: Control, monkeypatch: pytest.MonkeyPatch, step: str, *, known: bool
) -> None:
    """No person who was not there before, and no face."""
    person = await control.create_person("Anna") if known else None
    monkeypatch.setattr(control.recognizer, step, failing)

    with pytest.raises(RecognizerError):
        await keep(Saving(control, person), "" if known else "Anna")

    assert await kept(control) == ({"Anna": 0} if known else {})


@pytest.mark.parametrize("step", ["create_person", "add_face", "train"])
async def test_a_cancel_leaves_nothing(control: Control, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """What the disk has begun goes on, and is undone all the same."""
    real, begun = getattr(control.recognizer, step), asyncio.Event()

    async def slow(*args: Any, **options: Any) -> Any:
        begun.set()
        return await asyncio.shield(asyncio.create_task(real(*args, **options)))

    monkeypatch.setattr(control.recognizer, step, slow)
    task = asyncio.create_task(keep(Saving(control), "Anna"))
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert await kept(control) == {}


@pytest.mark.parametrize(
    ("known", "undoing", "left"),
    [
        (False, "delete_person", "What had been saved could not be removed: delete Anna."),
        (True, "delete_face", "Some of the new pictures of Anna could not be removed."),
    ],
)
@pytest.mark.parametrize("cancel", [False, True])
async def test_what_cannot_be_undone_is_said(
    control: Control, monkeypatch: pytest.MonkeyPatch, undoing: str, left: str, *, known: bool, cancel: bool
) -> None:
    """With the reason, in words for whoever asked; a cancel stays a cancel."""
    person = await control.create_person("Anna") if known else None
    saving = Saving(control, person)
    monkeypatch.setattr(control.recognizer, undoing, failing)
    monkeypatch.setattr(control.recognizer, "train", canceled if cancel else failing)

    with pytest.raises(asyncio.CancelledError if cancel else NotUndoneError) as caught:
        await keep(saving, "" if known else "Anna")

    assert saving.left == left
    assert str(caught.value) == ("" if cancel else f"The disk is full. {left}")


async def test_who_is_erased_meanwhile_is_no_reason_to_complain(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing left to be undone."""

    async def erased(person_id: str, *_: object, **__: object) -> Any:
        await control.delete_person(person_id)
        raise NotFoundError("person", person_id)

    monkeypatch.setattr(control.recognizer, "add_face", erased)
    saving = Saving(control)

    with pytest.raises(NotFoundError):
        await keep(saving, "Anna")

    assert saving.left == ""
    assert await kept(control) == {}
