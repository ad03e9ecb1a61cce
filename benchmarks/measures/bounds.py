"""How a benchmark ends: what it found, which bounds are missed, and the exit code."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any


def parser(about: str | None, *, numbers: bool = True) -> argparse.ArgumentParser:
    """Takes `--check`, and `--json` for a benchmark that has numbers to show so; `about` is its docstring."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--check", action="store_true", help="exit 1 if a bound is missed")
    if numbers:
        made.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return made


def verdict(missed: Sequence[str], numbers: Mapping[str, Any] | None = None, *, check: bool) -> int:
    """Print the bounds that are missed, as JSON if there are numbers; the exit code, always 0 without `check`."""
    if numbers is not None:
        print(json.dumps({**numbers, "missed": missed}))
    else:
        print("\n".join(f"MISSED {sentence}" for sentence in missed) or "all bounds hold")
    return int(check and bool(missed))
