"""Looks whether the image for a Pi is as it should be, under emulation: `docker/arm64 check` runs this and says how.

All runs on the processor of a Pi 4, as QEMU knows it: what that one lacks ends a program with "illegal instruction".
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import uSense
from tests.image import alike
from tests.peers import container
from tests.peers.container import SHUT_OFF, Engine
from tests.peers.witness import Witness
from tests.support import needs
from uSense.demo.portraits import EILEEN, GRACE

Check: TypeAlias = Callable[[Engine], Awaitable[str]]
"""Returns what was found; raises AssertionError if that is not well."""

ARM = "localhost/usense:arm64"
LARGEST = 550_000_000
"""Bytes of all files, with picamera2."""
PI4, PI5, ANY = "cortex-a72", "cortex-a76", "max"
"""Processors as QEMU calls them."""
PATIENCE = 900.0
"""Seconds that anything may take: a processor that is emulated, and maybe shared, is slow."""
PACE = "0.05"
"""Of the demo's people: one look takes seconds here."""
YUNET = needs.ROOT.parent / "shared" / "models" / "face_detection_yunet_2023mar.onnx"
MODULES = (
    "aiohttp", "av", "cryptography.fernet", "dlib", "libcamera", "numpy", "onnxruntime", "PIL.Image", "psutil",
    "pydantic", "uvloop", "yaml",
)  # fmt: skip


async def run(podman: Engine, image: str, *command: str, options: Sequence[str] = (), cpu: str = PI4) -> str:
    """What Python says in a container that is shut off from everything but this repository's tests."""
    own = ("--env", "PYTHONPATH=/src", "--env", f"QEMU_CPU={cpu}", "--volume", f"{needs.ROOT / 'tests'}:/src/tests:ro")
    beginning = ("run", "--rm", *SHUT_OFF, "--network", "none", *own, *options, "--entrypoint", "python", image)
    code, out, err = await podman.ask(*beginning, *command, seconds=PATIENCE)
    assert code == 0, f"{' '.join(command)} ended with {code}: {out}{err}"
    return out.strip()


async def size(podman: Engine) -> str:
    """All its files together are as small as is promised."""
    there = json.loads(await podman.done("image", "inspect", ARM))[0]
    assert there["Architecture"] == "arm64", there["Architecture"]
    assert there["Size"] <= LARGEST, there["Size"]
    return f"{there['Size'] / 1e6:.0f} MB of at most {LARGEST / 1e6:.0f}"


async def version(podman: Engine) -> str:
    """It says which it is, in a time that tells how slow all this is."""
    begin = time.monotonic()
    said = await run(podman, ARM, "-m", "uSense", "--version")
    assert uSense.__version__ in said, said
    return f"{said}, after {time.monotonic() - begin:.0f} s"


async def modules(podman: Engine) -> str:
    """All that is no Python runs on a Pi 4."""
    script = (
        f"import {', '.join(MODULES)}, pathlib, platform; from uSense.cameras import pidevice; "
        "pathlib.Path('/tmp/video0').touch(); pidevice.load(pathlib.Path('/tmp')); print(platform.machine())"
    )
    assert await run(podman, ARM, "-c", script) == "aarch64"
    return f"imported on {PI4}: {', '.join(MODULES)}, picamera2"


async def camera(podman: Engine) -> str:
    """The virtual camera of libcamera delivers through picamera2 to uSense's own camera."""
    with TemporaryDirectory() as folder:
        heap = await _heap(podman, Path(folder))
        options = (
            *("--volume", f"{heap}:/lab/dmaheap.so:ro", "--env", "LD_PRELOAD=/lab/dmaheap.so"),
            *("--volume", f"{needs.ROOT}/tests/pi/virtual.yaml:/usr/share/libcamera/pipeline/virtual/virtual.yaml:ro"),
            *("--env", "LIBCAMERA_LOG_LEVELS=*:ERROR"),
        )
        said = await run(podman, ARM, "-m", "tests.image.camera", options=options)
        return said.splitlines()[-1]


async def _heap(podman: Engine, folder: Path) -> Path:
    """tests/pi/dmaheap.c for arm64, made by the compiler of the stage that builds the packages."""
    mounts = ("--volume", f"{needs.ROOT}/tests/pi/dmaheap.c:/dmaheap.c:ro", "--volume", f"{folder}:/made")
    compiler = ("gcc", "-shared", "-fPIC", "-O2", "-Wall", "-o", "/made/dmaheap.so", "/dmaheap.c", "-ldl")
    whole = ("run", "--rm", "--user", "0", "--entrypoint", compiler[0], *mounts, f"{ARM}-build", *compiler[1:])
    code, _, err = await podman.ask(*whole, seconds=PATIENCE)
    assert code == 0, err
    return folder / "dmaheap.so"


async def demo(podman: Engine) -> str:
    """Shut off from all but the network it recognizes both people, which a client of this machine hears."""
    name = podman.name()
    options = (*SHUT_OFF, "--network", "host", "--no-healthcheck", "--env", f"QEMU_CPU={PI4}")
    process = await podman.start(
        *("run", "--rm", "--name", name, *options, ARM, "demo", "--pace", PACE),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    begin, said = time.monotonic(), ""
    while not (port := re.search(r"mosquitto at 127\.0\.0\.1:(\d+)", said)):
        line = await process.stdout.readline()
        assert line, said
        said += line.decode()
    rest = asyncio.create_task(process.stdout.read())
    async with Witness(int(port[1]), "usense/#") as witness:
        await witness.until(
            lambda: {one.json["name"] for one in witness.of("usense/identity")} >= {GRACE.name, EILEEN.name}, PATIENCE
        )
        took = time.monotonic() - begin
        told = [await _told(podman, name, program) for program in ("healthcheck", "doctor")]
    await podman.done("stop", "--time", "60", name)
    assert await process.wait() == 0, said + (await rest).decode()
    return f"{GRACE.name} and {EILEEN.name} after {took:.0f} s; {'; '.join(told)}; stopped with exit code 0"


async def _told(podman: Engine, name: str, program: str) -> str:
    """What one of uSense's programs says of the service in a running demo, in its last line."""
    line = f"usense {program} -c /tmp/usense-demo-*/usense.yaml"
    code, out, err = await podman.ask("exec", name, "sh", "-c", line, seconds=PATIENCE)
    assert code == 0, f"{line} ended with {code}: {out}{err}"
    return f"{program}: {out.splitlines()[-1]}"


async def figures(podman: Engine, image: str, cpu: str = ANY) -> Mapping[str, object]:
    """What tests/image/figures.py finds there."""
    weights = ("--volume", f"{YUNET}:/lab/yunet.onnx:ro") if YUNET.is_file() else ()
    arguments = ("/lab/yunet.onnx",) if weights else ()
    found = await run(podman, image, "-m", "tests.image.figures", *arguments, options=weights, cpu=cpu)
    made: Mapping[str, object] = json.loads(found)
    return made


def same_on(cpu: str, here: Mapping[str, object]) -> Check:
    """The check whether one of those processors computes what this machine's own does."""

    async def check(podman: Engine) -> str:
        lines = alike.compare(await figures(podman, ARM, cpu), here)
        said = "; ".join(line for line, _ in lines)
        assert all(well for _, well in lines), said
        return said

    return check


async def main() -> int:
    """Look at everything, and tell."""
    with container.engine() as podman:
        here = await figures(podman, container.IMAGE)
    checks: Sequence[tuple[str, Check]] = (
        ("size", size),
        ("version", version),
        ("all runs on a Pi 4", modules),
        *((f"same results, {cpu}", same_on(cpu, here)) for cpu in (PI4, PI5, ANY)),
        ("virtual camera", camera),
        ("demo", demo),
    )
    failed = 0
    with container.engine(arch="arm64") as podman:
        for name, check in [one for one in checks if one[0] in sys.argv[1:] or not sys.argv[1:]]:
            try:
                result, found = "ok", await check(podman)
            except (AssertionError, TimeoutError) as error:
                result, found, failed = "FAILED", str(error) or type(error).__name__, failed + 1
            sys.stdout.write(f"{result:7} {name:25} {found}\n")
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
