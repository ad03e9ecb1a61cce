"""Replies that were given: a request that arrives twice is carried out once and gets the first reply again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Transactions(Generic[T]):
    """The latest replies by key; when there are too many, the oldest leaves."""

    bound: int = 256
    lifetime: float = 600.0
    """Seconds that a reply is kept."""
    _replies: OrderedDict[Hashable, tuple[float, T]] = field(init=False, default_factory=OrderedDict)

    def first(self, key: Hashable, now: float) -> T | None:
        """The reply that was given to this key, if it is known."""
        self._forget(now)
        return self._replies[key][1] if key in self._replies else None

    def remember(self, key: Hashable, reply: T, now: float) -> None:
        """Keep the first reply given to a key."""
        self._replies.setdefault(key, (now, reply))
        self._forget(now)

    def _forget(self, now: float) -> None:
        while self._replies:
            given_at, _ = next(iter(self._replies.values()))
            if len(self._replies) <= self.bound and now - given_at <= self.lifetime:
                break
            self._replies.popitem(last=False)
