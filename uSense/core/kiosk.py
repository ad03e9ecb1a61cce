"""Which page a camera's kiosk shows: somebody's own, or the neutral one. Feed it who stands there, it tells whose.

A personal page is there only while its person was in sight a moment ago and nobody else stands there whom the rule
minds. Whoever else stood there counts for a little longer: a face that comes and goes does not make the page flap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from annotated_types import Interval

from uSense.core.models import PersonRef

SETTLE = 1.0
"""Seconds for which somebody who went still counts as standing there."""
CONFIRMED = 5.0
"""Seconds for which it is believed who stands there, where others rely on it."""


class Privacy(StrEnum):
    """Before whom a personal page is hidden."""

    ALONE = "alone"
    KNOWN = "known"
    FIRST = "first"


@dataclass(frozen=True, slots=True, kw_only=True)
class KioskRules:
    """When a kiosk shows somebody's own page."""

    privacy: Privacy = Privacy.ALONE
    """Hide it from anybody else who stands there (`alone`), only from others who are `known`, or from nobody while who
    came `first` is there."""
    leave_after: Annotated[float, Interval(ge=0, le=60)] = 5.0
    """Seconds out of sight after which somebody's page goes; at once if somebody else comes."""


class Standing(StrEnum):
    """What is known of a face at the camera."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    OPEN = "open"
    """Not decided yet, or to be decided anew."""


@dataclass(frozen=True, slots=True)
class Stander:
    """A face that is followed. `person` is whom it was named last; `seen` is monotonic, as all times here."""

    track_id: str
    standing: Standing
    person: PersonRef | None = None
    seen: float = 0.0
    confirmed: float = 0.0
    """When this was last made sure of."""
    missed: bool = False
    """Whether the latest picture does not show it."""

    @property
    def known(self) -> PersonRef | None:
        """Who it is, if that is sure."""
        return self.person if self.standing is Standing.KNOWN else None


@dataclass(slots=True)
class Kiosk:
    """One camera's kiosk. Looking more often only makes it quicker: nothing is counted."""

    rules: KioskRules
    shown: PersonRef | None = None
    """Whose page is shown; None for the neutral one."""
    _guest: PersonRef | None = None
    """Whose page it would be if nobody else stood there."""
    _there: float = 0.0
    _others: dict[str, tuple[Stander, float]] = field(default_factory=dict)
    """Everybody of the last moment by track, and when they were last there; bounded by the tracks of a moment."""

    def look(self, standers: Sequence[Stander], now: float, *, seeing: bool = True) -> PersonRef | None:
        """Whose page to show now; None for the neutral one, as always when the camera is not `seeing`."""
        if not seeing:
            self._others.clear()
            self._guest = self.shown = None
            return None
        self._others |= {one.track_id: (one, now) for one in standers}
        self._others = {key: pair for key, pair in self._others.items() if now - pair[1] <= SETTLE}
        self._guest = self._invited(standers, now)
        self.shown = self._guest if self._guest and not self._minded(self._guest, standers) else None
        return self.shown

    def alone(self, standers: Sequence[Stander], now: float) -> PersonRef | None:
        """Who stands there now without anybody else, in the latest picture; None if that is not so, or not sure."""
        self.look(standers, now)
        here = [one for one in standers if one.known and not one.missed]
        there = {one.known.person_id: one.known for one in here if one.known}
        if len(there) != 1 or now - max(one.confirmed for one in here) > CONFIRMED:
            return None
        (who,) = there.values()
        return None if any(not _of(one, who) for one, _ in self._others.values()) else who

    def _invited(self, standers: Sequence[Stander], now: float) -> PersonRef | None:
        """Who has been there longest: who was, if they are still there or went only a moment ago, else the first."""
        known = [one.known for one in standers if one.known]
        guest = self._guest
        here = next((person for person in known if guest and person.person_id == guest.person_id), None)
        if here is not None:
            self._there = max(now if not one.missed else one.seen for one in standers if one.known and _of(one, here))
            return here if now - self._there <= self.rules.leave_after else self._first(standers, now, here)
        gone = guest is None or now - self._there > self.rules.leave_after
        if gone or (known and self.rules.privacy is not Privacy.FIRST):
            return self._first(standers, now, None)
        return guest

    def _first(self, standers: Sequence[Stander], now: float, but: PersonRef | None) -> PersonRef | None:
        """The known person who is in the latest picture and came first."""
        for one in standers:
            if one.known and not one.missed and not (but and _of(one, but)):
                self._there = now
                return one.known
        return None

    def _minded(self, guest: PersonRef, standers: Sequence[Stander]) -> bool:
        """Whether somebody stands there from whom the guest's page is hidden."""
        others = [one for one, _ in self._others.values() if not _of(one, guest)]
        match self.rules.privacy:
            case Privacy.FIRST:
                return False
            case Privacy.KNOWN:
                here = any(one.known and _of(one, guest) for one in standers)
                return any(one.known or (one.standing is Standing.UNKNOWN and not here) for one in others)
            case Privacy.ALONE:
                return bool(others)


def _of(one: Stander, person: PersonRef) -> bool:
    """Whether this face is, or most likely is, that person's."""
    return one.person is not None and one.person.person_id == person.person_id
