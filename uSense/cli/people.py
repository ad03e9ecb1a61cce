"""`usense people`, `enroll`, `train`: care of the gallery; works beside a running service."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from uSense.cli import files
from uSense.cli.common import ConfigFile, Json, counted, load
from uSense.cli.files import Job
from uSense.core.errors import NotFoundError, RecognizerError, RequestError
from uSense.core.names import clean_name

if TYPE_CHECKING:
    from uSense.control import Added, Control
    from uSense.core.models import Person, Rgb
    from uSense.settings import Settings

ENOUGH = 3
"""Faces from which a person is recognized reliably; measured, see docs/recognition.md."""

Who = Annotated[str, typer.Argument(help="Name or id of the person.", show_default=False)]


def listing(ctx: typer.Context, config: ConfigFile = None, as_json: Json = False) -> None:
    """Show everybody who is enrolled."""
    asyncio.run(_list(load(ctx, config), as_json=as_json))


def rename(
    ctx: typer.Context,
    who: Who,
    name: Annotated[str, typer.Argument(help="The new name.")],
    config: ConfigFile = None,
) -> None:
    """Give a person another name, at once."""
    asyncio.run(_rename(load(ctx, config), who, name))


def forget(
    ctx: typer.Context,
    who: Who,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigFile = None,
) -> None:
    """Forget a person with all faces, for good."""
    settings = load(ctx, config)
    person = asyncio.run(_find(settings, who))
    faces = counted(len(person.face_ids), "face")
    if not yes and not sys.stdin.isatty():
        raise typer.BadParameter(f"there is nobody to ask whether to forget {person.name} and {faces}: add --yes")
    if not yes and not typer.confirm(f"Forget {person.name} and {faces} for good?"):
        typer.echo(f"{person.name} is kept")
        raise typer.Exit(1)
    asyncio.run(_forget(settings, person.person_id))


def train(ctx: typer.Context, config: ConfigFile = None, as_json: Json = False) -> None:
    """Fix a new gallery from all kept faces; a running service takes it over by itself."""
    asyncio.run(_train(load(ctx, config), as_json=as_json))


def enroll(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Whose faces the pictures show.")] = None,
    paths: Annotated[
        list[Path] | None, typer.Argument(readable=False, help="Pictures, or folders of pictures.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="DIR", readable=False, help="One sub-folder of pictures per person."),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option("--camera", metavar="CAMERA", help="Instead of pictures: guided, at a camera of the service."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Keep faces that look like somebody else's, too.")] = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Enroll people from photos, then train; three or more different photos of each person are best.

    With --camera the running service looks at the person in front of its camera, and says what to do.
    """
    if camera is not None:
        if name is None or paths or folder is not None:
            raise typer.BadParameter("with --camera give only the NAME of the person in front of it")
        from uSense.cli import guided

        if not guided.at_camera(load(ctx, config), name, camera, force=force, as_json=as_json):
            raise typer.Exit(1)
        return
    if (folder is None) == (name is None):
        raise typer.BadParameter("give a NAME with pictures, or --folder DIR with one sub-folder per person")
    if name is not None and os.path.isfile(name):  # noqa: PTH113 - Path's raises where one may not look
        raise typer.BadParameter(f"whose faces are these? Give a NAME before {name}")
    if name is not None and not paths and files.is_folder(Path(name)):
        message = f"whose faces are these? Give a NAME before {name}, or --folder {name} with a sub-folder per person"
        raise typer.BadParameter(message)
    if name is not None and not paths:
        raise typer.BadParameter(f"give the pictures that show {name}")
    if folder is not None:
        jobs, left_out = files.choose_people(folder)
    else:
        chosen = files.choose(paths or [])
        jobs, left_out = [(name or "", picture) for picture in chosen.pictures], chosen.left_out
    kept = asyncio.run(_enroll(load(ctx, config), jobs, left_out, force=force, as_json=as_json))
    if not kept:
        raise typer.Exit(1)


async def _list(settings: Settings, *, as_json: bool) -> None:
    from uSense.commands.people import full_data
    from uSense.parts import open_control

    async with open_control(settings) as control:
        people = await control.people()
    if as_json:
        typer.echo(json.dumps([full_data(person) for person in people], ensure_ascii=False, indent=2))
        return
    if not people:
        typer.echo("nobody is enrolled yet: usense enroll NAME PICTURE...")
    for person in people:
        state = "" if person.trained else "   must be enrolled again" if person.enroll_again else "   not trained yet"
        remote = f"   azure {person.remote_id}" if person.remote_id else ""
        typer.echo(f"{person.name:<30} {counted(len(person.face_ids), 'face'):>9}   {person.person_id}{remote}{state}")


async def _rename(settings: Settings, who: str, name: str) -> None:
    from uSense.parts import open_control

    async with open_control(settings) as control:
        before = await control.find(who)
        person = await control.rename_person(who, name)
    typer.echo(f"{before.name} is now {person.name}")


async def _find(settings: Settings, who: str) -> Person:
    from uSense.parts import open_control

    async with open_control(settings) as control:
        return await control.find(who)


async def _forget(settings: Settings, who: str) -> None:
    from uSense.parts import open_control

    async with open_control(settings) as control:
        person, erasure = await control.erase_person(who)
    typer.echo(f"{person.name} and {counted(len(person.face_ids), 'face')} are forgotten")
    for left in erasure.left:
        typer.echo(f"  not reached: {left}")


async def _train(settings: Settings, *, as_json: bool) -> None:
    from uSense.parts import open_control

    async with open_control(settings) as control:
        typer.echo(await _trained(control, {}, as_json=as_json))


async def train_now(control: Control, *, as_json: bool) -> str:
    """Train; what there is to say about it."""
    return await _trained(control, {}, as_json=as_json)


async def _trained(control: Control, photos: Mapping[str, str], *, as_json: bool) -> str:
    """What the training tells; `photos` are the paths of the faces kept just now, by face id."""
    from uSense.cli.trained import report_lines
    from uSense.control import training_data

    report = await control.train()
    if as_json:
        return json.dumps(training_data(report), ensure_ascii=False)
    return "\n".join(report_lines(report, control.recognizer.rules.threshold, photos))


async def _enroll(
    settings: Settings, jobs: Sequence[Job], left_out: Sequence[str], *, force: bool, as_json: bool
) -> int:
    """Enroll all pictures one by one; a bad one is told and skipped. Returns the number of faces kept."""
    from uSense.parts import open_control

    verdicts: list[dict[str, Any]] = []
    trained: str | None = None
    async with open_control(settings) as control:
        jobs, misnamed = await _nameable(control, jobs)
        try:
            async with _without_nobodies(control) as made:
                with _progress(len(jobs), hidden=as_json) as tell:
                    for name, path in jobs:
                        verdicts.append(await _enroll_one(control, name, path, made, force=force))
                        tell(verdicts[-1])
            kept = sum(bool(verdict["kept"]) for verdict in verdicts)
            if kept:
                photos = {verdict["face_id"]: verdict["photo"] for verdict in verdicts if verdict["kept"]}
                trained = await _trained(control, photos, as_json=as_json)
            totals = {name: await _faces(control, name) for name in dict.fromkeys(name for name, _ in jobs)}
        except asyncio.CancelledError:
            _interrupted(sum(bool(verdict["kept"]) for verdict in verdicts))
            raise
    left_out = [*left_out, *misnamed]
    if as_json:
        report = {"photos": verdicts, "left_out": left_out, "training": json.loads(trained) if trained else None}
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join([_summary(verdicts, totals), *left_out, *([trained] if trained else [])]))
    return kept


async def _nameable(control: Control, jobs: Sequence[Job]) -> tuple[list[Job], list[str]]:
    """The jobs for people who exist or may be called so, and what is wrong with the others; RequestError if all are."""
    refused: dict[str, RequestError] = {}
    for name in dict.fromkeys(name for name, _ in jobs):
        try:
            await control.find(name)
        except NotFoundError:
            try:
                clean_name(name)
            except RequestError as error:
                refused[name] = error
    kept = [job for job in jobs if job[0] not in refused]
    if not kept:
        raise next(iter(refused.values()))
    return kept, [f"the sub-folder {name!r} left out: {error}" for name, error in refused.items()]


def _interrupted(kept: int) -> None:
    """Say what a canceled enrollment leaves behind."""
    if kept:
        typer.echo(f"interrupted: {counted(kept, 'face')} kept, which count after `usense train`", err=True)


@asynccontextmanager
async def _without_nobodies(control: Control) -> AsyncIterator[list[str]]:
    """A list for the ids of new persons; who has no face at the end is erased."""
    made: list[str] = []
    try:
        yield made
    finally:
        faceless = {person.person_id for person in await control.people() if not person.face_ids}
        for person_id in made:
            if person_id in faceless:
                await control.erase_person(person_id)


async def _enroll_one(control: Control, name: str, path: Path, made: list[str], *, force: bool) -> dict[str, Any]:
    """The verdict on one picture."""
    from uSense import imaging

    verdict: dict[str, Any] = {"name": name, "photo": str(path), "kept": False, "code": "ok", "message": ""}
    try:
        added = await _add(control, name, await asyncio.to_thread(imaging.read, path), str(path), made, force=force)
    except RequestError as error:
        return verdict | {"code": error.code, "message": str(error).removeprefix(f"{path}: ")}
    except RecognizerError as error:
        return verdict | {"code": "recognizer", "message": str(error)}
    return verdict | {
        "kept": True,
        "message": added.warning,
        "quality": round(added.quality, 2),
        "face_id": added.face_id,
    }


async def _add(control: Control, name: str, picture: Rgb, source: str, made: list[str], *, force: bool) -> Added:
    """Keep the face in a picture; somebody new is created, and added to `made`, for their first picture with a face."""
    try:
        person = await control.find(name)
    except NotFoundError:
        await control.one_face(picture, source)
        person = await control.create_person(name)
        made.append(person.person_id)
    return await control.add_picture(person.person_id, picture, source, force=force)


async def _faces(control: Control, name: str) -> int:
    """How many faces of a person there are."""
    try:
        return len((await control.find(name)).face_ids)
    except NotFoundError:
        return 0


def _summary(verdicts: Sequence[dict[str, Any]], totals: Mapping[str, int]) -> str:
    kept = Counter(verdict["name"] for verdict in verdicts if verdict["kept"])
    skipped = Counter(verdict["code"] for verdict in verdicts if not verdict["kept"])
    lines = [
        f"{name}: {counted(kept[name], 'face')} kept"
        + (f", {total} in all" if total > kept[name] else "")
        + ("; three or more are better" if total < ENOUGH else "")
        for name, total in totals.items()
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
