"""The traps of a Raspberry Pi, and of a container on one."""

from __future__ import annotations

import grp
import os
import pwd
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from uSense import pi
from uSense.core.findings import Finding, ok, problem, warning
from uSense.core.throttling import SLOWED, SLOWED_ONCE, Throttling

if TYPE_CHECKING:
    from uSense.cameras.picamera import PicameraSettings
    from uSense.settings import Settings

BOOT = ("boot/firmware/config.txt", "boot/config.txt")
MAPPED = ("dev/video*", "dev/media*", "dev/v4l-subdev*", "dev/dma_heap/*", "run/udev/*")
"""What the Pi's own camera is reached by."""
SENSORS = re.compile(r"dtoverlay=(imx|ov\d|arducam|ar\d|gc\d|mira|vd\d|irs|tc358743|adv728|camera-mux)")
LEGACY = "mmal service"
"""How the cards of the driver begin that came before libcamera."""
MUCH_SWAP = 100_000
"""KiB outside of the memory."""
_OWN_MEMORY = ("Raspberry Pi 5", "Raspberry Pi Compute Module 5")
"""Models whose cameras use any memory."""
_RAW = 2304 * 1296
"""Pixels of what a sensor gives at least, in the modes that libcamera takes."""
_BUFFERS, _BYTES, _RESERVE = 4, 1.5, 1.5
"""Pictures of a stream at a time, uSense's and libcamera's own; bytes of a pixel; and what else there may be."""


def look(settings: Settings, root: Path = pi.ROOT) -> Iterator[Finding]:
    """What may be wrong for these settings, as far as it can be seen from files."""
    from uSense.cameras.auto import AutoSettings
    from uSense.cameras.picamera import PicameraSettings

    model = pi.model(root)
    if model:
        yield from bits(sys.maxsize)
        yield from swapped(_text(root / "proc/swaps"))
    chosen = settings.cameras.values()
    own = [camera for camera in chosen if isinstance(camera, PicameraSettings)]
    if model:
        own.extend(PicameraSettings(fps=camera.fps) for camera in chosen if isinstance(camera, AutoSettings))
    if not own:
        return
    if contained(root):
        yield from unmapped(root)
    elif model:
        text = next((text for text in map(_text, (root / name for name in BOOT)) if text), "")
        yield from boot(text, _cards(root / "dev"))
    yield from rights(root)
    if model and not model.startswith(_OWN_MEMORY):
        yield from contiguous(_text(root / "proc/meminfo"), own)


def contained(root: Path = pi.ROOT) -> bool:
    """Whether this is a container: by Docker's mark, by Podman's, which read-only ones lack, or by the environment."""
    marks = (".dockerenv", "run/.containerenv", "run/systemd/container")
    named = os.environ.get("container")  # noqa: SIM112 - that is its name
    return bool(named) or any((root / mark).exists() for mark in marks)


# Power and speed


def power(flags: Throttling) -> Finding:
    """Whether the supply is strong enough."""
    todo = "use the Pi's own power supply and a short cable"
    if Throttling.UNDERVOLTAGE in flags:
        return problem("power", "the supply voltage is too low", todo)
    if Throttling.UNDERVOLTAGE_OCCURRED in flags:
        return warning("power", "the supply voltage was too low since the Pi was started", todo)
    return ok("power", "no undervoltage")


def speed(flags: Throttling) -> Iterator[Finding]:
    """Whether the firmware slows the processor down; for low voltage, `power` tells."""
    todo = "cool it: a fan, a heat sink, less fps"
    if flags & SLOWED and Throttling.UNDERVOLTAGE not in flags:
        yield warning("speed", "the processor is slowed down: it is too hot", todo)
    elif flags & SLOWED_ONCE and Throttling.UNDERVOLTAGE_OCCURRED not in flags:
        yield warning("speed", "the processor was slowed down since the Pi was started: it was too hot", todo)


# The system


def bits(largest: int) -> Iterator[Finding]:
    """Whether the system has 64 bits, whatever its kernel has."""
    if largest <= 1 << 32:
        yield problem("system", "has 32 bits, and recognition is not made for that", "install the 64-bit Pi OS")


def swapped(swaps: str) -> Iterator[Finding]:
    """Whether memory lies on the card, from /proc/swaps; in zram it does no harm."""
    for line in swaps.splitlines()[1:]:
        place, _, _, used = line.split()[:4]
        if "zram" not in place and used.isdecimal() and int(used) > MUCH_SWAP:
            todo = "end other programs: it makes recognition late, and wears out an SD card"
            yield warning("swap", f"{int(used) / 1000:.0f} MB of the memory are in {place}", todo)


# The Pi's own camera


def unmapped(root: Path) -> Iterator[Finding]:
    """What the container does not have of the Pi."""
    missing = [f"/{pattern.removesuffix('/*')}" for pattern in MAPPED if not any(root.glob(pattern))]
    if missing:
        todo = "map them into it before it starts (docs/container.md), or choose another `kind` of camera"
        yield warning("camera devices", f"this container does not have {', '.join(missing)}", todo)


def boot(config: str, cards: Sequence[str]) -> Iterator[Finding]:
    """Whether the Pi looks for a camera when it starts, and with which stack; `config` is config.txt."""
    check, file = "camera set-up", "/boot/firmware/config.txt"
    lines = [line.strip().replace(" ", "") for line in config.splitlines()]
    if any(card.startswith(LEGACY) for card in cards) or "start_x=1" in lines:
        todo = f"in {file} replace `start_x=1` by `camera_auto_detect=1`, and restart the Pi"
        yield problem(check, "the legacy camera stack has the camera, so libcamera cannot", todo)
    elif lines and "camera_auto_detect=1" not in lines and not any(SENSORS.match(line) for line in lines):
        todo = f"write `camera_auto_detect=1` into {file} below `[all]`, or the sensor's `dtoverlay=`; restart the Pi"
        yield warning(check, "the Pi does not look for a camera when it starts", todo)


def rights(root: Path, may: Callable[[Path, int], bool] = os.access) -> Iterator[Finding]:
    """Whether this user may open what the camera is reached by."""
    heaps = sorted(root.glob("dev/dma_heap/*"))
    closed: list[Path] = []
    for pattern in MAPPED[:3]:
        closed.extend(device for device in sorted(root.glob(pattern)) if not may(device, os.R_OK | os.W_OK))
    if not any(may(heap, os.R_OK | os.W_OK) for heap in heaps):
        closed.extend(heaps)
    if not closed:
        return
    user, group = pwd.getpwuid(os.geteuid()).pw_name, _group(closed[0])
    others = f" and {len(closed) - 1} more" if len(closed) > 1 else ""
    text = f"{user} may not open /{closed[0].relative_to(root)}{others}"
    if contained(root):
        todo = f"`group_add: [{closed[0].stat().st_gid}]`"
    elif group == "root":
        # As Pi OS has it; Debian leaves the heaps to root.
        rule = f'SUBSYSTEM=="{"dma_heap" if closed[0] in heaps else "media"}", GROUP="video", MODE="0660"'
        todo = f"write `{rule}` into /etc/udev/rules.d/60-camera.rules, and restart the Pi"
    else:
        todo = f"`sudo usermod -aG {group} {user}`, then log in anew, or restart the service"
    yield problem("camera rights", text, todo)


def contiguous(meminfo: str, cameras: Sequence[PicameraSettings]) -> Iterator[Finding]:
    """Whether the memory that is set aside for pictures suffices.

    Only its size counts: what is called free of it is lent to others, who give it back.
    """
    found = re.search(r"^CmaTotal: +(\d+) kB", meminfo, re.MULTILINE)
    if found is None:
        return
    total = int(found[1]) * 1024
    pixels = 0
    for camera in cameras:
        large, small = (width * height for width, height in (camera.size, camera.lores_size))
        pixels += large + small + max(large, _RAW)
    need = pixels * _BUFFERS * _BYTES * _RESERVE
    text = f"{total / 1e6:.0f} MB are set aside for pictures (CMA)"
    if total >= need:
        yield ok("camera memory", text)
    else:
        todo = "`dtoverlay=vc4-kms-v3d,cma-256` in config.txt (cma-128 with less than 1 GB), or a smaller `size`"
        yield warning("camera memory", f"{text}; these cameras may need {need / 1e6:.0f}", todo)


def _cards(devices: Path) -> Sequence[str]:
    from uSense.cameras import v4l2

    return [device.card for device in v4l2.cameras(devices)]


def _group(device: Path) -> str:
    number = device.stat().st_gid
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""
