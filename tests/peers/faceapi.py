"""The real `usense face-api` as a process of its own, and what a client sends it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.support import needs
from tests.support.ports import free_port

OCTETS = {"Content-Type": "application/octet-stream"}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Answer:
    """What a call was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, code and message."""
        return self.status, self.data["error"]["code"], self.data["error"]["message"]


class FaceApi:
    """Serves a data folder on a free port; stopped and started again it keeps its data and its key."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.settings = settings
        self.port = free_port()
        self.log: list[str] = []
        self.said: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(signal.SIGTERM)

    @property
    def key(self) -> str:
        return (self.data_dir / "face-api.key").read_text("ascii").strip()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it says where it listens."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "usense.yaml"
        config.write_text(
            yaml.safe_dump({"data_dir": str(self.data_dir), "log": {"format": "json"}, "face_api": self.settings}),
            "utf-8",
        )
        quiet = {name: value for name, value in os.environ.items() if not name.startswith("USENSE_")}
        process = subprocess.Popen(
            [sys.executable, "-m", "uSense", "face-api", "--port", str(self.port), "--config", str(config)],
            cwd=needs.ROOT,
            env=quiet | {"PYTHONPATH": str(needs.ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        errors = process.stderr
        self._process = process
        self._reader = threading.Thread(target=lambda: self.log.extend(errors), name="face api log")
        self._reader.start()
        self.said = [process.stdout.readline(), process.stdout.readline()]
        if not self.said[1]:
            self.stop(signal.SIGKILL)
            raise AssertionError("".join(self.log))
        self.port = int(self.said[0].split("127.0.0.1:", 1)[1].split("/", 1)[0])

    def stop(self, number: signal.Signals) -> int:
        """End it with a signal; its exit code."""
        assert self._process is not None
        assert self._reader is not None
        self._process.send_signal(number)
        code = self._process.wait(60)
        self._reader.join(60)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        return code

    def call(
        self,
        method: str,
        path: str,
        body: bytes | str | BufferedIOBase | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One call with the key, as `http.client` sends it; `path` from the version's slash on, or a whole one."""
        target = path if path.startswith("/") else f"/face/v1.0/{path}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, target, body, {"Ocp-Apim-Subscription-Key": self.key, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def raw(self, data: bytes) -> bytes:
        """Send these bytes and no more; what comes back."""
        with socket.create_connection(("127.0.0.1", self.port), 30) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    def send(self, method: str, path: str, data: object) -> Answer:
        """One call with a JSON body."""
        return self.call(method, path, json.dumps(data), JSON)

    def picture(self, path: str, data: bytes) -> Answer:
        """One call with a picture."""
        return self.call("POST", path, data, OCTETS)

    def person(self, group: str, name: str, *pictures: bytes) -> str:
        """A new person with these faces; returns the id."""
        person_id = str(self.send("POST", f"{group}/persons", {"name": name}).data["personId"])
        for picture in pictures:
            added = self.picture(f"{group}/persons/{person_id}/persistedfaces", picture)
            assert added.status == 200, added.body
        return person_id

    def face(self, picture: bytes, query: str = "") -> str:
        """The faceId of the largest face of a picture."""
        return str(self.picture(f"detect?{query}", picture).data[0]["faceId"])

    def trained(self, group: str) -> dict[str, Any]:
        """Train a group and poll until that has ended; the last answer."""
        assert self.call("POST", f"{group}/train").status == 202
        while (answer := self.call("GET", f"{group}/training").data)["status"] == "running":
            pass
        return dict(answer)
