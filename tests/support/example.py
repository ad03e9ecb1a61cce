"""Writes config/usense.example.yaml from the settings themselves: python -m tests.support.example."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import yaml

from tests.support.needs import ROOT
from uSense.schema import Outline, Shape
from uSense.settings import Settings

FILE = ROOT / "config" / "usense.example.yaml"
WIDTH = 118
HEAD = """\
# Every setting of uSense: what it means, and its default. Copy what you change to usense.yaml and leave out the rest.
# A line that begins with `#` without a space is a setting that is off, or an alternative to what is above it.
#
# `usense config check` says what is wrong and what was probably meant, `usense config show` what is in effect and why.
# Each setting may come from the environment instead: USENSE_MQTT__HOST is mqtt.host, USENSE_CAMERAS__DOOR__URL is
# cameras.door.url. Relative paths start at this file's folder.
"""
CAMERAS = {"main": "auto", "hall": "picamera", "door": "stream", "photos": "folder"}
EXAMPLES: dict[tuple[str, ...], object] = {
    ("instance",): "hall-pi",
    ("data_dir",): "/var/lib/usense",
    ("mqtt", "port"): 1883,
    ("mqtt", "password"): "choose-one",
    ("mqtt", "password_file"): "mqtt-password",
    ("mqtt", "name_topic"): "hall/name",
    ("mqtt", "tls", "ca"): "ca.pem",
    ("mqtt", "tls", "certificate"): "client.pem",
    ("mqtt", "tls", "key"): "client.key",
    ("commands", "secret"): "0123456789abcdef0123456789abcdef",
    ("commands", "secret_file"): "command-secret",
    ("cameras", "door", "url"): "rtsp://192.168.1.20/stream1",
    ("cameras", "door", "password"): "choose-one",
    ("cameras", "door", "password_file"): "door-password",
    ("cameras", "photos", "path"): "photos",
    ("detector", "path"): "face_detection_yunet_2023mar.onnx",
    ("recognizer", "embedder", "path"): "embedder.onnx",
    ("recognizer", "endpoint"): "https://NAME.cognitiveservices.azure.com",
    ("recognizer", "key"): "0123456789abcdef0123456789abcdef",
    ("recognizer", "key_file"): "azure-key",
    ("recognizer", "month"): 30000,
    ("recognizer", "local", "embedder", "path"): "embedder.onnx",
    ("face_api", "key"): "0123456789abcdef0123456789abcdef",
    ("face_api", "key_file"): "face-api-key",
    ("face_api", "certificate"): "face-api.pem",
    ("face_api", "certificate_key"): "face-api.key.pem",
    ("web", "certificate"): "pages.pem",
    ("web", "certificate_key"): "pages.key.pem",
}
"""Values for the settings that have no default."""


def render() -> str:
    """The whole file; fails with the path of a setting that has neither a default nor an example."""
    outline = Outline(Settings)
    parts = ("\n".join(_setting(outline, (name,), shape)) for name, shape in outline.schema["properties"].items())
    return HEAD + "\n" + "\n\n".join(parts) + "\n"


def _setting(
    outline: Outline, path: tuple[str, ...], shape: Shape, *, needed: bool = False, off: bool = False
) -> Iterator[str]:
    """The lines of one setting and of those below it; an `off` one is an alternative."""
    target = _target(outline, shape)
    indent = "  " * (len(path) - 1)
    yield from textwrap.wrap(
        shape.get("description") or target["description"],
        WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
    )
    start = f"{indent}{'#' if off else ''}{path[-1]}:"
    kinds = shape.get("discriminator", {}).get("mapping", {})
    if kinds:
        first = shape["default"]["kind"]
        for kind in sorted(kinds, key=lambda kind: kind != first):
            other = off or kind != first
            yield f"{indent}{'#' if other else ''}{path[-1]}:"
            yield from _group(outline, path, {"$ref": kinds[kind]}, off=other)
    elif "patternProperties" in shape:
        yield start
        (camera,) = shape["patternProperties"].values()
        for name, kind in CAMERAS.items():
            yield f"{indent}  {name}:"
            yield from _group(outline, (*path, name), {"$ref": camera["discriminator"]["mapping"][kind]}, off=off)
    elif "properties" in target:
        yield start
        yield from _group(outline, path, shape, off=off)
    elif "const" in shape:
        yield f"{start} {shape['const']}"
    elif (value := shape.get("default")) is not None:
        yield f"{start} {_yaml(value)}"
    else:
        yield f"{indent}{'#' * (off + (not needed))}{path[-1]}: {_yaml(EXAMPLES[path])}"


def _group(outline: Outline, path: tuple[str, ...], shape: Shape, *, off: bool) -> Iterator[str]:
    """The settings of a branch, its kind and what it must have first."""
    target = _target(outline, shape)
    needed = target.get("required", ())
    for name in sorted(target["properties"], key=lambda name: (name != "kind", name not in needed)):
        yield from _setting(outline, (*path, name), target["properties"][name], needed=name in needed, off=off)


def _target(outline: Outline, shape: Shape) -> Shape:
    """What a shape refers to."""
    if "$ref" not in shape:
        return shape
    target: Shape = outline.schema["$defs"][str(shape["$ref"]).rsplit("/", 1)[-1]]
    return target


def _yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000)).splitlines()[0]


if __name__ == "__main__":
    FILE.write_text(render(), "utf-8")
