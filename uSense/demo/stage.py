"""The scene as a camera: an MJPEG stream over HTTP on loopback, as cheap network cameras serve it."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from PIL import Image

from uSense.demo.broker import LOOPBACK
from uSense.demo.scene import Scene

FPS = 10.0
JPEG_QUALITY = 88
BOUNDARY = "picture"
PATH = "/room.mjpeg"


class Stage:
    """Serves the scene to everybody who asks; the room is empty until `begin`."""

    def __init__(self, scene: Scene, url: str, pace: float = 1.0) -> None:
        self.url = url
        self._scene = scene
        self._pace = pace
        self._began: float | None = None

    def begin(self) -> None:
        """Second 0 of the scene is now."""
        self._began = asyncio.get_running_loop().time()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One viewer's stream; ends when the viewer leaves."""
        response = web.StreamResponse(headers={"Content-Type": f"multipart/x-mixed-replace; boundary={BOUNDARY}"})
        await response.prepare(request)
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                jpeg = await asyncio.to_thread(self._jpeg, loop.time())
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                await response.write(head.encode() + jpeg + b"\r\n")
                due = max(due + 1 / FPS, loop.time())
                await asyncio.sleep(due - loop.time())
        except ConnectionResetError:
            return response

    def _jpeg(self, now: float) -> bytes:
        """The picture at loop time `now`."""
        t = -now if self._began is None else (now - self._began) * self._pace
        data = io.BytesIO()
        Image.fromarray(self._scene.render(t)).save(data, "JPEG", quality=JPEG_QUALITY)
        return data.getvalue()


@asynccontextmanager
async def serving(pace: float = 1.0) -> AsyncIterator[Stage]:
    """Build the scene and serve it on a free port of 127.0.0.1; `pace` seconds of it pass in a second."""
    scene = await asyncio.to_thread(Scene.build)
    listener = socket.create_server((LOOPBACK, 0))
    stage = Stage(scene, f"http://{LOOPBACK}:{listener.getsockname()[1]}{PATH}", pace)
    app = web.Application()
    app.router.add_get(PATH, stage.serve)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield stage
    finally:
        await runner.cleanup()
