"""`usense people`, `enroll`, `train`: care of the gallery; works beside a running service."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from uSense.cli.common import ConfigFile, Json, counted, load
from uSense.core.errors import NotFoundError, RequestError

if TYPE_CHECKING:
    from uSense.control import Added, Control
    from uSense.core.models import Rgb
    from uSense.settings import Settings

ENOUGH = 3
"""Faces from which a person is recognized reliably; measured, see docs/recognition.md."""

Job = tuple[str, Path]


def listing(ctx: typer.Context, config: ConfigFile = None, as_json: Json = False) -> None:
    """Show everybody who is enrolled."""
    asyncio.run(_list(load(ctx, config), as_json=as_json))


def rename(ctx: typer.Context, who: str, name: str, config: ConfigFile = None) -> None:
    """Give a person another name; WHO is the present name or the id."""
    asyncio.run(_rename(load(ctx, config), who, name))


def forget(
    ctx: typer.Context,
    who: str,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigFile = None,
) -> None:
    """Forget a person with all faces; WHO is the name or the id."""
    settings = load(ctx, config)
    if not yes:
        typer.confirm(f"Forget {who} and all their faces for good?", abort=True)
    asyncio.run(_forget(settings, who))


def train(ctx: typer.Context, config: ConfigFile = None, as_json: Json = False) -> None:
    """Fix a new gallery from all kept faces; a running service takes it over by itself."""
    asyncio.run(_train(load(ctx, config), as_json=as_json))


def enroll(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Whose faces the pictures show.")] = None,
    paths: Annotated[list[Path] | None, typer.Argument(help="Pictures, or folders of pictures.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="One sub-folder of pictures per person.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Keep faces that look like somebody else's, too.")] = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Enroll people from photos, then train; three or more different photos of each person are best."""
    if (folder is None) == (name is None):
        raise typer.BadParameter("give a NAME with pictures, or --folder DIR with one sub-folder per person")
    if name is not None and not paths:
        raise typer.BadParameter(f"give the pictures that show {name}")
    jobs = _folder_jobs(folder) if folder else [(name or "", path) for path in _pictures(paths or [])]
    if not jobs:
        raise typer.BadParameter("there are no pictures there (.jpg, .png, .webp, ...)")
    kept = asyncio.run(_enroll(load(ctx, config), jobs, force=force, as_json=as_json))
    if not kept:
        raise typer.Exit(1)


async def _list(settings: Settings, *, as_json: bool) -> None:
    from uSense.app import open_control
    from uSense.commands.people import full_data

    async with open_control(settings) as control:
        people = await control.people()
    if as_json:
        typer.echo(json.dumps([full_data(person) for person in people], ensure_ascii=False, indent=2))
        return
    if not people:
        typer.echo("nobody is enrolled yet: usense enroll NAME PICTURE...")
    for person in people:
        state = "" if person.trained else "   not trained yet"
        typer.echo(f"{person.name:<30} {counted(len(person.face_ids), 'face'):>9}   {person.person_id}{state}")


async def _rename(settings: Settings, who: str, name: str) -> None:
    from uSense.app import open_control

    async with open_control(settings) as control:
        before = await control.find(who)
        person = await control.rename_person(who, name)
    typer.echo(f"{before.name} is now {person.name}")


async def _forget(settings: Settings, who: str) -> None:
    from uSense.app import open_control

    async with open_control(settings) as control:
        person = await control.delete_person(who)
    typer.echo(f"{person.name} and {counted(len(person.face_ids), 'face')} are forgotten")


async def _train(settings: Settings, *, as_json: bool) -> None:
    from uSense.app import open_control

    async with open_control(settings) as control:
        typer.echo(await _trained(control, as_json=as_json))


async def _trained(control: Control, *, as_json: bool) -> str:
    from uSense.control import training_data

    report = await control.train()
    if as_json:
        return json.dumps(training_data(report), ensure_ascii=False)
    persons, faces = counted(report.persons, "person"), counted(report.faces, "face")
    lines = [f"trained: {persons}, {faces}, gallery {report.gallery}"]
    threshold = control.recognizer.rules.threshold
    lines += [
        f"  hard to tell apart: {pair.a} and {pair.b} (score {pair.score:.2f}); add more different photos of both"
        for pair in report.confusable
        if pair.score >= threshold - 0.05
    ]
    return "\n".join(lines)


async def _enroll(settings: Settings, jobs: Sequence[Job], *, force: bool, as_json: bool) -> int:
    """Enroll all pictures one by one; a bad one is told and skipped. Returns the number of faces kept."""
    from uSense.app import open_control

    verdicts: list[dict[str, Any]] = []
    async with open_control(settings) as control:
        with _progress(len(jobs), hidden=as_json) as tell:
            for name, path in jobs:
                verdicts.append(await _enroll_one(control, name, path, force=force))
                tell(verdicts[-1])
        kept = sum(bool(verdict["kept"]) for verdict in verdicts)
        trained = await _trained(control, as_json=as_json) if kept else None
    if as_json:
        training = json.loads(trained) if trained else None
        typer.echo(json.dumps({"photos": verdicts, "training": training}, ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join([_summary(verdicts), *([trained] if trained else [])]))
    return kept


async def _enroll_one(control: Control, name: str, path: Path, *, force: bool) -> dict[str, Any]:
    """The verdict on one picture."""
    from uSense import imaging

    verdict: dict[str, Any] = {"name": name, "photo": str(path), "kept": False, "code": "ok", "message": ""}
    try:
        added = await _add(control, name, await asyncio.to_thread(imaging.read, path), str(path), force=force)
    except RequestError as error:
        return verdict | {"code": error.code, "message": str(error).removeprefix(f"{path}: ")}
    return verdict | {"kept": True, "message": added.warning, "quality": round(added.quality, 2)}


async def _add(control: Control, name: str, picture: Rgb, source: str, *, force: bool) -> Added:
    """Keep the face in a picture; somebody new is created for their first face that is kept."""
    try:
        person = await control.find(name)
    except NotFoundError:
        await control.one_face(picture, source)
    else:
        return await control.add_picture(person.person_id, picture, source, force=force)
    person = await control.create_person(name)
    try:
        return await control.add_picture(person.person_id, picture, source, force=force)
    except RequestError:
        await control.recognizer.delete_person(person.person_id)
        raise


def _summary(verdicts: Sequence[dict[str, Any]]) -> str:
    kept = Counter(verdict["name"] for verdict in verdicts if verdict["kept"])
    skipped = Counter(verdict["code"] for verdict in verdicts if not verdict["kept"])
    names = {verdict["name"]: kept[verdict["name"]] for verdict in verdicts}
    lines = [
        f"{name}: {counted(count, 'face')} kept" + ("" if count >= ENOUGH else "; three or more are better")
        for name, count in names.items()
    ]
    if skipped:
        reasons = ", ".join(f"{count} {code}" for code, count in sorted(skipped.items()))
        lines.append(f"{sum(skipped.values())} of {counted(len(verdicts), 'photo')} skipped: {reasons}")
    return "\n".join(lines)


def _progress(total: int, *, hidden: bool) -> Any:
    from uSense.cli.progress import progress

    return progress("photos", total, _line, hidden=hidden)


def _line(verdict: dict[str, Any]) -> str:
    """A verdict for people."""
    if not verdict["kept"]:
        return f"skipped  {verdict['name']}  {verdict['photo']}: {verdict['message']}"
    note = f"  ({verdict['message']})" if verdict["message"] else ""
    return f"kept     {verdict['name']}  {verdict['photo']}  quality {verdict['quality']}{note}"


def _pictures(paths: Sequence[Path]) -> list[Path]:
    """The files as they were given, and all pictures in the folders."""
    from uSense import imaging

    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(file for file in path.rglob("*") if file.suffix.lower() in imaging.ENDINGS)
        else:
            found.append(path)
    return found


def _folder_jobs(folder: Path) -> list[Job]:
    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is not a folder")
    people = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return [(person.name, picture) for person in people for picture in _pictures([person])]
