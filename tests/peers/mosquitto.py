"""A real broker for one test, on loopback, that can be killed, frozen and brought back."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers.certificates import Authority
from tests.support import needs
from tests.support.ports import free_port


class Mosquitto:
    """One mosquitto on ports of its own: `port` (TCP), `tls_port` with `tls`, `ws_port` with `ws`.

    With `users` (name to password) nobody else gets in; `acl` is the text of an access list, `extra` of further
    configuration lines, such as those of persistence.
    """

    def __init__(
        self,
        folder: Path,
        *,
        users: Mapping[str, str] | None = None,
        acl: str = "",
        tls: bool = False,
        ws: bool = False,
        extra: str = "",
    ) -> None:
        self.folder = folder
        self.users = dict(users or {})
        self.acl = acl
        self.extra = extra
        self.port = free_port()
        self.tls_port = free_port() if tls else None
        self.ws_port = free_port() if ws else None
        self.authority: Authority | None = None
        self.environment: dict[str, str] = {}
        """What its process has in its environment besides this one's."""
        self.log: deque[str] = deque(maxlen=100_000)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start the broker and return when it takes connections."""
        program = needs.program("mosquitto", "mosquitto")
        config = self._configure()
        ready = threading.Event()
        self._process = subprocess.Popen(
            self.command(program, config),
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, args=(self._process, ready), name="mosquitto log")
        self._reader.start()
        if not ready.wait(30) or self._process.poll() is not None:
            self.kill()
            raise RuntimeError("mosquitto did not start:\n" + "\n".join(self.log))

    def stop(self) -> None:
        """Ask the broker to end, as a restart of its service would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker at once; also when it is frozen or was not running."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Kill and start again on the same ports."""
        self.kill()
        self.start()

    def reload(self, acl: str) -> None:
        """Let the running broker read another access list."""
        self.acl = acl
        self._private("acl", acl)
        self._running.send_signal(signal.SIGHUP)

    def freeze(self) -> None:
        """Stop answering without closing anything: what a dead network looks like."""
        self._running.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self._running.send_signal(signal.SIGCONT)

    def logged(self, text: str) -> bool:
        """Whether the broker's log has a line with this text."""
        return any(text in line for line in list(self.log))

    @property
    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "the broker is not running"
        return self._process

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        self._process.wait(30)
        if self._reader is not None:
            self._reader.join(30)
        self._process = None

    def _read(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stderr is not None
        with process.stderr as lines:
            for line in lines:
                self.log.append(line.rstrip())
                if line.rstrip().endswith(" running"):
                    ready.set()
        ready.set()

    def command(self, program: str, config: Path) -> list[str]:
        """What is run."""
        return [program, "-c", str(config)]

    def _configure(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = ["log_dest stderr", "log_type all", f"listener {self.port} 127.0.0.1"]
        if os.geteuid() == 0:
            # A broker started by root becomes user mosquitto, who may not read the files of this test.
            lines.insert(0, "user root")
        if self.tls_port is not None:
            self.authority = self.authority or Authority.create(self.folder / "tls")
            lines += [
                f"listener {self.tls_port} 127.0.0.1",
                f"cafile {self.authority.ca}",
                f"certfile {self.authority.server}",
                f"keyfile {self.authority.server_key}",
            ]
        if self.ws_port is not None:
            lines += [f"listener {self.ws_port} 127.0.0.1", "protocol websockets"]
        lines += [f"allow_anonymous {'false' if self.users else 'true'}"]
        if self.users:
            lines += [f"password_file {self._passwords()}"]
        if self.acl:
            lines += [f"acl_file {self._private('acl', self.acl)}"]
        return self._private("mosquitto.conf", "\n".join([*lines, self.extra]) + "\n")

    def _passwords(self) -> Path:
        file = self._private("passwords", "")
        program = needs.program("mosquitto_passwd", "mosquitto")
        for name, password in self.users.items():
            subprocess.run([program, "-b", str(file), name, password], check=True, capture_output=True)
        return file

    def _private(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.touch(0o600)
        file.write_text(text, "utf-8")
        return file
