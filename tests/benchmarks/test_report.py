"""What is said about the measurements, and which bounds count as missed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.measures import report
from benchmarks.measures.embedding import Embeddings
from benchmarks.measures.ledger import Spent
from benchmarks.measures.memory import Memory


def spent(cpu: float, detect: float = 0.5) -> Spent:
    """100 frames."""
    return Spent(100, cpu, {"MainThread": cpu / 2}, {"detect": detect, "embed": 0.0}, lags=[0.001, 0.002])


GOOD = report.Measured(
    detector="yunet",
    missing="",
    embeddings=Embeddings(dlib=0.09, net=0.009, product=0.01, batched=0.008, difference=1e-6, calls=80),
    rounds=[(spent(1.05), spent(1.0)), (spent(1.5), spent(1.0)), (spent(1.02), spent(1.0))],
    wide=(spent(1.2), spent(1.0)),
    beating=(spent(1.0), spent(1.0)),
    delays=[0.04, 0.05],
    still={"empty": spent(0.1, 0.01), "person": spent(0.1, 0.02)},
    memory=Memory(1e8, 2e8, 3e8, 4e8),
)


def test_a_good_run_misses_nothing_and_is_told_in_full() -> None:
    """The median round counts; the table and the JSON have every row."""
    table = report.table(GOOD)

    assert report.failures(GOOD, skip=False) == []
    assert "1.050 (1.050, 1.500, 1.020)" in table
    assert "9.0 x faster" in table
    assert "2.0% of detect" in table
    assert json.loads(json.dumps(report.numbers(GOOD)))["still"] == {"empty": 0.02, "person": 0.04}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"embeddings": replace(GOOD.embeddings, net=0.012)}, "faster_alone"),
        ({"embeddings": replace(GOOD.embeddings, product=0.012)}, "faster_aligned"),
        ({"embeddings": replace(GOOD.embeddings, difference=2e-5)}, "difference"),
        ({"rounds": GOOD.rounds[1:2]}, "1.500 x the replay"),
        ({"still": {"empty": spent(0.1, 0.03)}}, "6.0% > 5%"),
        ({"delays": []}, "nothing was received"),
        ({"memory": replace(GOOD.memory, service=2.4e8)}, "240 MB > 230"),
    ],
)
def test_each_missed_bound_is_a_sentence(change: dict[str, object], word: str) -> None:
    """A measurement on the wrong side of its bound is named, and only that one."""
    (sentence,) = report.failures(replace(GOOD, **change), skip=True)  # type: ignore[arg-type] # of the right types

    assert word in sentence


def test_missing_weights_excuse_only_where_skipping_is_allowed() -> None:
    """Without YuNet's weights the service's CPU is not judged, unless nothing may be skipped."""
    without = replace(GOOD, missing="there are no weights", rounds=GOOD.rounds[1:2])

    assert report.failures(without, skip=True) == []
    assert report.failures(without, skip=False) == ["service: there are no weights"]
    assert "skipped: there are no weights" in report.table(without)
