"""Which face goes first to the recognizer."""

from __future__ import annotations

from dataclasses import replace

from tests.support.values import GOOD, face
from uSense.core.models import Box
from uSense.core.scene import Look
from uSense.core.tracking import Ask
from uSense.query import Query


def query(name: str, *, waiting: bool, quality: float, seen: float = 9.5) -> Query:
    """A face in line."""
    look = Look(
        track_id=name,
        captured_at=0.0,
        stamp=seen,
        box=Box(0, 0, 1, 1),
        frame_size=(1, 1),
        quality=replace(GOOD, value=quality),
    )
    return Query("hall", Ask(name, face(0), waiting), look, None, 0.0)  # type: ignore[arg-type] # the probe is not looked at


def test_waiting_people_go_first_and_better_faces_before_worse() -> None:
    """An undecided person comes before any recheck, who is in sight before who left; then the better face wins."""
    line = [
        query("recheck", waiting=False, quality=1.0),
        query("blurred", waiting=True, quality=0.2),
        query("gone", waiting=True, quality=1.0, seen=8.0),
        query("sharp", waiting=True, quality=0.9, seen=9.1),
    ]

    assert [one.key[1] for one in sorted(line, key=Query.worth, reverse=True)] == [
        "sharp",
        "blurred",
        "gone",
        "recheck",
    ]
