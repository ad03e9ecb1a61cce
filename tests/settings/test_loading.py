"""One tree of settings from files, environment and secrets; and what is said when it is wrong."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.settings.samples import refusal, write
from uSense import schema
from uSense.cameras.stream import StreamSettings
from uSense.core.errors import SettingsError
from uSense.core.voting import VotingRules
from uSense.detectors.hog import HogSettings
from uSense.detectors.yunet import YunetSettings
from uSense.settings import Settings, load, loading, trace

NO_NAME = "is no name: a name is text, in quotes if it looks like a number or a date"
NO_VALUE = "has no value: write one, or leave the line out (`#` begins a comment: text with it needs quotes)"


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


def test_kind_of_detector_may_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable tunes the default detector; another kind is chosen by its name."""
    monkeypatch.setenv("USENSE_DETECTOR__MIN_FACE", "40")
    assert load().detector == HogSettings(min_face=40)
    path = Path("yunet.onnx").absolute()
    assert load(write("detector: {kind: yunet, path: yunet.onnx}")).detector == YunetSettings(path=path, min_face=40)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("mqtt:\n  hots: x", ["line 2: mqtt.hots: is not known; did you mean 'mqtt.host'?"]),
        ("hsot: x", ["line 1: hsot: is not known; did you mean 'mqtt.host'?"]),
        ("host: x", ["line 1: host: is not known; did you mean 'mqtt.host'?"]),
        ("voting: {neded: 3}", ["line 1: voting.neded: is not known; did you mean 'voting.needed'?"]),
        (
            "mqtt: {port: 70000}",
            ["line 1: mqtt.port: must be from 1 to 65535 (port of the broker; by default 1883, or 8883 with TLS)"],
        ),
        ("mqtt: {tls: {ca: 3}}", ["line 1: mqtt.tls.ca: must be a path, in quotes if it looks like something else"]),
        ("log: {level: loud}", ["line 1: log.level: must be 'debug', 'info', 'warning' or 'error'"]),
        ("instance: Küche", ["line 1: instance: must have 1 to 40 of the signs a-z, 0-9, _ and -"]),
        ("detector: {kind: cnn}", ["line 1: detector.kind: must be one of 'hog', 'yunet'"]),
        (
            "detector: {qqq: 1}",
            ["line 1: detector.qqq: is not known; there are fit, kind, min_face, path, score, threads"],
        ),
        (
            "cameras: {Front Door: {kind: folder, path: x}}",
            ["line 1: cameras.Front Door: must have 1 to 40 of the signs a-z, 0-9, _ and -, such as 'front-door'"],
        ),
        (
            "cameras: {hall: {path: x}}",
            ["line 1: cameras.hall.kind: is missing: one of 'auto', 'folder', 'picamera', 'stream'"],
        ),
        (
            "cameras:\n  hall:\n    kind: folder\n    path: x\n    fpss: 3",
            ["line 5: cameras.hall.fpss: is not known; did you mean 'cameras.hall.fps'?"],
        ),
        (
            "cameras: {hall: {kind: folder, path: x, motion: {lingr: 3}}}",
            ["line 1: cameras.hall.motion.lingr: is not known; did you mean 'cameras.hall.motion.linger'?"],
        ),
        ("mqtt:", ["line 1: mqtt: has nothing below it: indent what belongs to it, or leave the line out"]),
        ("log:\n  level:", [f"line 2: log.level: {NO_VALUE}"]),
        ("mqtt:\n  password: #hunter2\n", [f"line 2: mqtt.password: {NO_VALUE}"]),
        ("mqtt: {identity_lifetime: }", [f"line 1: mqtt.identity_lifetime: {NO_VALUE}"]),
        ("qqq:", ["line 1: qqq: is not known; there are " + ", ".join(sorted(Settings.model_fields))]),
        ("health_every: yes", ["line 1: health_every: must be a number, not true or false"]),
        ("voting: {needed: true}", ["line 1: voting.needed: must be a number, not true or false"]),
        ("mqtt: {tls: {enabled: maybe}}", ["line 1: mqtt.tls.enabled: must be true or false"]),
        ("voting: {needed: 2.5}", ["line 1: voting.needed: must be a whole number"]),
        ("health_every: .inf", ["line 1: health_every: must be a number that is not infinite"]),
        ("detector: {fit: 640}", ["line 1: detector.fit: must be a list, such as [640, 480]"]),
        ("detector: {fit: [0, 480]}", ["line 1: detector.fit.0: must be greater than or equal to 32"]),
        (
            "detector: {min_face: 300, fit: [320, 240]}",
            ["line 1: detector: no face can be found: min_face is larger than fit"],
        ),
        (
            "recognizer: {rules: {threshold: 0.3}}",
            ["line 1: recognizer: 'rules.threshold' must be 0.35 or more: a lower one keeps hardly any stranger out"],
        ),
        (
            "recognizer: {rules: {clear: 2}}",
            [
                (
                    "line 1: recognizer.rules.clear: must be from 0 to 1 "
                    "(quality below which a look needs a higher score, because poor pictures make strangers alike)"
                )
            ],
        ),
        (
            "recognizer: {rules: {strangers: 0}}",
            [
                (
                    "line 1: recognizer.rules.strangers: must be more than 0 and less than 1 "
                    "(share of strangers among the people your cameras see; only `confidence` depends on it)"
                )
            ],
        ),
        (
            "recognizer: {kind: azure, endpoint: 'https://a.b', accept_threshold: 0.4}",
            [
                (
                    "line 1: recognizer.accept_threshold: must be from 0.5 to 1 "
                    "(lowest confidence that names a person; decided here)"
                )
            ],
        ),
        ("instance: true", ["line 1: instance: must be text, in quotes if it looks like something else"]),
        ("cameras: {true: {kind: folder, path: x}}", [f"line 1: cameras.True: {NO_NAME}"]),
        (
            "mqtt: {tls: {ca: ca.pem}}",
            ["line 1: mqtt.tls: 'ca' is given, but nothing is encrypted: set 'enabled' to true, or leave it out"],
        ),
        (
            "voting: {window: 1}",
            ["line 1: voting: needed and unknown_needed must lie between 1 and window: lower them, or raise window"],
        ),
        ("1: x", [f"1: {NO_NAME}"]),
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
    ("text", "wrong"),
    [
        ("cameras:", ["cameras: has nothing below it: indent what belongs to it, or leave the line out"]),
        ("cameras:\n#  hall: x", ["cameras: has nothing below it: indent what belongs to it, or leave the line out"]),
        ("cameras: null", ["cameras: must be a group of settings, each with its name"]),
        ("cameras: [hall]", ["cameras: must be a group of settings, each with its name"]),
        ("cameras: [{kind: folder}]", ["cameras: must be a group of settings, each with its name"]),
        ("cameras: rtsp://cam/live", ["cameras: must be a group of settings, each with its name"]),
        ("cameras: {hall: rtsp://cam/live}", ["cameras.hall: must be a group of settings, each with its name"]),
        (
            "cameras: {kind: folder, path: x}",
            [f"cameras.{name}: must be a group of settings, each with its name" for name in ("kind", "path")],
        ),
    ],
)
def test_cameras_that_are_no_group(text: str, wrong: list[str]) -> None:
    """Who does not know how cameras are written is shown one, as YAML that is right."""
    *said, first, second, third = refusal(text)
    assert said == [f"line 1: {line}" for line in wrong]
    assert first == "for example:"
    assert list(load(write(f"{second}\n{third}")).cameras) == ["hall"]


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("cameras: {hall: {kind: stream}}", "line 1: cameras.hall.url: is missing (address (`rtsp://...`, "),
    ],
)
def test_missing_values(text: str, start: str) -> None:
    """What has no default and is not given is told with its sentence."""
    (line,) = refusal(text)
    assert line.startswith(start)


def test_usual_places(tmp_path: Path) -> None:
    """Without a path ./usense.yaml is read, else the machine's file, else nothing."""
    assert trace().file is None
    write("mqtt: {host: machine}", "etc/usense.yaml")
    assert load().mqtt.host == "machine"
    write("mqtt: {host: here}", "usense.yaml")
    assert load().mqtt.host == "here"


class Closed(type(Path())):  # type: ignore[misc] # the class that this system has
    """A place in a folder that this user may not look into, which tests that root runs cannot make."""

    def lstat(self) -> os.stat_result:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))


def test_a_working_folder_that_is_closed_has_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sudo -u usense usense doctor` at home reads the machine's file; if that may not be read, nothing else is."""
    machine = tmp_path / "etc" / "usense.yaml"
    write("mqtt: {host: machine}", "etc/usense.yaml")
    monkeypatch.setattr(loading, "PLACES", (Closed("usense.yaml"), machine))
    assert load().mqtt.host == "machine"
    monkeypatch.setattr(loading, "PLACES", (Closed("usense.yaml"), Closed(tmp_path / "closed" / "usense.yaml")))
    with pytest.raises(SettingsError, match=r"closed/usense.yaml"):
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
        ("missing", "there is no such file"),
        (".", "is a folder, not a file (Docker makes one where a file to mount is missing)"),
        ("empty", "is empty"),
        ("binary", "is not UTF-8 text"),
    ):
        assert refusal(f"mqtt: {{password_file: {name}}}") == [
            f"line 1: mqtt.password_file: {tmp_path / name}: {reason}"
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
    """A file's relative paths start at its folder, all others at the working directory; `~` is the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USENSE_DATA_DIR", "data")
    tls = "enabled: true, ca: ca.pem, key: ~/key.pem, certificate: /c.pem"
    file = write(f"data_dir: elsewhere\nmqtt: {{tls: {{{tls}}}}}", "conf/u.yaml")
    loaded = load(file, detector={"kind": "yunet", "path": "yunet.onnx"})
    assert loaded.data_dir == tmp_path / "data"
    assert loaded.detector == YunetSettings(path=tmp_path / "yunet.onnx")
    assert loaded.mqtt.tls.ca == tmp_path / "conf" / "ca.pem"
    assert loaded.mqtt.tls.key == tmp_path / "home" / "key.pem"
    assert loaded.mqtt.tls.certificate == Path("/c.pem")


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("film.mp4", "conf/film.mp4"),
        ("../film.mp4", "conf/../film.mp4"),
        ("~/film.mp4", "home/film.mp4"),
        ("/films/a.mp4", "/films/a.mp4"),
        ("/dev/video0", "/dev/video0"),
    ],
)
def test_relative_films(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, where: str) -> None:
    """A video file is looked for like all other files: from the settings file on, or from the working directory on."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    camera = load(write(f"cameras: {{hall: {{kind: stream, url: {url}}}}}", "conf/u.yaml")).cameras["hall"]
    assert camera == StreamSettings(url=str(tmp_path / where))
    monkeypatch.setenv("USENSE_CAMERAS__HALL__URL", "other.mp4")
    assert load(Path("conf/u.yaml")).cameras["hall"] == StreamSettings(url=str(tmp_path / "other.mp4"))


@pytest.mark.parametrize("url", ["rtsp://cam/live", "http://u:p@cam/x?a=b", "file:///tmp/a.mp4"])
def test_addresses_are_no_paths(url: str) -> None:
    """The address of a camera is left as it is."""
    loaded = load(write(f"cameras: {{hall: {{kind: stream, url: '{url}'}}}}"))
    assert loaded.cameras["hall"] == StreamSettings(url=url)


def test_home_of_nobody() -> None:
    """A home folder of a user who does not exist is told."""
    reason = "begins with '~', but whose home folder is meant is not known"
    assert refusal("data_dir: ~nobody-at-all/x") == [f"line 1: data_dir: {reason}"]


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


@settings(deadline=None)
@given(_trees)
def test_any_file_is_answered(tree: dict[Any, Any]) -> None:
    """Whatever a file holds, it is loaded or refused in words."""
    file = write(yaml.safe_dump(tree, allow_unicode=True))
    try:
        load(file)
    except SettingsError as error:
        assert str(error)  # noqa: PT017 - both ways are right
