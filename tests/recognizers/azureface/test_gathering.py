"""Faces of several callers share a call, and each caller gets what is theirs, whatever becomes of the others."""

from __future__ import annotations

import asyncio

import pytest

from uSense.recognizers.azureface.account import RemoteCandidate
from uSense.recognizers.azureface.errors import AzureFaceError, FaceMissingError, UnreachableError
from uSense.recognizers.azureface.gathering import BATCH, Answers, Batch, Gathering


class Backend:
    """Answers batches when told to: each face is its own candidate."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []
        self.turn = asyncio.Event()
        self.errors: list[AzureFaceError] = []
        self.gathering = Gathering(self.send)

    async def send(self, batch: Batch) -> Answers:
        await self.turn.wait()
        self.gathering.close(batch)
        self.sent.append(list(batch.face_ids))
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        return [[RemoteCandidate(face_id, 1.0)] for face_id in batch.face_ids]

    async def ask(self, *face_ids: str, urgent: bool = True) -> list[str]:
        return [each[0].person_id for each in await self.gathering.ask(face_ids, urgent=urgent)]


async def asked(backend: Backend, *groups: tuple[str, ...]) -> list[asyncio.Task[list[str]]]:
    """Callers who ask one after the other, before the first call has its turn."""
    tasks = [asyncio.create_task(backend.ask(*group)) for group in groups]
    await settle()
    return tasks


async def settle() -> None:
    """Let every ready task run."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_callers_who_come_before_the_turn_share_a_call() -> None:
    """Each gets their own faces' candidates, in their order; who comes later has another call."""
    backend = Backend()
    tasks = await asked(backend, ("a", "b"), ("c",), ("d", "a"))
    backend.turn.set()

    assert await asyncio.gather(*tasks) == [["a", "b"], ["c"], ["d", "a"]]
    assert await backend.ask("e") == ["e"]
    assert backend.sent == [["a", "b", "c", "d"], ["e"]]


async def test_a_call_holds_no_more_than_the_service_takes() -> None:
    """Who does not fit begins another one."""
    backend = Backend()
    faces = [tuple(f"{letter}{number}" for number in range(4)) for letter in "abc"]
    tasks = await asked(backend, *faces)
    backend.turn.set()

    assert await asyncio.gather(*tasks) == [list(group) for group in faces]
    assert sorted(map(len, backend.sent)) == [4, 8]
    assert max(map(len, backend.sent)) <= BATCH


async def test_background_faces_do_not_ride_with_urgent_ones() -> None:
    """Each kind has its own call."""
    backend = Backend()
    backend.turn.set()

    assert await asyncio.gather(*(backend.ask(face, urgent=face == "a") for face in "ab")) == [["a"], ["b"]]
    assert backend.sent == [["a"], ["b"]]


async def test_an_error_is_everybodys() -> None:
    """A backend that is away is away for all of them."""
    backend = Backend()
    backend.errors = [UnreachableError("away", done=True)]
    tasks = await asked(backend, ("a",), ("b",))
    backend.turn.set()

    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(result) for result in results] == [UnreachableError, UnreachableError]
    assert backend.sent == [["a", "b"]]


async def test_a_face_that_is_too_old_spoils_nobody_elses_call() -> None:
    """They are asked about once more, each alone."""
    backend = Backend()
    backend.errors = [FaceMissingError("gone"), FaceMissingError("gone")]
    tasks = await asked(backend, ("old",), ("new",))
    backend.turn.set()

    old, new = await asyncio.gather(*tasks, return_exceptions=True)

    assert {type(old), type(new)} == {FaceMissingError, list}
    assert backend.sent[0] == ["old", "new"]
    assert sorted(backend.sent[1:]) == [["new"], ["old"]]


async def test_a_face_alone_that_is_too_old_is_not_asked_about_again() -> None:
    """There is nobody else whose fault it could be."""
    backend = Backend()
    backend.errors = [FaceMissingError("gone")]
    backend.turn.set()

    with pytest.raises(FaceMissingError):
        await backend.ask("old")

    assert backend.sent == [["old"]]


async def test_who_waits_with_a_caller_that_gives_up_goes_on() -> None:
    """One of the others makes the call."""
    backend = Backend()
    first, *others = await asked(backend, ("a",), ("b",), ("c",))
    first.cancel()
    await settle()
    backend.turn.set()

    assert await asyncio.gather(*others) == [["b"], ["c"]]
    assert backend.sent == [["b", "c"]]


async def test_a_caller_who_gives_up_harms_nobody() -> None:
    """Their faces are asked about in vain."""
    backend = Backend()
    first, second = await asked(backend, ("a",), ("b",))
    second.cancel()
    backend.turn.set()

    assert await first == ["a"]
    assert backend.sent == [["a", "b"]]
