"""The files of the embedded broker in the data folder: passwords, access list, configuration; for their owner only."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from pathlib import Path

from uSense.core.errors import StorageError
from uSense.mqtt.settings import MqttSettings

FOLDER = "broker"
LOGIN = "login.json"
SERVICE, GUEST = "usense", "house"
"""Who logs in: uSense itself, which may do everything, and all others, who may hear everything and give commands."""


def passwords(data_dir: Path) -> dict[str, str]:
    """The passwords, by user; empty while there are none. Raises StorageError."""
    file = data_dir / FOLDER / LOGIN
    try:
        kept = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StorageError(f"the logins of the embedded broker in {file} cannot be read: {error}") from error
    return {str(user): str(password) for user, password in kept.items()}


def write(settings: MqttSettings, data_dir: Path) -> Path:
    """Write all that mosquitto reads and return its configuration; passwords are made once. Raises StorageError."""
    folder = data_dir / FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        known = passwords(data_dir)
        if set(known) != {SERVICE, GUEST}:
            known = {user: known.get(user) or secrets.token_urlsafe(18) for user in (SERVICE, GUEST)}
            _put(folder / LOGIN, json.dumps(known) + "\n")
        _put(folder / "passwords", "".join(f"{user}:{_hashed(password)}\n" for user, password in known.items()))
        _put(folder / "acl", _access(settings))
        return _put(folder / "mosquitto.conf", _configuration(settings, folder))
    except OSError as error:
        raise StorageError(f"the files of the embedded broker cannot be written: {folder}: {error.strerror}") from error


def _access(settings: MqttSettings) -> str:
    return "\n".join((
        f"user {SERVICE}",
        "topic readwrite #",
        f"user {GUEST}",
        "topic read #",
        f"topic write {settings.prefix}/command/#",
        # Home Assistant's own topics, if it has no other broker.
        "topic readwrite homeassistant/#",
        "",
    ))  # fmt: skip


def _configuration(settings: MqttSettings, folder: Path) -> str:
    lines = [
        f"listener {settings.effective_port} {settings.embedded_listen}",
        "allow_anonymous false",
        f"password_file {folder / 'passwords'}",
        f"acl_file {folder / 'acl'}",
        "persistence true",
        f"persistence_location {folder}/",
        # Seldom: each time all is written, and memory cards wear out.
        "autosave_interval 900",
        "log_dest stderr",
        "log_timestamp false",
    ]
    if os.geteuid() == 0:
        # Else it would become user mosquitto, who may not read these files.
        lines.insert(0, "user root")
    return "\n".join(lines) + "\n"


def _hashed(password: str) -> str:
    """What mosquitto 1 and 2 both know; one round of SHA-512 is enough for 144 random bits."""
    salt = secrets.token_bytes(12)
    digest = hashlib.sha512(password.encode() + salt).digest()
    return f"$6${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _put(path: Path, text: str) -> Path:
    """Write a file that only its owner can read, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return draft.rename(path)
