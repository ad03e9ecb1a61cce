from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.support import contract, needs
from uSense.demo import room, scene
from uSense.demo.portraits import EILEEN, GRACE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

NEAR = 40
"""Pixels between the center of a detector's box and that of the face."""


class Demo:
    """A running `usense demo --json`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.messages: list[dict[str, Any]] = []

    async def hears(self, topic: str) -> None:
        """Wait for a message on a topic."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.messages.append(json.loads(line))
            if self.messages[-1]["topic"] == topic:
                return
        pytest.fail(f"ended without {topic}: {await self._said()}")

    async def says(self, text: str) -> None:
        """Wait for a line on stderr."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            if text in line.decode():
                return
        pytest.fail(f"ended without saying {text!r}")

    async def end(self) -> tuple[int, str]:
        """Read to the end; returns the exit code and stderr."""
        out, said = await asyncio.gather(self._rest(), self._said())
        self.messages += [json.loads(line) for line in out.splitlines()]
        return await self.process.wait(), said

    @property
    def sightings(self) -> list[dict[str, Any]]:
        return [message["payload"] for message in self.messages if message["topic"] == "usense/identity"]

    def children(self) -> dict[str, psutil.Process]:
        """The programs it started, by a word of their command line."""
        found = psutil.Process(self.process.pid).children()
        words = ("mosquitto", "amqtt_child", "run")
        return {word: child for child in found for word in words if word in " ".join(child.cmdline())}

    async def _rest(self) -> bytes:
        assert self.process.stdout is not None
        return await self.process.stdout.read()

    async def _said(self) -> str:
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Starts the demo with arguments; its temporary files lie in `tmp_path`."""
    started: list[asyncio.subprocess.Process] = []

    async def start(*arguments: str) -> Demo:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "uSense", "demo", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=2**24,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
        started.append(process)
        return Demo(process)

    yield start
    for process in started:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


def _empty(folder: Path) -> bool:
    return not any(folder.glob("usense-demo-*"))


def _fits(sighting: dict[str, Any], began: float) -> bool:
    """Whether the scene, if it began then, had the one who was sighted at that place, at most half a second before."""
    now = datetime.fromisoformat(sighting["captured_at"]).timestamp() - began
    box = sighting["box"]
    x, y = (box["x"] + box["w"] / 2) * room.SIZE[0], (box["y"] + box["h"] / 2) * room.SIZE[1]
    shown = {GRACE.name: GRACE, EILEEN.name: EILEEN, None: EILEEN}[sighting["name"]]
    visits = [visit for visit in scene.VISITS if visit.who is shown]
    poses = [scene.pose(visit, (now - lag) % scene.PERIOD) for visit in visits for lag in np.arange(0, 0.5, 0.05)]
    return any(pose and abs(pose.x - x) < NEAR and abs(pose.y - y) < NEAR for pose in poses)


@pytest.mark.parametrize("broker", ["mosquitto", "amqtt"])
async def test_story(demo: Callable[..., Any], broker: str, tmp_path: Path) -> None:
    """In 20 s both people are recognized, one of them after she was unknown, and nobody gets a wrong name."""
    if broker == "mosquitto":
        needs.program("mosquitto", "mosquitto")
    shown: Demo = await demo("--seconds", "20", "--json", "--broker", broker)
    code, said = await shown.end()
    assert code == 0, said
    names = [sighting["name"] for sighting in shown.sightings]
    assert set(names) == {GRACE.name, EILEEN.name, None}
    enrolled = names.index(EILEEN.name)
    assert names[0] == GRACE.name
    assert None in names[:enrolled]
    assert None not in names[enrolled:]
    assert "changed" not in {sighting["type"] for sighting in shown.sightings}
    first = datetime.fromisoformat(shown.sightings[0]["captured_at"]).timestamp()
    assert any(all(_fits(each, began) for each in shown.sightings) for began in first - np.arange(0, 6, 0.05))
    assert shown.messages[-1] == {"topic": "usense/status", "payload": "offline", "retain": False}
    told = contract.check_told((message["topic"], message["payload"]) for message in shown.messages)
    assert {"identity", "identity/live", "info", "settings", "health", "people", "train.finished"} <= told
    assert _empty(tmp_path)


@pytest.mark.parametrize("text", ["Loading the models", "Now the scene begins"], ids=["starting", "running"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
async def test_told_to_stop(demo: Callable[..., Any], tmp_path: Path, number: signal.Signals, text: str) -> None:
    """An order to stop ends everything that was started, and leaves no files; without a set time that is a good end."""
    shown: Demo = await demo("--json")
    await shown.says(text)
    children = shown.children()
    shown.process.send_signal(number)
    code, said = await shown.end()
    assert code == 0, said
    assert not any(child.is_running() for child in children.values())
    assert _empty(tmp_path)


async def test_interrupted(demo: Callable[..., Any]) -> None:
    """Interrupted before its time it says so by its exit code."""
    shown: Demo = await demo("--json", "--seconds", "600")
    await shown.says("Now the scene begins")
    shown.process.send_signal(signal.SIGINT)
    assert (await shown.end())[0] == 130


@pytest.mark.parametrize("who", ["run", "mosquitto"])
async def test_somebody_dies(demo: Callable[..., Any], tmp_path: Path, who: str) -> None:
    """If the service or the broker dies, the demo fails, tells its last words and leaves nothing behind."""
    shown: Demo = await demo("--broker", "mosquitto" if who == "mosquitto" else "auto")
    assert shown.process.stdout is not None
    async for line in shown.process.stdout:
        if b"Now the scene begins" in line:
            break
    children = shown.children()
    children[who].kill()
    code, said = await shown.end()
    assert code == 1
    assert "ended by itself with exit code -9" in said or "lost the broker" in said
    assert not any(child.is_running() for child in children.values())
    assert _empty(tmp_path)


async def test_killed(demo: Callable[..., Any]) -> None:
    """A demo that is killed takes the service and the broker with it, whatever they are doing."""
    shown: Demo = await demo("--json")
    await shown.says("Now the scene begins")
    children = list(shown.children().values())
    assert len(children) == 2
    shown.process.kill()
    await shown.process.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, 30)

    assert [child for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []


async def test_own_pictures(demo: Callable[..., Any], faces: Path) -> None:
    """A folder of one's own is shown instead of the scene; nobody is enrolled, so everybody is unknown."""
    shown: Demo = await demo("--json", "--camera", str(faces / "deepface"))
    await shown.hears("usense/identity")
    shown.process.send_signal(signal.SIGINT)
    code, said = await shown.end()
    assert code == 0, said
    assert {sighting["type"] for sighting in shown.sightings} == {"unknown"}


async def test_wrong_camera(demo: Callable[..., Any]) -> None:
    """A camera that cannot be one is bad usage."""
    shown: Demo = await demo("--camera", "no/such/folder")
    code, said = await shown.end()
    assert code == 2
    assert "no/such/folder" in said


@pytest.mark.parametrize("arguments", [["--json"], []], ids=["json", "plain"])
async def test_nobody_reads(tmp_path: Path, arguments: list[str]) -> None:
    """If nobody reads the output any more, it ends without a traceback and leaves nothing behind."""
    read, write = os.pipe()
    os.close(read)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uSense", "demo", *arguments),
        stdout=write,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    os.close(write)
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode().splitlines()[-1] == "nobody reads the demo's output any more"
    assert _empty(tmp_path)
