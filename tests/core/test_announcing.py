"""Announcing arrivals once."""

from __future__ import annotations

from uSense.core.announcing import AnnounceRules, Attendance


def test_an_arrival_is_announced_once_while_the_person_stays() -> None:
    """A person who stays in sight is an arrival only the first time."""
    attendance = Attendance(AnnounceRules(repeat_after=60.0))

    assert [attendance.seen("anna", now) for now in (0.0, 30.0, 80.0, 139.0)] == [True, False, False, False]


def test_a_person_who_left_arrives_again() -> None:
    """After repeat_after seconds out of sight the next sighting is an arrival."""
    attendance = Attendance(AnnounceRules(repeat_after=60.0))
    attendance.seen("anna", 0.0)

    assert not attendance.seen("anna", 60.0)
    assert attendance.seen("anna", 120.1)


def test_the_table_holds_only_those_present() -> None:
    """Time passing and forgetting empty the table."""
    attendance = Attendance(AnnounceRules(repeat_after=60.0))
    attendance.seen("anna", 0.0)
    attendance.seen("bea", 50.0)
    attendance.seen("carl", 50.0)

    attendance.tick(100.0)
    attendance.forget("carl")

    assert list(attendance.last_seen) == ["bea"]
