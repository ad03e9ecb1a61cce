"""One tree of settings from files, environment and secrets; and what is said when it is wrong."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support import environment
from uSense import schema, settings
from uSense.cameras.folder import FolderSettings
from uSense.cameras.stream import StreamSettings
from uSense.core.errors import SettingsError
from uSense.core.motion import MotionRules
from uSense.core.voting import VotingRules
from uSense.detectors.hog import HogSettings
from uSense.detectors.yunet import YunetSettings
from uSense.settings import Settings, load, trace


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those of the test."""
    environment.clear(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings, "PLACES", (Path("usense.yaml"), tmp_path / "etc" / "usense.yaml"))


def write(text: str, path: str = "given.yaml") -> Path:
    """A settings file below the working directory."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def refusal(text: str) -> list[str]:
    """The lines with which a file is refused, without its name."""
    with pytest.raises(SettingsError) as caught:
        load(write(text))
    return [
        line.removeprefix("given.yaml").removeprefix(", ").removeprefix(": ") for line in str(caught.value).split("\n")
    ]


def test_defaults() -> None:
    """Without any source the defaults hold: HOG, a broker on this machine, rules of the core."""
    assert load() == Settings()
    assert load().detector == HogSettings()
    assert load().mqtt.host == "127.0.0.1"
    assert load().voting == VotingRules()


def test_strongest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments beat the environment, that beats the file, that beats the defaults: value by value."""
    file = write("voting: {needed: 3, unknown_needed: 4, window: 6}\nmqtt: {host: filed}")
    monkeypatch.setenv("USENSE_VOTING__UNKNOWN_NEEDED", "5")
    monkeypatch.setenv("USENSE_VOTING__WINDOW", "7")
    loaded = trace(file, voting={"window": 8})
    voting = loaded.settings.voting
    assert (voting.needed, voting.unknown_needed, voting.window, voting.medium_looks) == (3, 5, 8, 3)
    origins = [loaded.origin(("voting", name)) for name in ("needed", "unknown_needed", "window", "medium_looks")]
    assert origins == ["file", "environment", "argument", "default"]
    assert loaded.file == file


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
        "hall": FolderSettings(path=Path("photos"), motion=MotionRules(enabled=False)),
    }
    assert loaded.origin(("cameras", "door", "kind")) == "file"
    assert loaded.origin(("cameras", "door", "url")) == "environment"


def test_group_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable may hold a whole group as JSON; single variables go on top."""
    monkeypatch.setenv("USENSE_MQTT", '{"host": "a", "port": 1}')
    monkeypatch.setenv("USENSE_MQTT__PORT", "2")
    assert (load().mqtt.host, load().mqtt.port) == ("a", 2)


def test_kind_of_detector_may_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable tunes the default detector; another kind is chosen by its name."""
    monkeypatch.setenv("USENSE_DETECTOR__MIN_FACE", "40")
    assert load().detector == HogSettings(min_face=40)
    assert load(write("detector: {kind: yunet}")).detector == YunetSettings(min_face=40)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("mqtt:\n  hots: x", ["line 2: mqtt.hots: is not known; did you mean 'mqtt.host'?"]),
        ("hsot: x", ["line 1: hsot: is not known; did you mean 'mqtt.host'?"]),
        ("host: x", ["line 1: host: is not known; did you mean 'mqtt.host'?"]),
        ("voting: {neded: 3}", ["line 1: voting.neded: is not known; did you mean 'voting.needed'?"]),
        ("mqtt: {port: 70000}", ["line 1: mqtt.port: must be less than or equal to 65535"]),
        ("mqtt: {tls: {ca: 3}}", ["line 1: mqtt.tls.ca: must be a path"]),
        ("log: {level: loud}", ["line 1: log.level: must be 'debug', 'info', 'warning' or 'error'"]),
        ("instance: Küche", ["line 1: instance: must match pattern '^[a-z0-9_-]{1,40}$'"]),
        ("detector: {kind: cnn}", ["line 1: detector.kind: must be one of 'hog', 'yunet'"]),
        (
            "detector: {qqq: 1}",
            ["line 1: detector.qqq: is not known; there are fit, kind, min_face, path, score, threads"],
        ),
        ("cameras: {Hall: {kind: folder, path: x}}", ["line 1: cameras.Hall: must match pattern '^[a-z0-9_-]{1,40}$'"]),
        ("cameras: {hall: {path: x}}", ["line 1: cameras.hall.kind: is missing: one of 'folder', 'stream'"]),
        ("cameras: {hall: {kind: stream}}", ["line 1: cameras.hall.url: is missing"]),
        (
            "cameras:\n  hall:\n    kind: folder\n    path: x\n    fpss: 3",
            ["line 5: cameras.hall.fpss: is not known; did you mean 'cameras.hall.fps'?"],
        ),
        (
            "cameras: {hall: {kind: folder, path: x, motion: {lingr: 3}}}",
            ["line 1: cameras.hall.motion.lingr: is not known; did you mean 'cameras.hall.motion.linger'?"],
        ),
        ("mqtt:", ["line 1: mqtt: must be a group of settings, each with its name"]),
        (
            "voting: {window: 1}",
            ["line 1: voting: needed and unknown_needed must lie between 1 and window"],
        ),
        ("1: x", ["1: is no name: a name is text, in quotes if it looks like a number or a date"]),
        (
            "mqtt: {hots: x}\nlog:\n  levle: info",
            [
                "line 3: log.levle: is not known; did you mean 'log.level'?",
                "line 1: mqtt.hots: is not known; did you mean 'mqtt.host'?",
            ],
        ),
    ],
)
def test_refused_values(text: str, lines: list[str]) -> None:
    """Each wrong setting has a line with its place, its dotted path and what is allowed or was probably meant."""
    assert sorted(refusal(text)) == sorted(lines)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("mqtt:\n  host: [", "line 2, column 10: expected the node content, but found '<stream end>'"),
        ("mqtt:\n\thost: a", "line 2, column 1: found character that cannot start any token"),
        ("mqtt: {host: a}\nmqtt: {port: 1}", "line 2: mqtt: is given twice"),
        ("mqtt:\n  host: a\n  host: b", "line 3: mqtt.host: is given twice"),
        ("- mqtt", "must hold settings, each with its name (`mqtt:` and below it `host: ...`)"),
        ("hello", "must hold settings, each with its name (`mqtt:` and below it `host: ...`)"),
        (
            "mqtt: {host: a}\n---\nmqtt: {}",
            "line 2, column 1: expected a single document in the stream, but found another document",
        ),
        ("a: \x01", "is not YAML: it contains a character that is not text"),
        ("a: !!python/object:os.system x", "line 1, column 4: could not determine a constructor for the tag"),
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
    for path, reason in (
        (Path("missing.yaml"), "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (latin, "is not UTF-8 text (byte 11); save it as UTF-8"),
    ):
        with pytest.raises(SettingsError) as caught:
            load(path)
        assert str(caught.value) == f"{path}: {reason}"


@pytest.mark.parametrize("text", ["", "# nothing\n", "\ufeffmqtt: {}\n", "mqtt: &a {host: 127.0.0.1}\nlog: {}\n"])
def test_files_that_change_nothing(text: str) -> None:
    """Empty files, comments, a byte-order mark and anchors are fine."""
    assert load(write(text)) == Settings()


def test_usual_places(tmp_path: Path) -> None:
    """Without a path ./usense.yaml is read, else the machine's file, else nothing."""
    assert trace().file is None
    write("mqtt: {host: machine}", "etc/usense.yaml")
    assert load().mqtt.host == "machine"
    write("mqtt: {host: here}", "usense.yaml")
    assert load().mqtt.host == "here"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("USENSE_MQTTT__HOST", "; did you mean USENSE_MQTT__HOST?"),
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
        "USENSE_MQTT__HOTS: is not known; did you mean 'mqtt.host'?",
        "USENSE_MQTT__PORT: must be a valid integer, unable to parse string as an integer",
        "USENSE_LOG: must be a group of settings, each with its name",
        "USENSE_DETECTOR__FIT: must be a valid tuple",
    }


@pytest.mark.parametrize("name", ["USENSE_CONFIG", "USENSE_DATA_DIR", "USENSE_NO_SKIP", "USENSE_LAB"])
def test_reserved_variables(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Variables that steer something else are let through."""
    monkeypatch.setenv(name, "1")
    load()


@pytest.mark.parametrize(
    ("host", "instance"), [("Hall-Pi.local", "hall-pi-local"), ("Küche", "k-che"), ("---", "usense")]
)
def test_instance_from_the_host_name(monkeypatch: pytest.MonkeyPatch, host: str, instance: str) -> None:
    """The instance is the host name, made fit for topics."""
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert load().instance == instance


@pytest.mark.parametrize(
    ("content", "secret"), [("pa ss\n", "pa ss"), ("pass", "pass"), ("pass\r\n", "pass"), ("a\n\n", "a\n")]
)
def test_secret_file(content: str, secret: str) -> None:
    """A secret is read from the file its sibling names, without the newline at its end."""
    Path("broker-password").write_bytes(content.encode())
    loaded = trace(write("mqtt: {password_file: broker-password}"))
    assert loaded.settings.mqtt.password is not None
    assert loaded.settings.mqtt.password.get_secret_value() == secret
    assert loaded.origin(("mqtt", "password")) == "file"


def test_refused_secret_files(tmp_path: Path) -> None:
    """A secret file that is missing, empty or no text is told with its path, and so is a secret given twice."""
    (tmp_path / "empty").write_bytes(b"\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name, reason in (
        ("missing", "cannot be read: No such file or directory"),
        ("empty", "is empty"),
        ("binary", "is not UTF-8 text"),
    ):
        assert refusal(f"mqtt: {{password_file: {name}}}") == [
            f"line 1: mqtt.password_file: {tmp_path / name} {reason}"
        ]
    assert refusal("mqtt: {password: x, password_file: empty}") == [
        "line 1: mqtt.password_file: is given beside 'password'; give one of them"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "mqtt: {password: [hunter2]}",
        "mqtt: {passwort: hunter2}",
        "mqtt: {password: *hunter2}",
        "mqtt: {password: !hunter2 x}",
        "mqtt: {password: hunter2, password: hunter2}",
        "mqtt: {password: %hunter2}",
        "mqtt: hunter2",
        "mqtt: {password: hunter2, port: hunter2}",
    ],
)
def test_secrets_are_not_told(text: str) -> None:
    """Whatever is wrong with a secret, the message does not hold it."""
    assert "hunter2" not in "\n".join(refusal(text))


def test_secrets_are_not_shown() -> None:
    """A secret is masked wherever settings are printed or dumped."""
    loaded = load(write("mqtt: {password: hunter2}"))
    assert "hunter2" not in repr(loaded) + str(loaded) + loaded.model_dump_json()


def test_relative_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file's relative paths start at its folder, a variable's at the working directory; `~` is the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USENSE_DATA_DIR", "data")
    file = write("data_dir: elsewhere\nmqtt: {tls: {ca: ca.pem, key: ~/key.pem, certificate: /c.pem}}", "conf/u.yaml")
    loaded = load(file)
    assert loaded.data_dir == Path("data")
    assert loaded.mqtt.tls.ca == tmp_path / "conf" / "ca.pem"
    assert loaded.mqtt.tls.key == tmp_path / "home" / "key.pem"
    assert loaded.mqtt.tls.certificate == Path("/c.pem")


def test_settings_are_frozen() -> None:
    """Nobody changes settings, not even the core's rules inside."""
    loaded: Any = load()
    with pytest.raises(ValueError, match="frozen"):
        loaded.instance = "x"
    with pytest.raises(AttributeError):
        loaded.voting.needed = 1


_names = sorted({name for path, _ in schema.Outline(Settings).leaves() for name in path})
_keys = st.sampled_from(_names) | st.text(max_size=3) | st.integers() | st.booleans()
_values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["hog", "dlib"])
)
_trees = st.dictionaries(
    _keys,
    st.recursive(_values, lambda below: st.lists(below, max_size=2) | st.dictionaries(_keys, below, max_size=3)),
    max_size=3,
)


@given(_trees)
def test_any_file_is_answered(tree: dict[Any, Any]) -> None:
    """Whatever a file holds, it is loaded or refused in words."""
    file = write(yaml.safe_dump(tree, allow_unicode=True))
    try:
        load(file)
    except SettingsError as error:
        assert str(error)  # noqa: PT017 - both ways are right
