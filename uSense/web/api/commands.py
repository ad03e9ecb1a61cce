"""Every command of the broker, over HTTP: the same names, arguments and replies."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, Literal, TypeVar

from aiohttp import web

from uSense import commands as table
from uSense.commands.base import Body, Command, bind, read, reply
from uSense.control import Control
from uSense.core.access import Scope
from uSense.core.errors import RequestError
from uSense.imaging import MAX_BYTES
from uSense.schema import Branch
from uSense.web.api.operations import JSON, Operation
from uSense.web.visit import Handler, Visit

PICTURES = ("image/jpeg", "image/png", "image/webp", "application/octet-stream")
"""What a picture may be sent as; what it is, its bytes tell."""
LARGEST = MAX_BYTES * 4 // 3 + 65_536
"""Bytes of a body: the largest picture in base64, and what stands around it."""
AT_ONCE = 2
"""Large bodies that are read at the same time; others wait."""
SCOPES: dict[str, Scope] = {
    "person/list": Scope.READ,
    "train/status": Scope.READ,
    "identify": Scope.READ,
    "verify": Scope.READ,
    "visitor/list": Scope.READ,
    "info": Scope.READ,
    "camera/snapshot": Scope.READ,
    "camera/pause": Scope.ADMIN,
    "camera/resume": Scope.ADMIN,
    "backup": Scope.ADMIN,
    "settings/set": Scope.ADMIN,
    "person/delete": Scope.ADMIN,
}
"""What commands need; all others need `enroll`."""
_reading = asyncio.Semaphore(AT_ONCE)


T = TypeVar("T")


class Answered(Branch, Generic[T]):
    """It was done."""

    status: Literal["ok"]
    """That it was done."""
    data: T
    """What came of it."""


def operation(command: Command[Control, Any]) -> Operation:
    """A command as something to ask."""
    return Operation(
        method="POST",
        path=f"/commands/{command.name}",
        handler=_handler(command),
        scope=SCOPES.get(command.name, Scope.ENROLL),
        about=command.about,
        tag="commands",
        body=command.payload,
        reply=Answered.__class_getitem__(command.reply),
        raw=PICTURES if command.raw else (),
    )


def _handler(command: Command[Control, Any]) -> Handler:
    async def asked(visit: Visit) -> web.StreamResponse:
        call = bind([command], command.name, await _body(command, visit))
        return visit.json(reply(await call.command.run(visit.house.control, call.arguments)))

    return asked


async def _body(command: Command[Control, Any], visit: Visit) -> Body:
    """What was sent: a JSON object, or a picture with the other arguments in the address."""
    kind = visit.request.content_type
    if kind == JSON:
        async with _reading:
            body = read(await visit.body(LARGEST) or b"{}")
        if body.fields is None or body.transaction is not None:
            raise RequestError("a JSON object is expected, without a transaction", code="bad_json")
        return body
    if command.raw is not None and kind in PICTURES:
        async with _reading:
            picture = await visit.body(MAX_BYTES)
        return Body({**visit.request.query, command.raw: picture}, b"")
    there = f"{JSON}, or a picture: {', '.join(PICTURES)}" if command.raw else JSON
    raise RequestError(f"the Content-Type must be {there}", code="bad_payload")


OPERATIONS = tuple(operation(command) for command in table.COMMANDS)
