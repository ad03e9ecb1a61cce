"""The composition root: what the command line gets of it, beside a service or without one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.portraits import GRACE, pose
from uSense.core.errors import DetectorError, ModelError
from uSense.parts import open_control
from uSense.settings import Settings
from uSense.storage import open_storage

NO_MODELS = {
    "detector": {"kind": "yunet", "path": "/nowhere/yunet.onnx"},
    "recognizer": {"embedder": {"kind": "onnx", "path": "/nowhere/net.onnx"}},
}


async def test_people_are_cared_for_without_models(tmp_path: Path) -> None:
    """Listing, renaming and above all erasing work when model files are missing; only what needs them fails."""
    async with open_control(Settings.model_validate({"data_dir": tmp_path, **NO_MODELS})) as control:
        await control.create_person("Grace")
        await control.rename_person("Grace", "Hopper")
        assert [person.name for person in await control.people()] == ["Hopper"]
        with pytest.raises(DetectorError, match="/nowhere/yunet"):
            await control.detect(pose(GRACE, 1))
        with pytest.raises(ModelError, match="/nowhere/net"):
            await control.train()
        await control.delete_person("Hopper")

        assert await control.people() == []


async def test_what_the_command_line_notes_says_when_it_happened(tmp_path: Path) -> None:
    """A lasting notice may be sent much later, by the service: it carries its time."""
    async with open_control(Settings(data_dir=tmp_path)) as control:
        await control.create_person("Grace")
        await control.delete_person("Grace")
    async with open_storage(tmp_path) as storage:
        ((_, notice),) = await storage.journal.pending(10)

    assert notice.type == "person.erased"
    assert abs(datetime.fromisoformat(notice.data["at"]) - datetime.now(UTC)) < timedelta(minutes=1)
