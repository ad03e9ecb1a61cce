"""A small file that is replaced as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from uSense.core.errors import StorageError
from uSense.storage.notebook import Notebook


async def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    """The last values, by another object, too; the file is its owner's only, and no draft is left."""
    notebook = Notebook(tmp_path / "values.json")
    assert await notebook.load() == {}

    await notebook.save({"a": 1})
    await notebook.save({"name": "Zoë", "b": 0.5})

    assert await Notebook(tmp_path / "values.json").load() == {"name": "Zoë", "b": 0.5}
    assert [(file.name, file.stat().st_mode & 0o777) for file in tmp_path.iterdir()] == [("values.json", 0o600)]


async def test_what_cannot_be_saved_leaves_what_was(tmp_path: Path) -> None:
    """A draft that cannot be written is said in plain words, and the old values stay."""
    notebook = Notebook(tmp_path / "values.json")
    await notebook.save({"a": 1})
    (tmp_path / ".values.json.part").mkdir()

    with pytest.raises(StorageError):
        await notebook.save({"a": 2})

    assert await notebook.load() == {"a": 1}
