"""The bare replay makes the calls of the ledger and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measures.ledger import Ledger
from benchmarks.measures.replay import Replay
from tests.benchmarks.test_ledger import probe
from tests.support.films import number_of, write_film
from uSense.core.models import Picture


class Hands:
    """Detector and embedder that only note what they were given."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def _search(self, picture: Picture) -> list[Any]:
        self.calls.append(number_of(picture.gray()))
        return []

    def embed(self, probes: Any) -> Any:
        self.calls.append([int(one.crop[0, 0, 0]) for one in probes])
        return np.zeros((len(probes), 1), np.float32)


def test_the_same_calls_are_made_in_the_same_order(tmp_path: Path) -> None:
    """What the service searched is searched; faces are embedded in its batches and between the same frames."""
    film = write_film(tmp_path / "film.mp4", 6)
    ledger = Ledger.new(tmp_path / "ledger")
    ledger.frames[:6] = (10.0, 11.0, 12.0, 13.0, 14.0, 15.0)
    ledger.searches[[0, 2, 5]] = (10.1, 12.1, 15.1)
    ledger.keep(0, [probe(7), probe(8)])
    ledger.keep(1, [probe(9)])
    ledger.embeddings[:2] = (11.5, 15.5)
    hands: Any = Hands()

    replay = Replay(ledger, hands, hands, warm_up=2)
    replay.play(film)

    assert hands.calls == [0, [7, 8], 2, 5, [9]]
    assert replay.meter.spent.frames == 4
    assert replay.meter.spent.counts == {"detect": 3, "embed": 2}
    assert replay.meter.spent.cpu > 0
