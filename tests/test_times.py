"""How moments are written."""

from __future__ import annotations

import time
import uuid

import pytest

from uSense.times import made_at, new_id, rfc3339, ticks


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1795341600.0, "2026-11-22T10:00:00.000Z"),
        (1795341600.1204, "2026-11-22T10:00:00.120Z"),
        (1795341600.9996, "2026-11-22T10:00:01.000Z"),
    ],
)
def test_times_are_utc_with_milliseconds(seconds: float, text: str) -> None:
    """Times always have three digits after the point and a Z, so that they sort as text."""
    assert rfc3339(seconds) == text


def test_ticks_have_seven_digits() -> None:
    """As the Face contract has it, also where nothing is behind the point."""
    assert ticks(0.0) == "1970-01-01T00:00:00.0000000Z"
    assert ticks(1_725_378_958.5) == "2024-09-03T15:55:58.5000000Z"
    assert ticks(0.99999999) == "1970-01-01T00:00:01.0000000Z"


def test_ids_say_when_they_were_made() -> None:
    """To the millisecond; those that do not are no reason to fail."""
    before = time.time()
    one, other = new_id(), new_id()

    assert before - 0.001 <= (made_at(one) or 0.0) <= time.time()
    assert one != other
    assert made_at(str(uuid.uuid4())) is None
    assert made_at("r1") is None
