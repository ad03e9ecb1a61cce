"""The port `Pages` over SQLite."""

from __future__ import annotations

from uSense.core import mypage
from uSense.core.mypage import Page
from uSense.storage import mypages
from uSense.storage.database import Database


class SqlitePages:
    """What people see at a kiosk."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, person_id: str) -> Page:
        text = await self._database.read(mypages.load, person_id)
        return mypage.decoded(text) if text else Page()

    async def keep(self, person_id: str, page: Page) -> None:
        await self._database.write(mypages.save, person_id, mypage.encoded(page) if page.blocks else "")
