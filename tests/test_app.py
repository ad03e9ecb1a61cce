"""The composition root: what the command line gets of it, beside a service or without one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from uSense.app import open_control
from uSense.settings import Settings
from uSense.storage import open_storage


async def test_what_the_command_line_notes_says_when_it_happened(tmp_path: Path) -> None:
    """A lasting notice may be sent much later, by the service: it carries its time."""
    async with open_control(Settings(data_dir=tmp_path)) as control:
        await control.create_person("Grace")
        await control.delete_person("Grace")
    async with open_storage(tmp_path) as storage:
        ((_, notice),) = await storage.journal.pending(10)

    assert notice.type == "person.erased"
    assert abs(datetime.fromisoformat(notice.data["at"]) - datetime.now(UTC)) < timedelta(minutes=1)
