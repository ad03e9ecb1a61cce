"""Whether a Pi can install what is pinned without a compiler: python -m release.wheels."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

import uv

from release.pins import PYTHONS, Pin, pins

PLATFORM = "aarch64-manylinux_2_28"
"""The glibc of a distribution older than any that uSense is for: Pi OS bookworm has 2.36."""
BUILT = {
    "face-recognition-models": "four files of weights and no code; its author published the source archive alone",
    "pidng": "no wheel is published; picamera2 needs it for raw pictures, which uSense does not take",
    "python-prctl": "no wheel is published; picamera2 names its process by it (compiler and libcap-dev needed)",
}
"""What is built where it is installed, or in the image's build stage, and why."""


def wanted() -> list[Pin]:
    """What a Pi installs from wheels: the service and the extra `pi`."""
    return [pin for pin in pins("image") if pin.name not in BUILT]


def lacking(of: Iterable[Pin], python: str) -> list[str]:
    """Which of them have no pinned wheel for a Pi with this Python, nor one of pure Python, in words.

    Asks the package index that the machine is set up for; nothing is downloaded but metadata.
    """
    pinned = {pin.name: pin for pin in of if pin.on_linux(python)}
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "wanted.txt"), Path(folder, "pylock.toml")
        source.write_text("".join(f"{pin.requirement}\n" for pin in pinned.values()), "utf-8")
        done = subprocess.run(
            [
                *(uv.find_uv_bin(), "pip", "compile", "--quiet", "--no-deps", "--only-binary", ":all:"),
                *("--python", sys.executable, "--python-version", python, "--python-platform", PLATFORM),
                *(source, "--output-file", target),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            return [done.stderr.strip()]
        found = {one["name"]: one.get("wheels", ()) for one in tomllib.loads(target.read_text("utf-8"))["packages"]}
    return [
        f"{name} {pin.version}: none of its fitting wheels is among the pinned files"
        for name, pin in pinned.items()
        if not {wheel["hashes"]["sha256"] for wheel in found.get(name, ())} & {*pin.hashes}
    ]


def main() -> int:
    """Print what no Pi could install; exit code 1 if there is any."""
    told = {python: lacking(wanted(), python) for python in PYTHONS}
    for python, lacks in told.items():
        print(f"Python {python} on {PLATFORM}:", "\n".join(lacks) or "all packages have wheels")
    return any(map(bool, told.values()))


if __name__ == "__main__":
    sys.exit(main())
