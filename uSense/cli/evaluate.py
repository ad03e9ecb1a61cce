"""`usense evaluate`: how well the configured detector, recognizer and rules tell people apart, on the user's photos."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from uSense.cli import files
from uSense.cli.common import ConfigFile, Json, counted, load
from uSense.cli.files import Job
from uSense.core.errors import BadImageError, RequestError

if TYPE_CHECKING:
    from uSense.aio import Lane
    from uSense.cli.evaluation.numbers import Evaluated
    from uSense.core.trials import Look, Protocol
    from uSense.ports import Detector
    from uSense.recognizers.embedders.base import Embedder
    from uSense.settings import Settings

FEWEST = 2
"""Photos of a person, one to enroll and one to ask about; who has fewer is a stranger."""

Folder = Annotated[Path, typer.Argument(metavar="DIR", readable=False, help="One sub-folder of photos per person.")]
Strangers = Annotated[
    Path | None,
    typer.Option(metavar="DIR", readable=False, help="Photos of people to ask about without ever enrolling them."),
]
Enroll = Annotated[int, typer.Option(min=1, max=40, metavar="N", help="Photos of each person to enroll.")]
Splits = Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Random choices of those photos.")]
Page = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write everything into one page.")]
Plots = Annotated[Path | None, typer.Option("--plots", metavar="DIR", help="Write the curves as PNG files.")]


@dataclass(frozen=True, slots=True)
class Task:
    """What to measure: photos of people and of strangers, what was left out of their folders, and how often."""

    folder: str
    jobs: Sequence[Job]
    strangers: Sequence[Job]
    left_out: Sequence[str]
    protocol: Protocol


@dataclass(slots=True)
class Seen:
    """What became of the photos: looks at the usable ones, by photo and by person, and what was wrong with others."""

    looks: dict[str, Look] = field(default_factory=dict)
    photos: dict[str, list[str]] = field(default_factory=dict)
    problems: list[dict[str, str]] = field(default_factory=list)

    def trouble(self, person: str, path: Path, error: RequestError) -> str:
        """Note what is wrong with a photo; returns it for people."""
        message = str(error).removeprefix(f"{path}: ")
        self.problems.append({"person": person, "photo": str(path), "code": error.code, "message": message})
        return f"{path}: {message}"


def evaluate(
    ctx: typer.Context,
    folder: Folder,
    strangers: Strangers = None,
    enroll: Enroll = 3,
    splits: Splits = 20,
    html: Page = None,
    plots: Plots = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Measure how well people are recognized: enroll some photos of each, ask about the others, again and again.

    Nobody is enrolled for good and nothing is kept. Whoever has only one usable photo counts as a stranger.
    """
    from uSense.cli.evaluation import numbers, page
    from uSense.core.trials import Protocol

    jobs, left_out = files.choose_people(folder)
    others, also_left_out = files.choose_strangers(strangers) if strangers else ([], [])
    page.check_targets(html, plots)
    task = Task(str(folder), jobs, others, [*left_out, *also_left_out], Protocol(enrolled=enroll, splits=splits))
    found = numbers.numbers(asyncio.run(_evaluated(load(ctx, config), task, hidden=as_json)))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join([*_problem_lines(found["problems"]), *found["left_out"], "", *numbers.text(found)]))
    for path in page.write(found, html, plots):
        typer.echo(f"wrote {path}", err=as_json)


async def _evaluated(settings: Settings, task: Task, *, hidden: bool) -> Evaluated:
    """Look at all photos, then run the trials off the loop; RequestError if there is nobody to enroll."""
    from uSense.aio import Lane
    from uSense.cli.evaluation.numbers import Evaluated
    from uSense.core.evaluation import Tally, tallied

    async with settings.detector.open("evaluate") as detector, Lane("embed") as lane:
        embedder = await lane.run(settings.recognizer.local.embedder.load)
        eyes = Eyes(detector, embedder, lane)
        seen = await _look_through(eyes, task, hidden=hidden)
        people = {name: photos for name, photos in seen.photos.items() if len(photos) >= FEWEST and "/" not in name}
        if not people:
            raise RequestError(_nobody(task.folder, seen), code="no_people")
        strangers = {name: photos for name, photos in seen.photos.items() if name not in people}
        tally = Tally(settings.recognizer.local.rules, settings.quality)
        await asyncio.to_thread(tallied, people, strangers, seen.looks, embedder.metric, task.protocol, tally)
    return Evaluated(
        folder=task.folder,
        detector=detector.model,
        model=embedder.model,
        protocol=task.protocol,
        tally=tally,
        photos={name: len(photos) for name, photos in people.items()},
        strangers={name: len(photos) for name, photos in strangers.items()},
        problems=seen.problems,
        left_out=task.left_out,
    )


async def _look_through(eyes: Eyes, task: Task, *, hidden: bool) -> Seen:
    """Look at all photos; what is wrong with one is noted, and the rest goes on."""
    from uSense.cli.progress import progress

    seen = Seen()
    jobs = [*task.jobs, *task.strangers]
    with progress("photos", len(jobs), str, hidden=hidden) as tell:
        for person, path in jobs:
            problem = ""
            try:
                look, note = await eyes.look(path)
            except RequestError as error:
                problem = seen.trouble(person, path, error)
            else:
                seen.looks[look.photo] = look
                seen.photos.setdefault(person, []).append(look.photo)
                problem = seen.trouble(person, path, note) if note else ""
            tell(problem)
    return seen


@dataclass(frozen=True, slots=True)
class Eyes:
    """What turns a photo into a look."""

    detector: Detector
    embedder: Embedder
    lane: Lane

    async def look(self, path: Path) -> tuple[Look, RequestError | None]:
        """The largest face of a photo, and what is odd about it; BadImageError if there is none."""
        from uSense import imaging
        from uSense.control import CLEARLY_LARGER
        from uSense.core.trials import Look

        picture = imaging.ArrayPicture(await asyncio.to_thread(imaging.read, path))
        faces = await self.detector.detect(picture)
        if not faces:
            raise BadImageError(str(path), "no face was found", code="no_face")
        probe = await asyncio.to_thread(imaging.probe, picture, faces[0])
        look = Look(str(path), await self.lane.run(self.embedder.enroll, probe), probe.quality)
        if len(faces) > 1 and faces[0].box.area < CLEARLY_LARGER * faces[1].box.area:
            told = f"{len(faces)} faces are alike in size; the largest was taken"
            return look, BadImageError(str(path), told, code="many_faces")
        return look, None


def _nobody(folder: str, seen: Seen) -> str:
    problems = ", ".join(_problem_lines(seen.problems))
    told = f"nobody in {folder} has {FEWEST} usable photos, one to enroll and one to ask about"
    return f"{told}; {problems}" if problems else told


def _problem_lines(problems: Sequence[Mapping[str, str]]) -> list[str]:
    """One line for all problems, by their kind."""
    counts = Counter(problem["code"] for problem in problems)
    reasons = ", ".join(f"{count} {code}" for code, count in sorted(counts.items()))
    return [f"{counted(len(problems), 'photo')} with a problem: {reasons}"] if problems else []
