"""What uSense announces, held to the schemas of the installed Home Assistants."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.home.conftest import FOLDER
from tests.home.parts import Lab
from uSense.core.topics import Topics
from uSense.entities.discovery import Kind, Place, Site, announced

pytestmark = pytest.mark.home

PLACES = [Place(Kind.SERVICE), Place(Kind.CAMERA, "hall", "hall"), Place(Kind.PERSON, "4b33f1c2", "Anna")]
SITE = Site(instance="hall-pi", version="1.2", topics=Topics(), snapshots=True)


def test_every_installed_home_assistant_takes_all_of_it(lab: Lab) -> None:
    """Nothing is refused, and no key is dropped, in the format for each version that is set up."""
    newer = FOLDER / "home-assistant-newer" / "bin" / "python"
    labs = [lab, *([Lab((str(newer),), lab.node_red)] if newer.is_file() else [])]
    for one in labs:
        told = announced("device" if one.style == "device" else "component", PLACES, SITE)
        # As text, for an interpreter that sees another file system.
        script = Path(__file__).with_name("schemas.py").read_text("utf-8")
        done = subprocess.run(
            [*one.python, "-c", script], input=json.dumps(told), capture_output=True, text=True, check=False
        )

        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [], one.version
