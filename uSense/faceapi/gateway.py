"""The way of a request: key, address, rate limit, call; and of a reply: the service's headers and a line in the log."""

from __future__ import annotations

import hmac
import json
import math
import time
import uuid
from collections.abc import Sequence

import structlog
from aiohttp import web

from uSense.core.errors import ConflictError, ModelError, NotFoundError, RecognizerError, StorageError
from uSense.core.faceapi import arguments, faults, routing
from uSense.core.faceapi.faults import Fault
from uSense.core.faceapi.window import Window
from uSense.core.groups import GroupExistsError
from uSense.faceapi import detect, faces, groups, persons, recognition
from uSense.faceapi.call import Call, Handler, Reply, Route
from uSense.faceapi.service import Service

log = structlog.get_logger()

ROUTES: tuple[Route, ...] = (*groups.ROUTES, *persons.ROUTES, *faces.ROUTES, *detect.ROUTES, *recognition.ROUTES)
"""Every call that is served."""

_KEY = "Ocp-Apim-Subscription-Key"
_OLD = ("v1.0", "v1.0-preview")


def application(service: Service, keys: Sequence[bytes]) -> web.Application:
    """The contract as an application: every call to the service with one of the keys."""
    app = web.Application()
    app.router.add_route("*", r"/{path:[\s\S]*}", Gateway(service, keys).answer)  # with line breaks, too
    app.on_response_prepare.append(_dress)
    return app


class Gateway:
    """Lets calls with a right key through, each key at its pace."""

    def __init__(self, service: Service, keys: Sequence[bytes]) -> None:
        self._service = service
        self._keys = keys
        self._hinted = False
        limit = service.settings.rate_limit.window
        self._windows = [None if limit is None else Window(*limit) for _ in keys]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The reply to any request."""
        began, number = time.monotonic(), str(uuid.uuid4())
        version, pattern, code = "v1.0", "", ""
        try:
            key = self._key(request)
            call, handler, pattern = self._call(request)
            version = call.version
            self._take(key)
            self._service.calls += 1
            reply = await _answered(call, handler)
        except Fault as fault:
            code = fault.inner[0] if fault.inner else fault.code
            reply = _told(fault, version)
        milliseconds = round((time.monotonic() - began) * 1000)
        shown = f"{request.method} {pattern}" if pattern else request.method
        log.info("face api call", call=shown, status=int(reply.status), error=code, ms=milliseconds, request=number)
        return _response(reply, number, milliseconds)

    def _key(self, request: web.Request) -> int:
        """Which key was sent; compares with all of them, in constant time."""
        sent = request.headers.get(_KEY, "").encode(errors="surrogateescape")
        right = [index for index, key in enumerate(self._keys) if hmac.compare_digest(sent, key)]
        if not right:
            raise faults.no_key()
        return right[0]

    def _call(self, request: web.Request) -> tuple[Call, Handler, str]:
        found = routing.parts(request.rel_url.raw_path)
        version = routing.version(found)
        if version is None:
            raise faults.no_resource()
        query = arguments.query(request.rel_url.query.items())
        for method, pattern, handler in ROUTES:
            if method == request.method and (ids := routing.match(pattern, found[2:])) is not None:
                if self._service.settings.compat_2018:
                    ids = routing.by_query(ids, query)
                elif any("{" in value for value in ids.values()):
                    self._hint()
                return Call(self._service, request, version, ids, query), handler, pattern
        raise faults.no_resource()

    def _hint(self) -> None:
        """Say once what to do about programs that never filled in their paths; they are told what Azure tells."""
        if not self._hinted:
            log.warning("braces in a path instead of an id", hint="a program of 2018 needs face_api.compat_2018: true")
        self._hinted = True

    def _take(self, key: int) -> None:
        window = self._windows[key]
        if window is not None and (wait := window.take(time.monotonic())) > 0:
            self._service.refused += 1
            raise faults.too_fast(math.ceil(wait))


async def _answered(call: Call, handler: Handler) -> Reply:
    """The handler's reply; what it met becomes what a client is told."""
    try:
        return await handler(call)
    except NotFoundError as error:
        raise _missing(error, call) from error
    except GroupExistsError as error:
        raise call.family.exists() from error
    except ConflictError as error:
        raise call.family.full(error.code) from error
    except (StorageError, ModelError, RecognizerError) as error:
        log.warning("face api problem", problem=str(error))
        raise faults.unavailable("The service cannot answer now, please try later.") from error


def _missing(error: NotFoundError, call: Call) -> Fault:
    match error.kind:
        case "person":
            return faults.person_not_found(error.name)
        case "face":
            return faults.kept_face_not_found(error.name)
        case _:
            return call.family.missing()


def _told(fault: Fault, version: str) -> Reply:
    headers = {} if version in _OLD else {"x-ms-error-code": fault.code}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    return Reply(fault.body(), fault.status, headers)


def _response(reply: Reply, number: str, milliseconds: int) -> web.Response:
    headers = {
        "apim-request-id": number,
        "x-envoy-upstream-service-time": str(milliseconds),
        "x-content-type-options": "nosniff",
        "CSP-Billing-Usage": "CognitiveServices.Face.Transaction=1",
        **reply.headers,
    }
    if reply.data is None:
        return web.Response(status=reply.status, headers=headers)
    text = json.dumps(reply.data, ensure_ascii=False, separators=(",", ":"))
    body = text.encode()
    return web.Response(
        body=body, status=reply.status, headers=headers, content_type="application/json", charset="utf-8"
    )


async def _dress(_: web.Request, response: web.StreamResponse) -> None:
    """Leave out what the service does not send: a Content-Type without a body, and the server's name."""
    response.headers.pop("Server", None)
    if response.content_length in {0, None}:
        response.headers.pop("Content-Type", None)
