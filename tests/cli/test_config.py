"""`usense config`: what users see of their settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.support import documents, example
from tests.support.terminal import Terminal
from uSense.settings import load

FILE = """\
mqtt: {host: broker, password_file: secret}
cameras:
  hall: {kind: stream, url: "rtsp://anna:hunter2@hall/1"}
  door: {kind: stream, url: "http://door:81/video.cgi?user=admin&pwd=hunter2", options: {headers: "X-Key: hunter2"}}
"""


@pytest.fixture
def file(terminal: Terminal, tmp_path: Path) -> Path:
    """A settings file with secrets."""
    (tmp_path / "secret").write_text("hunter2\n", "utf-8")
    path = tmp_path / "given.yaml"
    path.write_text(FILE, "utf-8")
    return path


def test_check_says_what_was_checked(terminal: Terminal, file: Path) -> None:
    """Right settings are ok, with the name of the file that was read."""
    assert terminal.run("config", "check").out == "ok: no settings file, defaults\n"
    assert terminal.run("config", "check", "-c", str(file)).out == f"ok: {file}\n"
    file.rename("usense.yaml")
    assert terminal.run("config", "check").out == "ok: usense.yaml\n"


def test_check_says_what_is_wrong(terminal: Terminal) -> None:
    """Wrong settings are listed on stderr, exit code 2, nothing on stdout."""
    Path("usense.yaml").write_text("mqtt:\n  hots: x\nvoting: {window: x}\n", "utf-8")
    outcome = terminal.run("config", "check")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines() == [
        "usense.yaml, line 2: mqtt.hots: is not known; did you mean 'mqtt.host'?",
        "usense.yaml, line 3: voting.window: must be a whole number",
    ]


def test_check_looks_for_files(terminal: Terminal, tmp_path: Path) -> None:
    """A file that is named but not there makes the settings wrong."""
    Path("usense.yaml").write_text("mqtt: {tls: {enabled: true, ca: no.pem}}", "utf-8")
    outcome = terminal.run("config", "check")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"usense.yaml, line 1: mqtt.tls.ca: {tmp_path}/no.pem: there is no such file\n"


def test_check_tells_doubts(terminal: Terminal, tmp_path: Path) -> None:
    """What is right but hardly meant is told beside the ok."""
    Path("usense.yaml").write_text("cameras: {hall: {kind: folder, path: nowhere}}", "utf-8")
    outcome = terminal.run("config", "check")
    assert (outcome.code, outcome.out) == (0, "ok: usense.yaml\n")
    assert outcome.err == f"beware: usense.yaml, line 1: cameras.hall.path: there is no {tmp_path}/nowhere\n"


def test_example_is_a_beginning(terminal: Terminal) -> None:
    """What the example prints is a right settings file with a camera."""
    Path("usense.yaml").write_text(terminal.run("config", "example").out, "utf-8")
    assert terminal.run("config", "check").out == "ok: usense.yaml\n"
    assert list(load().cameras) == ["hall"]


def test_show_resolves_paths(terminal: Terminal, tmp_path: Path) -> None:
    """Relative paths are shown as they are found: from the file's folder on, or from the working directory on."""
    Path("conf").mkdir()
    Path("conf/u.yaml").write_text("cameras: {hall: {kind: stream, url: film.mp4}}", "utf-8")
    terminal.monkeypatch.setenv("USENSE_DATA_DIR", "data")
    shown = yaml.safe_load(terminal.run("config", "show", "-c", "conf/u.yaml").out)
    assert shown["cameras"]["hall"]["url"] == str(tmp_path / "conf" / "film.mp4")
    assert shown["data_dir"] == str(tmp_path / "data")


def test_show_is_the_settings_in_effect(terminal: Terminal, file: Path) -> None:
    """What is shown is YAML that, secrets aside, leads to the same settings, with the origin of every value."""
    terminal.monkeypatch.setenv("USENSE_MQTT__PORT", "1884")
    outcome = terminal.run("--log-level", "debug", "config", "show", "-c", str(file))
    assert outcome.code == 0
    origins = {}
    for line in outcome.out.splitlines()[1:]:
        setting, _, origin = line.partition("#")
        origins[setting.strip()] = origin.strip()
    assert outcome.out.splitlines()[0] == f"# {file}"
    assert origins["host: broker"] == "file"
    assert origins["port: 1884"] == "environment"
    assert origins["level: debug"] == "argument"
    assert origins["health_every: 30.0"] == "default"
    shown = yaml.safe_load(outcome.out)
    assert shown["cameras"]["door"]["url"] == "http://door:81"
    del shown["mqtt"]["password"], shown["cameras"]
    again = Path("again.yaml")
    again.write_text(yaml.safe_dump(shown), "utf-8")
    assert load(again).mqtt == load(file).mqtt


def test_show_for_programs(terminal: Terminal, file: Path) -> None:
    """With --json there is one object with the file, the settings and the origin of every value."""
    answer = json.loads(terminal.run("config", "show", "-c", str(file), "--json").out)
    assert answer["file"] == str(file)
    assert answer["settings"]["mqtt"]["host"] == "broker"
    assert answer["origins"]["mqtt.host"] == "file"
    assert answer["origins"]["mqtt.password"] == "file"
    assert answer["origins"]["cameras.hall.kind"] == "file"
    assert answer["origins"]["voting.needed"] == "default"


@pytest.mark.parametrize("words", [("show",), ("show", "--json"), ("check",)])
def test_secrets_are_masked(terminal: Terminal, file: Path, words: tuple[str, ...]) -> None:
    """Neither a secret from a file nor one anywhere in an address or an option is shown."""
    outcome = terminal.run("config", *words, "-c", str(file))
    assert outcome.code == 0
    assert "hunter2" not in outcome.out + outcome.err


def test_schema_knows_the_example(terminal: Terminal) -> None:
    """The schema for editors has every group of the example, closed to unknown names."""
    schema = json.loads(terminal.run("config", "schema").out)
    groups = yaml.safe_load(example.FILE.read_text("utf-8"))
    assert set(groups) <= set(schema["properties"])
    assert schema["additionalProperties"] is False
    assert schema["$schema"].startswith("https://json-schema.org/")


def test_schema_of_events(terminal: Terminal) -> None:
    """All messages are in the schema that is published, each field with a sentence."""
    schema = json.loads(terminal.run("config", "schema", "--events").out)
    assert schema == json.loads(documents.SCHEMAS.read_text("utf-8"))
    assert schema["topics"]["identity"] == {"$ref": "#/$defs/IdentityPayload"}
    for model, described in schema["$defs"].items():
        for name, field in described.get("properties", {}).items():
            referred = schema["$defs"].get(field.get("$ref", "").rsplit("/", 1)[-1], {})
            assert field.get("description") or field.get("const") or referred.get("description"), (model, name)
