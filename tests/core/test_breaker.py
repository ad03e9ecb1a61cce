"""A backend that fails is left alone for growing pauses, and tried by one call after each."""

from __future__ import annotations

from uSense.core.breaker import Breaker, BreakerRules, Circuit

RULES = BreakerRules(failures=3, first=5.0, longest=30.0, factor=2.0)


def opened(now: float = 0.0) -> Breaker:
    """A breaker that has just opened."""
    breaker = Breaker(RULES)
    for _ in range(RULES.failures):
        assert breaker.enter(now)
        breaker.failed(now, 0.5)
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    """A success in between begins the count anew."""
    breaker = Breaker(RULES)
    for success in (False, False, True, False, False):
        assert breaker.enter(0.0)
        if success:
            breaker.succeeded()
        else:
            breaker.failed(0.0, 0.5)
    assert breaker.state(0.0) is Circuit.CLOSED

    breaker.enter(0.0)
    breaker.failed(0.0, 0.5)

    assert breaker.state(0.0) is Circuit.OPEN
    assert not breaker.enter(4.9)


def test_one_call_tries_after_the_pause() -> None:
    """While it is under way nobody else may; its success closes the breaker."""
    breaker = opened()

    assert breaker.enter(5.0)
    assert breaker.state(5.0) is Circuit.HALF_OPEN
    assert not breaker.enter(5.0)
    breaker.succeeded()

    assert breaker.state(5.1) is Circuit.CLOSED
    assert breaker.enter(5.1)


def test_pauses_grow_to_a_bound_and_begin_small_again() -> None:
    """Each trial that fails doubles the pause; after a success the next one is short."""
    breaker = opened()
    pauses = []
    now = 0.0
    for _ in range(5):
        pauses.append(breaker.retry_at - now)
        now = breaker.retry_at
        assert breaker.enter(now)
        breaker.failed(now, 0.5)
    breaker.enter(breaker.retry_at)
    breaker.succeeded()

    assert pauses == [5.0, 10.0, 20.0, 30.0, 30.0]
    assert opened().pause == 5.0


def test_jitter_spreads_the_pauses_by_a_quarter() -> None:
    """Many clients of one backend do not come back at the same moment."""
    breaker = Breaker(BreakerRules(failures=1))
    breaker.failed(0.0, 0.0)
    early = breaker.retry_at
    breaker = Breaker(BreakerRules(failures=1))
    breaker.failed(0.0, 1.0)

    assert (early, breaker.retry_at) == (3.75, 6.25)


def test_a_trial_that_was_left_lets_the_next_one_try() -> None:
    """A canceled call tells nothing of the backend."""
    breaker = opened()
    breaker.enter(5.0)
    breaker.left()

    assert breaker.enter(5.0)


def test_late_failures_do_not_lengthen_the_pause() -> None:
    """Calls that began before it opened are part of the same trouble."""
    breaker = opened()
    breaker.failed(3.0, 0.5)

    assert breaker.retry_at == 5.0
