"""Bounds, order and at-least-once delivery of what waits for the broker."""

from __future__ import annotations

import math
from itertools import count, pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support.outboxes import SMALL, drain
from uSense.core.outbox import BOUNDS, Item, Kind, Outbox


def test_kinds_take_turns_by_urgency() -> None:
    """Replies go first, then identities, lasting and plain notices, and last the states."""
    outbox: Outbox[str] = Outbox()
    for kind in reversed(Kind):
        outbox.put(Item(kind, kind.value, key=kind.value))

    assert drain(outbox) == ["reply", "identity", "lasting", "notice", "state"]


def test_the_bounds_are_those_of_the_design() -> None:
    """Identities are bounded to 1,000 and plain notices to 256."""
    assert BOUNDS[Kind.IDENTITY] == 1000
    assert BOUNDS[Kind.NOTICE] == 256


def test_identities_leave_in_the_order_of_their_numbers() -> None:
    """Identities are sent by number, whatever the order in which they came."""
    outbox: Outbox[str] = Outbox()
    for number in (2, 0, 3, 1):
        outbox.put(Item(Kind.IDENTITY, str(number), number=number))

    assert drain(outbox) == ["0", "1", "2", "3"]


def test_the_oldest_identity_leaves_when_there_are_too_many() -> None:
    """One identity too many drops the one with the lowest number, and counts it."""
    outbox: Outbox[str] = Outbox(SMALL)
    for number in range(5):
        outbox.put(Item(Kind.IDENTITY, str(number), number=number))

    assert drain(outbox) == ["1", "2", "3", "4"]
    assert outbox.dropped == {Kind.IDENTITY: 1}


def test_expired_identities_leave_before_fresh_ones() -> None:
    """A full outbox first gives up what is worthless anyway, and does not count it as dropped."""
    outbox: Outbox[str] = Outbox(SMALL)
    for number in range(4):
        outbox.put(Item(Kind.IDENTITY, str(number), number=number, expires=5.0 if number == 2 else math.inf))
    outbox.put(Item(Kind.IDENTITY, "4", number=4, put_at=6.0))

    assert drain(outbox, now=6.0) == ["0", "1", "3", "4"]
    assert outbox.dropped.total() == 0
    assert outbox.expired == {Kind.IDENTITY: 1}


def test_expired_items_are_not_sent() -> None:
    """An identity and a reply that became too old while they waited are counted and never handed out."""
    outbox: Outbox[str] = Outbox()
    outbox.put(Item(Kind.IDENTITY, "old", number=1, expires=10.0))
    outbox.put(Item(Kind.IDENTITY, "new", number=2, expires=10.1))
    outbox.put(Item(Kind.REPLY, "reply", expires=10.0))

    assert drain(outbox, now=10.0) == ["new"]
    assert outbox.expired == {Kind.IDENTITY: 1, Kind.REPLY: 1}


def test_an_identity_that_expires_on_its_way_is_not_sent_again() -> None:
    """What became too old while the connection broke is not sent on the next one."""
    outbox: Outbox[str] = Outbox()
    outbox.put(Item(Kind.IDENTITY, "old", number=1, expires=10.0))
    outbox.next(9.9)
    outbox.reset()

    assert outbox.next(10.0) is None


def test_the_same_item_is_handed_out_until_it_is_done() -> None:
    """Asking again for the next item gives the one that is on its way."""
    outbox: Outbox[str] = Outbox()
    outbox.put(Item(Kind.NOTICE, "a"))
    outbox.put(Item(Kind.REPLY, "b"))

    assert outbox.next(0.0) is outbox.next(0.0)


def test_only_the_item_on_its_way_can_be_done() -> None:
    """Another item than the one handed out is an error of the caller."""
    outbox: Outbox[str] = Outbox()
    item = Item(Kind.NOTICE, "a")
    outbox.put(item)

    with pytest.raises(ValueError, match="on its way"):
        outbox.done(item)


@pytest.mark.parametrize("kind", Kind)
def test_an_item_that_breaks_two_connections_in_a_row_is_given_up(kind: Kind) -> None:
    """It is returned and counted, and what waits behind it has its turn."""
    outbox: Outbox[str] = Outbox()
    item = Item(kind, "too large", key="people", number=1)
    outbox.put(item)
    outbox.put(Item(kind, "next", key="house", number=2))
    outbox.next(0.0)
    assert outbox.reset(suspect=True) is None
    assert outbox.next(0.0) is item

    assert outbox.reset(suspect=True) is item
    assert drain(outbox) == ["next"]
    assert outbox.given_up == {kind: 1}
    assert drain(outbox) == []


def test_only_breaks_in_a_row_count_against_an_item() -> None:
    """A break for another reason, one at another item, or a delivery in between clears it of suspicion."""
    outbox: Outbox[str] = Outbox()
    outbox.put(Item(Kind.STATE, "people", key="people"))
    for _ in range(3):
        outbox.next(0.0)
        assert outbox.reset(suspect=True) is None
        outbox.next(0.0)
        assert outbox.reset() is None
        outbox.next(0.0)
        assert outbox.reset(suspect=True) is None
        outbox.put(Item(Kind.REPLY, "reply"))
        outbox.next(0.0)
        assert outbox.reset(suspect=True) is None
        assert drain(outbox) == ["reply", "people"]
        assert outbox.reset(suspect=True) is None

    assert outbox.given_up.total() == 0


class AnyOrder(RuleBasedStateMachine):
    """Puts, sends, acknowledgments and breaks in any order, with a broker that acknowledges only some."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox: Outbox[int] = Outbox(SMALL)
        self.numbers = count(1)
        self.now = 0.0
        self.put_of: dict[Kind, list[Item[int]]] = {kind: [] for kind in Kind}
        self.reached: list[Item[int]] = []
        self.acknowledged: set[int] = set()
        self.way: Item[int] | None = None

    @rule(kind=st.sampled_from(Kind), topic=st.sampled_from("abc"), life=st.sampled_from([2.0, 5.0, math.inf]))
    def put(self, kind: Kind, topic: str, life: float) -> None:
        """An event of any kind."""
        number = next(self.numbers)
        ordered = kind in (Kind.IDENTITY, Kind.LASTING)
        expires = self.now + life if kind in (Kind.IDENTITY, Kind.REPLY) else math.inf
        key = topic if kind is Kind.STATE else ""
        item = Item(kind, number, key=key, number=number if ordered else 0, put_at=self.now, expires=expires)
        self.put_of[kind].append(item)
        self.outbox.put(item)

    @rule()
    def send(self) -> None:
        """The writer takes the next item; the broker gets it."""
        self.way = self.outbox.next(self.now)
        if self.way is not None:
            self.reached.append(self.way)

    @precondition(lambda self: self.way is not None)
    @rule()
    def acknowledge(self) -> None:
        """The broker's acknowledgment arrives."""
        assert self.way is not None
        self.acknowledged.add(self.way.content)
        self.outbox.done(self.way)
        self.way = None

    @precondition(lambda self: self.way is not None and self.way.kind is Kind.STATE)
    @rule(pause=st.sampled_from([1.0, 5.0]))
    def refuse(self, pause: float) -> None:
        """The broker does not want a state."""
        assert self.way is not None
        self.outbox.done(self.way, again=self.now + pause)
        self.way = None

    @rule(suspect=st.booleans())
    def break_off(self, suspect: bool) -> None:  # noqa: FBT001 - drawn
        """The connection breaks: what was on its way may have arrived or not, and may be the reason."""
        given_up = self.outbox.reset(suspect=suspect)
        if given_up is not None:
            assert given_up is self.way
        self.way = None

    @rule()
    def renew(self) -> None:
        """Somebody may have missed the states."""
        self.outbox.renew()

    @rule(seconds=st.floats(0.1, 3.0))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @invariant()
    def bounded(self) -> None:
        """No kind exceeds its bound; of states there is at most one a topic, and one on its way."""
        for kind, bound in SMALL.items():
            assert self.outbox.waiting(kind) <= bound
        assert self.outbox.waiting(Kind.STATE) <= 4

    @invariant()
    def ordered(self) -> None:
        """Within a kind nothing older follows something newer, except by a repetition of the last one."""
        for kind in SMALL:
            contents = [item.content for item in self.reached if item.kind is kind]
            assert all(earlier <= later for earlier, later in pairwise(contents))

    @invariant()
    def accounted_for(self) -> None:
        """Every item was acknowledged, was dropped, expired or given up and counted so, or still waits."""
        for kind in SMALL:
            items = self.put_of[kind]
            acknowledged = sum(item.content in self.acknowledged for item in items)
            lost = self.outbox.dropped[kind] + self.outbox.expired[kind] + self.outbox.given_up[kind]
            assert acknowledged + lost + self.outbox.waiting(kind) == len(items)

    def teardown(self) -> None:
        """In the end everything that waits is sent, and the broker has the last value of every state."""
        self.outbox.reset()
        last: dict[str, int] = {}
        while item := self.outbox.next(self.now):
            self.outbox.done(item)
            if item.kind is Kind.STATE:
                last[item.key] = item.content
        expected = {item.key: item for item in self.put_of[Kind.STATE]}
        assert last == {key: item.content for key, item in expected.items()}


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
