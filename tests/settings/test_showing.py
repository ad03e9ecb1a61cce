"""All settings as people see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from uSense.settings import Settings, showing, trace

FILE = """\
mqtt:
  host: broker.local
  password: hunter22
cameras:
  hall: {kind: stream, url: "rtsp://192.168.1.20/live"}
"""


def test_each_says_what_it_means_and_where_it_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line of the file, the variable, or nothing for a default; no secret is in it."""
    file = tmp_path / "usense.yaml"
    file.write_text(FILE, encoding="utf-8")
    monkeypatch.setenv("USENSE_MQTT__PORT", "1884")
    loaded = trace(file)

    rows = {row.name: row for row in showing.given(loaded.settings, loaded)}

    assert (rows["mqtt.host"].value, rows["mqtt.host"].origin) == ("broker.local", "file")
    assert rows["mqtt.host"].place == f"{file}, line 2"
    assert rows["cameras.hall.url"].place == f"{file}, line 5"
    assert (rows["mqtt.port"].value, rows["mqtt.port"].place) == ("1884", "USENSE_MQTT__PORT")
    assert (rows["web.port"].origin, rows["web.port"].place) == ("default", "")
    assert rows["web.port"].meaning == "Port at which they listen; 0 takes a free one."
    assert "hunter22" not in repr(rows)


def test_settings_of_a_program_have_no_history() -> None:
    """Those that were made in code are shown all the same."""
    rows = showing.given(Settings(), None)

    assert {row.origin for row in rows} == {""}
    assert "web.port" in {row.name for row in rows}
