"""Nothing leaves the house: libraries that would report home are kept from it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support import needs

PROGRAM = """
from uSense import inference
from uSense.core.errors import ModelError
try:
    inference.session(b"no model", "a test")
except ModelError:
    import onnxruntime
"""


def test_onnxruntime_reports_nothing(tmp_path: Path) -> None:
    """After the library was loaded by uSense there is no trace of its telemetry, neither at home nor in /tmp."""
    variables = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    folders = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}

    subprocess.run([sys.executable, "-c", PROGRAM], cwd=needs.ROOT, env=variables | folders, check=True)

    assert list(tmp_path.iterdir()) == []
