"""Scopes, and the gate that slows guessing down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.core.access import ALL_PLACES, FREE, LONGEST, PLACES, LoginGate, Scope, allows


@pytest.mark.parametrize(
    ("granted", "needed"),
    [
        (Scope.ADMIN, set(Scope)),
        (Scope.ENROLL, {Scope.ENROLL, Scope.READ, Scope.KIOSK}),
        (Scope.READ, {Scope.READ, Scope.KIOSK}),
        (Scope.KIOSK, {Scope.KIOSK}),
    ],
)
def test_scopes_include_lesser_ones(granted: Scope, needed: set[Scope]) -> None:
    """Who may do more may do what needs less, and nothing else."""
    assert {scope for scope in Scope if allows(granted, scope)} == needed


def test_a_few_wrong_passwords_cost_nothing_and_then_more_each_time() -> None:
    """Two seconds after the fifth, doubled by each further one, a quarter of an hour at most."""
    gate, waits = LoginGate(), []
    now = 1000.0
    for _ in range(FREE + 12):
        waits.append(gate.wait("192.168.1.2", now))
        now += waits[-1]
        gate.attempt("192.168.1.2", now)

    assert waits[:FREE] == [0] * FREE
    assert waits[FREE:] == [min(LONGEST, 2.0 ** (number + 1)) for number in range(12)]


def test_the_right_password_forgives() -> None:
    """After it, wrong ones are free again."""
    gate = LoginGate()
    for _ in range(FREE):
        gate.attempt("192.168.1.2", 1000.0)
    assert gate.wait("192.168.1.2", 1000.0) > 0

    gate.passed("192.168.1.2")

    assert gate.wait("192.168.1.2", 1000.0) == 0


def test_time_forgives() -> None:
    """An hour without an attempt begins anew."""
    gate = LoginGate()
    for _ in range(FREE + 3):
        gate.attempt("192.168.1.2", 1000.0)

    assert gate.wait("192.168.1.2", 1000.0 + 3600.0) == 0


def test_one_customer_of_ipv6_is_one_place() -> None:
    """Addresses of one network are one place; those of another are not."""
    gate = LoginGate()
    for number in range(FREE):
        gate.attempt(f"2001:db8:1:2::{number + 1}", 1000.0)

    assert gate.wait("2001:db8:1:2:ffff::9", 1000.0) > 0
    assert gate.wait("2001:db8:1:3::1", 1000.0) == 0


def test_guesses_from_everywhere_are_bounded_too() -> None:
    """Many places together have so many attempts a minute, and what is remembered of them has a bound."""
    gate = LoginGate()
    for number in range(ALL_PLACES):
        gate.attempt(f"10.0.{number // 200}.{number % 200}", 1000.0)

    assert 0 < gate.wait("172.16.0.1", 1001.0) <= 60
    assert gate.wait("172.16.0.1", 1060.0) == 0
    for number in range(2 * PLACES):
        gate.attempt(f"10.{number // 250}.0.{number % 250}", 2000.0)
    assert len(gate._places) == PLACES


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 5000), st.booleans()), max_size=60))
def test_waits_are_finite_and_end(steps: list[tuple[str, float, bool]]) -> None:
    """Whatever is tried, nobody waits longer than the bound, and who waited may try."""
    gate, now = LoginGate(), 0.0
    for address, pause, right in steps:
        now += pause
        wait = gate.wait(address, now)
        assert 0 <= wait <= LONGEST
        if wait == 0:
            gate.attempt(address, now)
            if right:
                gate.passed(address)
        else:
            assert gate.wait(address, now + wait + 1e-6) == 0
