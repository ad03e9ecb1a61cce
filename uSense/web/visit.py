"""A request on its way to its handler: who asks, what they may, and how they are answered."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from aiohttp import web

from uSense.core.access import Scope, allows
from uSense.core.errors import RequestError

if TYPE_CHECKING:
    from uSense.web.house import House

SMALL = 65_536
"""Bytes that a form or a JSON body has at most, where a route takes no pictures."""


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
    def embedded(self) -> Mapping[str, str]:
        """What stands in the path's braces."""
        return self.request.match_info

    def require_origin(self) -> None:
        """Raise RequestError for what another site lets a browser send."""
        site, origin = (self.request.headers.get(name) for name in ("Sec-Fetch-Site", "Origin"))
        if (origin is not None and origin != self.origin) or site in {"cross-site", "same-site"}:
            raise RequestError("this was sent by a page of another site", code="forbidden")

    async def still_in(self) -> bool:
        """Whether who asked would still be let in."""
        access, caller = self.house.access, self.caller
        if not caller.word:
            return await access.tokens.named(caller.token_id) is not None
        # Each asks for its own kind: a word of the other one ends.
        return await (access.kiosk if caller.token_id else access.session)(caller.word) is not None

    async def body(self, most: int = SMALL) -> bytes:
        """The body; RequestError `too_large` for one of more than `most` bytes, of which no more is read."""
        if (self.request.content_length or 0) > most:
            raise too_large(most)
        read = bytearray()
        async for chunk in self.request.content.iter_chunked(SMALL):
            read += chunk
            if len(read) > most:
                raise too_large(most)
        return bytes(read)

    async def form(self) -> Mapping[str, str]:
        """The fields of a small form; files are left out."""
        return {name: value for name, value in (await self.request.post()).items() if isinstance(value, str)}

    async def chosen(self, name: str) -> list[str]:
        """The values of the boxes of that name that are checked in a small form."""
        return [value for value in (await self.request.post()).getall(name, []) if isinstance(value, str)]

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
