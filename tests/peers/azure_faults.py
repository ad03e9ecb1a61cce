"""Any server of the Azure Face contract with faults to order, its limits enforced and every call written down."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from aiohttp import StreamReader, web

from uSense.core.quota import Tier

HOST = "127.0.0.1"
KEY = "0123456789abcdef0123456789abcdef"
_GATE = (
    '{"error":{"code":"InvalidRequest","message":"Invalid request has been sent.","innererror":{"code":'
    '"UnsupportedFeature","message":"Feature is not supported, missing approval for one or more of the following '
    'features: Identification,Verification. Please apply for access at https://aka.ms/facerecognition"}}}'
)
_WRONG_KEY = (
    '{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint. Make sure '
    'to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."}}'
)
_TOO_MANY = (
    '{"error":{"code":"429","message": "Requests to the Face Operation under Face API - V1.0 have exceeded rate limit '
    "of your current Face F0 pricing tier. Please retry after 1 second. To increase your rate limit switch to a paid "
    'tier."}}'
)
_PLAIN_TOO_MANY = '{"error":{"statusCode":429,"message":"Rate limit is exceeded. Try again later."}}'
_USED_UP = '{"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in 2.12 days."}'
_CONFLICT = (
    '{"error":{"code":"ConcurrentOperationConflict","message":"There is a conflict operation on resource x, '
    'please try later."}}'
)
_TRAINING = '{"error":{"code":"PersonGroupTrainingNotFinished","message":"Person group is under training."}}'
_HTML = "<html><head><title>Service Unavailable</title></head><body>Our services are not available.</body></html>"

_OPERATIONS = tuple(
    (method, re.compile(rf"(?i)^/+face/v[^/]+/+{path}$"), operation)
    for method, path, operation in (
        ("POST", "detect", "detect"),
        ("POST", "identify", "identify"),
        ("POST", "verify", "verify"),
        ("PUT", r"\w+groups/[^/]+", "create group"),
        ("GET", r"\w+groups/[^/]+", "get group"),
        ("DELETE", r"\w+groups/[^/]+", "delete group"),
        ("POST", r"\w+groups/[^/]+/train", "train"),
        ("GET", r"\w+groups/[^/]+/training", "get training"),
        ("POST", r"\w+groups/[^/]+/persons", "create person"),
        ("GET", r"\w+groups/[^/]+/persons", "list persons"),
        ("GET", r"\w+groups/[^/]+/persons/[^/]+", "get person"),
        ("PATCH", r"\w+groups/[^/]+/persons/[^/]+", "update person"),
        ("DELETE", r"\w+groups/[^/]+/persons/[^/]+", "delete person"),
        ("POST", r"\w+groups/[^/]+/persons/[^/]+/persistedfaces", "add face"),
        ("GET", r"\w+groups/[^/]+/persons/[^/]+/persistedfaces/[^/]+", "get face"),
        ("DELETE", r"\w+groups/[^/]+/persons/[^/]+/persistedfaces/[^/]+", "delete face"),
    )
)


class Fault(StrEnum):
    """What can be ordered. All but the last seven answer at once and do nothing."""

    BUSY_HEADER = "429 with Retry-After"
    BUSY_TEXT = "429 that tells the pause in its text"
    BUSY_SILENT = "429 that tells no pause"
    BUSY_WRONG = "429 with a Retry-After of a day"
    NOT_APPROVED = "403 gate"
    USED_UP = "403 month used up"
    WRONG_KEY = "401"
    CONFLICT = "409 conflict"
    TRAINING = "409 training"
    BROKEN = "500"
    UNAVAILABLE = "503"
    HTML = "503 with a page of HTML"
    DROPPED = "connection dropped before anything was done"
    LOST = "connection dropped after all was done"
    BROKEN_LATE = "500 after all was done"
    TRUNCATED = "half of the answer"
    SLOW = "no answer until `release`, then all is done"
    OVERTAKEN = "releases what is slow and lets it be done first"


_ANSWERS: dict[Fault, tuple[int, str, dict[str, str]]] = {
    Fault.BUSY_HEADER: (429, _PLAIN_TOO_MANY, {"Retry-After": "1"}),
    Fault.BUSY_TEXT: (429, _TOO_MANY, {}),
    Fault.BUSY_SILENT: (429, _PLAIN_TOO_MANY, {}),
    Fault.BUSY_WRONG: (429, _TOO_MANY, {"Retry-After": "86400"}),
    Fault.NOT_APPROVED: (403, _GATE, {}),
    Fault.USED_UP: (403, _USED_UP, {}),
    Fault.WRONG_KEY: (401, _WRONG_KEY, {}),
    Fault.CONFLICT: (409, _CONFLICT, {}),
    Fault.TRAINING: (409, _TRAINING, {}),
    Fault.BROKEN: (500, '{"error":{"code":"InternalServerError","message":"Internal server error."}}', {}),
    Fault.UNAVAILABLE: (503, "", {}),
    Fault.HTML: (503, _HTML, {"Content-Type": "text/html"}),
}


@dataclass
class Call:
    """A call that arrived, by the monotonic clock, and how it was answered; 0 if it was not."""

    at: float
    operation: str
    path: str
    headers: dict[str, str] = field(repr=False)
    status: int = 0


@dataclass
class _Order:
    fault: Fault
    times: int
    operation: str | None


class AzureFaults:
    """Serves `app` on a loopback port, within a tier if one is given: `async with AzureFaults(app) as azure`."""

    def __init__(self, app: web.Application, tier: Tier | None = None, *, tells_time: bool = True) -> None:
        self.calls: list[Call] = []
        self.tier = tier
        self.url = ""
        self.tells_time = tells_time
        self.release = asyncio.Event()
        self._slow_done = asyncio.Event()
        self.clock: Callable[[], float] = time.monotonic
        self._orders: list[_Order] = []
        self._accepted: deque[float] = deque()
        self._app = app
        self._runner: web.AppRunner | None = None
        app.middlewares.insert(0, self._middleware)

    def order(self, fault: Fault, *, times: int = 1, on: str | None = None) -> None:
        """The next calls, or those of one operation, meet a fault."""
        self._orders.append(_Order(fault, times, on))

    def obey(self) -> None:
        """Take all orders back."""
        self._orders.clear()

    @property
    def made(self) -> Counter[str]:
        """Calls by operation."""
        return Counter(call.operation for call in self.calls)

    @property
    def refused(self) -> int:
        """Calls answered with 429."""
        return sum(call.status == web.HTTPTooManyRequests.status_code for call in self.calls)

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(self._app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        self.url = f"http://{HOST}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release.set()
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        call = Call(self.clock(), _operation(request), request.path, dict(request.headers))
        self.calls.append(call)
        began = time.monotonic()
        if self._crowded(call.at):
            answer: web.StreamResponse = _answer(Fault.BUSY_TEXT)
        else:
            answer = await self._faulty(request, handler, self._fault(call.operation))
        call.status = answer.status
        if self.tells_time:
            answer.headers["x-envoy-upstream-service-time"] = str(int((time.monotonic() - began) * 1000))
        return answer

    async def _faulty(self, request: web.Request, handler: Any, fault: Fault | None) -> web.StreamResponse:
        if fault in _ANSWERS:
            await request.read()
            return _answer(fault)
        if fault is Fault.SLOW:
            body = await request.read()
            await self.release.wait()
            _refill(request, body)
        if fault is Fault.OVERTAKEN:
            self.release.set()
            await self._slow_done.wait()
        if fault is Fault.DROPPED:
            return _dropped(request, web.Response())
        answer: web.StreamResponse = await _handled(request, handler)
        if fault is Fault.SLOW:
            self._slow_done.set()
        if fault is Fault.LOST:
            return _dropped(request, answer)
        if fault is Fault.BROKEN_LATE:
            return _answer(Fault.BROKEN)
        if fault is Fault.TRUNCATED and isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            return web.Response(status=answer.status, body=answer.body[: len(answer.body) // 2])
        return answer

    def _fault(self, operation: str) -> Fault | None:
        for order in self._orders:
            if order.times and order.operation in {None, operation}:
                order.times -= 1
                return order.fault
        return None

    def _crowded(self, now: float) -> bool:
        """Whether the window is full; refused calls do not count."""
        if self.tier is None:
            return False
        while self._accepted and self._accepted[0] <= now - self.tier.seconds:
            self._accepted.popleft()
        if len(self._accepted) >= self.tier.calls:
            return True
        self._accepted.append(now)
        return False


def _refill(request: web.Request, body: bytes) -> None:
    """Let the server read a body again; a caller who has gone would have spoiled it."""
    content = StreamReader(request.protocol, 2**20, loop=asyncio.get_running_loop())
    content.feed_data(body)
    content.feed_eof()
    request._payload = content


async def _handled(request: web.Request, handler: Any) -> web.StreamResponse:
    """The answer of the server behind, errors that it raises included."""
    try:
        answer: web.StreamResponse = await handler(request)
    except web.HTTPException as error:
        return web.Response(status=error.status, headers=error.headers, text=error.text)
    return answer


def _operation(request: web.Request) -> str:
    for method, path, operation in _OPERATIONS:
        if request.method == method and path.match(request.path):
            return operation
    return f"{request.method} {request.path}"


def _answer(fault: Fault) -> web.Response:
    status, text, headers = _ANSWERS[fault]
    kind = {} if "Content-Type" in headers or not text else {"Content-Type": "application/json; charset=utf-8"}
    return web.Response(
        status=status, body=text.encode(), headers={"apim-request-id": f"id-{status}", **kind, **headers}
    )


def _dropped(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return answer
