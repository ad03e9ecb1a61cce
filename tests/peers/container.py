"""The container image as its users run it: podman in docker/lab, and `usense` in a container that is shut off."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.peers.service import Service
from tests.support import needs

LAB = needs.ROOT / "docker" / "lab"
IMAGE = "localhost/usense:amd64"
CANNOT = 77
"""The lab's exit code where this machine cannot run containers."""
SHUT_OFF = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")  # noqa: S108 - the container's own
"""What a container is run with that is to do as little harm as possible."""

CLEARED = "podman rm --all --force --time 0 --volumes >/dev/null 2>&1"
"""Ends all that runs in a session, where it has its network."""


class Engine:
    """Podman in a session of the lab."""

    def __init__(self, pid: int) -> None:
        self._inside = ("nsenter", f"--mount=/proc/{pid}/ns/mnt", f"--net=/proc/{pid}/ns/net")
        self._numbers = itertools.count(1)

    def name(self) -> str:
        """A new container's name."""
        return f"usense-{next(self._numbers)}"

    async def start(self, *arguments: str, program: str = "podman", **streams: Any) -> asyncio.subprocess.Process:
        """Start podman, or another program beside it."""
        return await asyncio.create_subprocess_exec(*self._inside, program, *arguments, **streams)

    async def ask(self, *arguments: str, program: str = "podman", seconds: float = 120) -> tuple[int, str, str]:
        """Run podman, or another program beside it; exit code, stdout, stderr."""
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        process = await self.start(*arguments, program=program, stdin=asyncio.subprocess.DEVNULL, **pipes)
        out, err = await asyncio.wait_for(process.communicate(), seconds)
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def done(self, *arguments: str) -> str:
        """Run podman, which must succeed; its stdout."""
        code, out, err = await self.ask(*arguments)
        assert code == 0, f"podman {arguments} ended with {code}: {out}{err}"
        return out

    async def shell(self, script: str, *options: str) -> str:
        """What a shell says in a container that is shut off from everything."""
        shut = ("--no-healthcheck", "--network", "none", *SHUT_OFF, *options)
        return await self.done("run", "--rm", *shut, "--entrypoint", "sh", IMAGE, "-euc", script)


@contextmanager
def engine(*around: str, arch: str = "amd64") -> Iterator[Engine]:
    """A session with the images for these processors, in which nothing else runs; what runs in it ends with it.

    `around` is a command that runs another.
    """
    script = f"podman image exists {IMAGE.replace('amd64', arch)} && echo $$ && cat; {CLEARED}"
    hold = [str(LAB), "inside", *around, "sh", "-c", script]
    own, pipe = {**os.environ, "ARCH": arch}, subprocess.PIPE
    with subprocess.Popen(hold, env=own, stdin=pipe, stdout=pipe, stderr=pipe) as session:
        assert session.stdout is not None
        assert session.stderr is not None
        first = session.stdout.readline()
        if not first:
            reason = session.stderr.read().decode().strip()
            needs.missing(reason if session.wait() == CANNOT else f"the image is not built: docker/lab build {reason}")
        try:
            yield Engine(int(first))
        finally:
            session.communicate()


class Contained(Service):
    """`usense` in containers of one volume, on the machine's network; photos lie below `folder`."""

    def __init__(self, podman: Engine, folder: Path, port: int, cameras: Mapping[str, Any], **settings: Any) -> None:
        super().__init__(folder, port, cameras, **settings)
        del self.settings["data_dir"]
        self.podman = podman
        self.container = ""
        self.volume = f"{podman.name()}-data"

    async def stop(self) -> int:
        """Stop the container as its users do; its exit code."""
        await self.podman.done("stop", "--time", "30", self.container)
        return await self.ended()

    async def state(self) -> Mapping[str, Any]:
        """What podman tells of the latest container."""
        told: Mapping[str, Any] = json.loads(await self.podman.done("inspect", self.container))[0]["State"]
        return told

    async def unwell(self) -> str:
        """Let the engine ask once how the service is: what it was told if that is not well, else nothing."""
        code, _, _ = await self.podman.ask("healthcheck", "run", self.container)
        assert code in {0, 1}
        return "" if code == 0 else str((await self.state())["Health"]["Log"][-1]["Output"])

    async def kill(self) -> None:
        """End the container at once, if it still runs, and read its log to the end."""
        if self.container:
            await self.podman.ask("kill", "--signal", "KILL", self.container)
        await super().kill()

    async def _run(self, *arguments: str, **streams: Any) -> asyncio.subprocess.Process:
        self.container = self.podman.name() if arguments == ("run",) else self.container
        named = ("--name", self.container) if arguments == ("run",) else ("--rm", "--no-healthcheck")
        mounts = (
            f"{self.volume}:/data",
            f"{self.config}:/etc/usense/usense.yaml:ro",
            f"{self.folder}:{self.folder}:ro",
        )
        return await self.podman.start(
            *("run", *named, "--network", "host", *SHUT_OFF),
            *(part for mount in mounts for part in ("--volume", mount)),
            *(IMAGE, *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            **streams,
        )
