"""What programs read stays as it is: each command's JSON against the committed shapes.

Those of commands that need a running service or a broker are checked where these are: tests/service, tests/cli.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest
from PIL import Image

from tests.support.portraits import EILEEN, GRACE, pose
from tests.support.ports import free_port
from tests.support.shapes import check, misfits, shapes
from tests.support.terminal import Terminal
from uSense import cli
from uSense.mqtt import MqttSettings, login

ELSEWHERE = {"demo", "wait", "watch"}
"""Commands whose JSON is checked in tests/service and tests/demo."""


def test_every_command_with_json_has_a_shape() -> None:
    """A new one has to be written down, and one that is gone as well."""
    with_json = {words for words, run in cli.COMMANDS if "as_json" in inspect.signature(run).parameters}
    assert with_json == set(shapes())


def test_the_json_of_all_commands(terminal: Terminal, tmp_path: Path) -> None:
    """Neither keys nor kinds of values change unnoticed; also of what went wrong."""
    for name, photo in (("Grace", GRACE), ("Eileen", EILEEN)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(pose(photo, number)).save(tmp_path / "photos" / name / f"{number}.png")
    (tmp_path / "photos" / "Grace" / "bad.png").write_bytes(b"x")
    (tmp_path / "secret").write_text("correct horse")
    login.write(MqttSettings(embedded=True), _made(tmp_path / "data"))
    one, other, bad = (f"photos/Grace/{name}.png" for name in ("0", "1", "bad"))
    terminal.monkeypatch.setenv("USENSE_DATA_DIR", str(tmp_path / "data"))
    terminal.monkeypatch.setenv("USENSE_MQTT__PORT", str(free_port()))
    terminal.monkeypatch.setenv("USENSE_CAMERAS__HALL__KIND", "folder")
    terminal.monkeypatch.setenv("USENSE_CAMERAS__HALL__PATH", "photos/Grace")
    commands = {
        "enroll": ("--folder", "photos"),
        "people list": (),
        "train": (),
        "backup": ("house.usense", "--passphrase-file", "secret"),
        "restore": ("house.usense", "--passphrase-file", "secret", "--yes"),
        "people import": ("people.usense", "--passphrase-file", "secret"),
        "identify": (one, bad),
        "detect": (one, bad),
        "verify": (one, other),
        "evaluate": ("photos", "--enroll", "2", "--splits", "1"),
        "snapshot": (),
        "healthcheck": (),
        "doctor": (),
        "models list": (),
        "config show": (),
        "broker": (),
        "token add": ("a script",),
        "token list": (),
    }
    for words, arguments in commands.items():
        if words == "broker":
            terminal.monkeypatch.setenv("USENSE_MQTT__EMBEDDED", "true")
        if words == "people import":
            terminal.run("people", "export", *arguments)
        outcome = terminal.run(*words.split(), *arguments, "--json")
        assert outcome.code in {0, 1}, outcome.err
        check(words, outcome.out)
    assert set(commands) | ELSEWHERE | {"migrate", "models fetch"} == set(shapes())


def test_the_json_of_fetched_models(terminal: Terminal, tmp_path: Path, models: Path) -> None:
    """The same for weights, of which a copy is needed."""
    terminal.monkeypatch.setenv("USENSE_DATA_DIR", str(tmp_path / "data"))
    source = str(models / "face_detection_yunet_2023mar.onnx")
    check("models fetch", terminal.run("models", "fetch", "yunet", "--from", source, "--json").out)


@pytest.mark.parametrize(
    ("value", "bad"),
    [
        ({"a": 1, "b": ["x"]}, []),
        ({"a": True, "b": []}, [": bool, not number|null"]),
        ({"b": [], "c": 1}, [": no a", ": c is new"]),
        ({"a": None, "b": "x"}, [".b: text, not a list"]),
        ([], [": list, not an object"]),
    ],
)
def test_what_a_misfit_is(value: object, bad: list[str]) -> None:
    """Missing and new keys, and other kinds of values."""
    shape = {"a": "number|null", "b": ["text"], "d?": {"*": "any"}}
    found = misfits(json.loads(json.dumps(value)), shape)
    assert [line.removeprefix(".a") for line in found] == bad


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
