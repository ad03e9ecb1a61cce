"""Runs `tests.storage.child` as another process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]


class Child:
    """Another process at work on a data folder; killed at the end of the block if it still runs."""

    def __init__(self, verb: str, folder: Path, argument: str = "") -> None:
        self._command = [sys.executable, "-m", "tests.storage.child", verb, str(folder), argument]

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()

    def ready(self) -> Self:
        """Wait until it has come to its meeting point."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == '"ready"\n'
        return self

    def go(self) -> None:
        """Let it go on from its meeting point."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def result(self) -> Any:
        """Wait for its good end; what it printed, from JSON."""
        printed, _ = self.process.communicate(timeout=100)
        assert self.process.returncode == 0
        return json.loads(printed.splitlines()[-1]) if printed else None  # before it there may be logs


def crashed(folder: Path, work: str, killer: str) -> list[Path]:
    """Copies of `folder` in which the work was killed, one step later in each."""
    with Child("crash", folder, f"{work},{killer}") as child:
        killed, code = child.result()
    assert code == 0
    return [folder.with_name(f"{folder.name}-{killer}-{step}") for step in range(1, killed + 2)]
