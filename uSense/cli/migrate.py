"""`usense migrate`: moves people between the local recognizer and Azure, from the photos that were kept of them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from uSense.cli.common import ConfigFile, Json, counted, load
from uSense.core.errors import SettingsError

if TYPE_CHECKING:
    from uSense.core.models import Person, Renewal
    from uSense.settings import Settings


class Backend(StrEnum):
    """Who can know people."""

    LOCAL = "local"
    AZURE = "azure"


_FROM = typer.Argument(metavar="FROM", help="Where they are known now: azure or local.")
_TO = typer.Argument(metavar="TO", help="Where they are to be known: local or azure.")


def migrate(
    ctx: typer.Context,
    source: Annotated[Backend, _FROM],
    target: Annotated[Backend, _TO],
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Let another recognizer know everybody of whom photos were kept (`gallery.keep_crops`), and train it.

    Nothing is taken away from where they were. Ends with 1 if somebody could not be moved.
    """
    if source is target:
        raise typer.BadParameter("name two different ones", param_hint="TO")
    settings = load(ctx, config)
    if settings.recognizer.kind != "azure":
        raise SettingsError(
            "recognizer: to move people from or to Azure, put `kind: azure` with its endpoint and key into the "
            "settings (`usense config example` shows them); `recognizer.local` is the local one"
        )
    if asyncio.run(_migrate(settings, target, as_json=as_json)):
        raise typer.Exit(1)


async def _migrate(settings: Settings, target: Backend, *, as_json: bool) -> bool:
    """Move everybody; whether somebody is left behind."""
    from uSense.recognizers.azure import AzureSettings
    from uSense.storage import open_storage

    both = settings.recognizer
    assert isinstance(both, AzureSettings)  # noqa: S101 - looked at above
    chosen = both if target is Backend.AZURE else both.local
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(settings.data_dir))
        opening = chosen.open(storage, lazily=True, keep_crops=settings.gallery.keep_crops)
        recognizer = await stack.enter_async_context(opening)
        before = await recognizer.known()
        sent = await recognizer.renew(_silent if as_json else _tell, pace=0.0)
        people = await recognizer.people()
        report = await recognizer.train() if people else None
        known = await recognizer.known()
    rows = [_row(person, before, known) for person in people]
    behind = any(not row["known"] and row["faces"] for row in rows)
    if as_json:
        told = {"to": str(target), "moved": sent.faces, "failed": sent.failed, "people": rows}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return behind
    typer.echo("\n".join(map(_line, rows)) or "nobody is enrolled: there is nobody to move")
    if report is not None:
        typer.echo(f"{target} is trained: {counted(report.persons, 'person')}, {counted(report.faces, 'face')}")
    return behind


def _row(person: Person, before: Collection[str], known: Collection[str]) -> dict[str, Any]:
    """What became of one person: faces kept here, known there now, moved just now, and those that could not be."""
    there = [face_id for face_id in person.face_ids if face_id in known]
    return {
        "name": person.name,
        "person_id": person.person_id,
        "faces": len(person.face_ids),
        "known": len(there),
        "moved": sum(face_id not in before for face_id in there),
        "left": len(person.face_ids) - len(there),
    }


def _line(row: Mapping[str, Any]) -> str:
    name, left = row["name"], row["left"]
    if not row["faces"]:
        return f"{name}: no faces are enrolled"
    done = f"{name}: {counted(row['moved'], 'face')} moved, {row['known']} of {row['faces']} known there"
    if not left:
        return done
    why = "no photo of it was kept" if left == 1 else "no photos of them were kept"
    return f"{done}; {left} could not be moved, because {why} or there is no face in it: enroll again"


def _tell(now: Renewal) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{now.faces + now.failed} of {counted(now.total, 'face')}", nl=False, err=True)


def _silent(_: Renewal) -> None:
    return
