"""The calls of Azure Face that uSense makes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import uSense
from uSense.core.breaker import Circuit
from uSense.core.models import Box
from uSense.recognizers.azureface import wire
from uSense.recognizers.azureface.account import (
    Account,
    RemoteCandidate,
    RemoteFace,
    RemoteGroup,
    RemotePerson,
    RemoteTraining,
    is_loopback,
    marked,
)
from uSense.recognizers.azureface.caller import TRIES, Ask, Caller, nothing, spread_pauses
from uSense.recognizers.azureface.errors import (
    AzureFaceError,
    FaceMissingError,
    GroupExistsError,
    GroupMissingError,
    NotTrainedError,
    PersonMissingError,
    TrainingError,
    UnreachableError,
)
from uSense.recognizers.azureface.gathering import BATCH, Batch, Gathering
from uSense.recognizers.azureface.limiter import Limiter, Usage

T = TypeVar("T")

CANDIDATES = 2
"""Who else it may be decides, too."""
PAGE = 1000
"""Persons told at once."""
KEPT_FOR = 600
"""Seconds that Azure keeps a found face for an identification."""
CONNECT_WITHIN = 10.0
"""Seconds for a connection, encryption included."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How it goes: the quota, the breaker, and what support asks for."""

    usage: Usage
    circuit: Circuit
    retry_in: float
    """Seconds until Azure is asked again, 0 unless the breaker is open."""
    skew: float | None
    """Seconds that Azure's clock is ahead of ours, if known."""
    region: str
    request_id: str


@asynccontextmanager
async def connect(
    account: Account, limiter: Limiter, *, pauses: Callable[[], Iterator[float]] = spread_pauses
) -> AsyncIterator[AzureFace]:
    """A client of this account; asks nothing yet. Between tries it makes `pauses`. Raises SettingsError."""
    import aiohttp  # noqa: PLC0415 - heavy: paid for by those who use Azure

    local = is_loopback(urlsplit(account.base).hostname or "")
    limits = aiohttp.ClientTimeout(total=account.timeout, sock_connect=CONNECT_WITHIN)
    headers = {"User-Agent": f"uSense/{uSense.__version__}", "Accept": "application/json"}
    async with aiohttp.ClientSession(
        timeout=limits,
        headers=headers,
        connector=aiohttp.TCPConnector(limit=account.tier.calls),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=not local,
    ) as session:
        session._retry_connection = False  # noqa: SLF001 - there is no other way to let no call go uncounted
        await limiter.look()
        yield AzureFace(Caller(account, limiter, session, pauses=pauses))


class AzureFace:
    """Every method is one call or a few, and raises AzureFaceError. Urgent ones go before the others."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._account = caller.account
        self._gathering = Gathering(self._identify)

    async def detect(self, jpeg: bytes, *, urgent: bool = True) -> list[RemoteFace]:
        """The faces of a picture, largest first."""
        query = {
            "returnFaceId": "true",
            "recognitionModel": self._account.recognition_model,
            "detectionModel": self._account.detection_model,
            "faceIdTimeToLive": str(KEPT_FOR),
        }
        return await self._caller.call(Ask("detect", "POST", "/detect", wire.faces, query, jpeg, urgent))

    async def identify(self, face_ids: Sequence[str], *, urgent: bool = True) -> list[list[RemoteCandidate]]:
        """Who found faces may be: up to two candidates each, best first, in the order asked.

        Faces of several callers share a call that waits for its turn.
        """
        answers: list[list[RemoteCandidate]] = []
        for begin in range(0, len(face_ids), BATCH):
            answers += await self._gathering.ask(face_ids[begin : begin + BATCH], urgent=urgent)
        return answers

    async def verify(
        self, face_id: str, other: str | None = None, *, person_id: str | None = None, urgent: bool = True
    ) -> float:
        """Confidence that a found face is that of another one, or of a person."""
        body = {"faceId1": face_id, "faceId2": other}
        if person_id is not None:
            body = {"faceId": face_id, "personId": person_id, self._account.id_field: self._account.group_id}
        return await self._caller.call(Ask("verify", "POST", "/verify", wire.confidence, body=body, urgent=urgent))

    async def group(self) -> RemoteGroup | None:
        """The group, None if there is none."""
        query = {"returnRecognitionModel": "true"}
        ask = Ask("get group", "GET", self._account.path, wire.group, query, urgent=False)
        return await self._unless(GroupMissingError, ask)

    async def create_group(self, name: str) -> None:
        """Make the group; GroupExistsError if it is there already."""
        body = {"name": name, "recognitionModel": self._account.recognition_model}
        await self._caller.call(
            Ask("create group", "PUT", self._account.path, nothing, body=body, urgent=False, settled=GroupExistsError)
        )

    async def delete_group(self) -> None:
        """Delete the group with everybody in it; fine if there is none."""
        await self._unless(GroupMissingError, Ask("delete group", "DELETE", self._account.path, nothing, urgent=False))

    async def persons(self) -> list[RemotePerson]:
        """Everybody in the group."""
        found: list[RemotePerson] = []
        start = ""
        while True:
            query = {"top": str(PAGE)} | ({"start": start} if start else {})
            ask = Ask("list persons", "GET", f"{self._account.path}/persons", wire.persons, query, urgent=False)
            page = await self._caller.call(ask)
            found += page
            last = max((person.person_id for person in page), default="")
            if len(page) < PAGE or last <= start:
                return found
            start = last

    async def person(self, person_id: str) -> RemotePerson | None:
        """One person, None if there is none."""
        ask = Ask("get person", "GET", self._person(person_id), wire.person, urgent=False)
        return await self._unless(PersonMissingError, ask)

    async def find_person(self, marker: str) -> RemotePerson | None:
        """Who was made with this marker, None if nobody was."""
        return next((person for person in await self.persons() if person.marker == marker), None)

    async def create_person(self, name: str, marker: str, user_data: str = "") -> str:
        """Make a person; returns the id. With the marker they are found again if the answer is lost."""
        ask = Ask(
            "create person",
            "POST",
            f"{self._account.path}/persons",
            partial(wire.identity, name="personId"),
            body={"name": name, "userData": marked(marker, user_data)},
            urgent=False,
            repeatable=False,
        )

        async def made() -> list[str]:
            return [person.person_id for person in await self.persons() if person.marker == marker]

        return await self._once_only(ask, made, self.delete_person)

    async def update_person(
        self, person_id: str, *, name: str | None = None, marker: str | None = None, user_data: str = ""
    ) -> None:
        """Change the name; and with a marker, marker and user data."""
        body = {} if name is None else {"name": name}
        if marker is not None:
            body["userData"] = marked(marker, user_data)
        if body:
            ask = Ask("update person", "PATCH", self._person(person_id), nothing, body=body, urgent=False)
            await self._caller.call(ask)

    async def delete_person(self, person_id: str) -> None:
        """Delete a person and their faces; fine if there is none."""
        ask = Ask("delete person", "DELETE", self._person(person_id), nothing, urgent=False)
        try:
            await self._unless(PersonMissingError, ask)
        except GroupMissingError:
            return

    async def add_face(
        self, person_id: str, jpeg: bytes, target: Box | None, marker: str, *, known: Collection[str] = ()
    ) -> str:
        """Keep a face for the next training; returns the id. `target` tells which one, if there are several.

        If the answer is lost, the face is looked for by its marker among those that are not `known`.
        """
        query = {"userData": marked(marker), "detectionModel": self._account.detection_model}
        if target is not None:
            left, top = round(target.x0), round(target.y0)
            query["targetFace"] = f"{left},{top},{round(target.x1) - left},{round(target.y1) - top}"
        ask = Ask(
            "add face",
            "POST",
            f"{self._person(person_id)}/persistedFaces",
            partial(wire.identity, name="persistedFaceId"),
            query,
            jpeg,
            urgent=False,
            repeatable=False,
        )

        async def made() -> list[str]:
            return await self.find_faces(person_id, marker, known=known)

        async def drop(face_id: str) -> None:
            await self.delete_face(person_id, face_id)

        return await self._once_only(ask, made, drop)

    async def find_faces(self, person_id: str, marker: str, *, known: Collection[str] = ()) -> list[str]:
        """A person's faces with this marker, without looking at those that are `known`; one call a face."""
        person = await self.person(person_id)
        others = [] if person is None else [each for each in person.face_ids if each not in set(known)]
        return [each for each in others if await self.face(person_id, each) == marker]

    async def face(self, person_id: str, face_id: str) -> str | None:
        """The marker of a kept face, empty if it has none; None if there is no such face."""
        ask = Ask("get face", "GET", self._face(person_id, face_id), wire.marker, urgent=False)
        try:
            return await self._unless(FaceMissingError, ask)
        except PersonMissingError:
            return None

    async def delete_face(self, person_id: str, face_id: str) -> None:
        """Drop a face from the next training on; fine if there is none."""
        ask = Ask("delete face", "DELETE", self._face(person_id, face_id), nothing, urgent=False)
        try:
            await self._unless(FaceMissingError, ask)
        except PersonMissingError:
            return

    async def train(self) -> None:
        """Begin a training."""
        path = f"{self._account.path}/train"
        await self._caller.call(Ask("train", "POST", path, nothing, urgent=False, settled=TrainingError))

    async def training(self) -> RemoteTraining:
        """State of the last training."""
        ask = Ask("get training", "GET", f"{self._account.path}/training", wire.training, urgent=False)
        return await self._unless(NotTrainedError, ask) or RemoteTraining("never")

    def state(self) -> Figures:
        """The figures for health."""
        breaker, limiter, now = self._caller.breaker, self._caller.limiter, self._caller.clock()
        return Figures(
            usage=limiter.usage,
            circuit=breaker.state(now),
            retry_in=max(0.0, breaker.retry_at - now),
            skew=limiter.skew,
            region=self._caller.region,
            request_id=self._caller.request_id,
        )

    async def _identify(self, batch: Batch) -> list[list[RemoteCandidate]]:
        def body() -> dict[str, Any]:
            self._gathering.close(batch)
            return {
                "faceIds": batch.face_ids,
                self._account.id_field: self._account.group_id,
                "maxNumOfCandidatesReturned": CANDIDATES,
                "confidenceThreshold": self._account.candidate_threshold,
            }

        read = partial(wire.candidates, face_ids=batch.face_ids)
        return await self._caller.call(Ask("identify", "POST", "/identify", read, body=body, urgent=batch.urgent))

    async def _unless(self, missing: type[AzureFaceError], ask: Ask[T]) -> T | None:
        """The answer, None if what it is about does not exist."""
        try:
            return await self._caller.attempt(ask)
        except missing:
            return None
        except AzureFaceError as error:
            self._caller.tell(ask.operation, error)
            raise

    async def _once_only(
        self, ask: Ask[str], made: Callable[[], Awaitable[list[str]]], drop: Callable[[str], Awaitable[None]]
    ) -> str:
        """Make something once: after a lost answer look whether it was made before making it again.

        What arrived late and was made twice is dropped.
        """
        pauses = self._caller.pauses()
        for number in count(1):
            try:
                made_id = await self._caller.attempt(ask)
            except AzureFaceError as error:
                lost = isinstance(error, UnreachableError) and error.done
                if lost:
                    await asyncio.sleep(next(pauses))
                    made_ids = await made()
                    if made_ids:
                        made_id, *others = made_ids
                        break
                if not lost or number >= TRIES:
                    self._caller.tell(ask.operation, error)
                    raise
            else:
                others = [] if number == 1 else [each for each in await made() if each != made_id]
                break
        for other in others:
            await drop(other)
        return made_id

    def _person(self, person_id: str) -> str:
        return f"{self._account.path}/persons/{quote(person_id, safe='')}"

    def _face(self, person_id: str, face_id: str) -> str:
        return f"{self._person(person_id)}/persistedFaces/{quote(face_id, safe='')}"
