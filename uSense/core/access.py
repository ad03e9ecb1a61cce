"""Who may do what at the web door, and how often a password may be tried."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

FREE = 5
"""Wrong passwords from one place that cost nothing."""
LONGEST = 900.0
"""Seconds to wait at most after one more."""
FORGOTTEN = 3600.0
"""Seconds after which a place without further attempts begins anew."""
PLACES = 1024
"""Places that are remembered; the one that was not heard of longest leaves."""
_MINUTE = 60.0
ALL_PLACES = 60
"""Wrong passwords from everywhere in a minute, after which nobody may try for the rest of it."""


class Scope(StrEnum):
    """What somebody may do: see, keep care of the gallery, or everything; `kiosk` sees one page."""

    KIOSK = "kiosk"
    READ = "read"
    ENROLL = "enroll"
    ADMIN = "admin"


_INCLUDED = {
    Scope.KIOSK: frozenset({Scope.KIOSK}),
    Scope.READ: frozenset({Scope.READ, Scope.KIOSK}),
    Scope.ENROLL: frozenset({Scope.READ, Scope.ENROLL, Scope.KIOSK}),
    Scope.ADMIN: frozenset(Scope),
}


def allows(granted: Scope, needed: Scope) -> bool:
    """Whether who has one scope may do what needs the other."""
    return needed in _INCLUDED[granted]


def place(address: str) -> str:
    """Where attempts come from: an IPv4 address, or the network that one customer of IPv6 has."""
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(IPv6Address(int(found) >> 64 << 64))
    return str(found)


@dataclass(slots=True)
class _Place:
    failures: int = 0
    last: float = 0.0


@dataclass(slots=True)
class LoginGate:
    """Slows guessing down: after a few wrong passwords each further one doubles the wait, up to 15 minutes.

    Attempts are counted before the password is looked at, so that many at once are no way around.
    """

    _places: OrderedDict[str, _Place] = field(default_factory=OrderedDict)
    _minute: float = 0.0
    _tried: int = 0

    def wait(self, address: str, now: float) -> float:
        """Seconds until this address may try; 0 if it may now."""
        everybody = self._minute + _MINUTE - now if self._tried >= ALL_PLACES else 0.0
        known = self._places.get(place(address))
        if known is None or known.failures < FREE or now - known.last >= FORGOTTEN:
            return max(0.0, everybody)
        pause = min(LONGEST, 2.0 ** (known.failures - FREE + 1))
        return max(0.0, known.last + pause - now, everybody)

    def attempt(self, address: str, now: float) -> None:
        """A password is tried; it counts as wrong until `passed`."""
        if now - self._minute >= _MINUTE:
            self._minute, self._tried = now, 0
        self._tried += 1
        where = place(address)
        known = self._places.pop(where, _Place())
        if now - known.last >= FORGOTTEN:
            known.failures = 0
        known.failures += 1
        known.last = now
        self._places[where] = known
        if len(self._places) > PLACES:
            self._places.popitem(last=False)

    def passed(self, address: str) -> None:
        """The password was right."""
        self._tried = max(0, self._tried - 1)
        self._places.pop(place(address), None)
