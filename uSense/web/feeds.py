"""RSS and Atom, reduced to words."""

from __future__ import annotations

import calendar
import io
from dataclasses import dataclass
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any

from uSense.core.errors import RequestError
from uSense.times import rfc3339
from uSense.web.fetching import Fetched

MOST = 20
"""News of a feed."""
REMEMBERED = 16
"""Feeds that are not read again while they are the same."""
_TITLE, _TEXT = 200, 400
"""Letters of a headline, and of what follows."""
_LONGEST = 20_000
"""Letters of HTML that are looked at."""


@dataclass(frozen=True, slots=True)
class News:
    """One of a feed's entries; `at` is empty if it does not say when."""

    title: str
    text: str
    at: str


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed tells, newest first as it comes."""

    title: str
    news: tuple[News, ...]
    earlier: bool = False
    """Whether it cannot be read anew."""


@lru_cache(REMEMBERED)
def parse(fetched: Fetched) -> Feed:
    """A feed; blocks, for a second if it is a large one. Raises RequestError `not_fetched` for anything else."""
    import feedparser  # noqa: PLC0415 - heavy: paid for by those who have feeds

    # A file: anything else it may take for an address or the name of a file.
    file = io.BytesIO(fetched.content)
    headers = {"content-type": fetched.type} if fetched.type else {}
    found: Any = feedparser.parse(file, response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    if not found.get("version") and not found.entries:
        raise RequestError("this is no RSS or Atom feed", code="not_fetched")
    return Feed(plain(found.feed.get("title", ""), _TITLE), tuple(_news(entry) for entry in found.entries[:MOST]))


def _news(entry: Any) -> News:
    contents = entry.get("content") or [{}]
    text = entry.get("summary") or contents[0].get("value", "")
    # feedparser takes the one for the other, and warns that it will not any more.
    when = dict.get(entry, "published_parsed") or dict.get(entry, "updated_parsed")
    try:
        at = rfc3339(calendar.timegm(when)) if when else ""
    except (ValueError, OverflowError, OSError):
        at = ""
    return News(plain(entry.get("title", ""), _TITLE), plain(text, _TEXT), at)


def plain(html: Any, most: int) -> str:
    """The words of HTML, at most so many letters."""
    words = _Words()
    words.feed(str(html)[:_LONGEST])
    words.close()
    text = " ".join("".join(words.parts).split())
    return text if len(text) <= most else text[: most - 2].rsplit(" ", 1)[0] + " …"


class _Words(HTMLParser):
    """Collects what stands between the tags."""

    _SILENT = frozenset({"script", "style", "template", "noscript"})
    _INLINE = frozenset({"a", "b", "i", "em", "strong", "span", "code", "u", "s", "small", "sub", "sup", "q", "abbr"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, _: object) -> None:
        self._silent += tag in self._SILENT
        self._space(tag)

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in self._SILENT))
        self._space(tag)

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)

    def _space(self, tag: str) -> None:
        if tag not in self._INLINE:
            self.parts.append(" ")
