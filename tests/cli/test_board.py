"""What `usense watch` makes of messages."""

from __future__ import annotations

from typing import Any

import pytest

from uSense.cli.board import ROWS, Board

ANNA: dict[str, Any] = {
    "type": "recognized",
    "camera": "hall",
    "track_id": "t1",
    "name": "Anna",
    "captured_at": "2026-11-22T10:00:00.120Z",
    "assurance": "medium",
    "decision": {"score": 0.61, "margin": 0.39, "threshold": 0.5, "votes": 3, "looks": 4, "reason": "agreed"},
}
WHY: dict[str, Any] = {
    "type": "track.undecided",
    "at": "2026-11-22T10:00:00.120Z",
    "camera": "hall",
    "track_id": "t1",
    "message": "the face is blurred: hold still",
}


def test_a_track_is_one_row_with_its_latest_news() -> None:
    """First why not, then who; the reason and the numbers are told in words."""
    board = Board()
    first = board.hear("event", WHY)
    second = board.hear("identity", ANNA)
    assert first is not None
    assert second is not None
    assert first.endswith("hall        not recognized      the face is blurred: hold still")
    assert second.endswith("Anna                score 0.61, 0.39 ahead of the next, 3 of 4 looks, assurance medium")
    (row,) = board.rows.values()
    assert (row.who, row.known) == ("Anna", True)


def test_an_unknown_and_a_correction_are_told() -> None:
    """With what was said before."""
    board = Board()
    nobody = ANNA["decision"] | {"score": 0.31, "margin": None, "reason": "below_threshold"}
    unknown = board.hear("identity", ANNA | {"name": None, "type": "unknown", "decision": nobody})
    changed = board.hear("identity", ANNA | {"type": "changed", "previous": {"person_id": "b", "name": "Bea"}})
    assert unknown is not None
    assert changed is not None
    assert "unknown             nearest score 0.31, 0.50 is needed" in unknown
    assert "was called Bea; score 0.61" in changed


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("nobody_enrolled", "nobody is enrolled yet: usense enroll"),
        ("between_two", "score 0.61, but the next one is only 0.39 behind"),
        ("rejected_before", "score 0.61, but like a face that was said to be somebody else's"),
        ("unclear", "score 0.61 is too little for looks this poor"),
        ("disagreeing_looks", "the looks disagree, nearest score 0.61"),
        ("something new", "nearest score 0.61, 0.50 is needed"),
    ],
)
def test_an_unknown_face_has_a_reason(reason: str, words: str) -> None:
    """In words, with the numbers that it is about."""
    unknown = ANNA | {"name": None, "type": "unknown", "decision": ANNA["decision"] | {"reason": reason}}
    line = Board().hear("identity", unknown)
    assert line is not None
    assert words in line


def test_states_are_told_when_they_change() -> None:
    """Not each time they are sent."""
    board = Board()
    for topic, payload in (
        ("status", "online"),
        ("camera/hall/status", "offline"),
        ("health", {"state": "degraded", "reason": "camera hall: away"}),
    ):
        assert board.hear(topic, payload) is not None
        assert board.hear(topic, payload) is None
    assert (board.status, board.cameras, board.health) == (
        "online",
        {"hall": "offline"},
        "degraded: camera hall: away",
    )


def test_other_events_and_strange_messages() -> None:
    """Events are told with all they hold; what is not understood is passed over."""
    board = Board()
    line = board.hear("event", {"type": "camera.lost", "at": "2026-11-22T10:00:00Z", "camera": "hall", "reason": "x"})
    assert line is not None
    assert line.endswith("camera.lost: camera hall, reason x")
    assert [board.hear(topic, None) for topic in ("identity", "event", "health", "camera/hall/paused", "x")] == [
        None
    ] * 5


def test_old_tracks_leave() -> None:
    """The table has an end."""
    board = Board()
    for number in range(2 * ROWS):
        board.hear("identity", ANNA | {"track_id": f"t{number}"})
    assert list(board.rows) == [f"t{number}" for number in range(ROWS, 2 * ROWS)]
