"""Visitors as JSON, for replies and events."""

from __future__ import annotations

from typing import Any

from uSense.core.visitors import Visitor
from uSense.times import rfc3339


def visitor_data(visitor: Visitor) -> dict[str, Any]:
    """A visitor as JSON."""
    return {
        "visitor_id": visitor.visitor_id,
        "first_seen_at": rfc3339(visitor.first_seen_at),
        "last_seen_at": rfc3339(visitor.last_seen_at),
        "sightings": visitor.sightings,
        "cameras": list(visitor.cameras),
        "faces": len(visitor.faces),
        "ignored": visitor.ignored,
    }


def gone_data(visitor: Visitor, reason: str, into: str | None) -> dict[str, Any]:
    """A visitor who is none any more as JSON; `into` is the visitor who they turned out to be."""
    told = {"visitor_id": visitor.visitor_id, "last_seen_at": rfc3339(visitor.last_seen_at), "reason": reason}
    return told if into is None else {**told, "into": into}
