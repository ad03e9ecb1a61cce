"""Visitors on real faces: the figures of docs/visitors.md hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.support import needs


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_strangers_keep_their_ids_and_enrolled_people_never_get_one() -> None:
    """Two days of visits of the ten people of lfw10: own ids, no others', no rejected face is named again."""
    needs.folder(needs.SHARED / "faces")
    variables = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "benchmarks/visitors.py", "--check", "--json", "--runs", "2", "--only", "lfw10"]

    done = subprocess.run(command, cwd=needs.ROOT, env=variables, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["missed"] == []
    assert set(found["results"]) == {"hog", "yunet"}
