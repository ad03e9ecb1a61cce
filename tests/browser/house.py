"""A broker, a camera whose people the test chooses, and the real service with its pages."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from PIL import Image

from tests.peers.hall import PEOPLE, QUICK, Hall
from tests.peers.household import Household
from tests.peers.mosquitto import Mosquitto
from tests.peers.service import Service
from tests.support.portraits import pose
from uSense.demo import pages


class House:
    """Everything together; `async with` it. Who is named is enrolled."""

    def __init__(self, folder: Path, household: Household, *names: str, **settings: Any) -> None:
        self.folder = folder
        self.hall = Hall()
        self.broker = Mosquitto(folder / "broker")
        self.cameras: dict[str, Any] = {}
        """Settings of cameras beside the hall's; fill it before the start."""
        self._household = household
        self._names = names
        self._settings = settings
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.enter_context(self.broker)
            await stack.enter_async_context(self.hall)
            camera = {"kind": "stream", "url": self.hall.url, "read_timeout": 1, "open_timeout": 2}
            cameras = {"hall": camera, **self.cameras}
            self.service = Service(self.folder / "service", self.broker.port, cameras, **QUICK, **self._settings)
            if self._names:
                await self._household.moves_in(self.service, *self._names)
            site = await pages.prepared(Path(self.service.settings["data_dir"]))
            self.service.settings["web"] = {**self._settings.get("web", {}), **site.settings}
            self.origin, self.password = site.address, site.password
            await stack.enter_async_context(self.service)
            await self.service.until_logged('"pages served"')
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def visited_by(self, name: str) -> None:
        """Somebody stands there, after nobody did for a moment."""
        self.hall.seen = None
        await self.hall.sent(10)
        self.hall.seen = name

    def photos(self, name: str, *, like: str = "", count: int = 3) -> list[Path]:
        """Files of somebody, or of somebody who is much `like` another one."""
        folder = self.folder / "photos" / name
        folder.mkdir(parents=True)
        files = [folder / f"{number}.png" for number in range(count)]
        for number, file in enumerate(files):
            photo = Image.fromarray(pose(PEOPLE[name], number))
            if like:
                photo = Image.blend(photo, Image.fromarray(pose(PEOPLE[like], number)), 0.75)
            photo.save(file)
        return files
