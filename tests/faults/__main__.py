"""`python -m tests.faults --count 200`: break everything around the service, many times, and see what comes of it."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from tests.faults.run import run, table


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Exit code 1 if anything was not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="faults to inject")
    parser.add_argument("--seed", type=int, default=1, help="another number, another order")
    parser.add_argument("--only", default="", help="only kinds with this text in their names")
    asked = parser.parse_args()
    # Else brokers would outlive us, and disks stay mounted.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    result = asyncio.run(run(asked.count, asked.seed, told=say, only=asked.only))
    say(table(result))
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
