"""`usense doctor` where nothing runs: what it finds in folders, settings and the machine; it changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import free_port
from tests.support.terminal import Outcome, Terminal
from uSense.cli import checkup, machine
from uSense.storage import DATABASE, KEY


@pytest.fixture
def house(terminal: Terminal, tmp_path: Path) -> Path:
    """Settings without a broker and a camera, and the data folder of a person without faces."""
    terminal.monkeypatch.setenv("USENSE_DATA_DIR", str(tmp_path / "data"))
    terminal.monkeypatch.setenv("USENSE_MQTT__PORT", str(free_port()))
    terminal.monkeypatch.setenv("USENSE_WEB__PORT", "0")
    (tmp_path / "usense.yaml").write_text("cameras: {hall: {kind: folder, path: album}}", "utf-8")
    assert terminal.run("people", "list").code == 0
    return tmp_path / "data"


def findings(outcome: Outcome) -> dict[str, Any]:
    """The last finding of each check."""
    return {finding["check"]: finding for finding in json.loads(outcome.out)["findings"]}


def test_each_line_says_what_to_do(terminal: Terminal, house: Path) -> None:
    """What is well, what is not, and the number of problems; the exit code tells there are some."""
    outcome = terminal.run("doctor")
    assert outcome.code == 1
    for words in (
        "ok       versions: usense",
        "ok       database: usense.sqlite3 is sound",
        "ok       detector: dlib-hog searches",
        "ok       recognizer: dlib-resnet-v1 compares two faces",
        "beware   people: nobody is enrolled",
        "PROBLEM  broker: nothing listens at",
        "mqtt: {embedded: true}",
        "PROBLEM  camera hall: ",
        "2 problems",
    ):
        assert words in outcome.out


def test_wrong_settings_are_findings(terminal: Terminal, house: Path) -> None:
    """A line for each mistake; without settings there is nothing else to look at."""
    Path("usense.yaml").write_text("mqtt: {hots: a}\nlog: {level: loud}", "utf-8")
    outcome = terminal.run("doctor", "--json")
    report = json.loads(outcome.out)
    assert (outcome.code, report["ok"]) == (1, False)
    assert sum(one["check"] == "settings" and one["state"] == "problem" for one in report["findings"]) == 2


def test_a_missing_key_and_a_damaged_database(terminal: Terminal, house: Path) -> None:
    """Both are told with what to do, and neither is touched."""
    (house / KEY).unlink()
    data = bytearray((house / DATABASE).read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    (house / DATABASE).write_bytes(data)
    found = findings(terminal.run("doctor", "--json"))
    assert found["key"]["state"] == found["database"]["state"] == "problem"
    assert "backup" in found["key"]["todo"]
    assert "backup" in found["database"]["todo"]
    assert not (house / KEY).exists()
    assert (house / DATABASE).read_bytes() == data


def test_another_programs_database(terminal: Terminal, house: Path) -> None:
    """What the storage says of it is passed on."""
    (house / DATABASE).unlink()
    with sqlite3.connect(house / DATABASE) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    assert "another program" in findings(terminal.run("doctor", "--json"))["people"]["text"]


def test_an_empty_folder_stays_empty(terminal: Terminal, tmp_path: Path) -> None:
    """The models are tried elsewhere."""
    terminal.monkeypatch.setenv("USENSE_DATA_DIR", str(tmp_path / "new"))
    terminal.monkeypatch.setenv("USENSE_MQTT__PORT", str(free_port()))
    terminal.monkeypatch.setenv("USENSE_CAMERAS__HALL__KIND", "folder")
    terminal.monkeypatch.setenv("USENSE_CAMERAS__HALL__PATH", str(tmp_path))
    found = findings(terminal.run("doctor", "--json"))
    assert "is empty yet" in found["data folder"]["text"]
    assert found["recognizer"]["state"] == "ok"
    assert not (tmp_path / "new").exists()


def test_missing_models_are_found(terminal: Terminal, house: Path) -> None:
    """Both as a setting and where they are used."""
    Path("usense.yaml").write_text(
        "detector: {kind: yunet}\nrecognizer: {embedder: {kind: onnx, path: x.onnx}}", "utf-8"
    )
    found = findings(terminal.run("doctor", "--json"))
    assert found["settings"]["state"] == found["detector"]["state"] == found["recognizer"]["state"] == "problem"


def test_an_embedded_broker_is_there_only_with_the_service(terminal: Terminal, house: Path) -> None:
    """That is no problem, unless mosquitto is missing."""
    terminal.monkeypatch.setenv("USENSE_MQTT__EMBEDDED", "true")
    there = findings(terminal.run("doctor", "--json"))
    terminal.monkeypatch.setattr("uSense.leash.find", lambda _: None)
    missing = findings(terminal.run("doctor", "--json"))
    assert there["broker"]["state"] == "ok"
    assert (missing["broker"]["state"], missing["broker"]["todo"]) == ("problem", "apt install mosquitto")


def test_files_that_others_can_read(house: Path) -> None:
    """With the command that closes them."""
    (house / "extra").write_text("x")
    (house / "extra").chmod(0o644)
    (found,) = (one for one in checkup.data_folder(house) if one.check == "data folder")
    assert (found.state, found.todo) == ("warning", f"chmod 600 {house / 'extra'}")


@pytest.mark.parametrize(("kept", "told"), [('{"threshold": 0.6}', ["threshold 0.6: "]), ("{}", []), ("{", [])])
def test_what_was_set_at_run_time_is_told(house: Path, kept: str, told: list[str]) -> None:
    """It wins over the settings file, so whoever wonders about that finds it."""
    (house / "runtime.json").write_text(kept)

    found = [one.text for one in checkup.data_folder(house) if one.check == "settings at run time"]

    assert [text[: len(words)] for text, words in zip(found, told, strict=True)] == told


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    """Nothing can be written there."""
    (tmp_path / "data").write_text("x")
    (found,) = checkup.data_folder(tmp_path / "data")
    assert (found.check, found.state) == ("data folder", "problem")


@pytest.mark.parametrize(("free", "state"), [(1e6, "problem"), (100e6, "warning"), (1e9, "ok")])
def test_little_space_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, state: str) -> None:
    """Before the disk is full."""
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert next(iter(checkup.data_folder(tmp_path))).state == state


def test_the_clock(tmp_path: Path) -> None:
    """A time before uSense was written was never set; one that no server confirmed may be wrong."""
    assert machine.clock(0.0, tmp_path / "none").state == "problem"
    assert machine.clock(machine.BUILT + 1, tmp_path / "none").state == "ok"
    assert machine.clock(machine.BUILT + 1, tmp_path).state == "warning"
    (tmp_path / "synchronized").touch()
    assert machine.clock(machine.BUILT + 1, tmp_path).state == "ok"


@pytest.mark.parametrize(("degrees", "state"), [(50.0, "ok"), (78.0, "warning"), (82.0, "problem")])
def test_the_temperature(degrees: float, state: str) -> None:
    """A Pi slows down from 80 degrees on."""
    assert machine.temperature(degrees).state == state
