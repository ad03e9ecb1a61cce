"""docker/compose.yaml, started for real: by podman-compose in docker/lab, on a network of its own."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.peers import container
from tests.peers.container import IMAGE, LAB, Engine
from tests.support import needs

LOOPBACK = """
import fcntl, os, socket, struct, sys
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 1))
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Switches loopback on, which a new network has switched off."""


@contextmanager
def network() -> Iterator[Engine]:
    """A session with a network of its own: its ports are free, and nothing of it stays in the machine's firewall."""
    built = subprocess.run([str(LAB), "broker"], check=False, capture_output=True, text=True)
    if built.returncode == container.CANNOT:
        needs.missing(built.stderr.strip())
    assert built.returncode == 0, built.stderr
    with container.engine("unshare", "--net", sys.executable, "-c", LOOPBACK) as engine:
        yield engine


class Composed:
    """What stands in docker/compose.yaml, as somebody has it who checked uSense out into `folder`."""

    def __init__(self, engine: Engine, folder: Path, **settings: Any) -> None:
        self.engine = engine
        self.folder = folder
        self.settings = folder / "docker" / "settings"
        self.settings.mkdir(parents=True)
        (folder / "config").mkdir()
        shutil.copy(needs.ROOT / "docker" / "compose.yaml", folder / "docker")
        for file in (needs.ROOT / "config").glob("mosquitto*"):
            shutil.copy(file, folder / "config")
        (folder / "docker" / ".env").write_text(f"USENSE_IMAGE={IMAGE}\n", "utf-8")
        (self.settings / "usense.yaml").write_text(yaml.safe_dump(settings), "utf-8")

    async def order(self, *words: str) -> str:
        """`docker compose WORDS`, which must succeed; its stdout."""
        program = str(Path(sys.executable).with_name("podman-compose"))
        file = str(self.folder / "docker" / "compose.yaml")
        # Pods are podman's own; docker has none.
        code, out, err = await self.engine.ask("--in-pod=0", "--file", file, *words, program=program)
        assert code == 0, f"compose {words} ended with {code}: {out}{err}"
        return out

    async def within(self, service: str, *command: str) -> tuple[int, str, str]:
        """Run a command in a running service's container; exit code, stdout, stderr."""
        return await self.engine.ask("exec", f"usense_{service}_1", *command)

    async def password(self, user: str) -> str:
        """The password of a user, as docs/container.md says how to see it."""
        code, out, err = await self.within("mosquitto", "cat", f"/mosquitto/data/login/{user}")
        assert code == 0, err
        return out.strip()

    async def log(self, service: str) -> str:
        """All that a service's container said."""
        return "".join((await self.engine.ask("logs", f"usense_{service}_1"))[1:])

    async def healthy(self, service: str, seconds: float = 60) -> None:
        """Wait until a service's own healthcheck finds it well."""
        reason = ""
        try:
            async with asyncio.timeout(seconds):
                while (await self.engine.ask("healthcheck", "run", f"usense_{service}_1"))[0]:
                    health = "{{json .State.Healthcheck}}"
                    reason = await self.engine.done("inspect", "--format", health, f"usense_{service}_1")
        except TimeoutError:
            raise AssertionError(
                f"{service} is not well: {reason[-1000:]}\n{(await self.log(service))[-1000:]}"
            ) from None

    async def page(self, path: str) -> str:
        """A page of uSense from outside of the containers; empty if nobody is let in."""
        script = "import sys, urllib.request as it; print(it.urlopen(sys.argv[1], timeout=5).read().decode())"
        asked = await self.engine.ask("-c", script, f"http://127.0.0.1:5050{path}", program=sys.executable)
        return asked[1]

    async def opened(self, seconds: float = 30) -> None:
        """Wait until the pages let somebody in."""
        async with asyncio.timeout(seconds):
            while "password" not in await self.page("/login"):
                pass

    async def hear(self, login: tuple[str, ...], *topics: str, count: int = 1) -> list[tuple[str, str]]:
        """The first messages on topics, from outside of the containers."""
        wanted = [word for topic in topics for word in ("-t", topic)]
        out = await self._outside("mosquitto_sub", *login, *wanted, "-C", str(count), "-W", "30", "-v")
        return [(topic, payload) for topic, _, payload in (line.partition(" ") for line in out[1].splitlines())]

    async def say(self, login: tuple[str, ...], topic: str, payload: str) -> str:
        """Publish from outside of the containers; what mosquitto_pub says to it."""
        return (await self._outside("mosquitto_pub", *login, "-q", "1", "-t", topic, "-m", payload))[2]

    async def request(self, login: tuple[str, ...], command: str, payload: str) -> str:
        """What uSense answers to a command."""
        answer = ("-t", f"usense/command/{command}", "-e", f"usense/response/{command}", "-m", payload, "-W", "30")
        return (await self._outside("mosquitto_rr", *login, *answer))[1]

    async def _outside(self, name: str, *arguments: str) -> tuple[int, str, str]:
        program = needs.program(name, "mosquitto-clients")
        return await self.engine.ask("-h", "127.0.0.1", "-V", "5", *arguments, program=program)
