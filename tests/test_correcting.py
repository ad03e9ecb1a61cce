"""What was said of a face against its person, and what takes it back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.porch import Porch, probe, stranger
from tests.support.stand_ins import Spotter
from tests.test_visitor_naming import House, Shades
from uSense.aio import Lane
from uSense.control import Control
from uSense.core.errors import StorageError
from uSense.core.events import Sighting
from uSense.core.judging import DecisionRules
from uSense.core.models import MOST_FACES
from uSense.core.quality import QualityRules
from uSense.correcting import Praise, right, wrong
from uSense.recognizers.local import LocalRecognizer
from uSense.storage import open_storage

GRACE = 3
"""Number of her face."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Grace and Eileen are enrolled."""
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(tmp_path / "data"))
        lane = await stack.enter_async_context(Lane("embed"))
        recognizer = LocalRecognizer(lane, Shades, storage.vault, DecisionRules())
        await recognizer.load()
        porch = Porch(storage.visitors, oracle=recognizer)
        control = Control(recognizer, Spotter(), porch.ears, QualityRules(), {}, dict)
        control.visiting, control.on_gallery = porch.visiting, porch.visiting.gallery_changed
        made = House(control, porch, storage)
        await made.enroll("Grace", GRACE)
        await made.enroll("Eileen", 9)
        yield made


async def seen(house: House, porch: Porch | None = None) -> Sighting:
    """Grace comes, and goes again."""
    grace = await house.control.find("Grace")
    (told,) = (porch or house.porch).visit(stranger(GRACE), (grace.person_id, 0.88), ("x", 0.34))
    return told


async def rejected(house: House, kept: int) -> bool:
    """Whether so many faces are not Grace's, here and on the disk, and what comes of them; nobody else has any."""
    rejecting = house.porch.visiting.rejecting
    grace = await house.control.find("Grace")
    here, there = rejecting.rejections.kept.get(grace.person_id, []), await house.storage.visitors.rejections()
    assert [one.rejection_id for one in here] == [one.rejection_id for one in there]
    return len(here) == kept


async def test_who_gets_a_face_is_recognized_by_such_again(house: House) -> None:
    """A mistaken correction made Grace unknown; said of that unknown face that it is she, she is known, for good."""
    told = await seen(house)
    await wrong(house.control, told, probe(10 * GRACE), "Eileen")
    (photo,) = set((await house.control.find("Eileen")).face_ids[1:])
    await house.control.delete_face("Eileen", photo)
    unknown = await seen(house)
    assert (unknown.person_id, unknown.decision.reason) == (None, "rejected_before")

    await wrong(house.control, unknown, probe(10 * GRACE), "Grace")

    again = Porch(house.storage.visitors)
    await again.visiting.load()
    assert (await seen(house)).name is not None
    assert (await seen(house, again)).name is not None
    assert await rejected(house, 0)


async def test_a_photo_is_a_face_that_is_given_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever door it comes in by."""
    await wrong(house.control, await seen(house))

    async def shown(*_: object) -> Any:
        return probe(10 * GRACE)

    monkeypatch.setattr(house.control, "one_face", shown)
    await house.control.add_picture("Grace", probe().crop, "grace.jpg", force=True)

    assert (await seen(house)).name is not None


async def test_another_face_takes_nothing_back(house: House) -> None:
    """Of a face like none that was rejected; and what was said against others stays."""
    await wrong(house.control, await seen(house))
    unknown = await seen(house)

    await wrong(house.control, unknown, probe(70), "Grace")
    await wrong(house.control, unknown, probe(10 * GRACE), "Eileen")

    assert await rejected(house, 1)
    assert (await seen(house)).person_id is None


@pytest.mark.parametrize("quality", [0.2, 0.9])
async def test_right_takes_it_back(house: House, quality: float) -> None:
    """Said of the very sighting of which wrong was said before; also if its face is too bad to be kept."""
    told, face = await seen(house), probe(10 * GRACE)
    await wrong(house.control, told)

    praise = await right(house.control, told, replace(face, quality=replace(face.quality, value=quality)))

    assert (praise is Praise.NOT_GOOD_ENOUGH) is (quality < 0.5)
    assert await rejected(house, 0)
    assert (await seen(house)).name is not None


async def test_right_takes_back_what_was_said_of_such_faces(house: House) -> None:
    """Of another sighting of the same face; and there need not be room for one more."""
    first, second = await seen(house), await seen(house)
    await wrong(house.control, first)
    grace = await house.control.find("Grace")
    for number in range(MOST_FACES - len(grace.face_ids)):
        await house.storage.vault.add_template(grace.person_id, "other", [stranger(GRACE)], None)
        assert number < MOST_FACES

    assert await right(house.control, second, probe(10 * GRACE)) is Praise.ENOUGH

    assert await rejected(house, 0)


async def test_without_its_face_right_takes_back_what_was_said_of_the_sighting(house: House) -> None:
    """And nothing else."""
    first, second = await seen(house), await seen(house)
    await wrong(house.control, first)
    await wrong(house.control, second)

    assert await right(house.control, second, None) is Praise.NO_FACE

    assert await rejected(house, 1)


async def test_a_face_is_not_given_if_what_was_said_against_it_stays(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it or nothing, as it was before, trained."""
    await wrong(house.control, await seen(house))
    unknown, before = await seen(house), await house.control.find("Grace")

    async def full(*_: str) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as patching:
        patching.setattr(house.porch.visiting.rejecting._store, "unreject", full)
        with pytest.raises(StorageError):
            await wrong(house.control, unknown, probe(10 * GRACE), "Grace")

    assert await rejected(house, 1)
    assert await house.control.find("Grace") == before


async def test_who_leaves_while_it_is_taken_back_has_done_all_of_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk has begun: face and name stay given."""
    await wrong(house.control, await seen(house))
    eileen, store = await house.control.find("Eileen"), house.porch.visiting.rejecting._store
    (told,) = house.porch.visit(stranger(GRACE), (eileen.person_id, 0.88))
    begun, canceled, real = asyncio.Event(), asyncio.Event(), store.unreject

    async def slow(*rejection_ids: str) -> None:
        begun.set()
        await canceled.wait()
        await real(*rejection_ids)

    monkeypatch.setattr(store, "unreject", slow)
    task = asyncio.create_task(wrong(house.control, told, probe(10 * GRACE), "Grace"))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    canceled.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert [one.person_id for one in await house.storage.visitors.rejections()] == [eileen.person_id]
    assert len((await house.control.find("Grace")).face_ids) == 2
