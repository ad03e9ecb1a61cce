"""What was done for somebody and is shown after they were led on: in memory, for some minutes, for them alone."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

MOST = 20
"""Slips at once; the oldest goes."""
LASTING = 600.0
"""Seconds that one is kept."""


class Slips:
    """Keeps what must neither stand in an address nor be done again when a page is loaded again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[float, Any]] = {}

    def put(self, owner: str, what: Any) -> str:
        """Keep it for its owner; the key to it, which others can do nothing with."""
        self._expire()
        while len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]
        key = secrets.token_urlsafe(12)
        self._kept[owner, key] = self._clock(), what
        return key

    def look(self, owner: str, key: str) -> Any:
        """What is kept; None if there is nothing of theirs."""
        self._expire()
        _, what = self._kept.get((owner, key), (0.0, None))
        return what

    def take(self, owner: str, key: str) -> Any:
        """The same, and it is kept no more."""
        what = self.look(owner, key)
        self._kept.pop((owner, key), None)
        return what

    def _expire(self) -> None:
        late = self._clock() - LASTING
        self._kept = {key: one for key, one in self._kept.items() if one[0] > late}
