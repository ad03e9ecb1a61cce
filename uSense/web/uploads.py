"""Forms with photos, read as they arrive: one picture at a time is in memory, and of one that is too large none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from uSense.core.errors import RequestError
from uSense.imaging import MAX_BYTES
from uSense.web.guard import CSRF_FIELD, CSRF_HEADER
from uSense.web.visit import SMALL, Visit, too_large

AT_ONCE = 2
"""Requests with photos at once; a picture of each may be in memory."""
MOST = 50
"""Photos in one request."""
PATIENCE = 30.0
"""Seconds without a byte after which an upload is given up, or in all, and one more for each 10 kB that came."""
_SLOWEST = 10_000
_BROKEN = (
    ValueError,
    LookupError,
    AssertionError,
    OSError,  # a connection that is lost, or does not go on: TimeoutError
    HttpProcessingError,
    web.RequestPayloadError,
)
"""What reading a form raises that is none, or has no end."""
_FIELDS = 20
_PARTS = 500
"""Fields and files of one form; what comes behind them is not read."""
_SHOWN = 60
"""Letters of a file's name that are shown."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A file that was sent; without `image` if it was not taken, because of `reason`, a key of the texts."""

    name: str
    image: bytes | None = field(repr=False)
    reason: str = ""


@dataclass(slots=True)
class Pace:
    """How fast a form comes: who sends a byte now and then holds up all others."""

    waited: float = 0.0
    received: int = 0

    async def read(self, part: BodyPartReader) -> bytes:
        """The next bytes of a part, none at its end; TimeoutError."""
        begun = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            chunk: bytes = await part.read_chunk(SMALL)
        self.waited += time.monotonic() - begun
        self.received += len(chunk)
        if self.waited > PATIENCE + self.received / _SLOWEST:
            raise TimeoutError
        return chunk


@dataclass(slots=True)
class Desk:
    """Where photos are handed in."""

    busy: int = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One request; RequestError `busy` if there are too many."""
        if self.busy >= AT_ONCE:
            raise RequestError("others are sending photos: try again in a moment", code="busy")
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1


@dataclass(slots=True)
class Form:
    """A form whose small fields come before its photos."""

    visit: Visit
    fields: dict[str, str] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)

    async def photos(self) -> AsyncIterator[Photo]:
        """The photos one after the other. When the first is there, the fields are, and it is known to be our form."""
        if self.visit.request.content_type != "multipart/form-data":
            raise RequestError("a form with photos is expected (multipart/form-data)", code="bad_payload")
        parts = photos = 0
        try:
            reader = await self.visit.request.multipart()
            while (part := await _next(reader)) is not None:
                parts += 1
                if parts > _PARTS:
                    raise RequestError(f"a form has at most {_PARTS} parts", code="too_large")
                if part.filename is None:
                    await self._read(part)
                    continue
                if not photos:
                    self.require_word()
                photos += bool(part.filename)
                if part.filename:
                    yield await _photo(part, self.pace, full=photos > MOST)
        except _BROKEN as error:
            raise RequestError("the form is broken, or its end did not arrive", code="bad_payload") from error
        self.require_word()

    def require_word(self) -> None:
        """Refuse what does not bring along what our own forms do."""
        if not self.visit.caller.word:
            return
        word = self.visit.request.headers.get(CSRF_HEADER) or self.fields.get(CSRF_FIELD, "")
        self.visit.require_word(word)

    async def _read(self, part: BodyPartReader) -> None:
        read = bytearray()
        if len(self.fields) >= _FIELDS:
            raise RequestError(f"a form has at most {_FIELDS} fields", code="too_large")
        while chunk := await self.pace.read(part):
            read += chunk
            if len(read) > SMALL:
                raise too_large(SMALL)
        self.fields[(part.name or "")[:_SHOWN]] = read.decode("utf-8", "replace")


async def _photo(part: BodyPartReader, pace: Pace, *, full: bool) -> Photo:
    """The file of a part; what is not wanted is read and forgotten, so that the next part is found."""
    name = "".join(letter if letter.isprintable() else "?" for letter in (part.filename or "")[:_SHOWN])
    read = bytearray()
    reason = "too_many" if full else ""
    while chunk := await pace.read(part):
        if not reason:
            read += chunk
        if len(read) > MAX_BYTES:
            reason = "too_large"
            read.clear()
    return Photo(name, None if reason else bytes(read), reason)


async def _next(reader: MultipartReader) -> BodyPartReader | None:
    async with asyncio.timeout(PATIENCE):
        part = await reader.next()
    if isinstance(part, MultipartReader):
        raise ValueError("a form within a form")  # noqa: TRY004 - it is what was sent that is wrong
    return part
