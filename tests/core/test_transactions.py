"""A request that arrives twice gets the first reply again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from uSense.core.transactions import Transactions


def test_the_first_reply_is_given_again_for_ten_minutes() -> None:
    """Within ten minutes the first reply is known, after that it is not."""
    replies: Transactions[str] = Transactions()
    replies.remember(("train", "k7"), "first", 0.0)

    assert replies.first(("train", "k7"), 600.0) == "first"
    assert replies.first(("train", "k8"), 600.0) is None
    assert replies.first(("train", "k7"), 600.1) is None


def test_a_later_reply_does_not_replace_the_first() -> None:
    """The first reply stays, and so does the time when it is forgotten."""
    replies: Transactions[str] = Transactions()
    replies.remember("k", "first", 0.0)
    replies.remember("k", "second", 500.0)

    assert replies.first("k", 599.0) == "first"
    assert replies.first("k", 601.0) is None


@given(st.lists(st.integers(0, 20)))
def test_the_latest_replies_are_kept_and_no_more_than_the_bound(keys: list[int]) -> None:
    """However many different requests come, the table keeps the latest ones only."""
    replies: Transactions[int] = Transactions(bound=5)
    for now, key in enumerate(keys):
        replies.remember(key, now, float(now))
    kept = [key for key in range(21) if replies.first(key, float(len(keys))) is not None]

    assert len(kept) <= 5
    assert not keys or keys[-1] in kept
