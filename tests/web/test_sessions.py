"""Which log-ins count, whatever the clock says meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from uSense.core.access import Scope
from uSense.storage.notebook import Notebook
from uSense.web.sessions import MOST, Sessions

DAY = 86_400.0
TODAY = 1_700_000_000.0


class Clock:
    """Says what the test wants."""

    def __init__(self) -> None:
        self.now = TODAY

    def __call__(self) -> float:
        """Seconds since 1970."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Today."""
    return Clock()


@pytest.fixture
def sessions(tmp_path: Path, clock: Clock) -> Sessions:
    """Nobody is in."""
    return Sessions(Notebook(tmp_path / "sessions.json"), 30 * DAY, clock)


@pytest.mark.parametrize("wrong", [TODAY + 40 * DAY, TODAY - 2 * DAY, 0.0])
async def test_a_wrong_clock_ends_no_log_in(wrong: float, sessions: Sessions, clock: Clock, tmp_path: Path) -> None:
    """It does not count while the clock is wrong, and again when that is right, also after a restart meanwhile."""
    word = await sessions.begin(Scope.ADMIN, "a")
    clock.now = wrong
    assert await sessions.find(word, {"a"}) is None
    again = Sessions(Notebook(tmp_path / "sessions.json"), 30 * DAY, clock)
    await again.load()
    assert await again.find(word, {"a"}) is None

    clock.now = TODAY + 60
    assert await sessions.find(word, {"a"})
    assert await again.find(word, {"a"})
    assert list(again.all({"a"}))


async def test_a_kiosk_stays_in_as_long_as_its_token(sessions: Sessions, clock: Clock) -> None:
    """However long it was off, and whatever the clock says at its start; nobody else does."""
    kiosk, admin = await sessions.begin(Scope.KIOSK, "token"), await sessions.begin(Scope.ADMIN, "a")
    for now in (TODAY + 400 * DAY, 0.0):
        clock.now = now
        assert await sessions.find(kiosk, {"token"})
        assert await sessions.find(admin, {"a"}) is None
        assert [one.scope for one in sessions.all({"a", "token"}).values()] == [Scope.KIOSK]

    assert await sessions.find(kiosk, {"another"}) is None
    assert await sessions.find(kiosk, {"token"}) is None


async def test_log_ins_that_count_no_more_are_the_first_to_leave(sessions: Sessions, clock: Clock) -> None:
    """Those of a time that is still to come keep nobody out, and fill nothing."""
    old = await sessions.begin(Scope.ADMIN, "a")
    clock.now = TODAY + 50 * DAY
    for _ in range(MOST - 1):
        await sessions.begin(Scope.ADMIN, "a")
    clock.now = TODAY
    words = [await sessions.begin(Scope.ADMIN, "a") for _ in range(3)]

    for word in (old, *words):
        assert await sessions.find(word, {"a"})
    assert len(sessions.all({"a"})) == 4
