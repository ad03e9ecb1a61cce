"""`usense people merge`, `export`, `import`, `drop-crops`: people who become one, or move to another machine."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from uSense.cli import passphrase
from uSense.cli.common import ConfigFile, Json, counted, load
from uSense.cli.passphrase import PassphraseFile
from uSense.cli.people import Who, train_now

if TYPE_CHECKING:
    from uSense.ports import Arrival, Parcel
    from uSense.settings import Settings

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Names or ids; everybody without one.")]


def merge(
    ctx: typer.Context,
    who: Who,
    into: Annotated[str, typer.Argument(help="Name or id of the person who gets all faces and stays.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigFile = None,
) -> None:
    """Make two persons one, and train: the first's faces become the second's, and the first is gone."""
    settings = load(ctx, config)
    _ask(f"Give all faces of {who} to {into}? This cannot be undone.", yes=yes)
    asyncio.run(_merge(settings, who, into))


def export(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.", show_default=False)],
    names: Names = None,
    passphrase_file: PassphraseFile = None,
    config: ConfigFile = None,
) -> None:
    """Write people with their faces into an encrypted file, for another uSense."""
    settings = load(ctx, config)
    if file.is_dir():
        raise typer.BadParameter(f"{file} is a folder: name a file in it")
    chosen = asyncio.run(_chosen(settings, names or []))
    if not chosen:
        typer.echo("nobody is enrolled yet: there is nothing to export", err=True)
        raise typer.Exit(1)
    asyncio.run(_export(settings, file, chosen, passphrase.get(passphrase_file, str(file), new=True)))


def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What export wrote.", show_default=False)],
    passphrase_file: PassphraseFile = None,
    erased: Annotated[
        bool, typer.Option("--erased", help="Take in also who was erased here, as somebody new.")
    ] = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Take in people whom another uSense exported, then train; faces that are here already are not doubled."""
    settings = load(ctx, config)
    secret = passphrase.get(passphrase_file, str(file))
    asyncio.run(_import(settings, file, secret, erased=erased, as_json=as_json))


def drop_crops(
    ctx: typer.Context,
    names: Names = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigFile = None,
) -> None:
    """Erase the pictures kept of faces; people stay recognized, but another embedder needs them enrolled again."""
    settings = load(ctx, config)
    _ask(f"Erase the kept pictures of {', '.join(names) if names else 'everybody'} for good?", yes=yes)
    dropped = asyncio.run(_drop_crops(settings, names or []))
    typer.echo(f"{counted(dropped, 'kept picture')} erased; backups made before still hold them")


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is nobody to ask: add --yes")
    if not typer.confirm(question):
        typer.echo("nothing was changed")
        raise typer.Exit(1)


async def _merge(settings: Settings, who: str, into: str) -> None:
    from uSense.parts import open_control

    async with open_control(settings) as control:
        first = await control.find(who)
        person = await control.merge_people(first.person_id, into)
    typer.echo(f"{first.name} is now part of {person.name}: {counted(len(person.face_ids), 'face')}")


async def _chosen(settings: Settings, names: Sequence[str]) -> list[str]:
    """Ids of the persons with these names, or of all."""
    from uSense.parts import open_control

    async with open_control(settings) as control:
        people = [await control.find(name) for name in names] if names else await control.people()
    return list(dict.fromkeys(person.person_id for person in people))


async def _export(settings: Settings, file: Path, chosen: Sequence[str], secret: str) -> None:
    from uSense.storage import open_storage

    async with open_storage(settings.data_dir) as storage:
        parcels = await storage.vault.pack(chosen)
        await storage.archive.send(file, parcels, secret)
    faces = sum(len(parcel.faces) for parcel in parcels)
    typer.echo(f"{file}: {counted(len(parcels), 'person')} with {counted(faces, 'face')}")
    if any(face.crop is None for parcel in parcels for face in parcel.faces):
        typer.echo("  some faces have no kept picture: they count only where the same embedder is used")


async def _import(settings: Settings, file: Path, secret: str, *, erased: bool, as_json: bool) -> None:
    from uSense.parts import open_control
    from uSense.storage import open_storage
    from uSense.storage.archive import received

    parcels = await received(file, secret)
    async with open_storage(settings.data_dir) as storage:
        arrivals = [(parcel, await storage.vault.unpack(parcel, erased=erased)) for parcel in parcels]
    training = None
    if any(arrival.faces for _, arrival in arrivals):
        async with open_control(settings) as control:
            training = await train_now(control, as_json=as_json)
    if as_json:
        people = [_data(parcel, arrival) for parcel, arrival in arrivals]
        told = {"people": people, "training": json.loads(training) if training else None}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join([*(_line(*one) for one in arrivals), *([training] if training else [])]))


async def _drop_crops(settings: Settings, names: Sequence[str]) -> int:
    from uSense.parts import open_control

    async with open_control(settings) as control:
        people = [(await control.find(name)).person_id for name in names]
        return sum([await control.drop_crops(one) for one in people]) if names else await control.drop_crops()


def _data(parcel: Parcel, arrival: Arrival) -> dict[str, Any]:
    person = arrival.person
    return {
        "person_id": person.person_id if person else None,
        "name": person.name if person else None,
        "exported_as": parcel.name,
        "faces": arrival.faces,
        "refused": arrival.refused,
        "left_out": "" if person else "erased",
    }


def _line(parcel: Parcel, arrival: Arrival) -> str:
    """What became of a person, for people."""
    from uSense.core.models import MOST_FACES

    person = arrival.person
    if person is None:
        return f"left out  {parcel.name}: was erased here; --erased takes them in as somebody new"
    faces = counted(arrival.faces, "new face")
    if arrival.refused:
        faces += f", {arrival.refused} left out: {MOST_FACES} are the most for one person"
    if person.name == parcel.name:
        return f"imported  {person.name}: {faces}"
    if person.name.startswith(parcel.name):
        return (
            f"imported  {person.name}: {faces}; another {parcel.name} is here. If they are the same: "
            f"usense people merge {person.name!r} {parcel.name!r}"
        )
    return f"imported  {parcel.name}, who is called {person.name} here: {faces}"
