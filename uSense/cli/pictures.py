"""`usense identify`, `detect`, `verify`: questions about pictures; works beside a running service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from uSense.cli import files
from uSense.cli.common import ConfigFile, Json, load
from uSense.core.errors import RecognizerError, RequestError, StorageError

if TYPE_CHECKING:
    from uSense.control import Control, Found
    from uSense.settings import Settings

NO_ANSWER = 3
"""The exit code of `verify` when it cannot tell: 1 says that it can, and that they are different people."""

Images = Annotated[
    list[Path], typer.Argument(readable=False, help="Pictures with any number of faces, or folders of pictures.")
]
Image = Annotated[Path, typer.Argument(readable=False, help="Picture with one face, or one clearly the largest.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="OUT", help="Write the picture with boxes and names drawn.")
]


def identify(
    ctx: typer.Context,
    images: Images,
    output: Output = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Say who is in pictures."""
    _look(ctx, images, output, config, names=True, as_json=as_json)


def detect(
    ctx: typer.Context,
    images: Images,
    output: Output = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Find faces in pictures, without asking who they are."""
    _look(ctx, images, output, config, names=False, as_json=as_json)


def verify(ctx: typer.Context, a: Image, b: Image, config: ConfigFile = None, as_json: Json = False) -> None:
    """Say whether two pictures show the same person.

    Exit codes: 0 the same person, 1 not the same, 2 bad usage or settings, 3 a picture cannot be used.
    """
    settings = load(ctx, config)
    try:
        same, score, threshold = asyncio.run(_verify(settings, a, b))
    except (RequestError, RecognizerError, StorageError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(NO_ANSWER) from error
    if as_json:
        typer.echo(json.dumps({"same": same, "score": round(score, 3), "threshold": threshold}))
    else:
        words = "the same person" if same else "not the same person"
        typer.echo(f"{words}: score {score:.2f}, threshold {threshold:.2f}")
    if not same:
        raise typer.Exit(1)


def _look(
    ctx: typer.Context, images: Sequence[Path], output: Path | None, config: Path | None, *, names: bool, as_json: bool
) -> None:
    """Tell what is in every picture; exit code 1 if one could not be used."""
    chosen = files.choose(images)
    files.check_output(output, chosen.pictures)
    all_used = asyncio.run(_look_through(load(ctx, config), chosen.pictures, output, names=names, as_json=as_json))
    for reason in chosen.left_out:
        typer.echo(reason, err=True)
    if not all_used:
        raise typer.Exit(1)


async def _look_through(
    settings: Settings, images: Sequence[Path], output: Path | None, *, names: bool, as_json: bool
) -> bool:
    """Tell what is in every picture; False if one could not be used."""
    from uSense.parts import open_control

    results: list[dict[str, Any]] = []
    async with open_control(settings) as control:
        for image in images:
            results.append(await _look_at(control, image, output, names=names))
            if not as_json:
                _tell(results[-1], names=names)
                if output is not None and "error" not in results[-1]:
                    typer.echo(f"wrote {output}")
    if as_json:
        typer.echo(json.dumps(results, ensure_ascii=False, indent=2))
    return all("error" not in result for result in results)


async def _look_at(control: Control, image: Path, output: Path | None, *, names: bool) -> dict[str, Any]:
    from uSense import imaging
    from uSense.commands.pictures import found_data

    try:
        picture = await asyncio.to_thread(imaging.read, image)
        found = await (control.identify(picture) if names else control.detect(picture))
        if output is not None:
            marks = [(one.box, _label(one) if names else f"{one.score:.2f}") for one in found]
            await asyncio.to_thread(lambda: imaging.save(output, imaging.draw(picture, marks)))
    except RequestError as error:
        return {"photo": str(image), "error": {"code": error.code, "message": str(error)}}
    keys = None if names else {"box", "quality"}
    faces = [{key: value for key, value in found_data(one).items() if keys is None or key in keys} for one in found]
    return {"photo": str(image), "faces": faces}


def _label(found: Found) -> str:
    score = found.answer.candidates[0].score if found.answer and found.answer.candidates else None
    return f"{found.name or 'unknown'} {score:.2f}" if score is not None else "unknown"


def _tell(result: dict[str, Any], *, names: bool) -> None:
    if "error" in result:
        typer.echo(result["error"]["message"], err=True)
        return
    if not result["faces"]:
        typer.echo(f"{result['photo']}: no face found")
    for face in result["faces"]:
        box = face["box"]
        place = f"at {box['x']},{box['y']} size {box['w']}x{box['h']}"
        if not names:
            typer.echo(f"{result['photo']}: face {place}, quality {face['quality']}")
            continue
        best = face["candidates"][0] if face["candidates"] else None
        likeness = f"; nearest {best['name']} {best['score']:.2f}" if best else ""
        reason = "" if face["name"] else f" ({face['reason']})"
        typer.echo(f"{result['photo']}: {face['name'] or 'unknown'}{reason} {place}{likeness}")


async def _verify(settings: Settings, a: Path, b: Path) -> tuple[bool, float, float]:
    from uSense import imaging
    from uSense.parts import open_control

    pictures = [await asyncio.to_thread(imaging.read, path) for path in (a, b)]
    async with open_control(settings) as control:
        same, score = await control.verify(pictures[0], pictures[1], (str(a), str(b)))
        return same, score, control.recognizer.rules.threshold
