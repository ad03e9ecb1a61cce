"""A real Node-RED with one flow, on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.support import needs
from tests.support.ports import free_port

HOST = "127.0.0.1"


class NodeRed:
    """Runs a flow; what its debug nodes show is in the log."""

    def __init__(self, folder: Path, script: Path, flow: Sequence[Mapping[str, Any]]) -> None:
        self.folder = folder
        self.script = script
        self.flow = flow
        self.log: list[str] = []
        self._url = f"http://{HOST}:{free_port()}"
        self._news = asyncio.Condition()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True)
        settings = {
            "uiHost": HOST,
            "uiPort": int(self._url.rsplit(":", 1)[1]),
            "flowFile": "flow.json",
            "credentialSecret": "x",
            "telemetry": {"enabled": False, "updateNotification": False},
            "externalModules": {"palette": {"allowInstall": False, "allowUpdate": False}},
        }
        (self.folder / "settings.js").write_text(f"module.exports = {json.dumps(settings)};\n", "utf-8")
        (self.folder / "flow.json").write_text(json.dumps(self.flow), "utf-8")
        node = needs.program("node", "nodejs")
        self._process = await asyncio.create_subprocess_exec(
            *(node, str(self.script), "--userDir", str(self.folder), "--settings", str(self.folder / "settings.js")),
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reader = asyncio.create_task(self._read(self._process), name="node-red log")
        try:
            await self.until(lambda: self.logged("Started flows") and self.logged("Connected to broker"), 120)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    def logged(self, text: str) -> bool:
        """Whether a line of the log has this text."""
        return any(text in line for line in self.log)

    async def until(self, test: Callable[[], object], seconds: float = 60.0) -> None:
        """Wait until something is true, looking again at each line of the log."""
        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(test)
        except TimeoutError:
            raise AssertionError(f"not within {seconds:g} s; the last lines: {self.log[-15:]}") from None

    async def press(self, node: str) -> None:
        """Press the button of an inject node."""
        async with aiohttp.ClientSession() as session, session.post(f"{self._url}/inject/{node}") as answer:
            assert answer.status == 200, await answer.text()

    async def _end(self) -> None:
        assert self._process is not None
        assert self._reader is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reader

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            async with self._news:
                self.log.append(line.decode(errors="replace").rstrip())
                self._news.notify_all()
