"""What waits for the broker: five kinds of items, each with its own bound, order and promise.

An item is handed out by `next`, stays accounted for while it is on its way, and leaves with `done`. After `reset` (the
connection broke) it waits again, and so does every known state: the broker may have lost what it kept. So each item is
delivered at least once, unless its policy drops it or it breaks every connection, and that is counted. A state that was
not taken is never forgotten: it is tried again later.
"""

from __future__ import annotations

import math
from bisect import insort_left, insort_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Kind(StrEnum):
    """What an item is; the first kind is sent first."""

    REPLY = "reply"
    """The answer to a command. When full the oldest leaves."""
    IDENTITY = "identity"
    """A decided track, sent in the order of `number`. When full the oldest leaves."""
    LASTING = "lasting"
    """A notice that also lies in the journal, under `number`."""
    NOTICE = "notice"
    """A notice that may be lost. When full the oldest leaves."""
    STATE = "state"
    """The present value of a topic, which `key` names; a newer one replaces it."""


BOUNDS: Mapping[Kind, int] = {Kind.REPLY: 64, Kind.IDENTITY: 1000, Kind.LASTING: 64, Kind.NOTICE: 256}
"""Items of each kind that may wait; of the states there is one per topic."""


@dataclass(frozen=True, slots=True, eq=False)
class Item(Generic[T]):
    """Something to be sent, with the times (monotonic seconds) when it was put and after which it is worthless.

    A `final` state is not sent again once the broker has it. States of a `group` are given up together.
    """

    kind: Kind
    content: T
    key: str = ""
    number: int = 0
    put_at: float = 0.0
    expires: float = math.inf
    final: bool = False
    group: str = ""


@dataclass(slots=True)
class Outbox(Generic[T]):
    """All that waits, and the one item that is on its way."""

    bounds: Mapping[Kind, int] = field(default_factory=lambda: BOUNDS)
    dropped: Counter[Kind] = field(default_factory=Counter)
    """Items that left because newer ones came, by kind."""
    expired: Counter[Kind] = field(default_factory=Counter)
    """Items that became worthless before they could be sent, by kind."""
    given_up: Counter[Kind] = field(default_factory=Counter)
    """Items that broke two connections in a row, by kind; states among them are tried again after a blameless break."""
    _queues: dict[Kind, list[Item[T]]] = field(init=False)
    _states: dict[str, Item[T]] = field(init=False, default_factory=dict)
    _unsent: dict[str, None] = field(init=False, default_factory=dict)
    _again: dict[str, float] = field(init=False, default_factory=dict)
    _sending: Item[T] | None = field(init=False, default=None)
    _suspect: Item[T] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._queues = {kind: [] for kind in self.bounds}

    def put(self, item: Item[T]) -> None:
        """Let an item wait for its turn."""
        if item.kind is Kind.STATE:
            self._states[item.key] = item
            self._unsent[item.key] = None
            self._again.pop(item.key, None)
            return
        queue = self._queues[item.kind]
        insort_right(queue, item, key=_order)
        if self.waiting(item.kind) > self.bounds[item.kind]:
            kept = [other for other in queue if other.expires > item.put_at]
            self.expired[item.kind] += len(queue) - len(kept)
            queue[:] = kept
        if self.waiting(item.kind) > self.bounds[item.kind]:
            del queue[0]
            self.dropped[item.kind] += 1

    def next(self, now: float, *, only: Kind | None = None) -> Item[T] | None:
        """The item to be sent now, the same until it is `done` or `reset`; `only` leaves all other kinds waiting."""
        if self._sending is None:
            for key in [key for key, at in self._again.items() if at <= now]:
                del self._again[key]
                self._unsent[key] = None
            for kind in Kind if only is None else (only,):
                self._sending = self._take(kind, now)
                if self._sending is not None:
                    break
        return self._sending

    @property
    def due(self) -> float | None:
        """When the next state that was refused is tried again, if there is one."""
        return min((at for at in self._again.values() if at < math.inf), default=None)

    def done(self, item: Item[T], *, again: float | None = None) -> None:
        """The broker has the item that `next` gave, or refused it: then a state is tried `again` at that time."""
        if item is not self._sending:
            raise ValueError("only the item on its way can be done")
        self._sending = None
        if item is self._suspect:
            self._suspect = None
        if self._states.get(item.key) is not item:
            return
        if again is not None:
            self._again[item.key] = again
        elif item.final:
            del self._states[item.key]
            self._unsent.pop(item.key, None)

    def reset(self, *, suspect: bool = False) -> Item[T] | None:
        """The connection broke: what was on its way waits again, and so do all states.

        If that item is `suspect`, the second time in a row it is given up and returned: else it would break all
        connections to come. A state that was given up waits for a break that nothing sent is suspected of.
        """
        item, self._sending = self._sending, None
        given_up = item if suspect and item is self._suspect else None
        self._suspect = item if suspect and given_up is None else None
        blameless = not suspect or item is None
        self._again = {} if blameless else {key: at for key, at in self._again.items() if at == math.inf}
        if given_up is not None:
            self.given_up[given_up.kind] += 1
            if self._states.get(given_up.key) is given_up:
                self._again |= dict.fromkeys(self._like(given_up), math.inf)
        elif item is not None and item.kind is not Kind.STATE:
            insort_left(self._queues[item.kind], item, key=_order)
        self._unsent = {key: None for key in self._states if key not in self._again}
        return given_up

    def renew(self) -> None:
        """All states wait again, those of groups first; not those that are tried again later."""
        known = [key for key in self._states if key not in self._again]
        self._unsent = dict.fromkeys(sorted(known, key=lambda key: not self._states[key].group))

    def knows(self, key: str) -> bool:
        """Whether there is a state of this topic, sent or not."""
        return key in self._states

    def waiting(self, kind: Kind | None = None) -> int:
        """Items that wait or are on their way, of one kind or of all; not states that are tried again later."""
        if kind is None:
            return sum(self.waiting(each) for each in Kind)
        queued = len(self._unsent) if kind is Kind.STATE else len(self._queues[kind])
        return queued + (self._sending is not None and self._sending.kind is kind)

    def _like(self, item: Item[T]) -> list[str]:
        """The state's key and those of its group."""
        return [key for key, one in self._states.items() if one is item or (one.group and one.group == item.group)]

    def _take(self, kind: Kind, now: float) -> Item[T] | None:
        if kind is Kind.STATE:
            if not self._unsent:
                return None
            topic = next(iter(self._unsent))
            del self._unsent[topic]
            return self._states[topic]
        queue = self._queues[kind]
        while queue:
            item = queue.pop(0)
            if item.expires > now:
                return item
            self.expired[kind] += 1
        return None


def _order(item: Item[T]) -> int:
    return item.number
