"""Every command of the broker, over HTTP: the same names, arguments and replies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
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
from uSense.web.visit import SMALL, Handler, Visit

PICTURES = ("image/jpeg", "image/png", "image/webp", "application/octet-stream")
"""What a picture may be sent as; what it is, its bytes tell."""
LARGEST = MAX_BYTES * 4 // 3 + 65_536
"""Bytes of a body: the largest picture in base64, and what stands around it."""
AT_ONCE = 2
"""Large bodies that are in memory at the same time; others wait."""
WAIT = 60.0
"""Seconds that one waits for that."""
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
    "person/merge": Scope.ADMIN,
}
"""What commands need; all others need `enroll`."""
_turns = asyncio.Semaphore(AT_ONCE)


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
        # Held until the answer is there, for so long the picture is.
        async with _turn() if _large(command, visit) else nullcontext():
            call = bind([command], command.name, await _body(command, visit))
            return visit.json(reply(await call.command.run(visit.house.control, call.arguments)))

    return asked


def _large(command: Command[Control, Any], visit: Visit) -> bool:
    length = visit.request.content_length
    return command.raw is not None and (length is None or length > SMALL)


@asynccontextmanager
async def _turn() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(WAIT):
            await _turns.acquire()
    except TimeoutError as error:
        raise RequestError("others are sending pictures: try again in a moment", code="busy") from error
    try:
        yield
    finally:
        _turns.release()


async def _body(command: Command[Control, Any], visit: Visit) -> Body:
    """What was sent: a JSON object, or a picture with the other arguments in the address."""
    kind = visit.request.content_type
    if kind == JSON:
        body = read(await visit.body(LARGEST if command.raw else SMALL) or b"{}")
        if body.fields is None or body.transaction is not None:
            raise RequestError("a JSON object is expected, without a transaction", code="bad_json")
        return body
    if command.raw is not None and kind in PICTURES:
        return Body({**visit.request.query, command.raw: await visit.body(MAX_BYTES)}, b"")
    there = f"{JSON}, or a picture: {', '.join(PICTURES)}" if command.raw else JSON
    raise RequestError(f"the Content-Type must be {there}", code="bad_payload")


OPERATIONS = tuple(operation(command) for command in table.COMMANDS)
