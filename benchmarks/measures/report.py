"""What was measured, as numbers, as a table, and held against the bounds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.measures.embedding import Embeddings
from benchmarks.measures.ledger import Spent
from benchmarks.measures.memory import Memory

LEAST_FASTER, MOST_DIFFERENT, MOST_OVERHEAD, MOST_STILL = 8.0, 1e-5, 1.10, 0.05

Pair = tuple[Spent, Spent]


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything of one run. Pairs are service and replay; without YuNet's weights `missing` says so."""

    detector: str
    missing: str
    embeddings: Embeddings
    pairs: Sequence[Pair]
    beating: Pair
    delays: Sequence[float]
    still: dict[str, Spent]
    memory: Memory

    @property
    def overheads(self) -> list[float]:
        """CPU of the service as a multiple of its replay's, for each pair."""
        return [served.cpu / replayed.cpu for served, replayed in self.pairs]

    @property
    def overhead(self) -> float:
        return statistics.median(self.overheads)

    @property
    def extra(self) -> float:
        """CPU-ms that the service spends on a frame beyond the replay."""
        return statistics.median(_per_frame(served) - _per_frame(replayed) for served, replayed in self.pairs)

    def stillness(self, film: str) -> float:
        """CPU of searches and embeddings on a still film as a share of that on the moving one."""
        moving = statistics.median(_looking(served) for served, _ in self.pairs)
        return _looking(self.still[film]) / moving


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
            "ratios": measured.overheads,
            "extra_ms_per_frame": measured.extra,
            "service_ms_per_frame": [_per_frame(one) for one, _ in measured.pairs],
            "replay_ms_per_frame": [_per_frame(one) for _, one in measured.pairs],
            "threads_ms_per_frame": _threads(measured.pairs[-1][0]),
            "calls_ms_per_frame": _each(measured.pairs[-1][0].calls, measured.pairs[-1][0].frames),
            "counts": measured.pairs[-1][0].counts,
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
    if not measured.delays:
        missed.append("picture to MQTT: nothing was received")
    return missed


def table(measured: Measured) -> str:
    """For people."""
    found = numbers(measured)
    embedding, service, loop, delay = (found[part] for part in ("embedding", "service", "loop", "picture_to_mqtt_ms"))
    lag, empty = loop["lag_ms"], loop["empty_loop_lag_ms"]
    still, memory = found["still"], found["memory_mb"]
    ratios = ", ".join(f"{ratio:.3f}" for ratio in service["ratios"])
    bare = statistics.median(service["replay_ms_per_frame"])
    rows = [
        ("embedding, net alone", f"{embedding['faster_alone']:.1f} x faster than dlib", f">= {LEAST_FASTER:.0f} x"),
        ("  with alignment", f"{embedding['faster_aligned']:.1f} x faster than dlib's net", f">= {LEAST_FASTER:.0f} x"),
        ("  difference of vectors", f"{embedding['difference']:.1e}", f"<= {MOST_DIFFERENT:.0e}"),
        ("service CPU / bare replay", f"{service['ratio']:.3f} ({ratios})", f"<= {MOST_OVERHEAD:.2f}"),
        ("  difference", f"{service['extra_ms_per_frame']:.2f} CPU-ms a frame, beside {bare:.2f}", ""),
        ("event loop late, p50 / p99", f"{lag['p50']:.2f} / {lag['p99']:.2f} ms", ""),
        ("  empty loop, same load", f"{empty['p50']:.2f} / {empty['p99']:.2f} ms", ""),
        ("still / moving, empty room", f"{still['empty']:.1%} of detect + embed CPU", f"<= {MOST_STILL:.0%}"),
        ("  somebody stands still", f"{still['person']:.1%} of detect + embed CPU", f"<= {MOST_STILL:.0%}"),
        ("picture to MQTT, p50 / p95", f"{delay['p50']:.0f} / {delay['p95']:.0f} ms ({delay['count']} messages)", ""),
        ("demo's service, RSS", f"{memory['service']:.0f} MB, peak {memory['service_peak']:.0f} MB", ""),
        ("  whole demo", f"{memory['demo']:.0f} MB, peak {memory['demo_peak']:.0f} MB", ""),
    ]
    lines = [f"{what:<28} {value:<44} {bound}".rstrip() for what, value, bound in rows]
    threads = ", ".join(f"{name} {spent:.2f}" for name, spent in service["threads_ms_per_frame"].items())
    lines.append(f"detector {service['detector']}; CPU-ms a frame by thread: {threads}")
    if measured.missing:
        lines.append(f"bound on the service's CPU skipped: {measured.missing}")
    return "\n".join(lines)


def _per_frame(spent: Spent) -> float:
    return 1000 * spent.cpu / spent.frames


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
