"""One sender at a time, of this process and others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from uSense.core.errors import RecognizerError
from uSense.recognizers.azureface import sole as module
from uSense.recognizers.azureface.sole import Sole, sole


async def test_turns_never_overlap(tmp_path: Path) -> None:
    """Not those of two tasks, and not those of two processes, each of which has the file open."""
    running, most = 0, 0

    async def work(sender: Sole) -> None:
        nonlocal running, most
        async with sender.turn():
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    async with sole(tmp_path / "a") as one, sole(tmp_path / "a") as another:
        await asyncio.gather(*(work(sender) for sender in (one, another) * 3))

    assert most == 1


async def test_a_turn_that_never_ends_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as that of a process that was halted; when it has ended, the turn is free."""
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    async with sole(tmp_path / "a") as one, sole(tmp_path / "a") as another:
        async with one.turn():
            with pytest.raises(RecognizerError, match="another uSense process"):
                async with another.turn():
                    pass
        async with another.turn():
            pass


async def test_a_file_that_cannot_be_opened_hinders_nobody(tmp_path: Path) -> None:
    """Turns are then those of this process alone."""
    async with sole(tmp_path / "no folder" / "a") as one, one.turn():
        pass
