"""Where it listens, with which key, and how it ends."""

from __future__ import annotations

import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from tests.peers.faceapi import FaceApi
from uSense import doors
from uSense.core.errors import SettingsError
from uSense.faceapi import server
from uSense.faceapi.settings import FaceApiSettings


def test_a_key_is_made_once_and_kept_for_its_owner(tmp_path: Path) -> None:
    """32 digits in a file that nobody else can read; the next start finds it."""
    first = server.keys(FaceApiSettings(), tmp_path)
    second = server.keys(FaceApiSettings(), tmp_path)

    assert first == second
    (text,) = first.texts
    assert len(text) == 32
    assert first.made == tmp_path / "face-api.key"
    assert (tmp_path / "face-api.key").stat().st_mode & 0o777 == 0o600


def test_own_keys_are_one_a_line(tmp_path: Path) -> None:
    """Those of the settings are used as they are, and none is made."""
    settings = FaceApiSettings(key=SecretStr("0123456789abcdef\n\n fedcba9876543210 \n"))

    assert server.keys(settings, tmp_path) == server.Keys((b"0123456789abcdef", b"fedcba9876543210"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("host", "key", "words"),
    [
        ("127.0.0.1", "\n", "must hold a key"),
        ("127.0.0.1", "schlüssel", "must hold a key"),
        ("0.0.0.0", "short", "needs 16 signs"),  # noqa: S104 - it is refused
        ("192.168.1.5", "0123456789abcdef\nshort", "needs 16 signs"),
    ],
)
def test_it_does_not_listen_with_a_key_that_is_none(tmp_path: Path, host: str, key: str, words: str) -> None:
    """Elsewhere than on this machine it must also be long."""
    with pytest.raises(SettingsError, match=words):
        server.keys(FaceApiSettings(host=host, key=SecretStr(key)), tmp_path)


def test_a_key_file_that_was_emptied_is_told(tmp_path: Path) -> None:
    """An empty key would let everybody in."""
    (tmp_path / "face-api.key").touch()

    with pytest.raises(SettingsError, match=r"face-api\.key: must hold a key"):
        server.keys(FaceApiSettings(), tmp_path)


def test_a_key_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    """A folder in its place."""
    (tmp_path / "face-api.key").mkdir()

    with pytest.raises(SettingsError, match="cannot be kept"):
        server.keys(FaceApiSettings(), tmp_path)


def test_a_port_that_is_taken_is_told() -> None:
    """With the address, what is wrong with it, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        words = rf"port {port}: Address already in use; choose another port: face_api\.port, or --port"
        with pytest.raises(SettingsError, match=words), doors.listening(server.place(FaceApiSettings(port=port))):
            pass


def test_connections_beyond_the_bound_are_closed(tmp_path: Path) -> None:
    """Whoever opens very many gets no answer for the last; those that are let in are answered, and hold up no end."""
    with FaceApi(tmp_path) as api, ExitStack() as stack:
        head = f"Host: x\r\nOcp-Apim-Subscription-Key: {api.key}\r\n"
        call = f"GET /face/v1.0/persongroups HTTP/1.1\r\n{head}\r\n".encode()
        for _ in range(doors.MOST_CONNECTIONS):
            opened = stack.enter_context(socket.create_connection(("127.0.0.1", api.port), 30))
            opened.sendall(call)
            assert opened.recv(15) == b"HTTP/1.1 200 OK"

        late = stack.enter_context(socket.create_connection(("127.0.0.1", api.port), 30))
        assert late.recv(1) == b""
        opened.recv(65_536)
        opened.sendall(call)
        assert opened.recv(15) == b"HTTP/1.1 200 OK"
        assert api.stop(signal.SIGTERM) == 0
        assert not [line for line in api.log if "by force" in line]
        api.start()


@pytest.mark.parametrize("host", ["hall-pi", "", "127.0.0.1:80", "http://127.0.0.1"])
def test_a_host_is_an_address(host: str) -> None:
    """Names are not looked up: which of this machine's addresses is meant must be sure."""
    with pytest.raises(ValidationError, match="must be an address"):
        FaceApiSettings(host=host)
    assert FaceApiSettings(host="localhost").host == "127.0.0.1"


def test_a_certificates_key_needs_its_certificate() -> None:
    """Alone it would encrypt nothing."""
    with pytest.raises(ValidationError, match="without the 'certificate'"):
        FaceApiSettings(certificate_key=Path("key.pem"))
