"""How often a limited backend may be called: never too often in any window, and a month's calls spread over its days.

A backend that counts calls in a sliding window sees a call when it arrives, and only its caller's side is known here. A
call arrives after it was sent and before it was answered; if the backend says how long it worked on it, and the network
is known to take at least some time, the arrival lies between narrower bounds. So of any `calls` + 1 calls the last one
is sent only when one of the others surely arrived a whole window before: then no window holds them all, in whatever
order they arrive and however long the answers take.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from uSense.core.line import TURNS

SPACING = 0.95
"""Two calls are at least this part of an even spacing apart; the rest makes up for turns that came late."""
TRUST = 0.8
"""Part of the shortest network time ever seen that every call is taken to need."""
LEARN = 10
"""Calls after which the shortest network time counts."""
STRAY = 1.0
"""Seconds after which a call that was given up cannot arrive any more: it may still have lain in a buffer."""
DRIFT, GRAIN = 1e-4, 0.001
"""The backend's clock may run this much slower than ours; and seconds by which times may be rounded."""
SLOWER, SLOWEST, RECOVERY = 1.5, 4.0, 0.99
"""Each refusal slows the pace by this factor, at most to this one; each answer takes back a part."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Shortest and longest pause after a refusal, in seconds; a longer window makes the longest longer."""
POLL = 0.05
"""Seconds after which to look again for the end of a call under way in another process."""
RESERVE = 5
"""The last of so many parts of a day's share is for waiting people."""
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Tier:
    """What a backend allows."""

    calls: int
    """Calls in any window."""
    seconds: float
    """Length of the window, in seconds."""
    month: int | None = None
    """Calls in a calendar month (UTC), if that is limited."""


F0 = Tier(20, 60.0, 30_000)
S0 = Tier(10, 1.0)


@dataclass(slots=True)
class Call:
    """A call: when it was sent, when it must have ended, and once it did, when it arrived at the latest."""

    sent: float
    deadline: float
    latest: float | None = None

    def arrived(self, now: float) -> bool:
        """Whether its latest arrival is known; a call whose process died ends by its deadline."""
        return self.latest is not None or now >= self.deadline

    @property
    def bound(self) -> float:
        """The latest moment of its arrival."""
        return self.deadline if self.latest is None else self.latest


@dataclass(slots=True)
class Pace:
    """The window of calls. All times are seconds of one monotonic clock."""

    calls: dict[str, Call] = field(default_factory=dict)
    next_at: float = 0.0
    blocked_until: float = 0.0
    slowness: float = 1.0
    slowed_at: float = 0.0
    refusals: int = 0
    """Refusals in a row."""
    floor: float | None = None
    """Shortest network time seen, there and back."""
    seen: int = 0
    urgent_until: float = 0.0
    """Until then somebody urgent, perhaps of another process, wants the next turn."""
    passed: int = 0
    """Urgent turns since the last one of background."""

    def delay(self, tier: Tier, now: float) -> float:
        """Seconds until a call may be sent, or until it is worth asking again; 0 if it may be sent now."""
        window = self._window(tier)
        for number in [
            number for number, call in self.calls.items() if call.arrived(now) and call.bound + window <= now
        ]:
            del self.calls[number]
        return max(0.0, self.next_at - now, self.blocked_until - now, self._crowded(tier, window, now))

    def claim(self, tier: Tier, now: float, *, urgent: bool) -> float:
        """As `delay`, but who is urgent goes first, of whatever process, and background has its part of the turns."""
        wait = self.delay(tier, now)
        if urgent and wait > 0:
            self.urgent_until = now + wait + POLL
        if not urgent and wait <= 0 and self.passed < TURNS - 1:
            wait = max(0.0, self.urgent_until - now)
        return wait

    def start(self, number: str, tier: Tier, now: float, within: float, *, urgent: bool = True) -> None:
        """A call is sent, which ends `within` so many seconds."""
        self.passed = self.passed + 1 if urgent else 0
        self.urgent_until = 0.0
        self.calls[number] = Call(now, now + within)
        self.next_at = now + SPACING * self._window(tier) / tier.calls

    def answered(self, number: str, now: float, service: float = 0.0) -> None:
        """A call was answered; the backend worked on it for `service` seconds, 0 if unknown."""
        call = self._arrived(number, now, service)
        if call.sent >= self.slowed_at:
            self.refusals = 0
        self.slowness = max(1.0, self.slowness * RECOVERY)

    def refused(self, number: str, tier: Tier, now: float, told: float | None, jitter: float) -> float:
        """A call came too early, and was `told` how long to wait; returns the seconds until the next one.

        What was told is believed once; if it proves wrong, pauses grow, spread by `jitter` 0..1.
        """
        call = self.calls.get(number)
        if call is None or call.sent >= self.slowed_at:
            self.slowness = min(SLOWEST, self.slowness * SLOWER)
            self.slowed_at = now
            self.refusals += 1
        self._arrived(number, now, 0.0)
        longest = max(LONGEST_PAUSE, 2 * tier.seconds)
        first = max(FIRST_PAUSE, tier.seconds / tier.calls)
        pause = min(longest, first * 2.0 ** min(self.refusals - 1, 16)) * (0.75 + 0.5 * jitter)
        if told is not None:
            pause = told if self.refusals == 1 else max(told, pause)
        pause = min(pause, longest)
        self.blocked_until = max(self.blocked_until, now + pause)
        return pause

    def failed(self, number: str, now: float) -> None:
        """A call got no answer."""
        if number in self.calls:
            self.calls[number].latest = now + STRAY

    def dropped(self, number: str) -> bool:
        """A call was never sent; whether it was about to be."""
        return self.calls.pop(number, None) is not None

    def rebooted(self, now: float) -> bool:
        """Whether these times are of a clock that has started again since."""
        latest = max((call.sent for call in self.calls.values()), default=0.0)
        return max(latest, self.slowed_at, self.blocked_until - 2 * LONGEST_PAUSE) > now

    def _arrived(self, number: str, now: float, service: float) -> Call:
        call = self.calls.get(number)
        if call is None:  # it was given up as lost, and ended after all
            call = self.calls[number] = Call(now, now, now)
            return call
        elapsed = now - call.sent
        worked = service - GRAIN if GRAIN < service <= elapsed else 0.0
        network = elapsed - worked
        self.floor = network if self.floor is None else min(self.floor, network)
        self.seen += 1
        call.latest = now - worked - (TRUST * self.floor if self.seen > LEARN else 0.0)
        return call

    def _window(self, tier: Tier) -> float:
        return (tier.seconds * (1 + DRIFT) + GRAIN) * self.slowness

    def _crowded(self, tier: Tier, window: float, now: float) -> float:
        """Seconds until fewer than `tier.calls` calls may have arrived within the last window."""
        if len(self.calls) < tier.calls:
            return 0.0
        leave = sorted(
            (call.bound if call.arrived(now) else max(call.sent, now + POLL - window)) for call in self.calls.values()
        )
        return max(0.0, leave[len(leave) - tier.calls] + window - now)


@dataclass(slots=True)
class Budget:
    """Calls used in the months and days of UTC; `wall` is always wall-clock seconds.

    A day's share is what is left at its begin, divided by the days left, so that what a day leaves over goes to the
    days to come.
    """

    month: int = 0
    used: int = 0
    day: int = -1
    today: int = 0
    share: int = 0
    empty_until: float = 0.0
    """The backend said that it answers no call before."""

    def roll(self, tier: Tier, wall: float, *, sure: bool = False) -> None:
        """A new day or month may have begun. A clock that goes back is not believed unless it is `sure`."""
        day = int(wall // DAY)
        month, length = _month(day)
        if month > self.month:
            self.used = 0
        elif day < self.day and not sure:
            return
        if day != self.day:
            self.day, self.month, self.today = day, month, 0
        # Every time: the tier may be another one since the day began.
        self.share = max(0, (tier.month or 0) - (self.used - self.today)) // length

    def left(self, tier: Tier, *, urgent: bool = True) -> int | None:
        """Calls left today, without the reserve if not `urgent`; None without a limit."""
        if tier.month is None:
            return None
        share = self.share if urgent else self.share - self.share // RESERVE
        return max(0, min(share - self.today, tier.month - self.used))

    def again(self, tier: Tier, wall: float, *, urgent: bool) -> float | None:
        """When (wall-clock seconds) there are calls again; None if there are some."""
        if wall < self.empty_until:
            return self.empty_until
        if self.left(tier, urgent=urgent) == 0:
            return (self.day + 1.0) * DAY
        return None

    def take(self) -> None:
        """A call is sent."""
        self.used += 1
        self.today += 1

    def give_back(self) -> None:
        """A call was not sent after all."""
        self.used = max(0, self.used - 1)
        self.today = max(0, self.today - 1)

    def emptied(self, wall: float, days: float | None) -> None:
        """The backend refuses all calls for so many days, by default until the month is over."""
        day = int(wall // DAY)
        self.empty_until = wall + days * DAY if days is not None else (day + _month(day)[1]) * float(DAY)


_FEBRUARY = 11
"""Number of a year's last month, if it begins in March."""


def _month(day: int) -> tuple[int, int]:
    """Number of the month in which a day (since 1970) lies, and how many of its days are left, this one included."""
    era, rest = divmod(day + 719_468, 146_097)  # 400 years, from the first of March of the year 0
    year = (rest - rest // 1_460 + rest // 36_524 - rest // 146_096) // 365
    passed = rest - (365 * year + year // 4 - year // 100)
    number = (5 * passed + 2) // 153
    after = era * 400 + year + 1
    leap = (after % 4 == 0 and after % 100 != 0) or after % 400 == 0
    end = (153 * (number + 1) + 2) // 5 if number < _FEBRUARY else 365 + leap
    return (after - 1) * 12 + number, end - passed


@dataclass(slots=True)
class Quota:
    """All that is known of a backend's limits; `values` and `restored` carry it to other processes and later ones."""

    pace: Pace = field(default_factory=Pace)
    budget: Budget = field(default_factory=Budget)

    def values(self) -> dict[str, Any]:
        """As numbers, texts and dictionaries."""
        return asdict(self)

    @classmethod
    def restored(cls, values: Any, now: float) -> Quota:
        """What `values` gave, at monotonic second `now`; raises ValueError if it is something else."""
        try:
            pace = _checked(Pace, {**values["pace"], "calls": {}})
            for number, call in values["pace"]["calls"].items():
                pace.calls[str(number)] = _checked(Call, call)
            budget = _checked(Budget, values["budget"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not the state of a quota") from error
        return cls(Pace(floor=pace.floor, seen=pace.seen) if pace.rebooted(now) else pace, budget)


T = TypeVar("T", Pace, Call, Budget)


def _checked(kind: type[T], values: Mapping[str, Any]) -> T:
    """A value of this kind whose numbers are numbers."""
    one = kind(**values)
    numbers = (getattr(one, each.name) for each in fields(one) if each.name != "calls")
    if not all(number is None or (isinstance(number, int | float) and math.isfinite(number)) for number in numbers):
        raise TypeError("a number is expected")
    return one
