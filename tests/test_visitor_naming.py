"""Visitors who get a name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.porch import Porch, ids, probe, stranger
from tests.support.stand_ins import Spotter
from uSense.aio import Lane
from uSense.control import Control
from uSense.core.errors import ConflictError, NotFoundError, RequestError, StorageError
from uSense.core.judging import DecisionRules
from uSense.core.matching import Metric
from uSense.core.models import MOST_FACES, Probe, Training
from uSense.core.quality import QualityRules
from uSense.recognizers.embedders.base import Vectors
from uSense.recognizers.local import LocalRecognizer
from uSense.saving import Saving
from uSense.storage import Storage, open_storage
from uSense.visitor_naming import enroll, name_visitor


class Shades:
    """An embedder to which every shade of gray is another stranger."""

    model = "oracle"
    metric = Metric.EUCLIDEAN

    def embed(self, probes: Sequence[Probe]) -> Vectors:
        return np.stack([stranger(round(float(one.crop.mean()) / 10)) for one in probes])

    def enroll(self, probe: Probe) -> Vectors:
        return self.embed([probe])


@dataclass(frozen=True, slots=True)
class House:
    """A house with a porch, where somebody unknown has been twice."""

    control: Control
    porch: Porch
    storage: Storage

    @property
    def visitor_id(self) -> str:
        (visitor,) = self.porch.visiting.everybody()
        return visitor.visitor_id

    @property
    def told(self) -> list[str]:
        """What was told on `usense/event`."""
        return [notice.type for notice in self.porch.notices]

    async def enroll(self, name: str, who: int) -> str:
        """One of the strangers becomes a person."""
        person = await self.control.create_person(name)
        await self.control.recognizer.add_face(person.person_id, probe(10 * who))
        await self.control.train()
        return person.person_id


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Stranger 7 is a visitor, and nobody is enrolled."""
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(tmp_path / "data"))
        lane = await stack.enter_async_context(Lane("embed"))
        recognizer = LocalRecognizer(lane, Shades, storage.vault, DecisionRules())
        await recognizer.load()
        porch = Porch(storage.visitors, oracle=recognizer)
        control = Control(recognizer, Spotter(), porch.ears, QualityRules(), {}, dict)
        control.visiting = porch.visiting
        control.on_gallery = porch.visiting.gallery_changed
        porch.visit(stranger(7))
        porch.visit(stranger(7))
        yield House(control, porch, storage)


async def test_a_visitor_becomes_a_person(house: House) -> None:
    """The kept faces are enrolled and trained, earlier events are told with the name, and the visitor is no more."""
    visitor_id, events = house.visitor_id, [sighting.event_id for sighting in house.porch.told]

    named = await name_visitor(house.control, visitor_id, "Carl", new=True)

    (person,) = await house.control.people()
    assert (person.name, person.trained, person.face_ids) == ("Carl", True, named.face_ids)
    assert len(named.face_ids) == named.faces
    notice = house.porch.notices[-1]
    assert (notice.type, notice.lasting) == ("visitor.named", True)
    assert notice.data == {
        "visitor_id": visitor_id,
        "person_id": person.person_id,
        "name": "Carl",
        "event_ids": events,
    }
    assert house.porch.visiting.everybody() == []
    assert await house.storage.visitors.load() == []
    (answer,) = await house.control.recognizer.identify([probe(70)])
    assert answer.candidates[0].person_id == person.person_id


async def test_a_visitor_is_somebody_who_is_enrolled(house: House) -> None:
    """Their faces are added to the person's, once, also if an earlier attempt had done so."""
    visitor_id = house.visitor_id
    dora = await house.enroll("Dora", 3)
    assert house.visitor_id == visitor_id

    with pytest.raises(ConflictError):
        await name_visitor(house.control, visitor_id, "Dora", new=True)
    for probe_ in await house.porch.visiting.probes(visitor_id):
        await house.control.recognizer.add_face(dora, probe_, force=True)
    named = await name_visitor(house.control, visitor_id, "Dora", new=False)

    (person,) = await house.control.people()
    assert (named.person_id, named.name) == (dora, "Dora")
    assert person.trained


async def test_who_looks_like_somebody_else_is_refused_unless_forced(house: House) -> None:
    """Nothing of the attempt is left: no person, no face, and the visitor is still one."""
    visitor_id = house.visitor_id
    eve = await house.control.create_person("Eve")
    await house.control.recognizer.add_face(eve.person_id, probe(70))

    with pytest.raises(ConflictError) as caught:
        await name_visitor(house.control, visitor_id, "Carl", new=True)

    assert caught.value.code == "wrong_person"
    assert house.told[-1] == "person.erased"
    assert [person.name for person in await house.control.people()] == ["Eve"]
    assert house.visitor_id == visitor_id
    await name_visitor(house.control, visitor_id, "Carl", new=True, force=True)
    assert [person.name for person in await house.control.people()] == ["Carl", "Eve"]


async def test_a_training_that_fails_loses_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The visitor stays, nobody new is there, and the same command once more is enough."""
    visitor_id = house.visitor_id

    async def full() -> Training:
        raise StorageError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(house.control.recognizer, "train", full)
        with pytest.raises(StorageError):
            await name_visitor(house.control, visitor_id, "Carl", new=True)

    assert house.visitor_id == visitor_id
    assert await house.control.people() == []
    named = await name_visitor(house.control, visitor_id, "Carl", new=True)
    assert named.visitor_id == visitor_id
    assert house.told[-1] == "visitor.named"


async def test_what_cannot_be_erased_at_once_is_erased_later(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have their name, so the command succeeded; what was kept of the visitor goes when the disk allows."""
    await house.porch.visiting.work()

    async def full(_: object, visitor_ids: Sequence[str]) -> None:
        raise StorageError(f"the disk is full: {visitor_ids}")

    with monkeypatch.context() as patched:
        patched.setattr(type(house.storage.visitors), "erase", full)
        named = await name_visitor(house.control, house.visitor_id, "Carl", new=True)
    assert len(await house.storage.visitors.load()) == 1

    await house.porch.visiting.work()

    assert named.name == "Carl"
    assert await house.storage.visitors.load() == []


async def test_a_service_that_stops_meanwhile_loses_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Canceled while it trains: the visitor is there as before, and nobody new."""
    visitor_id, trains = house.visitor_id, asyncio.Event()

    async def endless() -> Training:
        trains.set()
        return await asyncio.Future[Training]()

    with monkeypatch.context() as patched:
        patched.setattr(house.control.recognizer, "train", endless)
        task = asyncio.create_task(name_visitor(house.control, visitor_id, "Carl", new=True))
        await trains.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert house.visitor_id == visitor_id
    assert await house.control.people() == []
    assert len(await house.storage.visitors.load()) == 1


async def test_only_who_is_there_can_be_named(house: House) -> None:
    """Not a candidate, nobody at all, and not without a running service."""
    assert ids(house.porch.visit(stranger(5))) == [None]
    (candidate,) = [one for one in house.porch.visiting.book.visitors.values() if not one.minted]
    for visitor_id in (candidate.visitor_id, "1"):
        with pytest.raises(NotFoundError):
            await name_visitor(house.control, visitor_id, "Carl", new=True)
    house.control.visiting = None
    with pytest.raises(RequestError, match="running service"):
        await name_visitor(house.control, "1", "Carl", new=True)


async def test_a_face_that_is_refused_takes_the_others_back(house: House) -> None:
    """Of several faces all are kept, or none; those beyond what a person may have are left out."""
    eve = await house.control.create_person("Eve")
    await house.control.recognizer.add_face(eve.person_id, probe(70))
    await house.control.create_person("Dora")

    with pytest.raises(ConflictError, match="Eve"):
        await given(house, "Dora", [probe(30), probe(70)], force=False)

    assert (await house.control.find("Dora")).face_ids == ()
    many = [probe(10 * (number % 16)) for number in range(MOST_FACES + 5)]
    assert len(await given(house, "Dora", many, force=True)) == MOST_FACES
    with pytest.raises(ConflictError, match="has 40 faces"):
        await given(house, "Dora", [probe(30)], force=True)


async def given(house: House, name: str, probes: Sequence[Probe], *, force: bool) -> list[str]:
    """Give somebody these faces; their ids."""
    async with Saving(house.control, await house.control.find(name)) as saving:
        await enroll(saving, probes, force=force)
    return saving.face_ids


@pytest.mark.parametrize("step", ["add_face", "train"])
async def test_who_is_enrolled_has_no_face_more_if_it_fails(
    house: House, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Neither when the training fails, nor when the service stops while a face is being kept."""
    visitor_id, dora = house.visitor_id, await house.enroll("Dora", 3)
    before = await house.control.find(dora)

    async def full(*_: object, **__: object) -> Any:
        raise StorageError("the disk is full")

    real = house.control.recognizer.add_face

    async def slow(*args: Any, **options: Any) -> Any:
        task.cancel()
        return await asyncio.shield(asyncio.create_task(real(*args, **options)))

    monkeypatch.setattr(house.control.recognizer, step, full if step == "train" else slow)
    task = asyncio.create_task(name_visitor(house.control, visitor_id, "Dora", new=False))

    with pytest.raises(StorageError if step == "train" else asyncio.CancelledError):
        await task
    assert await house.control.find(dora) == before
    assert house.visitor_id == visitor_id
