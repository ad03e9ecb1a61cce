"""What the data folder lies on: whether it lasts, and how it is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from uSense.cli import raspberry
from uSense.cli.checkup import LITTLE_SPACE
from uSense.core.findings import Finding, problem, warning
from uSense.pi import ROOT

WORN = 9
"""Tenths of its life that a memory has used, as it estimates itself."""
IN_MEMORY = ("tmpfs", "ramfs")


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of /proc/self/mountinfo: device number, place, options and kind of file system."""

    number: str
    place: str
    options: frozenset[str]
    kind: str


def look(folder: Path, root: Path = ROOT) -> Iterator[Finding]:
    """What is wrong with the place of the data folder; nothing if all is well."""
    try:
        mount = found((root / "proc/self/mountinfo").read_text("utf-8", "replace"), folder.absolute())
    except OSError:
        return
    if mount is not None:
        yield from lasting(mount, folder, contained=raspberry.contained(root))
        yield from health((root / "sys/dev/block" / mount.number).resolve(), root)
        if mount.place != "/" and not raspberry.contained(root):
            yield from full(root)


def found(mountinfo: str, folder: Path) -> Mount | None:
    """Where a folder lies."""
    best = None
    for line in mountinfo.splitlines():
        about, _, kind = line.partition(" - ")
        words, more = about.split(), kind.split()
        if len(words) < 6 or len(more) < 3:  # noqa: PLR2004 - the format has as many
            continue
        place = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), words[4])
        # A later mount hides an earlier one at the same place.
        if folder.is_relative_to(place) and (best is None or len(place) >= len(best.place)):
            best = Mount(words[2], place, frozenset((words[5] + "," + more[2]).split(",")), more[0])
    return best


def lasting(mount: Mount, folder: Path, *, contained: bool) -> Iterator[Finding]:
    """Whether what is written there is there tomorrow."""
    if "ro" in mount.options:
        todo = "`sudo dmesg` tells why: a card that is worn out, or one that was made so (`raspi-config`)"
        yield problem("disk", f"{mount.place}, where {folder} lies, is read-only", todo)
    if mount.kind in IN_MEMORY:
        yield warning("disk", f"{folder} lies in memory ({mount.kind}): all is lost at a restart")
    elif mount.kind == "overlay" and contained:
        text = f"{folder} lies inside of the container: all is lost when that is replaced"
        yield warning("disk", text, "mount a volume there")
    elif mount.kind == "overlay":
        text = f"{folder} lies on an overlay file system: all is lost when the Pi is restarted"
        todo = "`sudo raspi-config`, Performance Options, Overlay File System; or `data_dir` on a disk without it"
        yield warning("disk", text, todo)


def health(device: Path, root: Path) -> Iterator[Finding]:
    """Errors that the file system met, and the wear of a memory that tells it: eMMC does, SD cards do not."""
    errors = _number(root / "sys/fs/ext4" / device.name / "errors_count", 10)
    if errors:
        todo = "`usense backup`, then check it with fsck; if errors come again, replace it"
        yield warning("disk", f"the file system on {device.name} met {errors} errors", todo)
    for part in (device, device.parent):
        worn = _number(part / "device" / "life_time", 16)
        if worn >= WORN:
            yield warning("disk", f"{part.name} has used up {min(worn, 10) * 10} % of its life", "replace it soon")


def full(root: Path) -> Iterator[Finding]:
    """Whether the system's own disk has room, too: logs and updates need some."""
    free = shutil.disk_usage(root).free
    if free < LITTLE_SPACE:
        yield warning("disk", f"{free / 1e6:.0f} MB are free for the system (/)", "`sudo apt clean`; `df -h`")


def _number(file: Path, base: int) -> int:
    """The largest of the numbers in a file; 0 if there is none."""
    try:
        return max(int(word, base) for word in file.read_text("ascii").split())
    except (OSError, ValueError):
        return 0
