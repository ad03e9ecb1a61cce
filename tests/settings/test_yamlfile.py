"""YAML files that are broken, and what is said about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.samples import refusal, write
from uSense.core.errors import SettingsError
from uSense.settings import Settings, load


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("mqtt:\n  host: [", "line 2, column 10: a quote or bracket is opened and never closed"),
        ("mqtt:\n\thost: a", "line 2, column 1: there is a tab: indent with spaces"),
        ("mqtt: {host: a}\nmqtt: {port: 1}", "line 2: mqtt: is given twice"),
        ("mqtt:\n  host: a\n  host: b", "line 3: mqtt.host: is given twice"),
        ("- mqtt", "must hold settings, each with its name (`mqtt:` and below it `host: ...`)"),
        ("hello", "must hold settings, each with its name (`mqtt:` and below it `host: ...`)"),
        (
            "mqtt: {host: a}\n---\nmqtt: {}",
            "line 2, column 1: '---' begins a second document: one is enough",
        ),
        ("[mqtt]\nhost = a", "line 2, column 1: this is no YAML: settings are written `name: value`"),
        ("a: \x01", "is not YAML: it contains a character that is not text"),
        (
            "a: !!python/object:os.system x",
            "line 1, column 4: '!' at the beginning stands for something else in YAML: put text with it in quotes",
        ),
        (
            "mqtt: {password: *hunter2}",
            "line 1, column 18: '*' at the beginning stands for something else in YAML: put text with it in quotes",
        ),
        ("mqtt: {password: @hunter2}", "line 1, column 18: text that begins with @ has to stand in quotes"),
        ('mqtt: {password: "hunter2}', "line 1, column 27: a quote or bracket is opened and never closed"),
        ('data_dir: "C:\\usense"', "line 1, column 16: a backslash is special in double quotes: use single quotes"),
        (
            "mqtt: host: a",
            "line 1, column 11: there is a ':' too many: is the line indented right, and text with ': ' quoted?",
        ),
        ("mqtt:\n  host: a\n  port\nlog: {}", "line 4, column 1: there is no ': ' after a name"),
        (
            "mqtt:\n   host: a\n  port: 1",
            "line 3, column 3: this does not fit the lines above: is it indented as they are, and text quoted?",
        ),
        ("instance: 2026-02-30", "line 1, column 11: there is no such number or date: put text in quotes"),
        ("instance: !!timestamp x", "line 1, column 11: there is no such number or date: put text in quotes"),
        ("health_every: " + "9" * 5000, "line 1, column 15: there is no such number or date: put text in quotes"),
        ("a: " + "[" * 5000, "is not meant for settings: it has too many levels"),
        (
            "mqtt: &again {tls: *again}",
            "line 1: mqtt.tls.tls: is not known; there are ca, certificate, enabled, insecure, key",
        ),
    ],
)
def test_refused_files(text: str, line: str) -> None:
    """A file that is no mapping of settings is refused with line and column."""
    assert refusal(text)[0] == line


def test_file_that_is_not_there(tmp_path: Path) -> None:
    """A file that was asked for must be there, be a file and be UTF-8."""
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"instance: K\xfcche")
    wide = tmp_path / "wide.yaml"
    wide.write_text("instance: hall", "utf-16")
    for path, reason in (
        (Path("missing.yaml"), "there is no such file; to begin: `usense config example > missing.yaml`"),
        (tmp_path, "is a folder, not a file (Docker makes one where a file to mount is missing)"),
        (wide, "is not UTF-8 text (byte 0); save it as UTF-8"),
        (latin, "is not UTF-8 text (byte 11); save it as UTF-8"),
    ):
        with pytest.raises(SettingsError) as caught:
            load(path)
        assert str(caught.value) == f"{path}: {reason}"


@pytest.mark.parametrize("text", ["", "# nothing\n", "\ufeffmqtt: {}\n", "mqtt: &a {host: 127.0.0.1}\nlog: {}\n"])
def test_files_that_change_nothing(text: str) -> None:
    """Empty files, comments, a byte-order mark and anchors are fine."""
    assert load(write(text)) == Settings()
