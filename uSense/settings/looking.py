"""What settings lead to on this machine: files that must be there, and what is allowed but hardly meant.

Nothing here is looked at when settings are loaded: people have to be erased also while a model file is missing.
"""

from __future__ import annotations

import os
import ssl
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from uSense import schema, weights
from uSense.core.errors import SettingsError
from uSense.mqtt.authority import SHORTEST
from uSense.recognizers.azure import KEYLESS, AzureSettings
from uSense.schema import Mark
from uSense.settings import files, loading
from uSense.settings.loading import Loaded


def require(loaded: Loaded) -> None:
    """Look at what the service cannot start without; SettingsError has a line for each that cannot be used."""
    found = []
    for path, value, field in _places(loaded.settings, ()):
        if Mark.NEEDED in field.metadata and (problem := files.unusable(Path(value))):
            fetched = Path(value) == weights.place(loaded.settings.data_dir, weights.YUNET)
            found.append(loaded.line(path, f"{problem}: `usense models fetch yunet`" if fetched else problem))
        if Mark.FOLDER in field.metadata and os.path.isfile(value):  # noqa: PTH113 - Path's raises where one may not look
            found.append(loaded.line(path, f"{value}: is a file where a folder is needed"))
    found.extend(_keyless(loaded))
    found.extend(_secretless(loaded))
    if not found:
        found.extend(_certificates(loaded))
    if found:
        raise SettingsError("\n".join(found))


def _keyless(loaded: Loaded) -> Iterator[str]:
    chosen = loaded.settings.recognizer
    if isinstance(chosen, AzureSettings) and not (chosen.key and chosen.key.get_secret_value().strip()):
        yield loaded.line(("recognizer", "key"), KEYLESS)


def _secretless(loaded: Loaded) -> Iterator[str]:
    secret = loaded.settings.commands.secret
    if secret and len(secret.get_secret_value()) < SHORTEST:
        problem = f"must have {SHORTEST} characters or more: `openssl rand -hex 32` makes one"
        yield loaded.line(("commands", "secret"), problem)


def _certificates(loaded: Loaded) -> Iterator[str]:
    tls = loaded.settings.mqtt.tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if tls.ca:
            context.load_verify_locations(tls.ca)
    except ssl.SSLError:
        yield loaded.line(("mqtt", "tls", "ca"), f"{tls.ca}: holds no certificate (PEM)")
    try:
        if tls.certificate:
            context.load_cert_chain(tls.certificate, tls.key, password="")
    except ssl.SSLError:
        problem = "must hold a certificate (PEM), and the key must be its own and have no password"
        yield loaded.line(("mqtt", "tls", "certificate"), f"{tls.certificate}: {problem}")


def doubts(loaded: Loaded) -> list[str]:
    """What is worth a warning; looks at files."""
    return [
        *_no_camera(loaded),
        *_lost_cameras(loaded),
        *_broker(loaded),
        *_commands(loaded),
        *_visitors(loaded),
        *_azure(loaded),
        *_kiosks(loaded),
    ]


def places() -> str:
    """Where a settings file is looked for."""
    return " and ".join(str(place.absolute()) for place in loading.PLACES)


def _no_camera(loaded: Loaded) -> Iterator[str]:
    if not loaded.settings.cameras:
        yield f"there is no camera in the settings, so nobody will be seen; for example:\n{loading.CAMERA}"
    elif not loaded.file and loaded.origin(("cameras",)) == "default":
        yield (
            f"there is no settings file (looked for {places()}; -c FILE names another), so whichever camera is found "
            "is shown. To begin one: `usense config example > usense.yaml`, then `usense run`"
        )


def _kiosks(loaded: Loaded) -> Iterator[str]:
    for name in loaded.settings.web.kiosks.keys() - loaded.settings.cameras.keys():
        yield loaded.line(("web", "kiosks", name), f"there is no camera {name} whose kiosk could follow these rules")


def _lost_cameras(loaded: Loaded) -> Iterator[str]:
    shown: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, camera in loaded.settings.cameras.items():
        found = [one for one in _places(camera, ("cameras", name)) if not one[0][-1].endswith("_file")]
        for path, value, field in found:
            if "://" not in value and not os.path.exists(value):  # noqa: PTH110 - Path's raises where one may not look
                yield loaded.line(path, f"there is no {value}{_hint(value, field)}")
            if Mark.PLACE in field.metadata and os.path.isdir(value):  # noqa: PTH112 - the same
                yield loaded.line(path, f"{value} is a folder: cameras of kind folder show its pictures")
        if found:
            shown[tuple(value for _, value, _ in found)].append(f"cameras.{name}")
    for same in shown.values():
        if len(same) > 1:
            yield f"{' and '.join(same)} show the same"


def _hint(value: str, field: FieldInfo) -> str:
    if value.startswith("/dev/"):
        return ": is the camera plugged in?"
    return "; an address begins with rtsp:// or http://" if Mark.PLACE in field.metadata else ""


def _broker(loaded: Loaded) -> Iterator[str]:
    mqtt = loaded.settings.mqtt
    if mqtt.tls.enabled and mqtt.port == 1883:  # noqa: PLR2004 - the port everybody knows
        yield loaded.line(("mqtt", "port"), "1883 is seldom encrypted; with mqtt.tls.enabled it is mostly 8883")
    if not mqtt.tls.enabled and mqtt.port == 8883:  # noqa: PLR2004 - the same
        yield loaded.line(("mqtt", "port"), "8883 is mostly encrypted: set mqtt.tls.enabled to true")
    if mqtt.password and not mqtt.username:
        yield loaded.line(("mqtt", "password"), "is given without mqtt.username")


def _commands(loaded: Loaded) -> Iterator[str]:
    commands = loaded.settings.commands
    if commands.unsigned and not commands.require_signature:
        yield loaded.line(
            ("commands", "unsigned"), "counts only with require_signature: all commands need no signature"
        )


def _visitors(loaded: Loaded) -> Iterator[str]:
    settings = loaded.settings
    if settings.announce.unknown == "visitors" and not settings.visitors.enabled:
        yield loaded.line(("announce", "unknown"), "visitors.enabled is false, so no unknown person will be told")


def _azure(loaded: Loaded) -> Iterator[str]:
    chosen = loaded.settings.recognizer
    if not isinstance(chosen, AzureSettings):
        return
    for name in ("calls", "seconds", "month"):
        if chosen.tier != "own" and loaded.origin(("recognizer", name)) != "default":
            yield loaded.line(("recognizer", name), f"counts only with tier: own; {chosen.tier} has its own limits")
    if chosen.candidate_threshold > chosen.accept_threshold:
        yield loaded.line(("recognizer", "candidate_threshold"), "is above accept_threshold, which so decides nothing")


def _places(branch: BaseModel, path: schema.Path) -> Iterator[tuple[schema.Path, str, FieldInfo]]:
    """Every setting below `path` that names something on this machine or an address."""
    for name, field in type(branch).model_fields.items():
        value, at = getattr(branch, name), (*path, name)
        if isinstance(value, BaseModel):
            yield from _places(value, at)
        elif isinstance(value, dict):
            for key, below in value.items():
                if isinstance(below, BaseModel):
                    yield from _places(below, (*at, str(key)))
        elif isinstance(value, Path) or Mark.PLACE in field.metadata:
            yield at, str(value), field
