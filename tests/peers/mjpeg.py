"""A real MJPEG camera: HTTP multipart on loopback, with Basic authentication if a user is given."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from aiohttp import web

from tests.peers.show import Show
from uSense.core.models import Rgb
from uSense.imaging import encode_jpeg

HOST = "127.0.0.1"
PATH = "/cam.mjpg"
BOUNDARY = "frame"


class MjpegServer(Show):
    """Serves the running picture; `status` other than 200 is answered instead, `garbage` is sent in place of JPEGs."""

    def __init__(self, *, status: int = 200, garbage: bytes = b"", **options: Any) -> None:
        super().__init__(**options)
        self.status = status
        self.garbage = garbage
        self._viewers: dict[web.StreamResponse, tuple[web.Request, asyncio.Event]] = {}
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}{PATH}"

    async def listen(self, port: int) -> int:
        app = web.Application()
        app.router.add_get(PATH, self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port, reuse_address=True).start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def drop_clients(self) -> None:
        for request, gone in self._viewers.values():
            if request.transport is not None:
                request.transport.abort()
            gone.set()
        self._viewers.clear()

    async def send(self, picture: Rgb) -> bool:
        jpeg = self.garbage or encode_jpeg(picture)
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
        for viewer in list(self._viewers):
            try:
                await viewer.write(head + jpeg + b"\r\n")
            except ConnectionError:
                _, gone = self._viewers.pop(viewer)
                gone.set()
        return bool(self._viewers)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self.status != 200:
            return web.Response(status=self.status)
        login = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        if self.username and request.headers.get("Authorization") != f"Basic {login}":
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="camera"'})
        viewer = web.StreamResponse(headers={"Content-Type": f"multipart/x-mixed-replace; boundary={BOUNDARY}"})
        await viewer.prepare(request)
        gone = asyncio.Event()
        self._viewers[viewer] = request, gone
        await gone.wait()
        return viewer
