"""`usense backup` and `restore`: everything that is kept of people, in one encrypted file."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from uSense.cli import passphrase
from uSense.cli.common import ConfigFile, Json, counted, load
from uSense.cli.passphrase import PassphraseFile

if TYPE_CHECKING:
    from uSense.ports import Restored
    from uSense.settings import Settings
    from uSense.storage.container import KeyFile, Passphrase, Sealed

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.", show_default=False)]


def backup(
    ctx: typer.Context,
    file: File,
    passphrase_file: PassphraseFile = None,
    without_key: Annotated[
        bool, typer.Option("--without-key", help="Lock it with this data folder's key file, which is not inside.")
    ] = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Write all people with their faces into one encrypted file; works beside a running service."""
    settings = load(ctx, config)
    if without_key and passphrase_file is not None:
        raise typer.BadParameter("give a passphrase or --without-key, not both")
    if file.is_dir():
        raise typer.BadParameter(f"{file} is a folder: name a file in it")
    secret = None if without_key else passphrase.get(passphrase_file, "the backup", new=True)
    asyncio.run(_backup(settings, file, secret, as_json=as_json))


def restore(
    ctx: typer.Context,
    file: File,
    passphrase_file: PassphraseFile = None,
    key_file: Annotated[
        Path | None, typer.Option("--key-file", metavar="FILE", help="Key file of the data folder it was made in.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Replace all people by those of a backup, but for those who were erased; a running service takes them over."""
    from uSense.storage import backups, container

    settings = load(ctx, config)
    sealed = container.read(file, backups.KIND, backups.FORMAT)
    lock = _lock(sealed, passphrase_file, key_file)
    if not yes and not sys.stdin.isatty():
        raise typer.BadParameter("there is nobody to ask whether to replace all people: add --yes")
    if not yes and not typer.confirm(asyncio.run(_question(settings, sealed)), err=True):
        typer.echo("nothing was changed", err=True)
        raise typer.Exit(1)
    asyncio.run(_restore(settings, sealed, lock, as_json=as_json))


def _lock(sealed: Sealed, passphrase_file: Path | None, key_file: Path | None) -> Passphrase | KeyFile | None:
    """What opens a backup; None for this data folder's own key file."""
    from uSense.storage import keys
    from uSense.storage.container import KeyFile, Passphrase

    if sealed.by_passphrase:
        return Passphrase(passphrase.get(passphrase_file, str(sealed.source)))
    return None if key_file is None else KeyFile(keys.read(key_file))


async def _backup(settings: Settings, file: Path, secret: str | None, *, as_json: bool) -> None:
    from uSense.storage import open_storage

    async with open_storage(settings.data_dir) as storage:
        made = await storage.archive.write(file, secret)
    if as_json:
        told = {"file": str(file), "bytes": made.size, "people": made.people, "served": made.served}
        typer.echo(json.dumps({**told, "key_inside": secret is not None}))
        return
    typer.echo(f"{file}: {counted(made.people, 'person')}{_guests(made.served)}, {made.size / 1e6:.1f} MB")
    if secret is None:
        typer.echo(f"  only the key file {settings.data_dir / 'key'} opens it: keep a copy of that elsewhere")


async def _question(settings: Settings, sealed: Sealed) -> str:
    from uSense.storage import open_storage

    async with open_storage(settings.data_dir, mend=True) as storage:
        people = [person.name for person in await storage.vault.people()]
        served = await storage.archive.served()
    now = f"the {len(people)} here now ({', '.join(people)})" if people else "nobody here now"
    now += f" and {counted(served, 'person')} of served groups" if served else ""
    made_at = sealed.head.get("made_at", "an unknown time")
    return f"Replace {now} by the people of the backup of {made_at}?"


async def _restore(settings: Settings, sealed: Sealed, lock: Passphrase | KeyFile | None, *, as_json: bool) -> None:
    from uSense.storage import open_storage

    async with open_storage(settings.data_dir, mend=True) as storage:
        back = await storage.archive.restore(sealed, lock)
    if as_json:
        told = {"made_at": back.made_at, "people": back.people, "gone": back.gone, "erased": back.erased}
        told["served"] = back.served
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        typer.echo("\n".join(_told(back)))


def _told(back: Restored) -> list[str]:
    names = f": {', '.join(back.people)}" if back.people else ""
    there = f"{counted(len(back.people), 'person')}{names}{_guests(back.served)}"
    lines = [f"restored from the backup of {back.made_at}: {there}"]
    if back.gone:
        lines.append(f"no longer here: {', '.join(back.gone)}; a backup of before is in the data folder")
    if back.erased:
        lines.append(f"left out, because they were erased: {counted(back.erased, 'person')}")
    return lines


def _guests(served: int) -> str:
    return f", and {served} of served groups" if served else ""
