"""A few values in a small file that people may read: replaced as a whole, or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from uSense.core.errors import StorageError
from uSense.storage.container import write
from uSense.storage.trouble import plain_words

LONGEST = 1_000_000
"""Bytes of a file that is read."""


class Notebook:
    """One JSON object in one file. Reads and writes are done in a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def load(self) -> dict[str, Any]:
        """What was saved last, nothing if there is no file.

        A file that is not what was saved is moved aside; raises StorageError, which says where to.
        """
        return await asyncio.to_thread(self._load)

    async def save(self, values: Mapping[str, Any]) -> None:
        """Keep this from now on; raises StorageError, and then what was there stays."""
        text = json.dumps(values, ensure_ascii=False, indent=1) + "\n"
        await asyncio.to_thread(self._save, text.encode("utf-8", "replace"))

    def _save(self, data: bytes) -> None:
        with plain_words(self.path):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write(self.path, data)

    def _load(self) -> dict[str, Any]:
        with plain_words(self.path):
            try:
                with self.path.open("rb") as file:
                    text = file.read(LONGEST)
            except FileNotFoundError:
                return {}
        try:
            values = json.loads(text.decode())
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise StorageError(f"{self.path} is not what uSense wrote{self._moved_aside()}")
        return values

    def _moved_aside(self) -> str:
        aside = self.path.with_name(f"{self.path.name}.unreadable")
        with suppress(OSError):
            self.path.replace(aside)
            return f": it was moved to {aside.name}"
        return ""
