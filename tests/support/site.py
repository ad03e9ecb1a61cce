"""The pages, served on a real socket, and a browser without a face that visits them."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests.support.shelf import Shelf
from tests.support.stand_ins import Ears, Oracle, Spotter
from tests.support.values import Plain
from tests.support.waiting import until
from uSense.aio import Lane, Switch
from uSense.chronicle import Chronicle
from uSense.control import Control
from uSense.core.addresses import network
from uSense.core.errors import RequestError
from uSense.core.given import Given
from uSense.core.models import Shot, Size
from uSense.core.quality import QualityRules
from uSense.core.scene import Scene, SceneRules
from uSense.entities.payload import Context
from uSense.storage.notebook import Notebook
from uSense.web import pages
from uSense.web.access import open_access
from uSense.web.fetching import Fetcher
from uSense.web.house import House
from uSense.web.hub import Hub
from uSense.web.kiosks import Kiosks
from uSense.web.live import Live
from uSense.web.mine import Mine
from uSense.web.passes import Passes
from uSense.web.rendering import Renderer
from uSense.web.report import Evidence
from uSense.web.server import WebServer
from uSense.web.settings import WebSettings
from uSense.web.visit import Route

PASSWORD = "correct horse"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    text: str
    headers: Any

    @property
    def csrf(self) -> str:
        """What a form of this page brings along."""
        found = re.search(r'name="csrf" (?:value|content)="([^"]+)"', self.text)
        return found[1] if found else ""


class Browser:
    """Keeps cookies, follows no redirect, and says where a form comes from, as browsers do."""

    def __init__(self, session: aiohttp.ClientSession, origin: str) -> None:
        self.session = session
        self.origin = origin
        self.csrf = ""

    async def get(self, path: str, **headers: str) -> Answer:
        """Visit a page."""
        answer = await self.send("GET", path, headers={"Accept": "text/html", **headers})
        self.csrf = answer.csrf or self.csrf
        return answer

    async def post(self, path: str, **fields: str) -> Answer:
        """Send a form of the last page."""
        fields = {"csrf": self.csrf, **fields}
        return await self.send("POST", path, data=fields, headers={"Accept": "text/html", "Origin": self.origin})

    async def led(self, path: str, **fields: str) -> Answer:
        """Send a form of the last page, and visit where its answer leads to."""
        answer = await self.post(path, **fields)
        assert answer.status == 303, answer.text
        return await self.get(answer.headers["Location"])

    async def send(self, method: str, path: str, **how: Any) -> Answer:
        """Send anything."""
        async with self.session.request(method, self.origin + path, allow_redirects=False, **how) as response:
            return Answer(response.status, await response.text(errors="replace"), response.headers)

    async def log_in(self, password: str = PASSWORD) -> Answer:
        """Log in, and know what forms need."""
        answer = await self.post("/login", password=password)
        if answer.status == 303:
            self.csrf = (await self.get("/login")).csrf
        return answer


class Site:
    """A running server of the pages; `async with` it."""

    def __init__(
        self,
        folder: Path,
        control: Control | None = None,
        *,
        routes: Sequence[Route] = pages.ROUTES,
        password: str = PASSWORD,
        **settings: Any,
    ) -> None:
        self.folder = folder
        self.hub = Hub()
        self.password = password
        self.control = control or Control(Oracle(), Spotter(), Ears(), QualityRules(), {"hall": Switch()}, dict)
        self.scenes = {"hall": Scene("hall", SceneRules(), "r")}
        self.problem = ""
        self.since = -math.inf
        """When the camera began to give pictures."""
        """Why no camera gives pictures."""
        self.report: dict[str, Any] = {"state": "ok"}
        self.given: list[Given] = []
        self.lines: list[str] = []
        self.evidence = Evidence(lambda: self.lines, lambda: ["hunter22"], lambda: ["broker.local"], self.examine)
        self.chronicle = Chronicle(Shelf(), 7)
        self.settings = WebSettings(port=0, **{"host": "127.0.0.1", **settings})
        self._routes = routes
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._lane = await self._stack.enter_async_context(Lane("passwords"))
        self.access = open_access(self.settings, self.folder, Notebook, self._lane)
        if self.password:
            await self.access.passwords.set(self.password)
        renderer = Renderer({"menu": [(route.path, route.label) for route in self._routes if route.label]})
        context = Context(instance="test", recognizer="oracle", model="oracle")
        house = House(
            control=self.control,
            access=self.access,
            hub=self.hub,
            chronicle=self.chronicle,
            live=Live(self.shot, self.scenes, context, fps=100.0, width=640),
            kiosks=Kiosks(self.scenes, lambda _: None if self.problem else self.since, lambda _: self.settings.kiosk),
            mine=Mine(
                self.control.pages,
                Fetcher([network(text) for text in self.settings.fetch.allow]),
                self.settings.pictures,
            ),
            passes=Passes(Notebook(self.folder / "passes.json"), "usense/test"),
            cameras=lambda: {name: switch.on.is_set() for name, switch in self.control.switches.items()},
            context=context,
            health=lambda: self.report,
            given=lambda: self.given,
            metrics_from=[network(text) for text in self.settings.metrics_from],
            evidence=self.evidence,
            ready=lambda: bool(self.report),
            renderer=renderer,
        )
        self.server = WebServer(self.settings, house, self._routes)
        self._running = asyncio.create_task(self.server.run(), name="web")
        self._stack.push_async_callback(self._ended)
        await until(lambda: self.server.origin or self._running.done())
        return self

    async def examine(self) -> str:
        """What the doctor found."""
        return '{"findings": ["broker.local answers"]}'

    async def shot(self, camera: str, fit: Size | None = None) -> Shot:
        """A gray picture."""
        if self.problem:
            raise RequestError(self.problem, code="camera_offline")
        return Shot(1_700_000_000.0, Plain(fit or (640, 480)).rgb())

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def browser(self, *, logged_in: bool = False) -> AsyncIterator[Browser]:
        """Somebody else's browser."""
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            browser = Browser(session, self.server.origin)
            if logged_in:
                answer = await browser.log_in(self.password)
                assert answer.status == 303, answer.text
            yield browser

    async def _ended(self) -> None:
        self._running.cancel()
        await asyncio.wait([self._running])
        if not self._running.cancelled():
            self._running.result()
