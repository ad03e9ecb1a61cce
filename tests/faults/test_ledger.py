"""The account itself: it must find what it is there to find."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.faults.kinds import FAULTS
from tests.faults.ledger import LIFETIME, Ledger
from tests.faults.run import plan
from tests.peers.witness import Seen

WALL = 1_790_000_000.0


def ledger() -> Ledger:
    """An account of one camera that shows Grace; the service is connected from second 100 on."""
    account = Ledger({"hall": frozenset({"Grace"})})
    account.log({"event": "connected"}, 100.0)
    return account


def decide(account: Ledger, event_id: str, at: float, age: float = 0.1) -> None:
    """The service's log has a decision by a picture of this age in seconds."""
    line = {"event": "face decided", "event_id": event_id, "camera": "hall", "name": "Grace", "age_s": age}
    account.log(line, at)


def hear(account: Ledger, event_id: str, at: float, **changes: Any) -> None:
    """The witness receives an identity that expires at second 110."""
    identity = {
        "event_id": event_id,
        "seq": 1,
        "type": "recognized",
        "camera": "hall",
        "track_id": "abcdef00-1",
        "name": "Grace",
        "captured_at": "2026-09-21T13:20:00.000Z",
        "expires_at": "2026-09-21T14:13:30.000Z",
        "decision": {},
        **changes,
    }
    account.hear(Seen("usense/identity", json.dumps(identity).encode(), 1, False, None, "", (at, WALL + at - 100)))


def test_what_arrives_in_time_is_fine() -> None:
    """Heard once, or again with the same id: no complaint."""
    account = ledger()
    decide(account, "a", 101.0)
    hear(account, "a", 101.1)
    hear(account, "a", 105.0)

    assert account.lost(200.0) == []
    assert not account.faults


def test_what_was_too_old_when_it_was_decided_is_not_lost() -> None:
    """A detector that stood still for ten seconds goes on with a picture whose name may not be told any more."""
    account = ledger()
    decide(account, "a", 111.0, age=10.5)

    assert account.lost(200.0) == []
    assert account.excused(200.0) == [0.0]


def test_what_never_arrives_is_lost() -> None:
    """There was a connection while it lived."""
    account = ledger()
    decide(account, "a", 101.0)

    assert len(account.lost(105.0)) == 1


def test_what_could_not_be_sent_while_it_lived_is_not_lost() -> None:
    """Without a connection for all of its life an identity expires, and nobody may hear of it."""
    account = ledger()
    account.cut(100.5)
    decide(account, "a", 101.0)
    account.connected(101.0 + LIFETIME)

    assert account.lost(200.0) == []


def test_a_receipt_that_never_arrives_is_lost() -> None:
    """Whatever happened in between: what lasts has to be told."""
    account = ledger()
    account.log({"event": "person erased", "person_id": "p"}, 101.0)
    account.cut(101.0)

    assert account.lost(200.0) == ["person.erased p"]


@pytest.mark.parametrize(
    ("kind", "event_id", "at", "changes"),
    [
        ("wrong", "b", 101.0, {"name": "Eileen"}),
        ("stale", "b", 112.0, {"expires_at": "2026-09-21T13:20:00.000Z"}),
        ("disorder", "b", 101.0, {"seq": 0}),
        ("twice", "b", 101.0, {"seq": 2}),
    ],
)
def test_what_should_not_be_heard_is_noted(kind: str, event_id: str, at: float, changes: dict[str, Any]) -> None:
    """Names of people who are not there, old names, the wrong order, and one look told as two."""
    account = ledger()
    hear(account, "a", 100.5)
    hear(account, event_id, at, **{"track_id": "abcdef00-1", **changes})

    assert account.faults[kind] == 1


def test_a_frozen_broker_may_have_one_name_unread() -> None:
    """One that was decided before it woke, told at once when it does; every other old name is a fault."""
    account = ledger()
    for event_id in ("a", "b", "c"):
        decide(account, event_id, 101.0)
    old = {"seq": 2, "expires_at": "2026-09-21T13:20:00.000Z"}
    account.wakes(115.0)

    hear(account, "a", 115.1, **old, track_id="abcdef00-2")
    assert (account.swallowed, account.faults["stale"]) == (1, 0)
    hear(account, "b", 115.2, **old, track_id="abcdef00-3")
    account.wakes(120.0)
    hear(account, "c", 121.0, **old, track_id="abcdef00-4")

    assert (account.swallowed, account.faults["stale"]) == (1, 2)


def test_what_could_hardly_be_sent_is_excused() -> None:
    """Its chance is told, so that the excuse can be judged."""
    account = ledger()
    decide(account, "a", 101.0)
    account.cut(101.25)

    assert account.lost(200.0) == []
    assert account.excused(200.0) == [0.25]


def test_a_plan_has_every_kind() -> None:
    """If there is room, every kind comes, and none twice in a row."""
    order = [fault.kind for fault in plan(FAULTS, 200, random.Random(1))]  # noqa: S311 - to be repeated

    assert set(order) == {fault.kind for fault in FAULTS}
    assert len(order) == 200
