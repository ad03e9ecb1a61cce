"""The recipe of docs/architecture.md works: a camera is one file and one registry line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.mosquitto import Mosquitto
from tests.peers.service import Service
from tests.peers.witness import Witness
from tests.support import needs

RECIPE = needs.ROOT / "docs" / "architecture.md"


def code_blocks() -> tuple[str, str]:
    """The plug-in file and its registration, exactly as the recipe prints them."""
    recipe = RECIPE.read_text("utf-8").split("## Add a camera", 1)[1]
    plugin, registration, *_ = re.findall(r"```python\n(.*?)```", recipe, re.DOTALL)
    return plugin, registration.strip()


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    """A copy of uSense to which the recipe was applied: one new file, one line changed."""
    copy = tmp_path / "extended"
    shutil.copytree(needs.ROOT / "uSense", copy / "uSense", ignore=shutil.ignore_patterns("__pycache__"))
    plugin, registration = code_blocks()
    (copy / "uSense" / "cameras" / "noise.py").write_text(plugin, "utf-8")
    registry = copy / "uSense" / "cameras" / "__init__.py"
    name_in, _, union = registration.splitlines()
    text, count = re.subn(
        r"^Kinds: TypeAlias = .*$", f"{name_in}\n{union}", registry.read_text("utf-8"), flags=re.MULTILINE
    )
    assert count == 1
    registry.write_text(text, "utf-8")
    return copy


async def test_a_camera_is_one_file_and_one_line(tmp_path: Path, mosquitto: Mosquitto, extended: Path) -> None:
    """The new kind is accepted in the settings, described in their schema, opened, and online over MQTT."""
    service = Service(tmp_path / "s", mosquitto.port, {"snow": {"kind": "noise", "fps": 5}}, root=extended)

    assert '"noise"' in await service.done("config", "schema")
    async with Witness(mosquitto.port, "usense/camera/snow/status") as witness, service:
        await witness.until(lambda: any(message.text == "online" for message in witness.seen))


def test_the_recipe_passes_the_type_checker(extended: Path) -> None:
    """The plug-in of the recipe is strictly typed code, as everything else is."""
    outcome = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(needs.ROOT / "pyproject.toml"), "uSense/cameras/noise.py"],
        cwd=extended,
        env=os.environ | {"MYPY_CACHE_DIR": str(extended / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert outcome.returncode == 0, outcome.stdout
