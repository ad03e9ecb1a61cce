"""States on their way: one a topic, the newest, told again whenever the broker may have lost it."""

from __future__ import annotations

import pytest

from tests.support.outboxes import drain
from uSense.core.outbox import Item, Kind, Outbox


def test_a_newer_state_replaces_an_older_one() -> None:
    """Of several values of a topic only the last is sent."""
    outbox: Outbox[str] = Outbox()
    for value in ("1", "2", "3"):
        outbox.put(Item(Kind.STATE, value, key="people"))

    assert drain(outbox) == ["3"]


def test_a_state_that_changes_on_its_way_is_sent_again() -> None:
    """The value that came while the older one was being sent follows it."""
    outbox: Outbox[str] = Outbox()
    outbox.put(Item(Kind.STATE, "1", key="people"))
    item = outbox.next(0.0)
    outbox.put(Item(Kind.STATE, "2", key="people"))
    assert item is not None
    outbox.done(item)

    assert drain(outbox) == ["2"]


def test_all_states_are_sent_again_after_a_break() -> None:
    """A broker that comes back gets the present value of every topic, one after the other, before anything else."""
    outbox: Outbox[str] = Outbox()
    for topic in ("a", "b", "c"):
        outbox.put(Item(Kind.STATE, topic, key=topic))
    drain(outbox)
    outbox.reset()
    outbox.put(Item(Kind.REPLY, "reply"))
    sent = []
    while item := outbox.next(0.0, only=Kind.STATE):
        sent.append(item.content)
        outbox.done(item)

    assert sent == ["a", "b", "c"]
    assert drain(outbox) == ["reply"]


def test_a_removed_state_is_forgotten_once_the_broker_knows() -> None:
    """The removal of a topic is repeated after a break only until it was acknowledged."""
    outbox: Outbox[str] = Outbox()
    outbox.put(Item(Kind.STATE, "", key="a", final=True))
    outbox.next(0.0)
    outbox.reset()
    assert drain(outbox) == [""]
    outbox.reset()

    assert drain(outbox) == []


def test_a_state_that_returns_while_it_is_removed_is_kept() -> None:
    """A value that comes while its topic is being removed is sent, also after a break."""
    outbox: Outbox[str] = Outbox()
    outbox.put(Item(Kind.STATE, "", key="a", final=True))
    item = outbox.next(0.0)
    outbox.put(Item(Kind.STATE, "back", key="a"))
    assert item is not None
    outbox.done(item)
    drain(outbox)
    outbox.reset()

    assert drain(outbox) == ["back"]


def give_up(outbox: Outbox[str], key: str) -> None:
    """Let a state that is sent next break two connections."""
    outbox.put(Item(Kind.STATE, f"{key}, too large", key=key))
    for _ in range(2):
        outbox.next(0.0)
        outbox.reset(suspect=True)


def test_a_state_that_was_given_up_is_tried_again_after_a_blameless_break() -> None:
    """Who breaks connections with other items does not bring it back; a break for another reason does."""
    outbox: Outbox[str] = Outbox()
    give_up(outbox, "people")
    give_up(outbox, "house")
    assert drain(outbox) == []
    outbox.put(Item(Kind.NOTICE, "suspect"))
    outbox.next(0.0)
    outbox.reset(suspect=True)
    assert drain(outbox) == ["suspect"]

    outbox.reset(suspect=True)
    assert drain(outbox) == ["people, too large", "house, too large"]
    assert outbox.given_up == {Kind.STATE: 2}


def test_states_of_a_group_are_given_up_together() -> None:
    """A broker that hangs up on one of them would hang up on each; others and what comes new are sent."""
    outbox: Outbox[str] = Outbox()
    for key, group in (("a", "rooted"), ("b", "rooted"), ("c", "")):
        outbox.put(Item(Kind.STATE, key, key=key, group=group))
    for _ in range(2):
        outbox.next(0.0)
        outbox.reset(suspect=True)
    assert drain(outbox) == ["c"]

    outbox.put(Item(Kind.STATE, "new b", key="b", group="rooted"))
    assert drain(outbox) == ["new b"]
    outbox.reset()
    assert drain(outbox) == ["a", "new b", "c"]
    assert outbox.given_up == {Kind.STATE: 1}


def test_all_states_wait_again_when_renewed() -> None:
    """Those of groups first, and neither those that are tried again later nor those that are removed."""
    outbox: Outbox[str] = Outbox()
    for key, group in (("a", ""), ("b", "rooted"), ("refused", ""), ("c", "")):
        outbox.put(Item(Kind.STATE, key, key=key, group=group))
    drain(outbox)
    outbox.put(Item(Kind.STATE, "refused", key="refused"))
    outbox.done(outbox.next(0.0) or pytest.fail("nothing waits"), again=5.0)
    outbox.put(Item(Kind.STATE, "", key="c", final=True))
    on_its_way = outbox.next(0.0)
    assert on_its_way is not None

    outbox.renew()
    outbox.done(on_its_way)
    assert drain(outbox) == ["b", "a"]


@pytest.mark.parametrize("final", [False, True])
def test_a_state_that_was_refused_is_tried_again_after_a_pause(*, final: bool) -> None:
    """Until then it does not wait for anything, and a newer value does not wait for the pause."""
    outbox: Outbox[str] = Outbox()
    item = Item(Kind.STATE, "1", key="people", final=final)
    outbox.put(item)
    assert outbox.next(0.0) is item
    outbox.done(item, again=60.0)

    assert (outbox.waiting(), outbox.due) == (0, 60.0)
    assert outbox.next(59.9) is None
    assert outbox.next(60.0) is item
    outbox.done(item, again=120.0)
    outbox.put(Item(Kind.STATE, "2", key="people"))
    assert outbox.due is None
    assert drain(outbox) == ["2"]


def test_a_state_that_was_refused_is_tried_again_on_the_next_connection() -> None:
    """A new connection does not wait for the pause."""
    outbox: Outbox[str] = Outbox()
    outbox.put(Item(Kind.STATE, "1", key="people"))
    item = outbox.next(0.0)
    assert item is not None
    outbox.done(item, again=60.0)
    outbox.reset()

    assert drain(outbox) == ["1"]


def test_known_states_are_those_that_were_not_removed() -> None:
    """A state is known before and after it is sent, until its removal was taken."""
    outbox: Outbox[str] = Outbox()
    assert not outbox.knows("people")
    outbox.put(Item(Kind.STATE, "1", key="people"))
    drain(outbox)
    assert outbox.knows("people")
    outbox.put(Item(Kind.STATE, "", key="people", final=True))
    drain(outbox)
    assert not outbox.knows("people")


def test_a_new_value_of_a_state_that_was_given_up_is_sent() -> None:
    """Only the value that broke connections is given up, not its topic, also if the new one came meanwhile."""
    outbox: Outbox[str] = Outbox()
    outbox.put(Item(Kind.STATE, "too large", key="people"))
    outbox.next(0.0)
    outbox.reset(suspect=True)
    outbox.next(0.0)
    outbox.put(Item(Kind.STATE, "smaller", key="people"))
    outbox.reset(suspect=True)

    assert drain(outbox) == ["smaller"]
