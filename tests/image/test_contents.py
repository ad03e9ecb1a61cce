"""What is in the image, and what is not."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import uSense
from tests.peers.container import IMAGE, Engine

pytestmark = [pytest.mark.image, pytest.mark.timeout(180)]

LARGEST = 450_000_000
"""Bytes of all files, without picamera2."""
LANDMARKS = "shape_predictor_68_face_landmarks.dat"
"""100 MB that come with a package and that nobody uses."""


async def inspected(podman: Engine) -> Any:
    """What the engine knows of the image."""
    return json.loads(await podman.done("image", "inspect", IMAGE))[0]


async def test_it_is_small(podman: Engine) -> None:
    """Without picamera2 it takes no more room than is promised."""
    assert (await inspected(podman))["Size"] <= LARGEST


async def test_it_says_what_it_is(podman: Engine) -> None:
    """Name, version, license and commit are its labels, and the version is that of the program in it."""
    labels = (await inspected(podman))["Labels"]
    said = {key.removeprefix("org.opencontainers.image."): value for key, value in labels.items()}
    assert (said["title"], said["version"]) == ("uSense", uSense.__version__)
    assert "MIT" in said["licenses"]
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", said["revision"])
    assert uSense.__version__ in await podman.done("run", "--rm", "--network", "none", IMAGE, "--version")


async def test_nothing_of_the_build_is_left(podman: Engine) -> None:
    """There is no compiler, no pip, no cache, no tests of packages, and of the models only what is used."""
    programs = await podman.shell("for p in gcc cc c++ make pip pip3 uv git curl wget; do command -v $p || true; done")
    assert programs == ""
    unwanted = (
        "-name '*.whl' -o -path '*/site-packages/*/tests/*' -o -path '*/site-packages/pip/*' -o -path '*/.cache/*'"
    )
    left = "-path '/var/lib/apt/lists/*' -o -path '/var/cache/apt/*' -o -path '/src/*' -o -path '/wheels/*'"
    unused = f"-name {LANDMARKS} -o -name mmod_human_face_detector.dat"
    find = rf"find / -xdev -type f \( {unwanted} -o {left} -o {unused} \)"
    assert await podman.shell(find, "--user", "0", "--cap-add", "DAC_READ_SEARCH") == ""


async def test_every_compiled_module_loads(podman: Engine) -> None:
    """What was taken out of the libraries to make them small was of no use to them."""
    script = """
import ctypes, pathlib, sys
import av, numpy, onnxruntime
for one in sorted(pathlib.Path(sys.prefix).rglob("*.so")):
    ctypes.CDLL(str(one))
    print(one)
"""
    assert len((await podman.shell(f"python -c '{script}'")).splitlines()) > 50


async def test_nothing_is_compiled_again_at_each_start(podman: Engine) -> None:
    """Every module of the packages and of uSense lies there compiled, and the check of its date is not needed."""
    script = """
import importlib.util, pathlib, sys
root = pathlib.Path(sys.prefix)
bare = [str(one) for one in root.rglob("*.py") if not pathlib.Path(importlib.util.cache_from_source(one)).is_file()]
print(*bare)
"""
    assert (await podman.shell(f"python -c '{script}'")).split() == []


async def test_nobody_is_root_and_nobody_becomes_it(podman: Engine) -> None:
    """The user is nobody special, without a capability, and no program lets anybody become somebody else."""
    user, groups = (await podman.shell("id -u; id -Gn")).splitlines()
    assert int(user) == 1000
    assert "video" in groups.split()
    assert "CapEff:\t0000000000000000" in await podman.shell("cat /proc/self/status")
    everybody = ("--user", "0", "--cap-add", "DAC_READ_SEARCH")
    assert await podman.shell("find / -xdev -type f -perm /6000", *everybody) == ""
    assert (await inspected(podman))["Config"]["User"] == "usense"


async def test_the_user_owns_the_data_alone(podman: Engine) -> None:
    """Even where the root can be written, uSense itself can change nothing of what runs."""
    find = (
        r"find / -xdev \( -type d -o -type f \) -writable -not -path '/proc/*' -not -path '/sys/*' 2>/dev/null || true"
    )
    found = await podman.shell(find, "--read-only=false")
    assert set(found.split()) <= {"/data", "/tmp", "/var/tmp", "/run/lock", "/dev/shm"}  # noqa: S108 - of the container
    assert "/data" in found.split()
