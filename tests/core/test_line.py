"""Who is next where calls are few."""

from __future__ import annotations

from uSense.core.line import Line


def test_waiting_people_go_first_but_a_tenth_is_for_background() -> None:
    """Of twenty turns with both waiting two are background's, and an idle line gives all to the other."""
    line = Line(100)
    for number in range(60):
        assert line.join(number, urgent=number < 30)
    order = []
    while (ticket := line.first) is not None:
        line.served(ticket)
        order.append("u" if ticket < 30 else "b")

    assert "".join(order[:20]) == ("u" * 9 + "b") * 2
    assert "".join(order) == ("u" * 9 + "b") * 3 + "u" * 3 + "b" * 27


def test_a_full_line_refuses_newcomers_of_its_kind() -> None:
    """An enrollment does not take the room of waiting people."""
    line = Line(2)

    assert [line.join(ticket, urgent=False) for ticket in range(3)] == [True, True, False]
    assert line.join(3, urgent=True)
    line.leave(0)
    assert line.join(4, urgent=False)
    assert len(line) == 3
