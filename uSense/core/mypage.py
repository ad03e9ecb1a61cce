"""What a person's own page at a kiosk shows: blocks, chosen by whoever cares for the gallery."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from uSense.core.errors import RequestError

MOST_BLOCKS = 12
LONGEST_ADDRESS = 2000
LONGEST_MESSAGE = 2000
LONGEST_TITLE = 80
MOST_VIDEOS = 200
"""Videos of a playlist that are played."""
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_VIDEOS = (".mp4", ".m4v", ".webm", ".ogv", ".mov", ".mkv")
_SCHEMES = {"http": 80, "https": 443}


class Layout(StrEnum):
    """How the blocks are put on the screen."""

    LIST = "list"
    COLUMNS = "columns"
    PICTURE = "picture"


class Kind(StrEnum):
    """What a block shows."""

    MESSAGE = "message"
    WEB = "web"
    FEED = "feed"
    VIDEO = "video"
    PICTURES = "pictures"


ADDRESSES = {Kind.WEB, Kind.FEED, Kind.VIDEO}
"""Kinds whose value is an address."""


@dataclass(frozen=True, slots=True)
class Block:
    """One part of a page. `value` is a text, an address or a folder; `trusted` pages are told who stands there."""

    kind: Kind
    value: str
    title: str = ""
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A person's own page; empty by default."""

    layout: Layout = Layout.LIST
    blocks: tuple[Block, ...] = ()


def checked(block: Block) -> Block:
    """The block as it is kept; RequestError `bad_block` says in plain words what is wrong with it."""
    value, title = block.value.strip(), " ".join(block.title.split())
    longest = LONGEST_MESSAGE if block.kind is Kind.MESSAGE else LONGEST_ADDRESS
    if not value or len(value) > longest:
        raise RequestError(f"a {block.kind} has 1 to {longest} characters", code="bad_block")
    if len(title) > LONGEST_TITLE:
        raise RequestError(f"a title has at most {LONGEST_TITLE} characters", code="bad_block")
    if block.kind in ADDRESSES:
        origin(value)
    return Block(block.kind, value, title, block.trusted and block.kind is Kind.WEB)


def origin(address: str) -> str:
    """Scheme, host and port of an address of the web, as browsers write it; RequestError `bad_block` if it is none."""
    parts, port = _split(address)
    host = parts.hostname or ""
    try:
        host = f"[{host}]" if ":" in host else host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        host = ""
    usual = port is None or port == _SCHEMES.get(parts.scheme)
    if parts.scheme not in _SCHEMES or not _HOST.fullmatch(host) or "@" in parts.netloc or " " in address:
        raise RequestError(
            f"{address[:100]!r} is no address of the web: it begins with http:// or https:// and has no login in it",
            code="bad_block",
        )
    return f"{parts.scheme}://{host}" + ("" if usual else f":{port}")


def _split(address: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(address if address.isprintable() else "")
        if parts.port != 0:
            return parts, parts.port
    except ValueError:
        pass
    return SplitResult("", "", "", "", ""), None


def is_video(address: str) -> bool:
    """Whether an address is of a video itself, not of a list of them."""
    return urlsplit(address).path.lower().endswith(_VIDEOS)


def videos(playlist: str, address: str) -> list[str]:
    """The addresses in a playlist (m3u, or one a line); the list's own if it is a stream (HLS)."""
    if "#EXT-X-" in playlist:
        return [address]
    found = []
    for line in playlist.splitlines()[: 4 * MOST_VIDEOS]:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            joined = urljoin(address, text)
            origin(joined)
        except (RequestError, ValueError):
            continue
        found.append(joined)
    return found[:MOST_VIDEOS]


def encoded(page: Page) -> str:
    """A page as text, to be kept."""
    return json.dumps({"layout": page.layout, "blocks": [asdict(one) for one in page.blocks]}, ensure_ascii=False)


def decoded(text: str) -> Page:
    """The page that `encoded` was given; RequestError `bad_page` for anything else."""
    try:
        value: Mapping[str, Any] = json.loads(text)
        blocks = tuple(
            checked(Block(Kind(one["kind"]), str(one["value"]), str(one["title"]), one["trusted"] is True))
            for one in value["blocks"][:MOST_BLOCKS]
        )
        return Page(Layout(value["layout"]), blocks)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise RequestError("this is no page of a person", code="bad_page") from error
