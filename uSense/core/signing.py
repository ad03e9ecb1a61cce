"""Signed requests: what exactly is signed, and why a signature is refused.

A signature is an HMAC-SHA256, in hex, over four parts with a line feed between them: topic, time, nonce, payload. The
first three have no line feeds, so no two requests have the same bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from uSense.core.errors import RequestError

WINDOW = 30.0
"""Seconds by which the time of a request may differ from that of its arrival."""
MOST_NONCES = 1024
"""Nonces of carried out requests that are remembered; when there are so many, further requests are refused."""
PARTS = ("ts", "nonce", "sig")
REFUSALS = frozenset(
    ("not_signed", "bad_time", "bad_nonce", "bad_signature", "too_old", "too_early", "before_start", "replayed", "busy")
)
"""Codes of requests that were not listened to."""
_TIME = re.compile(r"\d{1,11}(\.\d{1,9})?", re.ASCII)
_NONCE = re.compile(r"[A-Za-z0-9_-]{8,64}")
_SIGNATURE = re.compile(r"[0-9a-fA-F]{64}")


FILE = "commands.json"
"""Where the time of the newest request that was let in is kept, in the data folder."""
_FORGET = f"stop the service and delete {FILE} in its data folder"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a signed request carries: its time as text (Unix seconds), a nonce, and the signature in hex."""

    ts: str
    nonce: str
    sig: str


def sign(secret: bytes, topic: str, ts: str, nonce: str, payload: bytes) -> str:
    """The signature of a request."""
    head = f"{topic}\n{ts}\n{nonce}\n".encode()
    return hmac.new(secret, head + payload, hashlib.sha256).hexdigest()


def stamp(fields: Iterable[tuple[str, str]]) -> Stamp | None:
    """The stamp among the properties of a request, None if it is not signed.

    Raises RequestError (`bad_time`, `bad_nonce`, `bad_signature`) for one that is not complete or not well-formed.
    """
    given = [(name, value) for name, value in fields if name in PARTS]
    parts = dict(given)
    if "sig" not in parts:
        return None
    if len(given) != len(parts):
        raise RequestError("ts, nonce and sig are each given once", code="bad_signature")
    ts, nonce, sig = (parts.get(name) for name in PARTS)
    if ts is None or not _TIME.fullmatch(ts):
        message = "ts, the time of the request, is missing or not Unix seconds as text, such as 1795600000.25"
        raise RequestError(message, code="bad_time")
    if nonce is None or not _NONCE.fullmatch(nonce):
        message = "nonce is missing or not 8 to 64 of the signs A-Z, a-z, 0-9, _ and -: make a new one for each request"
        raise RequestError(message, code="bad_nonce")
    if sig is None or not _SIGNATURE.fullmatch(sig):
        raise RequestError("sig is not 64 hexadecimal digits: it is an HMAC-SHA256", code="bad_signature")
    return Stamp(ts, nonce, sig)


def check(secret: bytes, topic: str, given: Stamp, payload: bytes) -> None:
    """RequestError (`bad_signature`) unless the signature is that of these bytes."""
    right = sign(secret, topic, given.ts, given.nonce, payload)
    if "\n" in topic or not hmac.compare_digest(right, given.sig.lower()):
        raise RequestError(
            f"the signature does not fit: sign exactly the topic {topic[:100]!r}, ts, nonce and the {len(payload)} "
            "bytes of the payload, a line feed between each, with the secret of this service",
            code="bad_signature",
        )


@dataclass(slots=True)
class Admission:
    """Lets every signed request in once. All times are wall-clock seconds; `started` is on the clock as it is now."""

    window: float = WINDOW
    most: int = MOST_NONCES
    newest: float = 0.0
    """Time of the newest request that was let in, also by earlier runs."""
    forgotten: float = 0.0
    """Time of the newest request whose nonce is not remembered: nothing up to it is let in."""
    _nonces: dict[str, float] = field(default_factory=dict)

    def admit(self, given: Stamp, now: float, started: float, oldest: float) -> None:
        """Take a request that arrived `now`, whose signature was checked.

        `oldest` is the least time at which a request arrived that still waits, this one included. Raises RequestError:
        `too_old`, `too_early`, `before_start`, `replayed` or `busy`.
        """
        at = float(given.ts)
        self._check_time(at, now)
        if at < started:
            message = f"the request was made {started - at:.1f} s before this service started: make it again"
            raise RequestError(message, code="before_start")
        self._forget(oldest)
        if given.nonce in self._nonces:
            message = "this request, or another with its nonce, was here before: make a new nonce for each request"
            raise RequestError(message, code="replayed")
        if at <= self.forgotten:
            message = (
                f"the clock of this service was set back: it took a request made {self.forgotten - at:.1f} s later"
            )
            raise RequestError(f"{message}; make it again, or if a clock was wrong, {_FORGET}", code="too_old")
        if len(self._nonces) >= self.most:
            message = f"more than {self.most} signed requests within a minute: try again later"
            raise RequestError(message, code="busy")
        self._nonces[given.nonce] = at
        self.newest = max(self.newest, at)

    def _check_time(self, at: float, now: float) -> None:
        if at > now + self.window:
            message = f"the request is from {at - now:.0f} s in the future by the clock of this service: set the clocks"
            raise RequestError(message, code="too_early")
        if now - at > self.window:
            message = f"the request is {now - at:.0f} s old by the clock of this service"
            raise RequestError(f"{message}, and {self.window:.0f} s are the most: set the clocks", code="too_old")

    def _forget(self, oldest: float) -> None:
        """Drop the nonces of requests that are too old, also for those that wait."""
        for nonce, at in [(nonce, at) for nonce, at in self._nonces.items() if oldest - at > self.window]:
            del self._nonces[nonce]
            self.forgotten = max(self.forgotten, at)
