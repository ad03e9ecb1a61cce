"""Whether two outputs of tests/image/figures.py are the same: `python -m tests.image.alike FILE FILE`; else exit 1."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

BOUNDS = {"HOG's boxes": 1e-6, "YuNet's boxes": 0.01, "vectors": 1e-5, "vectors for enrolling": 1e-5}
"""Largest difference of a number: pixels in boxes, parts of a vector of length 1."""


def compare(one: Mapping[str, object], other: Mapping[str, object]) -> list[tuple[str, bool]]:
    """A line about each kind of numbers, and whether it is well."""
    same = one["pictures"] == other["pictures"]
    lines = [(f"pictures: {'the same bytes' if same else 'NOT the same bytes'}", same)]
    numbers = sorted((one.keys() | other.keys()) - {"pictures"})
    lines += [_compared(name, np.asarray(one.get(name, [])), np.asarray(other.get(name, []))) for name in numbers]
    return lines


def _compared(name: str, one: np.typing.NDArray[np.float64], other: np.typing.NDArray[np.float64]) -> tuple[str, bool]:
    if one.shape != other.shape or not one.size:
        return f"{name}: {len(one)} there, {len(other)} here", False
    difference = float(np.abs(one - other).max())
    return f"{name}: {len(one)}, largest difference {difference:.1g} of {BOUNDS[name]:g}", difference <= BOUNDS[name]


def main() -> int:
    """Compare and tell."""
    one, other = (json.loads(Path(name).read_text()) for name in sys.argv[1:])
    lines = compare(one, other)
    sys.stdout.writelines(f"{line}\n" for line, _ in lines)
    return 0 if all(well for _, well in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
