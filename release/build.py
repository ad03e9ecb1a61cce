"""Makes what is released, in dist/: source distribution, wheel, bill of materials, their SHA-256 (`make release`)."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import uSense
from release import contents, licenses, sbom
from release.pins import ROOT

DIST = ROOT / "dist"
BESIDE = tuple(sorted((ROOT / "config").glob("*.service")))
"""What a wheel cannot put into its place."""


class NotReadyError(Exception):
    """What is to be done before this can be released."""


def main() -> int:
    """Build, look at what was built, write it to dist/; exit code 1 and what is wrong if it cannot be released."""
    parser = argparse.ArgumentParser(prog="make release", description=main.__doc__)
    parser.add_argument("--draft", action="store_true", help="from the tree as it is, whatever the changelog says")
    arguments = parser.parse_args()
    if committed := _git("log", "-1", "--format=%ct"):
        os.environ.setdefault("SOURCE_DATE_EPOCH", committed)
    told = [*(() if arguments.draft else problems()), *licenses.problems()]
    try:
        files = [] if told else build(DIST)
    except NotReadyError as error:
        told, files = [str(error)], []
    if told:
        print("\n".join(told), file=sys.stderr)
        return 1
    print("\n".join(f"{file.relative_to(ROOT)}  {file.stat().st_size:,} bytes" for file in files))
    if not arguments.draft:
        print(f"\nTag it: git tag --annotate v{uSense.__version__} --message 'uSense {uSense.__version__}'")
    return 0


def problems() -> Iterator[str]:
    """What of the tree does not fit a release."""
    if _git("status", "--porcelain"):
        yield "something is not committed: git status"
    if not released(uSense.__version__, (ROOT / "CHANGELOG.md").read_text("utf-8")):
        yield f"CHANGELOG.md has no heading for this version with its day: ## [{uSense.__version__}] - YYYY-MM-DD"
    if _git("tag", "--list", f"v{uSense.__version__}"):
        yield f"there is a tag v{uSense.__version__} already: raise __version__ in uSense/__init__.py"


def released(version: str, changelog: str) -> bool:
    """Whether the changelog's newest version is this one, and tells something below it."""
    newest = re.search(r"^## \[(\d\S*)\] - \d{4}-\d\d-\d\d\n\s*(?=[^#\s]|### )", changelog, re.MULTILINE)
    return newest is not None and newest[1] == version


def build(folder: Path) -> list[Path]:
    """Build into the folder in place of what was built there; the wheel is made of the source distribution."""
    with tempfile.TemporaryDirectory() as scratch:
        first, second = (_distributions(Path(scratch, number)) for number in ("first", "second"))
        if [file.read_bytes() for file in first] != [file.read_bytes() for file in second]:
            raise NotReadyError("two builds of the same source differ")
        if told := [*contents.of_source(first[0]), *contents.of_wheel(first[1])]:
            raise NotReadyError("\n".join(told))
        folder.mkdir(exist_ok=True)
        for old in folder.glob("usense-*"):
            old.unlink()
        files = [Path(shutil.move(file, folder / file.name)) for file in first]
    files += [Path(shutil.copy(file, folder)) for file in BESIDE]
    bill = folder / f"usense-{uSense.__version__}.cdx.json"
    bill.write_text(sbom.text(), "utf-8")
    files.append(bill)
    sums = folder / "SHA256SUMS"
    sums.write_text(
        "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files), "utf-8"
    )
    return [*files, sums]


def _distributions(folder: Path) -> tuple[Path, Path]:
    """Source distribution, and the wheel of what is in it."""
    _hatchling(ROOT, "sdist", folder)
    (source,) = folder.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    _hatchling(folder / source.name.removesuffix(".tar.gz"), "wheel", folder)
    (wheel,) = folder.glob("*.whl")
    return source, wheel


def _hatchling(root: Path, target: str, folder: Path) -> None:
    command = (sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder)
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReadyError(f"the {target} cannot be built:\n{done.stderr}")


def _git(*words: str) -> str:
    """What git says of the tree; nothing where it is none."""
    if (program := shutil.which("git")) is None:
        return ""
    return subprocess.run((program, *words), cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
