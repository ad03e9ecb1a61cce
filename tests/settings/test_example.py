"""config/usense.example.yaml: complete, true and loadable, with each of its alternatives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support import environment, example
from uSense.schema import FREE, Outline
from uSense.settings import Settings, load

LINES = example.FILE.read_text("utf-8").splitlines()
OFF = re.compile(r"^( *)#(?=\S)")
"""A setting that is off; a sentence has a space after its `#`."""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those of the example."""
    environment.clear(monkeypatch)


def alternatives() -> Iterator[tuple[int, int]]:
    """First line and end of each setting that is off, with all that is below it."""
    number = 0
    while number < len(LINES):
        if match := OFF.match(LINES[number]):
            end = number + 1
            while end < len(LINES) and LINES[end].startswith(f"{match[1]} "):
                end += 1
            yield number, end
            number = end
        else:
            number += 1


def test_example_is_up_to_date() -> None:
    """The example has every setting with its sentence and default: if not, run `make example`."""
    assert example.FILE.read_text("utf-8") == example.render()


def test_example_names_every_setting() -> None:
    """Every setting of every kind stands in the example."""
    named = {line.lstrip(" #").partition(":")[0] for line in LINES}
    assert {path[-1] for path, _ in Outline(Settings).leaves() if path[-1] != FREE} <= named


def test_example_loads() -> None:
    """The example is a right settings file as it is, and what it shows are the defaults."""
    loaded = load(example.FILE)
    assert set(loaded.cameras) == set(example.CAMERAS)
    assert loaded.model_copy(update={"cameras": Settings().cameras}) == Settings()


@pytest.mark.parametrize(("first", "end"), list(alternatives()))
def test_alternatives_load(first: int, end: int, tmp_path: Path) -> None:
    """What is off may be switched on, in place of what it is an alternative to."""
    on = [OFF.sub(r"\1", line) if first <= number < end else line for number, line in enumerate(LINES)]
    for secret in ("mqtt-password", "command-secret", "door-password", "face-api-key"):
        (tmp_path / secret).write_text("secret", "utf-8")
    values = yaml.safe_load("\n".join(on))
    values["mqtt"]["tls"] |= {"enabled": True, "certificate": "client.pem"}
    values["face_api"] |= {"certificate": "face-api.pem"}
    values["web"] |= {"certificate": "pages.pem"}
    file = tmp_path / "usense.yaml"
    file.write_text(yaml.safe_dump(values), "utf-8")
    load(file)
