"""The pace of calls: never refused by a sliding window, whatever the delays; a month's calls over its days; turns."""

from __future__ import annotations

import calendar
import heapq
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from uSense.core import quota
from uSense.core.line import TURNS
from uSense.core.quota import DAY, F0, LEARN, RESERVE, S0, STRAY, Budget, Pace, Quota, Tier

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
TIMEOUT = 30.0
OUT, BACK = 0.010, 0.014
"""No call of the simulated network is faster than these, there and back."""


@dataclass(frozen=True)
class Fate:
    """What happens to one call: pauses before it, delays beyond the shortest, and how it ends."""

    idle: float
    out: float
    service: float
    back: float
    lost: bool
    tells: bool
    rounded: float

    @property
    def told(self) -> float:
        """The service time as a header of whole milliseconds, rounded either way."""
        return math.floor(self.service * 1000 + self.rounded) / 1000 if self.tells else 0.0


def fates(scale: float, lost: int, *, idle: bool) -> st.SearchStrategy[Fate]:
    """Calls whose delays are about this long; so many in ten are lost; without idle time the caller is saturated."""
    delays = st.one_of(st.just(0.0), st.floats(0, scale))
    return st.builds(
        Fate,
        idle=st.one_of(st.just(0.0), st.floats(0, 3 * scale)) if idle else st.just(0.0),
        out=delays,
        service=delays,
        back=delays,
        lost=st.sampled_from([True] * lost + [False] * (10 - lost)),
        tells=st.booleans(),
        rounded=st.sampled_from([0.0, 0.5, 1.0]),
    )


profiles = st.tuples(st.sampled_from([0.002, 0.05, 0.5, 20.0]), st.sampled_from([0, 0, 1, 5]), st.booleans())
"""How the calls of one example are: quick or slow, sure or not, with pauses or without."""


def drawn(data: st.DataObject) -> st.SearchStrategy[Fate]:
    """The calls of one example."""
    scale, lost, idle = data.draw(profiles)
    return fates(scale, lost, idle=idle)


def arrivals(pace: Pace, tier: Tier, calls: list[Fate], drift: float = 0.0) -> list[float]:
    """When the calls of an impatient caller arrive, as read from the backend's clock."""
    now = 0.0
    ends: list[tuple[float, int, Fate]] = []
    arrived = []

    def settle(until: float) -> None:
        while ends and ends[0][0] <= until:
            at, number, fate = heapq.heappop(ends)
            if fate.lost:
                pace.failed(str(number), at)
            else:
                pace.answered(str(number), at, fate.told)

    for number, fate in enumerate(calls):
        now += fate.idle
        settle(now)
        while (wait := pace.delay(tier, now)) > 0:
            now = min([now + wait, *(end[0] for end in ends)])
            settle(now)
        pace.start(str(number), tier, now, TIMEOUT)
        if fate.lost:  # it arrives at any time before it is given up for good, or never
            heapq.heappush(ends, (now + fate.service, number, fate))
            arrived.append(now + OUT + min(fate.out, fate.service + STRAY - OUT))
        else:
            arrived.append(now + OUT + fate.out)
            heapq.heappush(ends, (arrived[-1] + fate.service + BACK + fate.back, number, fate))
    return sorted(at * (1 - drift) for at in arrived)


def most_in_a_window(times: list[float], tier: Tier) -> int:
    """The largest number of arrivals within less than a window."""
    return max(sum(start <= at < start + tier.seconds for at in times) for start in times)


@pytest.mark.parametrize("tier", [F0, S0, Tier(1, 1.0), Tier(3, 0.2), Tier(3, 10.0)])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_window_holds_more_calls_than_allowed(tier: Tier, data: st.DataObject) -> None:
    """Whatever the delays, the order of arrival and the answers that are lost, and with a backend's clock that lags."""
    calls = data.draw(st.lists(drawn(data), min_size=tier.calls + 1, max_size=4 * tier.calls))
    unknown = Pace(seen=-(10**9))

    times = arrivals(unknown, tier, calls, drift=quota.DRIFT / 2)

    assert most_in_a_window(times, tier) <= tier.calls


@pytest.mark.parametrize("tier", [S0, Tier(5, 1.0), Tier(3, 0.2)])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_known_network_time_breaks_no_window(tier: Tier, data: st.DataObject) -> None:
    """The shortest network time is used up to a margin: fewer than all calls were ever that fast."""
    first = Fate(0, (1 / 0.8 - 1) * (OUT + BACK), 0.1, 0.0, lost=False, tells=True, rounded=0.5)
    calls = data.draw(st.lists(drawn(data), min_size=LEARN + tier.calls, max_size=LEARN + 4 * tier.calls))

    times = arrivals(Pace(), tier, [first, *calls], drift=quota.DRIFT / 2)

    assert most_in_a_window(times, tier) <= tier.calls


@given(st.lists(fates(20.0, 0, idle=True), min_size=2, max_size=40))
def test_calls_never_burst(calls: list[Fate]) -> None:
    """Two calls are sent at an almost even spacing, however long nobody called before."""
    still = [Fate(fate.idle, 0, fate.service, 0, lost=False, tells=True, rounded=0) for fate in calls]

    times = arrivals(Pace(), F0, still)

    assert all(later - earlier >= quota.SPACING * 3.0 - 1e-6 for earlier, later in pairwise(times))


@pytest.mark.parametrize("tier", [F0, S0])
@pytest.mark.parametrize("tells", [True, False])
def test_almost_all_allowed_calls_are_used(tier: Tier, *, tells: bool) -> None:
    """A caller that always has something to ask gets more than 97 of 100 calls, if the backend tells its own time."""
    calls = [Fate(0, 0.004 * (n % 3), 0.12 + 0.05 * (n % 5), 0.003 * (n % 4), False, tells, 0.5) for n in range(400)]

    times = arrivals(Pace(), tier, calls)

    used = (len(times) - tier.calls) / (times[-1] - times[tier.calls - 1]) * tier.seconds / tier.calls
    assert used >= (0.97 if tells or tier is F0 else 0.80)


def test_a_service_time_that_cannot_be_is_ignored() -> None:
    """A backend cannot have worked longer than the whole call took."""
    pace, tier = Pace(), Tier(1, 10.0)
    pace.start("1", tier, 0.0, TIMEOUT)
    pace.answered("1", 2.0, service=7.0)

    assert pace.floor == 2.0
    assert pace.delay(tier, 2.0) > 10.0


def test_a_call_whose_process_died_blocks_until_its_deadline() -> None:
    """Nobody tells how it ended, but it ended."""
    pace, tier = Pace(), Tier(1, 10.0)
    pace.start("dead", tier, 0.0, within=5.0)

    assert pace.delay(tier, 4.9) > 0
    assert 9.5 < pace.delay(tier, 5.2) < 10.5
    assert pace.delay(tier, 15.1) == 0.0


def test_what_a_refusal_says_is_believed_once() -> None:
    """The first pause is the one told; if the next call is refused as well, pauses grow from there."""
    pace = Pace()
    pauses = []
    now = 0.0
    for number in range(8):
        now += pace.delay(S0, now)
        pace.start(str(number), S0, now, TIMEOUT)
        pauses.append(pace.refused(str(number), S0, now + 0.1, 0.5, jitter=0.5))
        assert pace.delay(S0, now + 0.1) >= pauses[-1]
        now += 0.1

    assert pauses == [0.5, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_an_absurd_pause_is_cut_short() -> None:
    """Nobody waits a day because a header says so."""
    pace = Pace()
    pace.start("1", F0, 0.0, TIMEOUT)

    assert pace.refused("1", F0, 0.1, 86_400.0, jitter=0.5) == 120.0


def test_one_crowd_of_refusals_slows_once_and_answers_take_it_back() -> None:
    """Calls that were under way when the first one was refused say nothing new."""
    pace = Pace()
    for number in range(3):
        pace.start(str(number), S0, 0.1 * number, TIMEOUT)
    for number in range(3):
        pace.refused(str(number), S0, 0.5, None, jitter=0.5)
    slow = pace.slowness
    for number in range(3, 60):
        pace.start(str(number), S0, float(number), TIMEOUT)
        pace.answered(str(number), number + 0.1)

    assert slow == quota.SLOWER
    assert pace.slowness == 1.0
    assert pace.refusals == 0


def test_the_pace_after_a_refusal_is_slower() -> None:
    """Both the window and the spacing are stretched."""
    pace = Pace()
    pace.start("1", S0, 0.0, TIMEOUT)
    pace.refused("1", S0, 0.1, 0.0, jitter=0.5)
    pace.start("2", S0, 0.2, TIMEOUT)

    assert pace.next_at - 0.2 == pytest.approx(quota.SPACING * 0.1 * quota.SLOWER, rel=0.01)


@given(st.dates(date(1970, 1, 1), date(2300, 1, 1)))
@example(date(2028, 2, 29))
@example(date(2100, 2, 28))
def test_months_are_those_of_the_calendar(day: date) -> None:
    """A month's number changes on its first day, and the days left count this one."""
    number = (day - date(1970, 1, 1)).days
    month, left = quota._month(number)

    assert left == calendar.monthrange(day.year, day.month)[1] - day.day + 1
    assert quota._month(number + 1)[0] - month == (left == 1)


def use(budget: Budget, tier: Tier, wall: float, *, urgent: bool = True, most: int = 10**6) -> int:
    """Make calls until there are none left at this moment; returns how many."""
    budget.roll(tier, wall)
    made = 0
    while made < most and budget.again(tier, wall, urgent=urgent) is None:
        budget.take()
        made += 1
    return made


def test_a_month_is_spread_over_its_days_and_used_up() -> None:
    """Each day has its share, and what a day leaves over goes to those to come."""
    budget = Budget()
    first = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
    used = [use(budget, F0, first + day * DAY, most=100 if day == 0 else 10**6) for day in range(30)]

    assert used[0] == 100
    assert used[1] == 29_900 // 29
    assert sum(used) == 30_000
    assert use(budget, F0, first + 30 * DAY) == 30_000 // 31


def test_a_month_begun_late_may_use_it_all() -> None:
    """Who begins on the 22nd has nine days for the month's calls."""
    assert use(Budget(), F0, NOON) == 30_000 // 9


def test_the_last_part_of_a_day_is_for_waiting_people() -> None:
    """Background calls leave a fifth of the day's share, and are told when there are calls again."""
    budget = Budget()
    background = use(budget, F0, NOON, urgent=False)
    share = 30_000 // 9

    assert background == share - share // RESERVE
    assert budget.left(F0, urgent=False) == 0
    assert use(budget, F0, NOON) == share // RESERVE
    assert budget.again(F0, NOON, urgent=True) == datetime(2026, 11, 23, tzinfo=UTC).timestamp()


def test_a_tier_without_a_month_has_no_bound() -> None:
    """Calls are counted, never held back."""
    budget = Budget()

    assert use(budget, S0, NOON, most=50_000) == 50_000
    assert budget.used == 50_000
    assert budget.left(S0) is None


def test_another_tier_counts_from_now_on() -> None:
    """Who changes the tier in the settings does not wait for tomorrow's share."""
    budget = Budget()
    use(budget, S0, NOON, most=10)
    assert use(budget, F0, NOON) == 30_000 // 9 - 10
    assert budget.again(F0, NOON, urgent=True) is not None

    budget.roll(S0, NOON)
    assert budget.again(S0, NOON, urgent=True) is None
    assert use(budget, Tier(20, 60.0, 60_000), NOON) == 30_000 // 9


@given(st.lists(st.tuples(st.floats(-90 * DAY, 90 * DAY), st.integers(0, 20_000)), max_size=30))
def test_a_clock_that_steps_gives_no_month_twice(steps: list[tuple[float, int]]) -> None:
    """A clock that goes back is not believed, so at most a month's calls are made per month that began."""
    budget = Budget()
    made: dict[int, int] = {}
    for step, most in steps:
        done = use(budget, F0, NOON + step, most=most)
        made[budget.month] = made.get(budget.month, 0) + done

    assert all(count <= 30_000 for count in made.values())


def test_the_backends_clock_corrects_a_wrong_one() -> None:
    """A sure time is believed backwards, too; the calls made stay counted."""
    budget = Budget()
    use(budget, F0, NOON + 400 * DAY, most=10)
    budget.roll(F0, NOON, sure=True)

    assert budget.day == int(NOON // DAY)
    assert budget.used == 10


@pytest.mark.parametrize(
    ("days", "until"),
    [(2.12, NOON + 2.12 * DAY), (None, datetime(2026, 12, 1, tzinfo=UTC).timestamp())],
)
def test_a_backend_that_has_no_calls_left_is_believed(days: float | None, until: float) -> None:
    """It says for how many days; if not, for the rest of the month."""
    budget = Budget()
    budget.roll(S0, NOON)
    budget.emptied(NOON, days)

    assert budget.again(S0, NOON + 1, urgent=True) == until
    assert budget.again(S0, until, urgent=True) is None


def test_a_quota_survives_a_restart() -> None:
    """What was written down is what is read, also with calls under way."""
    kept = Quota()
    kept.budget.roll(F0, NOON)
    kept.budget.take()
    kept.pace.start("a", F0, 100.0, TIMEOUT)
    kept.pace.answered("a", 100.3, 0.2)
    kept.pace.start("b", F0, 103.0, TIMEOUT)

    assert Quota.restored(kept.values(), 104.0) == kept


def test_a_quota_of_before_a_reboot_keeps_its_budget_only() -> None:
    """The clock of the calls began anew; the month did not."""
    kept = Quota()
    kept.budget.take()
    kept.pace.start("a", F0, 5000.0, TIMEOUT)
    kept.pace.answered("a", 5000.3, 0.2)

    now = Quota.restored(kept.values(), 20.0)

    assert now.budget == kept.budget
    assert now.pace == Pace(floor=kept.pace.floor, seen=1)


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        {},
        {"pace": {}, "budget": {}},
        {"pace": {"calls": {"a": 1}}, "budget": {}},
        {"pace": {"calls": {}, "next_at": "soon"}, "budget": {}},
        {"pace": {"calls": {}, "unknown": 1}, "budget": {}},
        {"pace": {"calls": {}, "next_at": math.nan}, "budget": {}},
    ],
)
def test_what_is_no_quota_is_refused(values: object) -> None:
    """Values of any other shape are an error, not a state."""
    with pytest.raises(ValueError, match="not the state of a quota"):
        Quota.restored(values, 0.0)


def test_background_yields_to_whoever_is_urgent_elsewhere_but_not_for_ever() -> None:
    """A claim lasts a moment longer than the wait it announces, and every tenth turn is background's."""
    pace = Pace()
    pace.start("0", S0, 0.0, TIMEOUT)
    pace.answered("0", 0.01)
    wait = pace.claim(S0, 0.05, urgent=True)
    free = 0.05 + wait

    assert pace.claim(S0, free, urgent=False) == pytest.approx(quota.POLL)
    assert pace.claim(S0, free + quota.POLL, urgent=False) == 0.0
    pace.passed = TURNS - 1
    assert pace.claim(S0, free, urgent=False) == 0.0
