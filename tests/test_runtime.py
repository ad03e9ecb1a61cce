"""Settings at run time: kept, applied and told at once, or refused as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from uSense.core.errors import RequestError
from uSense.core.events import Event, State
from uSense.payloads.settings import RuntimeChanges, RuntimeSettings
from uSense.runtime import FILE, Runtime, Value
from uSense.storage.notebook import Notebook


class House:
    """Run-time settings over a folder, and what they did."""

    def __init__(self, folder: Path) -> None:
        self.told: list[Event] = []
        self.applied: list[tuple[str, Value]] = []
        self.runtime = Runtime(Notebook(folder / FILE), self)
        for name, filed, least in (("threshold", 0.5, 0.35), ("margin", 0.05, 0.0)):
            self.runtime.add(name, filed, self.note(name), least=least)

    def post(self, event: Event) -> None:
        """Hear it."""
        self.told.append(event)

    def note(self, name: str) -> Any:
        """What applies a setting."""
        return lambda value: self.applied.append((name, value))


async def test_a_change_is_applied_kept_and_told(tmp_path: Path) -> None:
    """It counts at once, shows on the topic, and is there after a restart; null goes back to the settings file."""
    house = House(tmp_path)
    await house.runtime.load()
    assert house.told == [State("settings", {"threshold": 0.5, "margin": 0.05})]

    now = await house.runtime.change({"threshold": 0.6})
    again = House(tmp_path)
    await again.runtime.load()
    back = await again.runtime.change({"threshold": None})

    assert now == {"threshold": 0.6, "margin": 0.05}
    assert house.told[1:] == [State("settings", now)]
    assert house.applied == [("threshold", 0.6)]
    assert again.applied == [("threshold", 0.6), ("threshold", 0.5)]
    assert back == {"threshold": 0.5, "margin": 0.05}
    assert again.told[-1] == State("settings", back)
    assert json.loads((tmp_path / FILE).read_text()) == {}


async def test_what_cannot_be_kept_is_not_applied(tmp_path: Path) -> None:
    """A folder that cannot be written: nothing changes, not even for now, and the asker is told why."""
    house = House(tmp_path / "gone")
    await house.runtime.load()
    (tmp_path / "gone").touch()

    with pytest.raises(RequestError) as caught:
        await house.runtime.change({"threshold": 0.6, "margin": 0.1})

    assert caught.value.code == "unavailable"
    assert str(caught.value).startswith("nothing was changed: ")
    assert house.applied == []
    assert house.runtime.values == {"threshold": 0.5, "margin": 0.05}


@pytest.mark.parametrize("kept", ["{", "[]", "\x00\xff", ""])
async def test_an_unreadable_file_is_said_and_moved_aside(tmp_path: Path, kept: str) -> None:
    """The settings file counts then, health and log say so, and a change ends it."""
    (tmp_path / FILE).write_text(kept, "latin-1")
    house = House(tmp_path)

    with capture_logs() as logs:
        await house.runtime.load()

    assert "runtime.json is not what uSense wrote: it was moved to runtime.json.unreadable" in house.runtime.problem
    assert list(house.runtime.problems) == ["run-time settings"]
    assert [line["log_level"] for line in logs] == ["warning"]
    assert (tmp_path / f"{FILE}.unreadable").exists()
    await house.runtime.change({})
    assert house.runtime.problems == {}


async def test_a_value_that_does_not_fit_the_recognizer_is_refused(tmp_path: Path) -> None:
    """All or nothing, with what would fit; the least value does, and null."""
    house = House(tmp_path)
    await house.runtime.load()

    with pytest.raises(RequestError) as caught:
        await house.runtime.change({"margin": 0.1, "threshold": 0.34})
    refused = house.runtime.values
    now = await house.runtime.change({"threshold": 0.35, "margin": None})

    assert (caught.value.code, str(caught.value)) == (
        "bad_payload",
        "threshold must be 0.35 or more with the recognizer of this service",
    )
    assert refused == {"threshold": 0.5, "margin": 0.05}
    assert now == {"threshold": 0.35, "margin": 0.05}


@pytest.mark.parametrize("value", [7, 0, 0.2, "high", None, True, float("nan")])
async def test_a_value_that_does_not_fit_is_left_out(tmp_path: Path, value: Any) -> None:
    """The others that were kept count, and the wrong ones are named."""
    (tmp_path / FILE).write_text(json.dumps({"threshold": value, "margin": 0.2, "color": 1}))
    house = House(tmp_path)

    await house.runtime.load()

    assert house.runtime.values == {"threshold": 0.5, "margin": 0.2}
    assert house.runtime.problem == f"{FILE} has no usable value of threshold, color: the settings file counts"


async def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    """A folder in its place is a problem in plain words, and the service goes on."""
    (tmp_path / FILE).mkdir()
    house = House(tmp_path)

    await house.runtime.load()

    assert "is a folder where a file is needed" in house.runtime.problem


def test_changes_know_all_settings() -> None:
    """What is told can be set, and nothing else; a setting that is not named stays as it is."""
    assert set(RuntimeChanges.model_fields) == set(RuntimeSettings.model_fields)
    assert RuntimeChanges().model_dump(exclude_unset=True) == {}
