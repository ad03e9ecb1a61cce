"""How much of Azure's quota uSense uses, beside the serial loop of 2018, in simulated time.

    python benchmarks/quota.py [--check] [--json] [--quick]

The real limiter runs on an event loop whose clock jumps (measures/virtual.py), before a server that counts calls in a
sliding window and answers 429 (measures/azure.py, which states the delays). Somebody new is always to be identified.
Takes a minute: an hour of S0, six of F0, and a whole month of F0 with its 30,000 calls. `--quick` takes shorter times.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass

from benchmarks.measures import bounds
from benchmarks.measures.azure import Outcome, serial, usense, waits
from uSense.core.quota import F0, S0, Tier
from uSense.recognizers.azureface.recognizer import sparing

LEAST_USED, LEAST_SILENT = 0.97, 0.80
"""Part of the allowed calls; and of S0's, if the service does not tell how long it worked."""
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
RATE, MOST_WAIT = 7.9, 2.0
"""New faces a second at S0, and the seconds in which 95 of 100 of them are identified."""
F0_RATE = Tier(F0.calls, F0.seconds)
"""F0 without its month."""
SERIAL = "serial loop"


@dataclass(frozen=True, slots=True)
class Row:
    """One caller of one tier."""

    tier: str
    caller: str
    batch: int
    outcome: Outcome
    least: float


def measure(*, quick: bool = False, seed: int = 0) -> list[Row]:
    """Every tier and caller."""
    short, long, month = (10 * MINUTE, HOUR, 2 * DAY) if quick else (HOUR, 6 * HOUR, 30 * DAY)
    rows = [
        Row(name, "uSense", batch, usense(tier, seconds, batch=batch, seed=seed), LEAST_USED)
        for name, tier, seconds in (("S0", S0, short), ("F0 rate", F0_RATE, long), ("F0 month", F0, month))
        for batch in sorted({1, sparing(tier).most, 10})
    ]
    for name, tier, seconds, least in (("S0", S0, short, LEAST_SILENT), ("F0 rate", F0_RATE, long, LEAST_USED)):
        outcome = usense(tier, seconds, batch=10, seed=seed, tells_time=False)
        rows.append(Row(name, "uSense, no service time", 10, outcome, least))
    for name, tier in (("S0", S0), ("F0 rate", F0_RATE)):
        rows.append(Row(name, SERIAL, 1, serial(tier, short, seed=seed), 0.0))
    return rows


def slowest(*, seed: int = 0) -> float:
    """Seconds in which 95 of 100 new faces are identified at S0."""
    seconds = waits(S0, RATE, 10 * MINUTE, seed=seed)
    return seconds[int(0.95 * len(seconds))]


def failures(rows: list[Row], wait: float = 0.0) -> list[str]:
    """The bounds that were not kept."""
    found = [f"95 of 100 new faces are identified in {wait:.2f} s only"] if wait > MOST_WAIT else []
    for row in rows:
        where = f"{row.tier}, {row.caller}, batches of {row.batch}"
        if row.caller == SERIAL:
            continue
        if row.outcome.refused:
            found.append(f"{where}: {row.outcome.refused} calls were refused")
        if row.outcome.used < row.least:
            found.append(f"{where}: only {row.outcome.used:.1%} of the calls were used")
        if round(row.outcome.per_look, 2) > 1 + 1 / row.batch:
            found.append(f"{where}: {row.outcome.per_look:.2f} calls a look")
    return found


def table(rows: list[Row]) -> str:
    """For people."""
    lines = [
        f"{'tier':9} {'caller':24} {'batch':>5} {'calls used':>11} {'429':>6} {'people/min':>10} {'calls/look':>10}"
    ]
    for row in rows:
        one = row.outcome
        figures = f"{one.used:11.2%} {one.refused:6} {one.per_minute:10.1f} {one.per_look:10.3f}"
        lines.append(f"{row.tier:9} {row.caller:24} {row.batch:5} {figures}")
    for tier in ("S0", "F0 rate"):
        slow = next(row.outcome.per_minute for row in rows if row.tier == tier and row.caller == SERIAL)
        for batch in (1, 10):
            fast = next(row for row in rows if row.tier == tier and row.batch == batch and row.caller != SERIAL)
            ratio = fast.outcome.per_minute / slow
            lines.append(f"{tier}: {ratio:.1f} x the people a minute of the serial loop, with batches of {batch}")
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and with `--check` say by the exit code whether all bounds hold."""
    parser = bounds.parser(__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = measure(quick=options.quick, seed=options.seed)
    wait = slowest(seed=options.seed)
    if not options.json:
        print(f"{table(rows)}\nS0: {RATE:g} new faces a second are identified in {wait:.2f} s (p95)")
    numbers = {"rows": [asdict(row) for row in rows], "p95": wait}
    return bounds.verdict(failures(rows, wait), numbers if options.json else None, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
