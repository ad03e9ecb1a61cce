"""How fast uSense finds a face among many, beside a plain numpy scan and faiss, in the same run on one thread.

    python benchmarks/gallery.py [--check] [--json]

Needs faiss-cpu (`make bench` installs it) and 2 GB of memory. Takes less than a minute. All three search exhaustively
and must find the same two persons for every face, with the same scores.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import psutil

from benchmarks.measures import bounds
from uSense.core import matching
from uSense.core.matching import Gallery, Metric, Rows
from uSense.core.models import Candidate

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment in which numerical libraries keep to one thread; to be set before they are loaded."""
MOST_SLOWER, MOST_DIFFERENT = 1.20, 1e-4
SIZES = (1_000, 100_000, 1_000_000)
BATCHES = (1, 10)
WIDTH = 128
ROUNDS = 9
_LEAST = 0.05
"""Seconds a round lasts at least: short searches are repeated."""

Search = Callable[[Rows], list[tuple[Candidate, ...]]]


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds a search of a batch of faces took, and what was found."""

    templates: int
    faces: int
    uSense: float  # noqa: N815 - the name of the product
    numpy: float
    faiss: float
    difference: float
    same: bool

    @property
    def ratio(self) -> float:
        """Time of uSense as a multiple of the faster peer's."""
        return self.uSense / min(self.numpy, self.faiss)


def people(templates: int, generator: np.random.Generator) -> Gallery:
    """A gallery of random directions, one template a person, as training makes it."""
    vectors = generator.standard_normal((templates, WIDTH), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = tuple(f"{number:07}" for number in range(templates))
    return Gallery(1, Metric.EUCLIDEAN, names, names, vectors, np.arange(templates))


def by_numpy(gallery: Gallery) -> Search:
    """A plain scan: all squared distances by one product of matrices, the two smallest of each row."""
    squares = (gallery.vectors**2).sum(axis=1)

    def search(probes: Rows) -> list[tuple[Candidate, ...]]:
        distances = squares - 2 * probes @ gallery.vectors.T
        nearest = np.argpartition(distances, 2, axis=1)[:, :2]
        found = np.take_along_axis(distances, nearest, axis=1) + (probes**2).sum(axis=1)[:, None]
        order = found.argsort(axis=1)
        return _candidates(gallery, np.take_along_axis(nearest, order, 1), np.take_along_axis(found, order, 1))

    return search


def by_faiss(gallery: Gallery) -> Search:
    """The exhaustive index of faiss."""
    import faiss  # noqa: PLC0415 - only this benchmark needs it

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatL2(WIDTH)
    index.add(gallery.vectors)

    def search(probes: Rows) -> list[tuple[Candidate, ...]]:
        squares, nearest = index.search(probes, 2)
        return _candidates(gallery, nearest, squares)

    return search


def _candidates(gallery: Gallery, nearest: np.ndarray, squares: np.ndarray) -> list[tuple[Candidate, ...]]:
    likeness = (1.0 - np.sqrt(np.maximum(squares, 0.0))).tolist()
    return [
        tuple(Candidate(gallery.person_ids[i], gallery.names[i], one) for i, one in zip(rows, values, strict=True))
        for rows, values in zip(nearest.tolist(), likeness, strict=True)
    ]


def compare(gallery: Gallery, peers: dict[str, Search], probes: Rows) -> Row:
    """Let all search for the same faces, in turn, so that what disturbs the machine disturbs all of them."""
    calls = {name: max(1, round(_LEAST / _seconds(search, probes, 1))) for name, search in peers.items()}
    rounds = [{name: _seconds(search, probes, calls[name]) for name, search in peers.items()} for _ in range(ROUNDS)]
    spent = {name: statistics.median(one[name] for one in rounds) for name in peers}
    answers = [search(probes) for search in peers.values()]
    pairs = [(a, b) for answer in answers[1:] for mine, other in zip(answers[0], answer, strict=True)
             for a, b in zip(mine, other, strict=True)]  # fmt: skip
    return Row(
        templates=len(gallery.vectors),
        faces=len(probes),
        difference=max(abs(a.score - b.score) for a, b in pairs),
        same=all(a.person_id == b.person_id for a, b in pairs),
        **spent,
    )


def _seconds(search: Search, probes: Rows, calls: int) -> float:
    begun = time.perf_counter()
    for _ in range(calls):
        search(probes)
    return (time.perf_counter() - begun) / calls


def measure() -> tuple[list[Row], dict[int, float]]:
    """All rows, and the megabytes that each size of gallery adds to the process."""
    generator = np.random.default_rng(7)
    rows, memory = [], {}
    for templates in SIZES:
        before = psutil.Process().memory_info().rss
        gallery = people(templates, generator)
        gc.collect()
        memory[templates] = (psutil.Process().memory_info().rss - before) / 1e6
        peers: dict[str, Search] = {
            "uSense": lambda probes, gallery=gallery: matching.rank(gallery, probes),  # type: ignore[misc] # mypy cannot infer a lambda's default
            "numpy": by_numpy(gallery),
            "faiss": by_faiss(gallery),
        }
        for faces in BATCHES:
            noise = 0.05 * generator.standard_normal((faces, WIDTH), np.float32)
            rows.append(compare(gallery, peers, gallery.vectors[generator.integers(templates, size=faces)] + noise))
    return rows, memory


def main() -> int:
    """Measure, print, and with `--check` say by the exit code whether all bounds hold."""
    asked = bounds.parser(__doc__).parse_args()
    os.environ.update(ONE_THREAD)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
        rows, memory = fresh.submit(measure).result()
    missed = [str(row) for row in rows if row.ratio > MOST_SLOWER or not row.same or row.difference > MOST_DIFFERENT]
    numbers = [{field: getattr(row, field) for field in (*Row.__slots__, "ratio")} for row in rows]
    if not asked.json:
        print(f"{'templates':>9} {'faces':>5} {'uSense':>10} {'numpy':>10} {'faiss':>10}  ratio to the faster")
        for row in rows:
            times = " ".join(f"{seconds * 1e3:>7.3f} ms" for seconds in (row.uSense, row.numpy, row.faiss))
            equal = f"same persons, scores to {row.difference:.0e}" if row.same else "OTHER PERSONS"
            print(f"{row.templates:>9,} {row.faces:>5} {times}  {row.ratio:.2f}  {equal}")
        print("memory: " + ", ".join(f"{size:,} templates {used:.0f} MB" for size, used in memory.items()))
    return bounds.verdict(missed, {"rows": numbers} if asked.json else None, check=asked.check)


if __name__ == "__main__":
    sys.exit(main())
