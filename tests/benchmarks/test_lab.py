"""One short round of the speed benchmark: it hooks into the service's inner calls, which may be renamed."""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.measures import films
from benchmarks.measures.lab import Lab, listening
from tests.peers.mosquitto import Mosquitto
from uSense.demo.scene import Scene
from uSense.detectors.hog import HogSettings

WARM_UP = 3


def shoot(film: Path) -> None:
    """A second and a half of the busy film."""
    films.write(film, islice(films.busy(Scene.build()), 15))


@pytest.mark.slow
async def test_the_replay_makes_the_calls_of_the_service(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A person is enrolled and appears; what the service searched and embedded, the replay does again."""
    film = tmp_path / "busy.mp4"
    await asyncio.to_thread(shoot, film)
    lab = Lab(tmp_path, mosquitto.port, HogSettings())
    await lab.enroll()

    async with listening(mosquitto.port, "busy") as delays:
        served, replayed = await lab.beating(lab.settings(film), film, warm_up=WARM_UP)

    assert served.frames == replayed.frames == 15 - WARM_UP
    assert served.counts == replayed.counts
    assert served.counts["detect"] >= WARM_UP
    assert served.counts["embed"] > 0
    for spent in (served, replayed):
        assert spent.calls["detect"] + spent.calls["embed"] <= spent.cpu
        assert spent.lags
    assert all(0 < delay < 60 for delay in delays)
