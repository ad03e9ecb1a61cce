"""Bounds, order and at-least-once delivery of what waits for the broker."""

from __future__ import annotations

import math
from itertools import count, pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from uSense.core.outbox import BOUNDS, Item, Kind, Outbox

SMALL = {Kind.REPLY: 2, Kind.IDENTITY: 4, Kind.LASTING: 3, Kind.NOTICE: 3}


def drain(outbox: Outbox[str], now: float = 0.0) -> list[str]:
    """Send everything."""
    sent = []
    while item := outbox.next(now):
        sent.append(item.content)
        outbox.done(item)
    return sent


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
