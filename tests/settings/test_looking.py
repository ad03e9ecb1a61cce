"""What settings name on this machine, and what is hardly meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers.certificates import Authority
from tests.settings.samples import write
from uSense.core.errors import SettingsError
from uSense.settings import load, looking, trace


def refused(text: str) -> list[str]:
    """The lines with which the service refuses to start; the settings themselves are right."""
    loaded = trace(write(text))
    with pytest.raises(SettingsError) as caught:
        looking.require(loaded)
    return str(caught.value).split("\n")


def doubts(text: str) -> list[str]:
    """What is told beside a film that is there."""
    Path("film.mp4").touch()
    return looking.doubts(trace(write(text)))


CAMERA = "cameras: {hall: {kind: stream, url: film.mp4}}\n"


def test_files_that_have_to_be_there(tmp_path: Path) -> None:
    """Model and certificate files that are missing, folders or empty are told with the place of their setting."""
    Path("folder").mkdir()
    Path("empty.onnx").touch()
    text = """\
detector: {kind: yunet, path: empty.onnx}
mqtt: {tls: {enabled: true, ca: folder, certificate: missing.pem}}
recognizer: {embedder: {kind: onnx, path: missing.onnx}}
data_dir: empty.onnx
"""
    folder = "is a folder, not a file (Docker makes one where a file to mount is missing)"
    assert sorted(refused(text)) == [
        f"given.yaml, line 1: detector.path: {tmp_path}/empty.onnx: is empty",
        f"given.yaml, line 2: mqtt.tls.ca: {tmp_path}/folder: {folder}",
        f"given.yaml, line 2: mqtt.tls.certificate: {tmp_path}/missing.pem: there is no such file",
        f"given.yaml, line 3: recognizer.embedder.path: {tmp_path}/missing.onnx: there is no such file",
        f"given.yaml, line 4: data_dir: {tmp_path}/empty.onnx: is a file where a folder is needed",
    ]


def test_variables_that_name_a_missing_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A missing file is told by the variable that names it."""
    monkeypatch.setenv("USENSE_DETECTOR__KIND", "yunet")
    monkeypatch.setenv("USENSE_DETECTOR__PATH", "no.onnx")
    assert refused("") == [f"USENSE_DETECTOR__PATH: {tmp_path}/no.onnx: there is no such file"]


def test_missing_files_do_not_hinder_loading() -> None:
    """Settings are right without the files: people have to be erased also while a model is missing."""
    load(write("detector: {kind: yunet, path: no.onnx}"))


def test_what_is_no_certificate(tmp_path: Path) -> None:
    """Files that hold something else than certificates, or the key of another one, are told."""
    authority = Authority.create(tmp_path / "authority")
    Path("text.pem").write_text("no certificate")
    client = f"enabled: true, ca: {authority.ca}, certificate: {authority.client}"
    looking.require(trace(write(f"mqtt: {{tls: {{{client}, key: {authority.client_key}}}}}")))
    assert refused("mqtt: {tls: {enabled: true, ca: text.pem}}") == [
        f"given.yaml, line 1: mqtt.tls.ca: {tmp_path}/text.pem: holds no certificate (PEM)"
    ]
    (line,) = refused(f"mqtt: {{tls: {{{client}, key: {authority.server_key}}}}}")
    assert line.startswith(f"given.yaml, line 1: mqtt.tls.certificate: {authority.client}: must hold a certificate")


def test_right_settings_leave_no_doubt() -> None:
    """Nothing is told about a camera that is there, on the network or this machine."""
    assert doubts(CAMERA) == []
    assert doubts("cameras: {a: {kind: stream, url: 'rtsp://cam/1'}, b: {kind: stream, url: 'rtsp://cam/2'}}") == []


def test_no_camera() -> None:
    """Without a camera an example is shown; without a file where it was looked for, and how to begin."""
    assert doubts("mqtt: {host: broker}") == []
    (doubt,) = doubts("cameras: {}")
    first, *example = doubt.split("\n")
    assert first == "there is no camera in the settings, so nobody will be seen; for example:"
    assert list(load(write("\n".join(example))).cameras) == ["hall"]
    (doubt,) = looking.doubts(trace())
    for place in (
        str(Path("usense.yaml").absolute()),
        "-c FILE",
        "`usense config example > usense.yaml`",
        "`usense run`",
    ):
        assert place in doubt


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        (
            "cameras: {a: {kind: stream, url: 192.168.1.20}}",
            "given.yaml, line 1: cameras.a.url: there is no {}/192.168.1.20; an address begins with rtsp:// or http://",
        ),
        (
            "cameras: {a: {kind: stream, url: /dev/video-none}}",
            "given.yaml, line 1: cameras.a.url: there is no /dev/video-none: is the camera plugged in?",
        ),
        ("cameras: {a: {kind: folder, path: nowhere}}", "given.yaml, line 1: cameras.a.path: there is no {}/nowhere"),
        (
            "cameras: {a: {kind: stream, url: .}}",
            "given.yaml, line 1: cameras.a.url: {} is a folder: cameras of kind folder show its pictures",
        ),
        (
            "cameras: {a: {kind: stream, url: film.mp4}, b: {kind: stream, url: film.mp4}}",
            "cameras.a and cameras.b show the same",
        ),
        (
            f"{CAMERA}mqtt: {{port: 1883, tls: {{enabled: true}}}}",
            "given.yaml, line 2: mqtt.port: 1883 is seldom encrypted; with mqtt.tls.enabled it is mostly 8883",
        ),
        (
            f"{CAMERA}mqtt: {{port: 8883}}",
            "given.yaml, line 2: mqtt.port: 8883 is mostly encrypted: set mqtt.tls.enabled to true",
        ),
        (
            f"{CAMERA}web: {{kiosks: {{hall: {{}}, attic: {{}}}}}}",
            "given.yaml, line 2: web.kiosks.attic: there is no camera attic whose kiosk could follow these rules",
        ),
        (f"{CAMERA}mqtt: {{password: hunter2}}", "given.yaml, line 2: mqtt.password: is given without mqtt.username"),
    ],
)
def test_doubts(tmp_path: Path, text: str, doubt: str) -> None:
    """What is allowed but hardly meant is told with its place."""
    assert doubts(text) == [doubt.format(tmp_path)]


AZURE = "recognizer: {kind: azure, endpoint: 'https://one.cognitiveservices.azure.com', "


@pytest.mark.parametrize("key", ["", "key: ''", "key: ' '"])
def test_azure_needs_a_key(key: str) -> None:
    """A missing or empty one is found before Azure is asked."""
    (line,) = refused(f"{AZURE}{key}}}")

    assert "recognizer.key: is missing: give recognizer.key_file" in line


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("calls: 20", "recognizer.calls: counts only with tier: own; S0 has its own limits"),
        ("tier: F0, month: 20", "recognizer.month: counts only with tier: own; F0 has its own limits"),
        ("candidate_threshold: 0.8", "recognizer.candidate_threshold: is above accept_threshold"),
    ],
)
def test_settings_for_azure_that_do_nothing_are_doubted(given: str, told: str) -> None:
    """Limits beside a tier that has its own, and a threshold that decides nothing."""
    (doubt,) = doubts(f"{CAMERA}{AZURE}key: k, {given}}}")

    assert told in doubt


def test_limits_of_ones_own_are_not_doubted() -> None:
    """With `tier: own` they are what counts."""
    assert doubts(f"{CAMERA}{AZURE}key: k, tier: own, calls: 20, seconds: 1}}") == []


def test_visitors_who_are_the_only_ones_told_and_switched_off() -> None:
    """Unknown people of whom nobody will ever hear are hardly meant."""
    assert doubts(CAMERA + "announce: {unknown: visitors}\nvisitors: {enabled: false}\n") == [
        "given.yaml, line 2: announce.unknown: visitors.enabled is false, so no unknown person will be told"
    ]
    assert not doubts(CAMERA + "announce: {unknown: visitors}\n")


def test_open_commands_where_all_are_open() -> None:
    """A list of commands that need no signature means nothing where none needs one."""
    assert doubts(CAMERA + "commands: {unsigned: [train]}\n") == [
        "given.yaml, line 2: commands.unsigned: counts only with require_signature: all commands need no signature"
    ]
