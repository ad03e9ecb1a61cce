"""Which licenses come with uSense: reads what is installed, writes the tables of docs/licenses.md (`make docs`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from release import terms
from release.pins import PYTHONS, ROOT, Pin, pins

FILE = ROOT / "docs" / "licenses.md"
BEGIN, END = "<!-- `make docs` writes the {part} -->", "<!-- end of the {part} -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package that comes with uSense, on Linux."""

    name: NormalizedName
    pins: tuple[Pin, ...]
    """One a version: which of them is installed can depend on the Python."""
    license: str
    """SPDX expression; empty if nobody knows."""
    source: str
    """Where the license is told."""

    @property
    def libraries(self) -> tuple[terms.Library, ...]:
        return terms.BUNDLED.get(self.name, ())


@cache
def packages() -> tuple[Package, ...]:
    """What run.txt pins."""
    return tuple(_package(name, of) for name, of in _by_name(pins("run")).items())


@cache
def extra() -> tuple[Package, ...]:
    """What image.txt pins besides: the extra `pi`, which is not installed where this runs."""
    known = {one.name for one in packages()}
    return tuple(_package(name, of) for name, of in _by_name(pins("image")).items() if name not in known)


def problems() -> Iterator[str]:
    """What is unknown, what must not come with uSense, and what is told of packages that are gone."""
    for package in (*packages(), *extra()):
        asked = [package.license, *(library.license for library in package.libraries)]
        if not package.license:
            yield f"{package.name}: its license is not known: look it up and add it to release/terms.py"
        elif not all(terms.allowed(one, terms.PERMISSIVE | terms.COPYLEFT) for one in asked):
            yield f"{package.name}: must not come with uSense: {', '.join(asked)}"
        elif not all(terms.allowed(one, terms.PERMISSIVE) for one in asked) and package.name not in terms.REASONS:
            yield f"{package.name}: needs a reason in release/terms.py: {', '.join(asked)}"
        listed = {file for library in package.libraries for file in library.files.split()}
        yield from (
            f"{package.name}: {file} is not in release/terms.py" for file in sorted(brought(package.name) - listed)
        )
    here = {one.name for one in (*packages(), *extra())}
    for name in sorted({*terms.STATED, *terms.PI, *terms.REASONS, *terms.BUNDLED} - here):
        yield f"{name}: is in release/terms.py, but nothing needs it"


def render(text: str) -> str:
    """The text of docs/licenses.md with its tables as they should be."""
    parts = {"packages": _rows(packages()), "packages of the Pi's camera": _rows(extra()), "libraries": _libraries()}
    for part, lines in parts.items():
        before, _, rest = text.partition(BEGIN.format(part=part))
        _, found, after = rest.partition(END.format(part=part))
        if not found:
            raise ValueError(f"{FILE.name} has no place for the {part}")
        text = "\n".join([f"{before}{BEGIN.format(part=part)}", "", *lines, "", f"{END.format(part=part)}{after}"])
    return text


def requires(name: str) -> frozenset[NormalizedName]:
    """The packages that this one names, whatever the platform; without its extras."""
    of = _installed(name)
    wanted = map(Requirement, (of.requires if of else None) or ())
    return frozenset(canonicalize_name(one.name) for one in wanted if "extra" not in str(one.marker))


def brought(name: str) -> frozenset[str]:
    """The beginnings of the names of the libraries that the installed wheel brings in `<package>.libs`."""
    of = _installed(name)
    files = [file.name for file in (of.files if of else None) or () if file.parts[0].endswith(".libs")]
    return frozenset(re.split(r"-[0-9a-f]{6,}|\.so", file)[0].rstrip("-") for file in files)


def _by_name(wanted: Iterator[Pin]) -> dict[NormalizedName, tuple[Pin, ...]]:
    found: dict[NormalizedName, tuple[Pin, ...]] = {}
    for pin in wanted:
        if any(map(pin.on_linux, PYTHONS)):
            found[pin.name] = (*found.get(pin.name, ()), pin)
    return found


def _package(name: NormalizedName, of: tuple[Pin, ...]) -> Package:
    installed = _installed(name)
    told = (_told(installed), "its metadata") if installed else ("", "")
    expression, source = terms.STATED.get(name) or terms.PI.get(name) or told
    return Package(name=name, pins=of, license=expression, source=source)


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _told(of: Distribution) -> str:
    """The license as the metadata has it, as an SPDX expression; empty if it is not clear."""
    fields = ("License-Expression", "License", "Classifier")
    words = [terms.SPELLED.get(word, word) for field in fields for word in of.metadata.get_all(field, [])]
    return next((word for word in words if terms.allowed(word, terms.PERMISSIVE | terms.COPYLEFT)), "")


def _rows(of: tuple[Package, ...]) -> Iterator[str]:
    yield "| package | version | license | told by |"
    yield "| --- | --- | --- | --- |"
    for one in of:
        versions = ", ".join(dict.fromkeys(pin.version for pin in one.pins))
        yield f"| {one.name} | {versions} | {one.license} | {one.source} |"


def _libraries() -> Iterator[str]:
    yield "| in | library | license |"
    yield "| --- | --- | --- |"
    for package in packages():
        yield from (f"| {package.name} | {one.name} | {one.license} |" for one in package.libraries)


if __name__ == "__main__":
    FILE.write_text(render(FILE.read_text("utf-8")), "utf-8")
    raise SystemExit("\n".join(problems()) or None)
