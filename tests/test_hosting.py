"""What the pages are told of the service around them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from uSense import hosting
from uSense.settings import Loaded, trace

FILE = """\
instance: hosting
data_dir: data
mqtt: {host: 127.0.0.1, port: 9, username: me, password: geheim}
commands: {secret: a-long-enough-secret-of-the-house}
cameras:
  hall: {kind: folder, path: .}
"""


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """A settings file with secrets."""
    file = tmp_path / "usense.yaml"
    file.write_text(FILE, encoding="utf-8")
    return trace(file)


def test_all_secrets_of_the_settings_are_known(loaded: Loaded) -> None:
    """Wherever they stand in the tree: they are left out of reports."""
    assert hosting._secrets(loaded.settings) == ["geheim", "a-long-enough-secret-of-the-house"]


@pytest.mark.slow
async def test_the_doctor_looks_from_outside(loaded: Loaded) -> None:
    """With the same settings as the service, in a process of its own."""
    found = json.loads(await hosting._examine(loaded))

    checks = {finding["check"]: finding["state"] for finding in found["findings"]}
    assert checks["broker"] == "problem", "nobody listens there"
    assert checks["versions"] == "ok"
