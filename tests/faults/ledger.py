"""The account of a run: what the service's log says was decided, against what an independent client received."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.peers.witness import Seen

LIFETIME = 10.0
"""Seconds for which an identity may be told; `mqtt.identity_lifetime` of the service."""
SURE = 0.5
"""Seconds in which an identity reaches the witness if service and broker are connected."""


@dataclass(frozen=True, slots=True)
class Decided:
    """An identity as the service's log has it; `at` and `taken`, the time of its picture, in monotonic seconds."""

    event_id: str
    at: float
    taken: float
    camera: str
    name: str | None
    during: str


@dataclass(slots=True)
class Span:
    """A time during which one process of the service was connected to the broker."""

    begin: float
    end: float | None = None


@dataclass(slots=True)
class Ledger:
    """Takes notes of both sides and finds what does not fit. `people` are those whom each camera shows."""

    people: Mapping[str, frozenset[str]]
    wall_clock: bool = True
    """Whether the service's clock is that of the witness."""
    decided: dict[str, Decided] = field(default_factory=dict)
    heard: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict)
    """By event id: when an identity came first, and what it said."""
    due: dict[str, float] = field(default_factory=dict)
    """Lasting notices that have to come, by what they are about: since when."""
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    """`twice`, `stale`, `wrong` and `disorder`."""
    details: list[str] = field(default_factory=list)
    during: str = ""
    """The fault that comes and goes now."""
    swallowed: int = 0
    """Old names that a broker told when it woke: it had them unread, and counts their age from when it reads them."""
    _woken_at: float | None = None
    _spans: list[Span] = field(default_factory=list)
    _seqs: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _tracks: dict[tuple[str, ...], str] = field(default_factory=dict)

    def connected(self, now: float) -> None:
        """The service says that it is connected, or a fault is over that it did not notice."""
        if not self.is_connected:
            self._spans.append(Span(now))

    def cut(self, now: float) -> None:
        """The connection or the process is gone, as far as one can know."""
        if self.is_connected:
            self._spans[-1].end = now

    def wakes(self, now: float) -> None:
        """A frozen broker goes on: one identity, the one that waits to be acknowledged, may be in its socket unread."""
        self._woken_at = now

    @property
    def is_connected(self) -> bool:
        """Whether decided identities should arrive at once."""
        return bool(self._spans) and self._spans[-1].end is None

    def log(self, line: Mapping[str, Any], now: float) -> None:
        """Note a line of the service's log."""
        match line.get("event"):
            case "face decided":
                self.decided[line["event_id"]] = Decided(
                    line["event_id"], now, now - line["age_s"], line["camera"], line["name"], self.during
                )
            case "connected":
                self.connected(now)
            case "training finished":
                self.due[f"train.finished {line['gallery']}"] = now
            case "person erased":
                self.due[f"person.erased {line['person_id']}"] = now
            case "people merged":
                self.due[f"person.merged {line['person_id']}"] = now

    def hear(self, message: Seen) -> None:
        """Note a message that the witness received."""
        if message.topic == "usense/identity":
            self._hear_identity(message.json, *message.at)
        elif message.topic == "usense/event":
            self._hear_event(message.json)

    def named(self, camera: str, since: float) -> bool:
        """Whether somebody was recognized in a picture of this camera, decided and received since then."""
        return any(
            one.camera == camera and one.at > since and one.name and one.event_id in self.heard
            for one in reversed(self.decided.values())
        )

    def lost(self, now: float) -> list[str]:
        """What should have been received and was not."""
        identities = [
            f"identity of {one.name} at {one.camera}, {one.event_id}, during {one.during!r}"
            for one in self._unheard()
            if self._chance(one, now) >= SURE
        ]
        return identities + [about for about in self.due if about not in self.told]

    def all_told(self, since: float) -> bool:
        """Whether everything that lasts and was done since then was received."""
        return all(about in self.told for about, at in self.due.items() if at >= since)

    def excused(self, now: float) -> list[float]:
        """Of each identity that was not received and could not be: the seconds of connection that it had."""
        chances = [self._chance(one, now) for one in self._unheard()]
        return [seconds for seconds in chances if seconds < SURE]

    def delays(self) -> list[float]:
        """Of each identity that was decided and received within one connection: the seconds that took."""
        heard = [(one.at, self.heard[one.event_id][0]) for one in self.decided.values() if one.event_id in self.heard]
        return [
            received - decided
            for decided, received in heard
            if any(span.begin <= decided and (span.end is None or received <= span.end) for span in self._spans)
        ]

    def _unheard(self) -> list[Decided]:
        return [one for one in self.decided.values() if one.event_id not in self.heard]

    def _chance(self, one: Decided, now: float) -> float:
        """The longest time in one piece in which it could be delivered before it expired."""
        ends = one.taken + LIFETIME - SURE
        pieces = [(max(one.at, span.begin), min(ends, now if span.end is None else span.end)) for span in self._spans]
        return max((0.0, *(end - begin for begin, end in pieces)))

    def _hear_identity(self, identity: dict[str, Any], at: float, wall: float) -> None:
        event_id, camera, name = identity["event_id"], identity["camera"], identity["name"]
        if event_id in self.heard:
            return
        self.heard[event_id] = at, identity
        if name is not None and name not in self.people[camera]:
            self._fault("wrong", f"{name} at {camera}: {identity['decision']}")
        expired = datetime.fromisoformat(identity["expires_at"]).timestamp()
        one = self.decided.get(event_id)
        if (self.wall_clock and wall > expired) or (one is not None and at > one.taken + LIFETIME):
            self._hear_stale(one, at, f"{event_id} {wall - expired:.1f} s after it expired")
        run = identity["track_id"][:6]
        if identity["seq"] < self._seqs[run]:
            self._fault("disorder", f"seq {identity['seq']} after {self._seqs[run]}")
        self._seqs[run] = identity["seq"]
        look = (identity["track_id"], identity["type"], str(name), identity["captured_at"])
        if self._tracks.setdefault(look, event_id) != event_id:
            self._fault("twice", f"{look} as {event_id}")

    def _hear_stale(self, one: Decided | None, at: float, detail: str) -> None:
        woken_at, self._woken_at = self._woken_at, None
        if one is not None and woken_at is not None and one.at < woken_at and at - woken_at < SURE:
            self.swallowed += 1
        else:
            self._fault("stale", detail)

    def _hear_event(self, event: dict[str, Any]) -> None:
        match event:
            case {"type": "train.finished", "state": "succeeded", "gallery": number}:
                about = f"train.finished {number}"
            case {"type": "person.erased" | "person.merged" as kind, "person_id": person_id}:
                about = f"{kind} {person_id}"
            case _:
                return
        if self.told.setdefault(about, event) != event:
            self._fault("twice", f"{about}: {event} and {self.told[about]}")

    def _fault(self, kind: str, detail: str) -> None:
        self.faults[kind] += 1
        self.details.append(f"{kind}: {detail}")


def parsed(line: str) -> dict[str, Any]:
    """A line of the log as JSON; nothing if it is none."""
    if not line.startswith("{"):
        return {}
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
