"""A run: many faults in a house, one after the other, and the table of what came of them."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.house import House
from tests.faults.kinds import FAULTS, Fault

HANGS = 120.0
"""Seconds after which a fault has to be over, whatever it waits for."""
KINDS = ("twice", "stale", "wrong", "disorder")
"""What a ledger finds beside losses."""
SETTLED = 90.0
"""Seconds in which the last lasting notice has to arrive."""


@dataclass(slots=True)
class Row:
    """What came of a kind of fault."""

    recovered: list[float] = field(default_factory=list)
    restarts: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Result:
    """What came of a run."""

    rows: dict[str, Row] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    identities: int = 0
    notices: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    swallowed: int = 0
    excused: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """Faults that were injected."""
        return sum(len(row.recovered) + len(row.failures) for row in self.rows.values())

    @property
    def failures(self) -> list[str]:
        """Everything that is not as it should be."""
        return [*(text for row in self.rows.values() for text in row.failures), *self.lost, *self.details]


def plan(faults: Sequence[Fault], count: int, rng: random.Random) -> list[Fault]:
    """So many faults, all kinds among them if there is room, no kind twice in a row if that can be avoided."""
    bag = [fault for fault in faults for _ in range(fault.weight)]
    order: list[Fault] = rng.sample(list(faults), min(count, len(faults)))
    while len(order) < count:
        again = rng.sample(bag, len(bag))
        again.sort(key=lambda fault: fault.kind == order[-1].kind)
        order += again[: count - len(order)]
    return order


async def run(count: int, seed: int, *, told: Callable[[str], None], only: str = "") -> Result:
    """Inject faults; of those that need a clock of their own a part."""
    result, rng = Result(), random.Random(seed)  # noqa: S311 - to be repeated
    chosen = [fault for fault in FAULTS if only in fault.kind]
    own = [fault for fault in chosen if not fault.clock]
    clock = [fault for fault in chosen if fault.clock]
    turned = count * len(clock) // max(1, len(chosen))
    for part, number in ((own, count - turned), (clock, turned)):
        left = plan(part, number, rng) if part and number else []
        while left:
            with tempfile.TemporaryDirectory(prefix="usense-faults-") as folder:
                done = await _house(Path(folder), left, rng, result, told)
            left = left[done:]
    return result


async def _house(
    folder: Path, faults: Sequence[Fault], rng: random.Random, result: Result, told: Callable[[str], None]
) -> int:
    """Let faults come into one house, as long as it stands; how many came."""
    came = 0
    async with House(folder, clock=folder / "clock" if faults[0].clock else None) as house:
        for fault in faults:
            came += 1
            if fault.root and not house.disk.own:
                continue
            row = result.rows.setdefault(fault.kind, Row())
            text = await _inject(house, fault, rng, row)
            told(f"{result.faults:4} {fault.kind:28} {text}")
            if house.ruined:
                break
        await _settle(house, result)
    return came


async def _settle(house: House, result: Result) -> None:
    """Wait until what is still under way has arrived, and draw up the account."""
    ledger = house.ledger
    try:
        await house.until(lambda: not ledger.lost(time.monotonic()), 0 if house.ruined else SETTLED, "all arrived")
    except AssertionError:
        result.lost += ledger.lost(time.monotonic())
    result.details += ledger.details
    result.identities += len(ledger.heard)
    result.swallowed += ledger.swallowed
    result.excused += ledger.excused(time.monotonic())
    result.delays += ledger.delays()
    result.notices += len(ledger.told)
    for kind in KINDS:
        result.counts[kind] = result.counts.get(kind, 0) + ledger.faults[kind]


async def _inject(house: House, fault: Fault, rng: random.Random, row: Row) -> str:
    """Let one fault come and go; what to say about it."""
    ends, begun = len(house.exits), time.monotonic()
    house.ledger.during = fault.kind
    try:
        async with asyncio.timeout(HANGS), fault.strike(house, rng):
            if fault.words:
                await house.until(
                    lambda: house.complained(fault.words, begun), fault.bound, f"complaint {fault.words!r}"
                )
            named = time.monotonic()
        mended = time.monotonic()
        await house.well(mended, fault.bound)
    except (AssertionError, TimeoutError) as error:
        why = str(error) or f"not so: {traceback.extract_tb(error.__traceback__)[-1].line}"
        row.failures.append(f"{fault.kind}: {why}")
        await house.rescue()
        return f"FAILED: {why}"
    finally:
        row.restarts += len(house.exits) - ends
    took = time.monotonic() - (named if fault.passing else mended)
    row.recovered.append(took)
    return f"named in {named - begun:4.1f} s, well in {took:4.1f} s, restarts {len(house.exits) - ends}"


def percentile(values: Sequence[float], percent: int) -> float:
    """A percentile by the nearest rank; 0 of nothing."""
    return sorted(values)[(len(values) - 1) * percent // 100] if values else 0.0


def table(result: Result) -> str:
    """The result for people."""
    lines = [f"{'kind':28} {'count':>5} {'recovered p50':>14} {'max':>7} {'restarts':>9} {'failed':>7}"]
    for kind, row in result.rows.items():
        middle = f"{statistics.median(row.recovered):.1f} s" if row.recovered else "-"
        longest = f"{max(row.recovered):.1f} s" if row.recovered else "-"
        count = len(row.recovered) + len(row.failures)
        lines.append(f"{kind:28} {count:5} {middle:>14} {longest:>7} {row.restarts:9} {len(row.failures):7}")
    counts = ", ".join(f"{kind} {number}" for kind, number in {"lost": len(result.lost), **result.counts}.items())
    lines.append(f"{result.faults} faults; {result.identities} identities, {result.notices} lasting notices: {counts}")
    delays, chance = result.delays, max(result.excused, default=0.0)
    lines.append(
        f"{len(result.excused)} more identities had {chance:.2f} s of connection at most; "
        f"an identity took {percentile(delays, 50):.3f} s p50, {percentile(delays, 99):.3f} s p99, "
        f"{max(delays, default=0):.3f} s max"
    )
    lines.append(f"{result.swallowed} old names were told by brokers that had them unread when they were frozen")
    return "\n".join([*lines, *result.failures])
