"""What the service holds in memory."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.peers.mosquitto import Mosquitto
from tests.peers.service import Service

NEEDED_BY_OTHERS = {"onnx", "ml_dtypes", "google", "matplotlib", "skimage", "scipy", "aiohttp", "amqtt"}
"""Libraries of the tests, of `usense demo`, `evaluate` and `models fetch`."""
NEEDED_BY_CAMERAS = {"av", "picamera2", "PIL"}


class Told(Service):
    """A service that says what it imports."""

    program = ("-X", "importtime", "-m", "uSense")


@pytest.mark.timeout(120)
async def test_only_what_is_needed_is_imported(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Models are loaded, but neither the libraries of other commands nor, without a camera, those of cameras."""
    (tmp_path / "empty").mkdir()
    closed = {"kind": "folder", "path": str(tmp_path / "empty")}
    async with Told(tmp_path, mosquitto.port, {"hall": closed}) as service:
        service.send(signal.SIGTERM)
        assert await service.ended() == 0

    lines = [line.split("|")[-1].strip() for line in service.lines if line.startswith("import time:")]
    imported = {line.split(".")[0] for line in lines}
    assert {"numpy", "dlib", "onnxruntime"} <= imported
    assert not imported & NEEDED_BY_OTHERS
    assert not imported & NEEDED_BY_CAMERAS
