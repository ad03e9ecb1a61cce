"""What a training tells people: who is enrolled now, and in a sentence or two what to mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from uSense.cli.common import counted
from uSense.core.models import Check, Training, WeakFace

NEAR = 0.05
"""A pair that scores this near below the threshold is told."""
_MOST_TOLD = 3


def report_lines(report: Training, threshold: float, photos: Mapping[str, str]) -> Iterator[str]:
    """The lines for a terminal; `photos` are the paths of the faces kept just now, by face id."""
    persons, faces = counted(report.persons, "person"), counted(report.faces, "face")
    yield f"trained: {persons}, {faces}, gallery {report.gallery}"
    if report.check is not None:
        yield from _check_lines(report.check)
    for name, weak in _by_name(report.weak).items():
        yield from _weak_lines(name, weak, photos)
    for pair in report.confusable:
        if pair.score >= threshold - NEAR:
            alike = f"{pair.a} and {pair.b} (score {pair.score:.2f})"
            yield f"  hard to tell apart: {alike}; add more different photos of both"


def _check_lines(check: Check) -> Iterator[str]:
    if check.known:
        sample = "" if check.complete else " (a random sample)"
        wrong = f", {check.wrong} another person's" if check.wrong else ""
        yield (
            f"  checked by leaving out each face once{sample}: {check.right} of {check.known} get the right name{wrong}"
        )
    if check.advice in {"raise", "lower"}:
        yield f"  advice for recognizer.rules.threshold: {check.text}"


def _weak_lines(name: str, weak: list[WeakFace], photos: Mapping[str, str]) -> Iterator[str]:
    for face in weak[:_MOST_TOLD]:
        which = photos.get(face.face_id, f"face {face.face_id}")
        yield f"  one photo of {name} does not look like the others: {which} (score {face.score:.2f})"
    if len(weak) > _MOST_TOLD:
        yield f"  nor do {len(weak) - _MOST_TOLD} more of {name}: is everybody on the photos {name}?"


def _by_name(weak: tuple[WeakFace, ...]) -> dict[str, list[WeakFace]]:
    found: dict[str, list[WeakFace]] = {}
    for face in weak:
        found.setdefault(face.name, []).append(face)
    return found
