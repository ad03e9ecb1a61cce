"""Which pictures are meant by what was given on the command line, and what is left out of folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from uSense.cli.common import counted

Job = tuple[str, Path]
"""Whom a picture shows, and the picture."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Pictures in the order to go through them, and a sentence for everything that was left out of folders."""

    pictures: list[Path]
    left_out: list[str]


def is_folder(path: Path) -> bool:
    """Whether there is a folder, as far as this user may know."""
    return os.path.isdir(path)  # noqa: PTH112 - Path's raises where one may not look


def choose(paths: Sequence[Path]) -> Chosen:
    """The files as they were given, and all pictures in the folders; typer.BadParameter if there are none."""
    chosen = Chosen([], [])
    for path in paths:
        found = _search(path) if is_folder(path) else Chosen([path], [])
        chosen.pictures.extend(found.pictures)
        chosen.left_out.extend(found.left_out)
    _require(chosen, f"there are no pictures in {', '.join(map(str, paths))}")
    return chosen


def choose_people(folder: Path) -> tuple[list[Job], list[str]]:
    """A job for each picture, called after the sub-folder it lies in, and what was left out."""
    if not is_folder(folder):
        raise typer.BadParameter(f"{folder} is not a folder")
    found = _search(folder)
    inside = {picture: picture.relative_to(folder).parts for picture in found.pictures}
    jobs = [(parts[0], picture) for picture, parts in inside.items() if len(parts) > 1]
    if len(jobs) < len(inside):
        beside = counted(len(inside) - len(jobs), "picture")
        found.left_out.append(
            f"{folder}: {beside} beside the sub-folders left out: put them into a person's sub-folder"
        )
    _require(
        Chosen([picture for _, picture in jobs], found.left_out), f"there are no pictures in sub-folders of {folder}"
    )
    told = {name for name, _ in jobs} | {reason.partition(":")[0] for reason in found.left_out}
    people = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found.left_out.extend(
        f"{path}: there are no pictures in it" for path in people if told.isdisjoint((path.name, str(path)))
    )
    return jobs, found.left_out


def choose_strangers(folder: Path) -> tuple[list[Job], list[str]]:
    """A job for each picture: those of a sub-folder show one person, others one each; names are paths in the folder."""
    if not is_folder(folder):
        raise typer.BadParameter(f"{folder} is not a folder")
    found = _search(folder)
    _require(found, f"there are no pictures in {folder}")
    return [(f"{folder}/{picture.relative_to(folder).parts[0]}", picture) for picture in found.pictures], found.left_out


def check_output(output: Path | None, images: Sequence[Path]) -> None:
    """Raises typer.BadParameter if what is found in the images cannot be drawn into that file."""
    from uSense import imaging
    from uSense.core.errors import RequestError

    if output is None:
        return
    if len(images) > 1:
        raise typer.BadParameter("-o takes one picture at a time")
    if output.exists() and images[0].exists() and output.samefile(images[0]):
        raise typer.BadParameter("-o would overwrite the picture: give it another name")
    try:
        imaging.check_target(output)
    except RequestError as error:
        raise typer.BadParameter(str(error)) from error


def _search(folder: Path) -> Chosen:
    """All pictures in the folder and below, without hidden ones."""
    from uSense import imaging

    closed: list[OSError] = []
    found: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in names if not name.startswith(".")]
    words = imaging.left_out(found)
    left_out = [f"{folder}: {words}"] if words else []
    left_out += [f"{error.filename}: cannot be opened ({error.strerror}): check its rights" for error in closed]
    return Chosen(sorted(file for file in found if file.suffix.lower() in imaging.ENDINGS), left_out)


def _require(chosen: Chosen, otherwise: str) -> None:
    if not chosen.pictures:
        raise typer.BadParameter("; ".join([f"{otherwise} (.jpg, .png, ...)", *chosen.left_out]))
