"""What a Raspberry Pi's firmware says of its power supply and of its speed."""

from __future__ import annotations

from enum import IntFlag


class Throttling(IntFlag):
    """The bits of `vcgencmd get_throttled`: what is so now, and what was so since the Pi was started."""

    UNDERVOLTAGE = 1 << 0
    CAPPED = 1 << 1
    THROTTLED = 1 << 2
    SOFT_LIMIT = 1 << 3
    """The temperature from which a 3B+ begins to slow down."""
    UNDERVOLTAGE_OCCURRED = 1 << 16
    CAPPED_OCCURRED = 1 << 17
    THROTTLED_OCCURRED = 1 << 18
    SOFT_LIMIT_OCCURRED = 1 << 19

    @classmethod
    def read(cls, text: str) -> Throttling | None:
        """From `throttled=0x50005`, or the number alone as the kernel writes it; None if it is none."""
        try:
            return cls(int(text.strip("\0 \n").removeprefix("throttled="), 16))
        except ValueError:
            return None


SLOWED = Throttling.CAPPED | Throttling.THROTTLED | Throttling.SOFT_LIMIT
"""The processor is slower than it could be."""
SLOWED_ONCE = Throttling.CAPPED_OCCURRED | Throttling.THROTTLED_OCCURRED | Throttling.SOFT_LIMIT_OCCURRED
"""It was since the Pi was started."""
