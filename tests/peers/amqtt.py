"""The broker amqtt, which knows MQTT 3.1.1 only, in a process of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support import needs
from tests.support.ports import free_port


class Amqtt:
    """One amqtt on loopback; with `deaf` it refuses every subscription."""

    def __init__(self, *, port: int | None = None, deaf: bool = False) -> None:
        self.port = port or free_port()
        self._deaf = deaf
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        if importlib.util.find_spec("amqtt") is None:
            needs.missing("amqtt is not installed: pip install amqtt")
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), str(self.port), str(int(self._deaf))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "running\n":
            raise RuntimeError("amqtt did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()


async def serve(port: int, *, deaf: bool) -> None:
    """Run the broker until SIGTERM."""
    from amqtt.broker import Broker  # noqa: PLC0415 - only in the child process

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    plugins: dict[str, dict[str, object]] = {
        "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
    }
    if deaf:
        plugins["amqtt.plugins.topic_checking.TopicAccessControlListPlugin"] = {"acl": {"anonymous": ["nothing"]}}
    broker = Broker({"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}, "plugins": plugins})
    await broker.start()
    print("running", flush=True)  # noqa: T201 - what the parent waits for
    await stop.wait()
    await broker.shutdown()


if __name__ == "__main__":
    # This file's name would be found where the broker's package is looked for.
    sys.path.pop(0)
    asyncio.run(serve(int(sys.argv[1]), deaf=sys.argv[2] == "1"))
