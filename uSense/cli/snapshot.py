"""`usense snapshot`: a picture of a camera, whether a service uses it or not."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from uSense.cli.common import ConfigFile, Json, load
from uSense.core.errors import CameraError, RequestError

if TYPE_CHECKING:
    from uSense.mqtt.asker import Asker
    from uSense.settings import Settings

PICTURE_WITHIN = 30.0
"""Seconds for a camera to open and to send its first picture."""
LEAST = 20_000
"""Bytes below which no smaller picture is asked for."""


def snapshot(
    ctx: typer.Context,
    camera: Annotated[
        str | None, typer.Option("--camera", metavar="NAME", help="Which one, if there are several.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT", help="Picture file to write; by default CAMERA.jpg."),
    ] = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Write one picture of a camera to a file; the running service is asked for it, as it has the camera."""
    from uSense import imaging

    settings = load(ctx, config)
    name = _choose(settings, camera)
    target = output or Path(f"{name}.jpg")
    imaging.check_target(target)
    told = asyncio.run(_snap(settings, name, target))
    if as_json:
        typer.echo(json.dumps({"photo": str(target), **told}, ensure_ascii=False))
    else:
        typer.echo(f"wrote {target}: {told['camera']}, {told['width']}x{told['height']}, {told['captured_at']}")


def _choose(settings: Settings, camera: str | None) -> str:
    names = list(settings.cameras)
    if camera is None and len(names) == 1:
        return names[0]
    if camera is not None and camera in names:
        return camera
    there = ", ".join(names) or "none in the settings"
    wrong = "which camera?" if camera is None else f"there is no camera {camera!r}:"
    raise typer.BadParameter(f"{wrong} There is {there}" if camera is None else f"{wrong} there is {there}")


async def _snap(settings: Settings, name: str, target: Path) -> dict[str, Any]:
    """Write the picture and return what there is to say about it."""
    from uSense.cli import remote

    async with AsyncExitStack() as stack:
        if asker := await remote.find(stack, settings):
            return await _ask(asker, name, target)
    return await _open(settings, name, target)


async def _ask(asker: Asker, name: str, target: Path) -> dict[str, Any]:
    """A picture from the running service; of a smaller one if the broker does not take it."""
    from uSense import imaging

    most = 8_000_000
    while True:
        try:
            answer = await asker.ask("camera/snapshot", {"camera": name, "max_bytes": most}, within=20)
            break
        except RequestError as error:
            most //= 4
            if error.code != "too_large" or most < LEAST:
                raise
    data = base64.b64decode(answer.pop("image"))
    if target.suffix.lower() in {".jpg", ".jpeg"}:
        await asyncio.to_thread(_write, target, data)
    else:
        await asyncio.to_thread(lambda: imaging.save(target, imaging.decode(data, "snapshot")))
    return {**answer, "service": True}


async def _open(settings: Settings, name: str, target: Path) -> dict[str, Any]:
    """A picture from the camera itself."""
    from uSense import imaging
    from uSense.times import rfc3339

    try:
        async with asyncio.timeout(PICTURE_WITHIN), settings.cameras[name].open(name) as camera:
            frame = await camera.read()
            rgb = await asyncio.to_thread(frame.picture.rgb)
    except TimeoutError:
        raise CameraError(name, f"no picture within {PICTURE_WITHIN:g} s") from None
    await asyncio.to_thread(imaging.save, target, rgb)
    height, width = rgb.shape[:2]
    return {
        "camera": name,
        "captured_at": rfc3339(frame.captured_at),
        "width": width,
        "height": height,
        "service": False,
    }


def _write(target: Path, data: bytes) -> None:
    try:
        target.write_bytes(data)
    except OSError as error:
        raise RequestError(f"{target}: cannot be written: {error.strerror or error}", code="unwritable") from error
