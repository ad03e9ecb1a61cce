"""The firmware's number for voltage and speed."""

from __future__ import annotations

import pytest

from uSense.core.throttling import SLOWED, SLOWED_ONCE, Throttling

HISTORY = Throttling.UNDERVOLTAGE_OCCURRED | Throttling.THROTTLED_OCCURRED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("throttled=0x0", Throttling(0)),
        ("throttled=0x50005\n", Throttling.UNDERVOLTAGE | Throttling.THROTTLED | HISTORY),
        ("throttled=0x50000", HISTORY),
        ("throttled=0x80008", Throttling.SOFT_LIMIT | Throttling.SOFT_LIMIT_OCCURRED),
        ("throttled=0xe0008\0\0", SLOWED_ONCE | Throttling.SOFT_LIMIT),
        ("50005\n", Throttling.UNDERVOLTAGE | Throttling.THROTTLED | HISTORY),
        ("0\n", Throttling(0)),
        ('error=1 error_msg="Command not registered"', None),
        ("", None),
    ],
)
def test_a_number_is_read(text: str, expected: Throttling | None) -> None:
    """As `vcgencmd` writes it and as the kernel does."""
    assert Throttling.read(text) == expected


def test_bits_that_are_not_known_do_no_harm() -> None:
    """A newer firmware may tell more."""
    flags = Throttling.read("throttled=0x100012")
    assert flags is not None
    assert flags & SLOWED == Throttling.CAPPED
