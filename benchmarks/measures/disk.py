"""A disk of its own, whose every block is counted: an ext4 file system in a file, through a loop device."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
MEGABYTES = 1024


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted file system."""

    root: Path
    device: str

    def written(self) -> int:
        """Bytes so far, data, metadata and journal, also what still was on its way."""
        _done("sync", "--file-system", str(self.root))
        return SECTOR * int(Path(f"/sys/block/{self.device}/stat").read_text("ascii").split()[6])


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """One that is mounted as a Pi's: ext4, noatime. Needs root and a loop device; ends the program without."""
    image, root = folder / "disk.img", folder / "disk"
    root.mkdir()
    with image.open("wb") as file:
        file.truncate(MEGABYTES << 20)
    # Tables that the kernel would fill in later would count as written by the service.
    lazy = "lazy_itable_init=0,lazy_journal_init=0"
    _done("mkfs.ext4", "-q", "-E", lazy, str(image))
    _done("mount", "-o", "loop,noatime", str(image), str(root))
    try:
        source = _done("findmnt", "--noheadings", "--output", "SOURCE", str(root)).strip()
        yield Disk(root, Path(source).name)
    finally:
        _done("umount", "--lazy", str(root))


def _done(*command: str) -> str:
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        sys.exit(f"{' '.join(command)}: {found.stderr.strip()}\nthis benchmark needs root and a loop device")
    return found.stdout
