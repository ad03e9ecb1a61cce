"""Settings files from anybody: each one is understood or refused with a sentence."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.corpus import JSON, fuzzed, spoiled
from tests.support import needs
from uSense.core.errors import SettingsError
from uSense.settings import Settings, load

EXAMPLE = (needs.ROOT / "config" / "usense.example.yaml").read_bytes()
PLAIN = b"""instance: hall-pi
mqtt: {host: 192.168.1.5, port: 1883, prefix: usense, tls: {enabled: true}}
cameras:
  hall: {kind: stream, url: "rtsp://me:secret@192.168.1.20/live", fps: 5, options: {rtsp_transport: udp}}
  door: {kind: folder, path: pictures, hold: 2.0}
recognizer: {kind: local, rules: {threshold: 0.5}}
voting: &votes {needed: 3, window: 5}
"""
NAMES = [*Settings.model_fields, "kind", "host", "port", "enabled", "hall", "url", "path", "needed", "password"]
TREES: st.SearchStrategy[Any] = st.recursive(
    JSON | st.sampled_from(["stream", "folder", "local", "hog", "yes", "1e9999", "${HOME}", "~", "\ud800"]),
    lambda inner: st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=5),
    max_leaves=12,
)


def loaded(data: bytes) -> str:
    """What a file with these bytes leads to, as text; SettingsError is an answer, everything else a bug."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "usense.yaml")
        file.write_bytes(data)
        try:
            return load(file).model_dump_json()
        except SettingsError as error:
            return str(error)


@fuzzed(200)
@given(data=spoiled(st.sampled_from([EXAMPLE, PLAIN]) | st.binary(max_size=100), most=4))
def test_a_spoiled_file_is_understood_or_refused(data: bytes) -> None:
    """Bytes changed, lost or put in anywhere: settings, or a sentence."""
    assert loaded(data)


@fuzzed(60)
@given(tree=st.dictionaries(st.sampled_from(NAMES), TREES, max_size=6))
def test_any_tree_is_understood_or_refused(tree: dict[str, Any]) -> None:
    """Any values under the names that there are, and under others."""
    assert loaded(yaml.safe_dump(tree).encode("utf-8", "surrogatepass"))
