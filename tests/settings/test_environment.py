"""Settings from environment variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.samples import write
from uSense.cameras.folder import FolderSettings
from uSense.cameras.stream import StreamSettings
from uSense.core.errors import SettingsError
from uSense.core.motion import MotionRules
from uSense.settings import load, trace


def test_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable, as container files like to pass, changes nothing."""
    monkeypatch.setenv("USENSE_MQTT__HOST", "")
    assert load(write("mqtt: {host: filed}")).mqtt.host == "filed"


@pytest.mark.parametrize("value", ["1234", "true", "null", "[1]", '{"a": 1}', "# x", " x "])
def test_variable_of_text_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A password that looks like something else stays text."""
    monkeypatch.setenv("USENSE_MQTT__PASSWORD", value)
    password = load().mqtt.password
    assert password is not None
    assert password.get_secret_value() == value


def test_camera_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables change one value of a camera, or make a whole one."""
    file = write("cameras: {door: {kind: stream, url: rtsp://a/b}}")
    monkeypatch.setenv("USENSE_CAMERAS__DOOR__URL", "rtsp://c/d")
    monkeypatch.setenv("USENSE_CAMERAS__HALL__KIND", "folder")
    monkeypatch.setenv("USENSE_CAMERAS__HALL__PATH", "photos")
    monkeypatch.setenv("USENSE_CAMERAS__HALL__MOTION__ENABLED", "no")
    loaded = trace(file)
    assert loaded.settings.cameras == {
        "door": StreamSettings(url="rtsp://c/d"),
        "hall": FolderSettings(path=Path("photos").absolute(), motion=MotionRules(enabled=False)),
    }
    assert loaded.origin(("cameras", "door", "kind")) == "file"
    assert loaded.origin(("cameras", "door", "url")) == "environment"


def test_group_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable may hold a whole group as JSON; single variables go on top."""
    monkeypatch.setenv("USENSE_MQTT", '{"host": "a", "port": 1}')
    monkeypatch.setenv("USENSE_MQTT__PORT", "2")
    assert (load().mqtt.host, load().mqtt.port) == ("a", 2)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("USENSE_MQTTT__HOST", "; did you mean USENSE_MQTT__HOST?"),
        ("USENSE_MQTTT__HOTS", "; did you mean USENSE_MQTT__HOST?"),
        ("USENSE_MQTT_HOST", "; did you mean USENSE_MQTT__HOST?"),
        ("usense_mqtt_host", "; did you mean USENSE_MQTT__HOST?"),
        ("USENSE_MQTT_PASSWORD_FILE", "; did you mean USENSE_MQTT__PASSWORD_FILE?"),
        ("USENSE_MQTT_TLS_CA", "; did you mean USENSE_MQTT__TLS__CA?"),
        ("USENSE_TLS_CA", "; did you mean USENSE_MQTT__TLS__CA?"),
        ("USENSE_LOG_LEVEL", "; did you mean USENSE_LOG__LEVEL?"),
        ("USENSE_LOGLEVEL", "; did you mean USENSE_LOG__LEVEL?"),
        ("USENSE_DATADIR", "; did you mean USENSE_DATA_DIR?"),
        ("USENSE_DATA__DIR", "; did you mean USENSE_DATA_DIR?"),
        ("USENSE_THRESHOLD", "; did you mean USENSE_RECOGNIZER__RULES__THRESHOLD?"),
        ("USENSE_CAMERAS_FRONT_DOOR_URL", "; did you mean USENSE_CAMERAS__FRONT_DOOR__URL?"),
        ("USENSE_CAMERA__HALL__URL", "; did you mean USENSE_CAMERAS__HALL__URL?"),
        ("USENSE_CAMERA_URL", "; did you mean USENSE_CAMERAS__<NAME>__URL?"),
        ("USENSE_HOST", "; did you mean USENSE_MQTT__HOST?"),
        ("USENSE_INSTANCE__X", "; did you mean USENSE_INSTANCE?"),
        ("usense_votings", "; did you mean USENSE_VOTING?"),
        ("USENSE_", ""),
        ("USENSE_QQQ", ""),
    ],
)
def test_unknown_variables(monkeypatch: pytest.MonkeyPatch, name: str, hint: str) -> None:
    """A variable with our prefix that sets nothing is refused, like an unknown key."""
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError) as caught:
        load()
    assert str(caught.value) == f"{name}: is not known{hint}"


def test_wrong_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong value is told by the name of the variable it came from."""
    for name, value in (("MQTT__HOTS", "x"), ("MQTT__PORT", "x"), ("LOG", "debug"), ("DETECTOR__FIT", "640x480")):
        monkeypatch.setenv(f"USENSE_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load()
    assert set(str(caught.value).split("\n")) == {
        "USENSE_MQTT__HOTS: is not known; did you mean USENSE_MQTT__HOST?",
        "USENSE_MQTT__PORT: must be a whole number",
        "USENSE_LOG: must be a group of settings, each with its name: one variable for each, such as USENSE_LOG__LEVEL",
        "USENSE_DETECTOR__FIT: must be a list, such as [640, 480]",
    }


def test_cameras_that_are_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gives cameras in a variable is told how variables of a camera are called, not how YAML is written."""
    monkeypatch.setenv("USENSE_CAMERAS", "[]")
    with pytest.raises(SettingsError) as caught:
        load()
    words = "must be a group of settings, each with its name: one variable for each, such as"
    assert str(caught.value) == f"USENSE_CAMERAS: {words} USENSE_CAMERAS__<NAME>__KIND"


def test_camera_with_one_underscore_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera's variable that reads like another camera is told by the name it should have."""
    monkeypatch.setenv("USENSE_CAMERAS__HALL_URL", "rtsp://cam/live")
    with pytest.raises(SettingsError) as caught:
        load()
    assert str(caught.value) == (
        "USENSE_CAMERAS__HALL_URL: must be a group of settings, each with its name; "
        "did you mean USENSE_CAMERAS__HALL__URL?"
    )


@pytest.mark.parametrize("name", ["USENSE_CONFIG", "USENSE_DATA_DIR", "USENSE_NO_SKIP", "USENSE_LAB"])
def test_reserved_variables(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Variables that steer something else are let through."""
    monkeypatch.setenv(name, "1")
    load()
