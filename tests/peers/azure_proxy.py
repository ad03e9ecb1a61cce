"""The served Face API behind the fault server: what uSense's client meets when the real contract misbehaves."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import ClientSession, web

from tests.peers.faceapi import FaceApi

_PASSED_ON = ("Content-Type", "Ocp-Apim-Subscription-Key")


def proxy(api: FaceApi) -> web.Application:
    """Passes every call on to a running server."""
    app = web.Application(client_max_size=8_000_000)
    session = web.AppKey("session", ClientSession)

    async def opened(app: web.Application) -> AsyncIterator[None]:
        async with ClientSession(auto_decompress=False) as app[session]:
            yield

    async def passed_on(request: web.Request) -> web.Response:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        address = f"{api.endpoint}{request.path_qs}"
        async with request.app[session].request(
            request.method, address, data=await request.read(), headers=headers
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    app.cleanup_ctx.append(opened)
    app.router.add_route("*", "/{path:.*}", passed_on)
    return app
