"""The disk under the data folder: one of its own that can be filled and made read-only, where one may mount disks."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support import needs

_BYTES = 64 * 2**20
_FILLER = "filler"


def mountable() -> bool:
    """Whether this user on this machine may mount a disk made of a file."""
    return (
        os.geteuid() == 0
        and Path("/dev/loop-control").exists()
        and shutil.which("mkfs.ext4", path=needs.SBIN) is not None
    )


class Disk:
    """An ext4 disk in a file, mounted at `place`; where that is not possible, `place` is an ordinary folder."""

    def __init__(self, file: Path, place: Path) -> None:
        self.file = file
        self.place = place
        self.own = mountable()
        self._mounted = False

    def __enter__(self) -> Self:
        self.place.mkdir(parents=True, mode=0o700)
        if self.own:
            self.file.touch()
            os.truncate(self.file, _BYTES)
            _run("mkfs.ext4", "-q", "-F", str(self.file))
            self.mount()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._mounted:
            self.unmount()

    def mount(self) -> None:
        """Put the disk in its place."""
        _run("mount", "-w", "-o", "loop,errors=remount-ro", str(self.file), str(self.place))
        self._mounted = True

    def unmount(self) -> None:
        """Take it away; nobody may use it."""
        _run("umount", str(self.place))
        self._mounted = False

    def fail(self) -> None:
        """Let the kernel believe that the disk is damaged: it becomes read-only at once, under whoever uses it."""
        source = next(line.split()[0] for line in Path("/proc/mounts").read_text().splitlines() if self._is(line))
        Path("/sys/fs/ext4", Path(source).name, "trigger_fs_error").write_text("1", "ascii")

    def repair(self) -> None:
        """What a start after a power cut does; nobody may use the disk."""
        self.unmount()
        for _ in range(200):
            # The kernel lets go of the file a little later, and would write to it behind the checker's back.
            if not subprocess.run([_program("losetup"), "-j", str(self.file)], check=True, capture_output=True).stdout:
                break
            time.sleep(0.05)
        subprocess.run([_program("e2fsck"), "-y", "-f", str(self.file)], check=False, capture_output=True)
        self.mount()

    def fill(self) -> None:
        """Leave no room."""
        with (self.place / _FILLER).open("wb") as file, suppress(OSError):
            while True:
                file.write(bytes(2**20))
        with (self.place / _FILLER).open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(512))

    def make_room(self) -> None:
        """Undo `fill`."""
        (self.place / _FILLER).unlink(missing_ok=True)

    def _is(self, line: str) -> bool:
        return line.split()[1] == str(self.place)


def _program(name: str) -> str:
    return needs.program(name, "util-linux e2fsprogs")


def _run(program: str, *arguments: str) -> None:
    subprocess.run([_program(program), *arguments], check=True, capture_output=True)
