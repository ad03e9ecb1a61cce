"""What people's own pages are made of: the blocks as they are kept, and what these show now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from uSense import imaging
from uSense.core import mypage
from uSense.core.errors import NotFoundError, RequestError
from uSense.core.mypage import Block, Kind, Page
from uSense.imaging import encode_jpeg
from uSense.ports import Pages
from uSense.web import feeds
from uSense.web.feeds import Feed
from uSense.web.fetching import Fetcher

SCREEN = (1920, 1080)
"""Pixels that a picture is shrunk to."""
QUALITY = 85
"""Of the JPEG files."""
MOST_PICTURES = 500
"""Pictures of a folder that are shown, the first by name."""


class Mine:
    """People's own pages; `folders` are those below which pictures may lie."""

    def __init__(self, pages: Pages | None, fetcher: Fetcher, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)
        self._pages = pages
        self._fetcher = fetcher
        self._showing = asyncio.Semaphore(2)
        self._reading = asyncio.Lock()

    async def places(self) -> list[Path]:
        """The folders below which pictures may lie, in full."""
        return await asyncio.to_thread(lambda: [folder.absolute() for folder in self.folders])

    async def page(self, person_id: str) -> Page:
        """Somebody's page; raises NotFoundError and StorageError."""
        return Page() if self._pages is None else await self._pages.page(person_id)

    async def keep(self, person_id: str, page: Page) -> None:
        """Replace somebody's page; RequestError `bad_block` says what cannot be shown."""
        if self._pages is None:
            raise RequestError("this backend keeps no pages of people", code="no_pages")
        blocks = tuple(mypage.checked(block) for block in page.blocks)
        for block in blocks:
            if block.kind is Kind.PICTURES:
                await asyncio.to_thread(self._folder, block)
        await self._pages.keep(person_id, Page(page.layout, blocks))

    async def block(self, person_id: str, number: int, kind: Kind) -> Block:
        """A block of somebody's page; NotFoundError."""
        blocks = (await self.page(person_id)).blocks
        if not 0 <= number < len(blocks) or blocks[number].kind is not kind:
            raise NotFoundError(kind.value, str(number))
        return blocks[number]

    async def feed(self, block: Block) -> Feed:
        """What a feed tells; RequestError `not_fetched`."""
        fetched = await self._fetcher.get(block.value)
        async with self._reading:
            feed = await asyncio.to_thread(feeds.parse, fetched)
        return replace(feed, earlier=fetched.earlier)

    async def videos(self, block: Block) -> list[str]:
        """The addresses of a playlist; RequestError `not_fetched`."""
        if mypage.is_video(block.value):
            return [block.value]
        fetched = await self._fetcher.get(block.value)
        if found := mypage.videos(fetched.content.decode("utf-8", "replace"), fetched.address):
            return found
        raise RequestError("there is no video in this list", code="not_fetched")

    async def pictures(self, block: Block) -> int:
        """How many pictures a folder has."""
        return len(await asyncio.to_thread(self._files, block))

    async def picture(self, block: Block, number: int) -> bytes:
        """One of these as a JPEG file for a screen, without what cameras write into theirs; RequestErrors."""
        async with self._showing:
            return await asyncio.to_thread(self._picture, block, number)

    def _picture(self, block: Block, number: int) -> bytes:
        files = self._files(block)
        if not 0 <= number < len(files):
            raise NotFoundError("picture", str(number))
        return encode_jpeg(imaging.ArrayPicture(imaging.read(files[number])).rgb(SCREEN), QUALITY)

    def _files(self, block: Block) -> list[Path]:
        folder = self._folder(block)
        try:
            named = sorted(path for path in folder.iterdir() if path.suffix.lower() in imaging.ENDINGS)
        except OSError as error:
            raise _no_folder(block.value) from error
        return list(islice(filter(self._inside, named), MOST_PICTURES))

    def _folder(self, block: Block) -> Path:
        """The folder of a block; RequestError `bad_block` if it is not below those that are allowed."""
        path = Path(block.value)
        if "\0" in block.value or not self._inside(path) or not path.is_dir():
            raise _no_folder(block.value)
        return path

    def _inside(self, path: Path) -> bool:
        """Whether it truly lies there, whatever links lead to."""
        try:
            real = path.resolve()
            return any(real.is_relative_to(folder.resolve()) for folder in self.folders)
        except (OSError, RuntimeError):
            return False


def _no_folder(value: str) -> RequestError:
    message = f"{value[:200]!r} is no folder below those that the setting web.pictures lists"
    return RequestError(message, code="bad_block")
