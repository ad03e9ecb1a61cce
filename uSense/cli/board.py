"""What `usense watch` knows: cameras, health, and the latest tracks with what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ROWS = 15
"""Tracks that are shown; those without news for longest leave."""


_NOT = {
    "": "nearest score {score}, {threshold} is needed",
    "nobody_enrolled": "nobody is enrolled yet: usense enroll NAME PHOTO...",
    "unlike_anybody": "like nobody who is enrolled",
    "between_two": "score {score}, but the next one is only {margin} behind",
    "rejected_before": "score {score}, but like a face that was said to be somebody else's",
    "unclear": "score {score} is too little for looks this poor",
    "disagreeing_looks": "the looks disagree, nearest score {score}",
}
"""Why a face is unknown, by the reason of the decision."""


@dataclass(frozen=True, slots=True)
class Row:
    """A track: when there was news of it, where, who it is, and the numbers or the reason."""

    time: str
    camera: str
    who: str
    why: str
    known: bool = False


@dataclass(slots=True)
class Board:
    """Fed with messages by `hear`."""

    status: str = "?"
    health: str = "?"
    cameras: dict[str, str] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)

    def hear(self, topic: str, payload: Any) -> str | None:
        """Take a message (`topic` without the prefix); a line for people if it is news."""
        if topic == "status":
            return self._state("status", str(payload), "service")
        if topic == "health" and isinstance(payload, Mapping):
            state = str(payload.get("state"))
            return self._state("health", f"{state}: {payload['reason']}" if payload.get("reason") else state, "health")
        parts = topic.split("/")
        if parts[0] == "camera" and parts[2:] == ["status"]:
            before, self.cameras[parts[1]] = self.cameras.get(parts[1]), str(payload)
            return f"{_clock()}  {parts[1]:<12}{payload}" if before != str(payload) else None
        if topic == "identity" and isinstance(payload, Mapping):
            return self._track(payload["track_id"], _decided(payload))
        if topic == "event" and isinstance(payload, Mapping):
            return self._event(payload)
        return None

    def _state(self, name: str, value: str, title: str) -> str | None:
        before = getattr(self, name)
        setattr(self, name, value)
        return f"{_clock()}  {title:<12}{value}" if before != value else None

    def _event(self, event: Mapping[str, Any]) -> str | None:
        if event.get("type") == "track.undecided":
            return self._track(event["track_id"], _undecided(event))
        rest = ", ".join(f"{key} {value}" for key, value in event.items() if key not in {"type", "at"} and value != "")
        return f"{_clock(event.get('at'))}  {event.get('type')}: {rest[:300]}"

    def _track(self, track_id: str, row: Row) -> str:
        self.rows.pop(track_id, None)
        self.rows[track_id] = row
        while len(self.rows) > ROWS:
            del self.rows[next(iter(self.rows))]
        return f"{row.time}  {row.camera:<12}{row.who:<20}{row.why}"


def _decided(identity: Mapping[str, Any]) -> Row:
    decision = identity["decision"]
    if identity["name"]:
        lead = "" if decision["margin"] is None else f", {decision['margin']:.2f} ahead of the next"
        looks = f"{decision['votes']} of {decision['looks']} looks"
        why = f"score {_number(decision['score'])}{lead}, {looks}, assurance {identity['assurance']}"
    else:
        why = _NOT.get(str(decision["reason"]), _NOT[""]).format(
            score=_number(decision["score"]),
            threshold=_number(decision["threshold"]),
            margin=_number(decision["margin"]),
        )
    if identity["type"] == "changed":
        why = f"was called {(identity.get('previous') or {}).get('name', 'unknown')}; {why}"
    who = identity["name"] or "unknown"
    return Row(_clock(identity["captured_at"]), identity["camera"], who, why, known=bool(identity["name"]))


def _undecided(event: Mapping[str, Any]) -> Row:
    return Row(_clock(event.get("at")), event["camera"], "not recognized", event["message"])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _clock(at: str | None = None) -> str:
    """The local time of day, now or of a message."""
    when = datetime.fromisoformat(at) if at else datetime.now().astimezone()
    return when.astimezone().strftime("%H:%M:%S")
