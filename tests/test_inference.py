"""ONNX models: opened from checked bytes, or refused in plain words."""

from __future__ import annotations

import hashlib
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.needs import ROOT
from tests.support.nets import net
from uSense import inference
from uSense.core.errors import ModelError


def test_a_model_is_read_if_it_is_the_expected_one(tmp_path: Path) -> None:
    """The hash is compared only when one is expected."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"weights")

    assert inference.read(path) == b"weights"
    assert inference.read(path, hashlib.sha256(b"weights").hexdigest()) == b"weights"
    with pytest.raises(ModelError, match=r"model\.onnx is not the file it should be"):
        inference.read(path, "0" * 64)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    """So is a folder in its place."""
    with pytest.raises(ModelError, match=r"cannot read the model .*nothing\.onnx: No such file"):
        inference.read(tmp_path / "nothing.onnx")
    with pytest.raises(ModelError, match=r"cannot read the model .*: Is a directory"):
        inference.read(tmp_path)


def test_a_session_runs_the_model() -> None:
    """Bytes in, numbers out."""
    session = inference.session(net((None, 3, 4, 4)), "a net", threads=2)
    (found,) = session.run(None, {session.get_inputs()[0].name: np.ones((2, 3, 4, 4), np.float32)})

    assert found.shape == (2, 3)


def test_a_session_does_not_keep_the_file() -> None:
    """Its bytes are as large as the weights, which the session has already."""
    data = net((None, 3, 4, 4))
    before = sys.getrefcount(data)
    session = inference.session(data, "a net")

    assert sys.getrefcount(data) == before
    assert session.get_inputs()


HELD = """
import numpy as np
import psutil
from tests.support.nets import net
from uSense import inference

session = inference.session(net((None, 4, 1000, 1000), (0, 1), sines=True), "a net")
inputs = {session.get_inputs()[0].name: np.ones((8, 4, 1000, 1000), np.float32)}
process = psutil.Process()
small = {name: values[:1] for name, values in inputs.items()}
session.run(None, small)
before = process.memory_info().rss
session.run(None, inputs)
kept = process.memory_info().rss - before
session.run(None, inputs, inference.seldom())
print(kept // 1_000_000, (process.memory_info().rss - before) // 1_000_000)
"""


def test_a_seldom_run_leaves_no_memory_behind() -> None:
    """What a large run needed is kept for the next one, 128 MB here, unless it is said to be seldom."""
    done = subprocess.run([sys.executable, "-c", HELD], cwd=ROOT, check=True, capture_output=True, text=True)
    kept, left = map(int, done.stdout.split())

    assert kept > 100
    assert left < 30


@pytest.mark.parametrize("data", [b"", b"no protobuf", net((None, 3, 4, 4))[:80]])
def test_what_is_no_model_is_refused(data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """The error names the file, and onnxruntime itself prints nothing."""
    with pytest.raises(ModelError, match=r"weights\.onnx is no ONNX model"):
        inference.session(data, "weights.onnx")

    assert capfd.readouterr() == ("", "")


def test_the_version_that_crashes_on_a_pi_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is imported, because the import is what crashes."""
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "1.21.0")

    with pytest.raises(ModelError, match=r"onnxruntime 1\.21\.0 crashes on a Raspberry Pi 4: install"):
        inference.session(b"", "a net")
