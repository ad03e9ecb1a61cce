"""What the service fetches from the web for people's pages: bounded, remembered, and never from where it may not go."""

from __future__ import annotations

import asyncio
import socket
import time
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin

import aiohttp

from uSense import __version__
from uSense.core.addresses import Network, is_public, within
from uSense.core.errors import RequestError
from uSense.core.mypage import origin

LARGEST = 1_000_000
"""Bytes of an answer; a longer one is not read to its end."""
PATIENCE = 10.0
"""Seconds for all of it."""
REDIRECTS = 4
AT_ONCE = 4
FRESH = 300.0
"""Seconds for which an answer is not asked for again."""
SULK = 60.0
"""The same after a failure."""
OLD = 86_400.0
"""Seconds for which an answer stands in for one that cannot be had anew."""
MOST = 64
"""Answers that are remembered; the one that was not wanted longest leaves."""
MOST_BYTES = 8_000_000
"""Bytes of all of them."""
_LONGEST_HEADER = 200
_MOVED = {301, 302, 303, 307, 308}
_OK, _UNCHANGED = 200, 304
_GONE = {404, 410}
_GZIP = 16
"""Tells zlib that it is gzip."""
_HEADERS = {
    "User-Agent": f"uSense/{__version__}",
    "Accept": "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.5",
    "Accept-Encoding": "gzip",
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, and the address that it came from in the end."""

    content: bytes = field(repr=False)
    type: str
    address: str
    marks: tuple[tuple[str, str], ...] = ()
    """Headers to ask with whether it is still the same."""
    earlier: bool = field(default=False, compare=False)
    """Whether the latest try to have it anew failed."""


class _GoneError(RequestError):
    """There is no such thing any more: what it was before does not count either."""


@dataclass(slots=True)
class _Kept:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    fetched: Fetched | None = None
    problem: RequestError | None = None
    due: float = 0.0
    since: float = 0.0
    """When it was last had."""


class _Doorkeeper:
    """Makes the sockets of one fetch: for the very address that is connected to next, however it was found."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self.refused = ""
        """An address that may not be connected to."""
        self._allowed = allowed

    def socket(self, info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        """A socket for this address; OSError if it may not be connected to."""
        family, kind, protocol, _, (host, *_) = info
        if not is_public(host) and not within(host, self._allowed):
            self.refused = host
            raise OSError(f"{host} may not be asked")
        return socket.socket(family, kind, protocol)


class Fetcher:
    """Fetches over HTTP; `allowed` are networks of the house that may be asked, too."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._allowed = tuple(allowed)
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def get(self, address: str) -> Fetched:
        """The answer of this address, at most `FRESH` old; one of at most `OLD` if it cannot be had anew.

        Raises RequestError `not_fetched`.
        """
        kept = self._kept.setdefault(address, _Kept())
        self._kept.move_to_end(address)
        async with kept.lock:
            if time.monotonic() >= kept.due:
                await self._renew(kept, address)
            self._trim()
            if kept.fetched is not None:
                return replace(kept.fetched, earlier=True) if kept.problem else kept.fetched
            assert kept.problem is not None  # noqa: S101 - one of both is there
            raise kept.problem

    async def _renew(self, kept: _Kept, address: str) -> None:
        try:
            async with self._turns, asyncio.timeout(PATIENCE):
                kept.fetched = await self._fetched(address, kept.fetched)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, zlib.error) as error:
            reason = "it took too long" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
            kept.problem = RequestError(f"{origin(address)} was not reached: {reason}", code="not_fetched")
        except RequestError as error:
            kept.problem = error
        else:
            kept.problem, kept.since = None, time.monotonic()
        now = time.monotonic()
        kept.due = now + (SULK if kept.problem else FRESH)
        if kept.problem and (isinstance(kept.problem, _GoneError) or now - kept.since >= OLD):
            kept.fetched = None

    def _trim(self) -> None:
        while len(self._kept) > MOST or sum(_size(one) for one in self._kept.values()) > MOST_BYTES:
            self._kept.popitem(last=False)

    async def _fetched(self, address: str, known: Fetched | None) -> Fetched:
        """Ask; every connection is checked anew."""
        keeper = _Doorkeeper(self._allowed)
        connector = aiohttp.TCPConnector(use_dns_cache=False, socket_factory=keeper.socket)
        # What is small when it is sent need not stay so: it is unpacked here, as far as it may be large.
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers=_HEADERS, auto_decompress=False
        ) as session:
            try:
                return await _followed(session, address, known)
            except aiohttp.ClientConnectionError as error:
                if not keeper.refused:
                    raise
                message = f"{keeper.refused} is in your own network, and web.fetch.allow does not list it"
                raise RequestError(message, code="not_fetched") from error


async def _followed(session: aiohttp.ClientSession, address: str, known: Fetched | None) -> Fetched:
    """The answer, or that of where it leads to."""
    here, marks = address, dict(known.marks) if known else {}
    for _ in range(REDIRECTS + 1):
        origin(here)
        async with session.get(here, headers=marks, allow_redirects=False) as response:
            if response.status in _MOVED and "Location" in response.headers:
                here = urljoin(here, response.headers["Location"])
                continue
            if response.status == _UNCHANGED and known is not None:
                return replace(known, marks=_marks(response) or known.marks)
            if response.status != _OK:
                refused = _GoneError if response.status in _GONE else RequestError
                raise refused(f"{origin(here)} answered {response.status} {response.reason}", code="not_fetched")
            media = response.headers.get("Content-Type", "")[:_LONGEST_HEADER]
            return Fetched(await _body(response), media, here, _marks(response))
    raise RequestError(f"{origin(address)} only leads to further addresses", code="not_fetched")


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """What was sent, unpacked."""
    read = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        read += chunk
        if len(read) > LARGEST:
            raise _too_much(response)
    if "gzip" not in response.headers.get("Content-Encoding", ""):
        return bytes(read)
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | _GZIP)
    unpacked = await asyncio.to_thread(unpacker.decompress, read, LARGEST + 1)
    if len(unpacked) > LARGEST:
        raise _too_much(response)
    return unpacked


def _too_much(response: aiohttp.ClientResponse) -> RequestError:
    return RequestError(f"{origin(str(response.url))} sent more than {LARGEST / 1e6:g} MB", code="not_fetched")


def _marks(response: aiohttp.ClientResponse) -> tuple[tuple[str, str], ...]:
    pairs = {"If-None-Match": "ETag", "If-Modified-Since": "Last-Modified"}
    return tuple(
        (ask, response.headers[told][:_LONGEST_HEADER]) for ask, told in pairs.items() if told in response.headers
    )


def _size(kept: _Kept) -> int:
    return len(kept.fetched.content) if kept.fetched else 0
