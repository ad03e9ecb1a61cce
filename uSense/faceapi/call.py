"""One call of a client: what it asks, read with caps, and what it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias

import aiohttp
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from uSense.core.faceapi import arguments, faults, lenient
from uSense.core.faceapi.arguments import Query
from uSense.core.faceapi.faults import FAMILIES, Family
from uSense.core.faceapi.lenient import Body
from uSense.core.faceapi.routing import Ids
from uSense.core.groups import GroupKey
from uSense.faceapi import pictures
from uSense.faceapi.service import Service

PATIENCE = 30.0
"""Seconds in which a body has come."""
MOST_JSON = 128 * 1024
"""Bytes of a body that is not a picture."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A success; without `data` the body is empty."""

    data: object = None
    status: int = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose key and address are right."""

    service: Service
    request: web.Request
    version: str
    ids: Ids
    query: Query

    @property
    def family(self) -> Family:
        return FAMILIES[self.ids["kind"]]

    @property
    def key(self) -> GroupKey:
        """The group of the address."""
        return arguments.group_key(self.ids["kind"], self.ids["group"])

    @property
    def base(self) -> str:
        """The address of the contract as the client reached it."""
        scheme = self.request.headers.get("X-Forwarded-Proto", self.request.scheme).lower()
        return f"{'https' if scheme == 'https' else 'http'}://{self.request.host}/face/{self.version}"

    @property
    def person_id(self) -> str:
        return arguments.person_id(self.ids["person"])

    @property
    def face_id(self) -> str:
        return arguments.kept_face_id(self.ids["face"])

    async def body(self) -> Body:
        """The JSON object of the request, of whatever media type but one for pictures."""
        if self.request.content_type.startswith(("multipart/", "image/")):
            raise faults.media_type()
        if self.request.content_type == "application/octet-stream" and "Content-Type" in self.request.headers:
            raise faults.media_type()
        data = await self._read(MOST_JSON)
        if len(data) > MOST_JSON:
            raise faults.bad_body()
        return lenient.body(data)

    @asynccontextmanager
    async def picture(self) -> AsyncIterator[bytes]:
        """The encoded picture that is sent or named; it has room in memory until the block ends."""
        kind = self.request.content_type if "Content-Type" in self.request.headers else ""
        if kind not in {"application/octet-stream", "application/json"}:
            raise faults.media_type()
        async with self.service.pictures.room():
            if kind == "application/octet-stream":
                yield await self._read(pictures.MOST_BYTES)
            else:
                yield await self._named()

    async def _named(self) -> bytes:
        address = arguments.text(await self.body(), "url")
        if address is None:
            raise faults.bad_body()
        if not self.service.settings.fetch_urls:
            raise faults.bad_url("This server does not download pictures: send the picture itself.")
        return await pictures.fetch(address)

    async def _read(self, most: int) -> bytes:
        """The body; of one that is too long the beginning, longer than `most`."""
        data = bytearray()
        try:
            async with asyncio.timeout(PATIENCE):
                async for part in self.request.content.iter_any():
                    data += part
                    if len(data) > most:
                        break
        except TimeoutError as error:
            raise faults.too_slow() from error
        except (aiohttp.ClientError, web.RequestPayloadError, HttpProcessingError, ConnectionError) as error:
            raise faults.bad_body() from error
        return bytes(data)


Handler: TypeAlias = Callable[[Call], Awaitable[Reply]]
Route: TypeAlias = tuple[str, str, Handler]
"""Method, pattern of the address from behind the version on, and who answers."""
