"""What was measured, as numbers, as a table, and held against the bounds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.measures.embedding import Embeddings
from benchmarks.measures.lab import Pair
from benchmarks.measures.ledger import Spent
from benchmarks.measures.memory import Memory

LEAST_FASTER, MOST_DIFFERENT, MOST_OVERHEAD, MOST_STILL = 8.0, 1e-5, 1.10, 0.05
MOST_MEMORY = 230.0
"""MB that the service may hold in the demo."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything of one run. Pairs are service and replay; without YuNet's weights `missing` says so.

    `wide` is a round on 1280 x 720 pixels, all the others are on 640 x 480.
    """

    detector: str
    missing: str
    embeddings: Embeddings
    rounds: Sequence[Pair]
    wide: Pair
    beating: Pair
    delays: Sequence[float]
    still: dict[str, Spent]
    memory: Memory

    @property
    def overhead(self) -> float:
        """CPU of the service as a multiple of its replay's."""
        return statistics.median(_ratio(pair) for pair in self.rounds)

    def stillness(self, film: str) -> float:
        """CPU of searches and embeddings on a still film as a share of that on the moving one."""
        return _looking(self.still[film]) / statistics.median(_looking(served) for served, _ in self.rounds)


def numbers(measured: Measured) -> dict[str, Any]:
    """For programs: times in milliseconds, memory in MB."""
    served, replayed = measured.beating
    embeddings = measured.embeddings
    return {
        "embedding": {
            "faster_alone": embeddings.dlib / embeddings.net,
            "faster_aligned": embeddings.dlib / embeddings.product,
            "faster_batched": embeddings.dlib / embeddings.batched,
            **{f"{way}_ms": 1000 * getattr(embeddings, way) for way in ("dlib", "net", "product", "batched")},
            "difference": embeddings.difference,
            "calls": embeddings.calls,
        },
        "service": {
            "detector": measured.detector,
            "skipped": measured.missing,
            "ratio": measured.overhead,
            "640x480": [_compared(pair) for pair in measured.rounds],
            "1280x720": _compared(measured.wide),
        },
        "loop": {"lag_ms": _percentiles(served.lags), "empty_loop_lag_ms": _percentiles(replayed.lags)},
        "still": {film: measured.stillness(film) for film in measured.still},
        "picture_to_mqtt_ms": {**_percentiles(measured.delays, 95), "count": len(measured.delays)},
        "memory_mb": {name: value / 1e6 for name, value in asdict(measured.memory).items()},
    }


def failures(measured: Measured, *, skip: bool) -> list[str]:
    """Every bound that is missed, as a sentence; `skip` excuses what cannot be measured here."""
    found = numbers(measured)
    faster = {name: found["embedding"][name] for name in ("faster_alone", "faster_aligned")}
    missed = [
        f"embedding: {name} {value:.1f} < {LEAST_FASTER}" for name, value in faster.items() if value < LEAST_FASTER
    ]
    if measured.embeddings.difference > MOST_DIFFERENT:
        missed.append(f"embedding: difference {measured.embeddings.difference:.1e} > {MOST_DIFFERENT:.0e}")
    if measured.missing:
        missed += [] if skip else [f"service: {measured.missing}"]
    elif measured.overhead > MOST_OVERHEAD:
        missed.append(f"service: {measured.overhead:.3f} x the replay > {MOST_OVERHEAD}")
    stills = {film: measured.stillness(film) for film in measured.still}
    missed += [f"still, {film}: {share:.1%} > {MOST_STILL:.0%}" for film, share in stills.items() if share > MOST_STILL]
    if found["memory_mb"]["service"] > MOST_MEMORY:
        missed.append(f"memory of the demo's service: {found['memory_mb']['service']:.0f} MB > {MOST_MEMORY:.0f}")
    if not measured.delays:
        missed.append("picture to MQTT: nothing was received")
    return missed


def table(measured: Measured) -> str:
    """For people."""
    found = numbers(measured)
    embedding, service, loop, delay = (found[part] for part in ("embedding", "service", "loop", "picture_to_mqtt_ms"))
    lag, empty = loop["lag_ms"], loop["empty_loop_lag_ms"]
    still, memory = found["still"], found["memory_mb"]
    rounds, wide = service["640x480"], service["1280x720"]
    ratios = ", ".join(f"{one['ratio']:.3f}" for one in rounds)
    extra, bare = (statistics.median(one[name] for one in rounds) for name in ("extra_ms", "replay_ms"))
    rows = [
        ("embedding, net alone", f"{embedding['faster_alone']:.1f} x faster than dlib", f">= {LEAST_FASTER:.0f} x"),
        ("  with alignment", f"{embedding['faster_aligned']:.1f} x faster than dlib's net", f">= {LEAST_FASTER:.0f} x"),
        ("  difference of vectors", f"{embedding['difference']:.1e}", f"<= {MOST_DIFFERENT:.0e}"),
        ("service CPU / bare replay", f"{service['ratio']:.3f} ({ratios})", f"<= {MOST_OVERHEAD:.2f}"),
        ("  difference", f"{extra:.2f} CPU-ms a frame, beside {bare:.2f}", ""),
        ("  with 1280 x 720", f"{wide['ratio']:.3f}; {wide['extra_ms']:.2f}, beside {wide['replay_ms']:.2f}", ""),
        ("event loop late, p50 / p99", f"{lag['p50']:.2f} / {lag['p99']:.2f} ms", ""),
        ("  empty loop, same load", f"{empty['p50']:.2f} / {empty['p99']:.2f} ms", ""),
        ("still / moving, empty room", f"{still['empty']:.1%} of detect + embed CPU", f"<= {MOST_STILL:.0%}"),
        ("  somebody stands still", f"{still['person']:.1%} of detect + embed CPU", f"<= {MOST_STILL:.0%}"),
        ("picture to MQTT, p50 / p95", f"{delay['p50']:.0f} / {delay['p95']:.0f} ms ({delay['count']} messages)", ""),
        (
            "demo's service, RSS",
            f"{memory['service']:.0f} MB, peak {memory['service_peak']:.0f} MB",
            f"<= {MOST_MEMORY:.0f} MB",
        ),
        ("  whole demo", f"{memory['demo']:.0f} MB, peak {memory['demo_peak']:.0f} MB", ""),
    ]
    lines = [f"{what:<28} {value:<44} {bound}".rstrip() for what, value, bound in rows]
    threads = ", ".join(f"{name} {spent:.2f}" for name, spent in rounds[-1]["threads_ms"].items())
    lines.append(f"detector {service['detector']}; CPU-ms a frame by thread: {threads}")
    if measured.missing:
        lines.append(f"bound on the service's CPU skipped: {measured.missing}")
    return "\n".join(lines)


def _ratio(pair: Pair) -> float:
    return pair[0].cpu / pair[1].cpu


def _per_frame(spent: Spent) -> float:
    return 1000 * spent.cpu / spent.frames


def _compared(pair: Pair) -> dict[str, Any]:
    """The service beside its replay, in CPU-ms a frame."""
    served, replayed = pair
    return {
        "ratio": _ratio(pair),
        "extra_ms": _per_frame(served) - _per_frame(replayed),
        "service_ms": _per_frame(served),
        "replay_ms": _per_frame(replayed),
        "service_calls_ms": _each(served.calls, served.frames),
        "replay_calls_ms": _each(replayed.calls, replayed.frames),
        "threads_ms": _threads(served),
        "counts": served.counts,
    }


def _looking(spent: Spent) -> float:
    """CPU-ms a frame inside searches and embeddings."""
    return 1000 * sum(spent.calls.values()) / spent.frames


def _threads(spent: Spent) -> dict[str, float]:
    """CPU-ms a frame of the threads that do anything, and of those that Python does not know."""
    each = _each(spent.threads, spent.frames)
    others = _per_frame(spent) - sum(each.values())
    return {name: value for name, value in {**each, "others": others}.items() if value >= 0.005}


def _each(seconds: dict[str, float], frames: int) -> dict[str, float]:
    return {name: 1000 * value / frames for name, value in seconds.items()}


def _percentiles(seconds: Sequence[float], high: int = 99) -> dict[str, float]:
    """Median and a high percentile in milliseconds; nan of nothing."""
    middle, top = np.percentile(np.array(seconds) * 1000, (50, high)) if seconds else (np.nan, np.nan)
    return {"p50": float(middle), f"p{high}": float(top)}
