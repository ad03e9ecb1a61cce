"""The real service: `usense run` as a process of its own, with a settings file and a data folder."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.support import needs

QUICK: dict[str, Any] = {"voting": {"needed": 2, "unknown_needed": 3, "window": 4}, "announce": {"repeat_after": 0.0}}


class Service:
    """`usense` with its folder; `ask` runs another command beside the service."""

    program: tuple[str, ...] = ("-m", "uSense")
    """What Python runs."""
    environment: Mapping[str, str] = {}
    """Environment of the process, beside this one's."""

    def __init__(
        self,
        folder: Path,
        port: int,
        cameras: Mapping[str, Any] | None = None,
        *,
        root: Path = needs.ROOT,
        **settings: Any,
    ) -> None:
        self.folder = folder
        self.root = root
        self.config = folder / "usense.yaml"
        self.settings: dict[str, Any] = {
            "instance": "test",
            "data_dir": str(folder / "data"),
            "mqtt": {"host": "127.0.0.1", "port": port},
            "cameras": dict(cameras or {}),
            "log": {"format": "json"},
            "web": {"enabled": False},
            **settings,
        }
        self.lines: list[str] = []
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    def write(self) -> None:
        """Write the settings file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text(yaml.safe_dump(self.settings), "utf-8")

    async def start(self) -> None:
        """Start the service and wait until it says ready, or ended."""
        self.write()
        await self.begin()
        await asyncio.wait_for(self._ready.wait(), 90)

    async def begin(self) -> None:
        """Start the service with the settings file as it is, and do not wait for it."""
        self._ready.clear()
        self._process = await self._run("run", stderr=asyncio.subprocess.PIPE, limit=2**24)
        self._reader = asyncio.create_task(self._read(self._process), name="service log")

    async def ask(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command with the same settings; exit code, stdout, stderr."""
        self.write()
        process = await self._run(*arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        try:
            out, err = await asyncio.wait_for(process.communicate(), 120)
        finally:
            if process.returncode is None:  # a test that fails leaves no process behind
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def done(self, *arguments: str) -> str:
        """Run a command that must succeed; its stdout."""
        code, out, err = await self.ask(*arguments)
        assert code == 0, f"{arguments} ended with {code}: {out}{err}"
        return out

    async def kill(self) -> None:
        """End the service at once, if it still runs, and read its log to the end."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            await self._reader

    @property
    def pid(self) -> int:
        """Of the process that runs now, or ran last."""
        assert self._process is not None
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the service."""
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self, seconds: float = 30.0) -> int:
        """Wait until the service has ended, and read its log to the end; its exit code."""
        assert self._process is not None
        assert self._reader is not None
        code = await asyncio.wait_for(self._process.wait(), seconds)
        await self._reader
        return code

    def logged(self, text: str) -> bool:
        """Whether a line of the log has this text."""
        return any(text in line for line in self.lines)

    def told(self, event: str) -> list[float]:
        """Seconds of the wall clock at which the log says this event."""
        lines = [json.loads(line) for line in self.lines if f'"event": "{event}"' in line]
        return [dt.datetime.fromisoformat(line["timestamp"]).timestamp() for line in lines]

    async def until_logged(self, text: str, seconds: float = 60.0) -> None:
        """Wait until a line of the log has this text."""
        async with asyncio.timeout(seconds):
            while not self.logged(text):
                self._news.clear()
                await self._news.wait()

    def note(self, line: str) -> None:
        """Keep a line of the log."""
        self.lines.append(line)
        self._news.set()
        if '"ready"' in line:
            self._ready.set()

    async def _run(self, *arguments: str, **streams: Any) -> asyncio.subprocess.Process:
        quiet = {name: value for name, value in os.environ.items() if not name.startswith("USENSE_")}
        return await asyncio.create_subprocess_exec(
            *(sys.executable, *self.program, "--config", str(self.config), *arguments),
            cwd=self.root,
            env=quiet | {"PYTHONPATH": str(self.root)} | dict(self.environment),
            stdin=asyncio.subprocess.DEVNULL,
            **streams,
        )

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            self.note(line.decode(errors="replace").rstrip())
        self._ready.set()
