"""A request on its way to its handler: who asks, what they may, and how they are answered."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from uSense.core.access import Scope, allows
from uSense.core.browsers import browser_name
from uSense.core.errors import RequestError, StorageError

if TYPE_CHECKING:
    from uSense.web.house import House

SMALL = 65_536
"""Bytes that a form or a JSON body has at most, where a route takes no pictures."""
PATIENCE = 30.0
"""Seconds that a body may take, and a second more for each 100 kB that it may have."""
_SLOWEST = 100_000
STILL_IN = 2.0
"""Seconds between two looks whether whoever keeps a page open is still let in; each reads one small file."""
FORM = "application/x-www-form-urlencoded"
_FIELDS = web.RequestKey("fields", list[tuple[str, str]])


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: by a cookie, which has a `word`, or by a token; `scope` is None for whoever is not logged in.

    A kiosk's cookie has both: its word, and the token that it came from.
    """

    scope: Scope | None = None
    word: str = ""
    token_id: str = ""

    def may(self, scope: Scope) -> bool:
        """Whether they may do what needs this scope."""
        return self.scope is not None and allows(self.scope, scope)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request. `origin` is where the visitor thinks that this is, `address` where they come from."""

    request: web.Request
    house: House
    caller: Caller
    origin: str
    address: str
    csrf: str = ""

    @property
    def secure(self) -> bool:
        """Whether it came encrypted."""
        return self.origin.startswith("https://")

    @property
    def browser(self) -> str:
        """What is visited with, as far as it says so."""
        return browser_name(self.request.headers.get("User-Agent", ""))

    @property
    def embedded(self) -> Mapping[str, str]:
        """What stands in the path's braces."""
        return self.request.match_info

    def require_origin(self) -> None:
        """Raise RequestError for what another site lets a browser send."""
        site, origin = (self.request.headers.get(name) for name in ("Sec-Fetch-Site", "Origin"))
        if (origin is not None and origin != self.origin) or site in {"cross-site", "same-site"}:
            raise RequestError("this was sent by a page of another site", code="forbidden")

    def require_word(self, sent: str) -> None:
        """Raise RequestError for what does not bring along the word of our own forms."""
        if not hmac.compare_digest(sent.encode(errors="backslashreplace"), self.csrf.encode()):
            raise RequestError("the form is out of date: load the page again", code="forbidden")

    @property
    def owner(self) -> str:
        """Whose slips are shown: those of this log-in, or of this token."""
        return self.csrf or self.caller.token_id

    def done(self, words: Mapping[str, str], **known: str) -> str:
        """What was done before one was led here: `?done=KEY&count=NUMBER` as words; empty if the address tells none."""
        query = self.request.query
        count = query.get("count", "")[:6]
        number = count if count.isascii() and count.isdecimal() else "0"
        return words.get(query.get("done", ""), "").format(count=number, **known)

    async def still_in(self) -> bool:
        """Whether who asked would still be let in; not while that cannot be read."""
        access, caller = self.house.access, self.caller
        try:
            if not caller.word:
                return await access.tokens.named(caller.token_id) is not None
            # Each asks for its own kind: a word of the other one ends.
            return await (access.kiosk if caller.token_id else access.session)(caller.word) is not None
        except StorageError:
            return False

    async def body(self, most: int = SMALL) -> bytes:
        """The body; RequestError `too_large` for one of more than `most` bytes, of which no more is read."""
        if self.request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise RequestError("send it as it is: nothing is unpacked here (Content-Encoding)", code="bad_payload")
        if (self.request.content_length or 0) > most:
            raise too_large(most)
        read = bytearray()
        try:
            async with asyncio.timeout(PATIENCE + most / _SLOWEST):
                async for chunk in self.request.content.iter_chunked(SMALL):
                    read += chunk
                    if len(read) > most:
                        raise too_large(most)
        except TimeoutError as error:
            raise RequestError("the rest did not arrive in time", code="too_slow") from error
        except (HttpProcessingError, web.RequestPayloadError, ConnectionError) as error:
            raise RequestError("the rest did not arrive", code="bad_payload") from error
        return bytes(read)

    async def form(self) -> Mapping[str, str]:
        """The fields of a small form."""
        return dict(await self._fields())

    async def chosen(self, name: str) -> list[str]:
        """The values of the boxes of that name that are checked in a small form."""
        return [value for key, value in await self._fields() if key == name]

    async def _fields(self) -> list[tuple[str, str]]:
        """Those of a small form, read once; RequestError for what is none."""
        if _FIELDS not in self.request:
            if self.request.can_read_body and self.request.content_type != FORM:
                raise RequestError(f"a form is expected ({FORM})", code="bad_payload")
            text = (await self.body()).decode("utf-8", "replace")
            self.request[_FIELDS] = parse_qsl(text, keep_blank_values=True)
        return self.request[_FIELDS]

    def page(self, template: str, *, status: int = 200, **values: Any) -> web.Response:
        """A page of a template, with the texts and what every page knows."""
        text = self.house.render(template, visit=self, **values)
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")

    def lead(self, path: str) -> web.Response:
        """To another page of ours."""
        return web.Response(status=303, headers={"Location": path})

    def json(self, value: Any, *, status: int = 200) -> web.Response:
        """A JSON value."""
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return web.Response(text=text, status=status, content_type="application/json")


def too_large(most: int) -> RequestError:
    """More was sent than is taken here."""
    return RequestError(f"this is too much: at most {most / 1e6:.3g} MB are taken here", code="too_large")


Handler: TypeAlias = Callable[[Visit], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and a path, what who asks must be allowed (None: anybody may), and what answers.

    What changes something needs the word of our own forms from whoever is logged in, unless it is not `checked`.
    """

    method: str
    path: str
    handler: Handler
    scope: Scope | None
    checked: bool = True
    label: str = field(default="")
    """Key of its name in the menu; without it is in none."""
