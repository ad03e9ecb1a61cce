"""Passphrases: from a file, or asked for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from uSense.core.errors import RequestError

PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help="File that holds the passphrase, on its first line."),
]


def get(file: Path | None, what: str, *, new: bool = False) -> str:
    """The passphrase in `file`, or the one typed in; a `new` one is asked for twice."""
    if file is not None:
        try:
            text = file.read_bytes().decode().split("\n", 1)[0].rstrip("\r")
        except UnicodeDecodeError as error:
            raise RequestError(f"{file} is not UTF-8 text", code="bad_passphrase") from error
        except OSError as error:
            raise RequestError(f"{file} cannot be read: {error.strerror}", code="bad_passphrase") from error
        if not text:
            raise RequestError(f"{file} is empty", code="bad_passphrase")
        return text
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"there is nobody to ask for the passphrase of {what}: add --passphrase-file FILE")
    return str(typer.prompt(f"Passphrase of {what}", hide_input=True, confirmation_prompt=new, err=True))
