"""SIGKILL between the steps of what changes people: either all of it has happened, or nothing."""

from __future__ import annotations

import base64
import io
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from tests.faults.house import BOUND, House
from tests.support import needs

STEPS = ("person/create", "face/add", "train", "person/rename", "person/merge", "person/delete")
_PLACES = {
    "person/create": ("1 inside", "1 after"),
    "face/add": ("1 inside", "1 after"),
    # The gallery, then the notice into the journal, then the notice out of it.
    "train": ("1 inside", "1 after", "2 inside", "2 after", "3 inside", "3 after"),
    "person/rename": ("1 inside", "1 after"),
    # The merge, then the notice into the journal or the gallery.
    "person/merge": ("1 inside", "1 erasing", "1 after", "2 inside", "2 after"),
    "person/delete": ("1 inside", "1 erasing", "1 after", "2 inside", "2 after", "3 inside", "3 after"),
    "people forget": ("1 inside", "1 erasing", "1 after", "2 inside", "2 after"),
}
"""The number of the write and the place in it, at which the process dies."""
GUEST = "Guest"
OTHER_NAME = "Guest of honor"
DOUBLE = "Guest again"


@cache
def _photos() -> tuple[str, ...]:
    folder = needs.folder(needs.SHARED / "faces") / "lfw10" / "Colin_Powell"
    return tuple(base64.b64encode(photo.read_bytes()).decode() for photo in sorted(folder.iterdir())[:3])


@cache
def large_picture() -> str:
    """Twelve million pixels."""
    data = io.BytesIO()
    Image.fromarray(np.zeros((3000, 4000, 3), np.uint8)).save(data, "JPEG")
    return base64.b64encode(data.getvalue()).decode()


async def guest(house: House) -> dict[str, Any] | None:
    """The guest as `person/list` has them, under either name."""
    people = (await house.ask("person/list", {}))["data"]
    return next((person for person in people if person["name"] in {GUEST, OTHER_NAME}), None)


async def prepare(house: House, step: str) -> dict[str, Any]:
    """Bring everything to the moment before the step; the guest as they are then."""
    begun = time.monotonic()
    await clear(house)
    if step != "person/create":
        await done(house, "person/create", {"name": GUEST})
    if step not in {"person/create", "face/add"}:
        for photo in _photos()[:2]:
            await done(house, "face/add", {"person_id": GUEST, "image": photo, "force": True})
    if step == "person/merge":
        await done(house, "person/create", {"name": DOUBLE})
        await done(house, "face/add", {"person_id": DOUBLE, "image": _photos()[2], "force": True})
    if step in {"person/rename", "person/merge", "person/delete", "people forget"}:
        await done(house, "train", {})
    # Writes of notices that are still on their way would be taken for the step's.
    await house.until(lambda: house.ledger.all_told(begun), BOUND, f"all told before {step}")
    return await guest(house) or {}


async def clear(house: House) -> None:
    """Let all guests leave."""
    people = (await house.ask("person/list", {}))["data"]
    for person in people:
        if person["name"] in {GUEST, OTHER_NAME, DOUBLE}:
            await done(house, "person/delete", {"person_id": person["person_id"]})


async def done(house: House, command: str, payload: dict[str, Any]) -> Any:
    """Carry out a command that must succeed; its data."""
    reply = await house.ask(command, payload)
    assert reply["status"] == "ok", f"{command}: {reply}"
    return reply["data"]


def killed(step: str) -> Callable[[House, random.Random], AbstractAsyncContextManager[None]]:
    """The process dies in or after one of the writes of a command."""

    @asynccontextmanager
    async def strike(house: House, rng: random.Random) -> AsyncIterator[None]:
        before = await prepare(house, step)
        place = rng.choice(_PLACES[step])
        order = house.service.orders / "die"
        ends = len(house.exits)
        order.write_text(place, "ascii")
        await house.order(step, _payload(step))
        try:
            await house.until(lambda: len(house.exits) > ends, BOUND, f"death at {place} of {step}")
        finally:
            order.unlink(missing_ok=True)
        yield
        await _check(house, step, place, before)

    return strike


@asynccontextmanager
async def killed_beside(house: House, rng: random.Random) -> AsyncIterator[None]:
    """A command beside the service dies in or after one of its writes; the service tells what it did."""
    before = await prepare(house, "people forget")
    place = rng.choice(_PLACES["people forget"])
    code = await house.beside(place, "people", "forget", GUEST, "--yes")
    assert code == -signal.SIGKILL, f"people forget, to be killed at {place}, ended with {code}"
    yield
    await _check(house, "people forget", place, before)


def _payload(step: str) -> dict[str, Any]:
    payloads: dict[str, dict[str, Any]] = {
        "person/create": {"name": GUEST},
        "face/add": {"person_id": GUEST, "image": _photos()[0], "force": True},
        "train": {},
        "person/rename": {"person_id": GUEST, "name": OTHER_NAME},
        "person/merge": {"person_id": GUEST, "into": DOUBLE},
        "person/delete": {"person_id": GUEST},
    }
    return payloads[step]


async def _told(house: House, step: str, person_id: str) -> None:
    """What became of somebody has to be told; before others are erased, whose erasure might take it along."""
    about = f"{'person.merged' if step == 'person/merge' else 'person.erased'} {person_id}"
    house.ledger.due.setdefault(about, 0.0)
    await house.until(lambda: about in house.ledger.told, BOUND, f"{about} told")


async def _check(house: House, step: str, place: str, before: dict[str, Any]) -> None:
    """What was committed is there and nothing else, and what lasts will be told; then the guest leaves."""
    committed = place != "1 inside"
    found = await guest(house)
    match step:
        case "person/create":
            assert (found is not None) == committed
        case "face/add":
            assert found is not None
            assert len(found["face_ids"]) == committed
        case "train":
            assert found is not None
            assert found["trained"] == committed
            status = await done(house, "train/status", {})
            house.ledger.due.setdefault(f"train.finished {status['gallery']}", 0.0)
        case "person/rename":
            assert found is not None
            assert found["name"] == (OTHER_NAME if committed else GUEST)
        case _:
            assert (found is None) == committed
            if committed:
                await _told(house, step, before["person_id"])
    await clear(house)
