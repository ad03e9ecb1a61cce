"""`usense passwd` and `usense token`: who may visit the pages."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from uSense.cli.common import ConfigFile, Json, load
from uSense.core.access import Scope
from uSense.core.errors import RequestError
from uSense.times import rfc3339

if TYPE_CHECKING:
    from uSense.settings import Settings
    from uSense.web.tokens import Token, Tokens


def passwd(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Option("--password-file", metavar="FILE", help="File that holds it, on its first line.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Set the password of the pages; whoever is logged in has to log in again. From then on your network is let in.

    Without --password-file it is asked for; a running service knows it at once.
    """
    settings = load(ctx, config)
    password = _password(file)
    asyncio.run(_set(settings, password))
    typer.echo("the password is set")


def _password(file: Path | None) -> str:
    if file is None:
        if not sys.stdin.isatty():
            raise typer.BadParameter("there is nobody to ask for the password: add --password-file FILE")
        return str(typer.prompt("Password of the pages", hide_input=True, confirmation_prompt=True, err=True))
    try:
        return file.read_bytes().decode().split("\n", 1)[0].rstrip("\r")
    except UnicodeDecodeError as error:
        raise RequestError(f"{file} is not UTF-8 text", code="bad_password") from error
    except OSError as error:
        raise RequestError(f"{file} cannot be read: {error.strerror}", code="bad_password") from error


async def _set(settings: Settings, password: str) -> None:
    from uSense.aio import Lane
    from uSense.storage.notebook import Notebook
    from uSense.web.passwords import FILE, Passwords

    async with Lane("passwords") as lane:
        await Passwords(Notebook(settings.data_dir / FILE), lane).set(password)


def make(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.", show_default=False)],
    scope: Annotated[Scope, typer.Option("--scope", help="What it may do.")] = Scope.READ,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Make a token for a program or a kiosk; it is shown this once.

    `read` sees, `enroll` cares for people, `admin` may do everything, `kiosk` sees the page of who stands there.
    """
    token, word = asyncio.run(_tokens(load(ctx, config)).make(name, scope))
    typer.echo(json.dumps({**_shown(token), "token": word}, ensure_ascii=False) if as_json else word)


def listing(ctx: typer.Context, config: ConfigFile = None, as_json: Json = False) -> None:
    """Show the tokens there are; what they are made of is not kept."""
    found = asyncio.run(_tokens(load(ctx, config)).all())
    if as_json:
        typer.echo(json.dumps([_shown(token) for token in found], ensure_ascii=False, indent=2))
        return
    for token in found:
        typer.echo(f"{token.token_id}  {token.scope.value:6}  {rfc3339(token.made_at)[:10]}  {token.name}")
    if not found:
        typer.echo("there are none", err=True)


def take_back(
    ctx: typer.Context,
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `usense token list` shows it.", show_default=False)],
    config: ConfigFile = None,
) -> None:
    """Take a token back: it counts no more."""
    token = asyncio.run(_tokens(load(ctx, config)).take_back(token_id))
    typer.echo(f"{token.name} is let in no more")


def _tokens(settings: Settings) -> Tokens:
    from uSense.storage.notebook import Notebook
    from uSense.web.tokens import FILE, Tokens

    return Tokens(Notebook(settings.data_dir / FILE))


def _shown(token: Token) -> dict[str, object]:
    return {**asdict(token), "scope": token.scope.value, "made_at": rfc3339(token.made_at)}
