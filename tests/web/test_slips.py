"""What is shown after a form was answered is kept for its owner, and not for long."""

from __future__ import annotations

from uSense.web.slips import LASTING, MOST, Slips


def test_a_slip_is_for_its_owner_and_ends() -> None:
    """Others get nothing by the same key; once taken, or after its time, it is gone."""
    now = 0.0
    slips = Slips(lambda: now)
    key = slips.put("anna", "word")

    assert slips.look("bea", key) is None
    assert slips.look("anna", key) == slips.take("anna", key) == "word"
    assert slips.take("anna", key) is None
    key = slips.put("anna", "receipt")
    now = LASTING
    assert slips.look("anna", key) is None


def test_there_are_not_too_many() -> None:
    """The oldest goes."""
    slips = Slips()
    keys = [slips.put("anna", number) for number in range(MOST + 1)]

    assert [slips.look("anna", key) for key in keys] == [None, *range(1, MOST + 1)]
