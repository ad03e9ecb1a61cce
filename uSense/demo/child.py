"""Programs that the demo starts and ends: none outlives it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from uSense import leash
from uSense.demo.errors import DemoError

PATIENCE = 10.0
"""Seconds between the order to stop and the end by force."""
TAIL = 15
"""Lines of a program's log that are shown when it failed."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running program, from `launch`; `async with` stops it. Without `log` it writes to the demo's own stderr."""

    name: str
    process: asyncio.subprocess.Process
    log: Path | None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(DemoError) if error else contextlib.nullcontext():
            await self.stop()

    async def stop(self) -> None:
        """Order it to stop and wait; DemoError if it does not end cleanly. Cancelled while waiting, it uses force."""
        if self.process.returncode is None:
            self.process.terminate()
        try:
            async with asyncio.timeout(PATIENCE):
                await self.process.wait()
        except TimeoutError:
            raise await self.failure(f"did not stop within {PATIENCE:.0f} s") from None
        finally:
            if self.process.returncode is None:
                self.process.kill()
                await self.process.wait()
        if self.process.returncode != 0:
            raise await self.failure(f"ended with exit code {self.process.returncode}")

    async def watch(self) -> None:
        """Wait until it ends although nobody asked it to: DemoError."""
        code = await self.process.wait()
        raise await self.failure(f"ended by itself with exit code {code}")

    async def failure(self, what: str) -> DemoError:
        """The error that says what happened, with the end of the program's log."""
        lines = await asyncio.to_thread(_tail, self.log) if self.log else []
        report = "".join(f"\n  {line}" for line in lines)
        return DemoError(f"{self.name} {what}" + (f"; its last words:{report}" if report else ""))


async def launch(name: str, command: Sequence[str | Path], *, log: Path | None) -> Child:
    """Start a program.

    It gets a session of its own, so that Ctrl-C and a closed terminal reach the demo alone, which ends all in order;
    none of the user's `USENSE_` variables, which would override the demo's settings; and a leash, so that it does not
    outlive a demo that is killed.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("USENSE_")}
    output: IO[bytes] | None = await asyncio.to_thread(log.open, "wb") if log else None
    with output or contextlib.nullcontext():
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output or asyncio.subprocess.DEVNULL,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
    return Child(name, process, log)


def _tail(log: Path) -> list[str]:
    with log.open(errors="replace") as lines:
        return [line.rstrip() for line in deque(lines, TAIL)]
