"""What a build's arguments change."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.peers import archive
from tests.peers.container import SHUT_OFF, Engine
from tests.support import needs
from uSense.weights import YUNET

pytestmark = [pytest.mark.image, pytest.mark.timeout(600)]


async def build(repository: Path, image: str, *options: str, **arguments: str) -> tuple[int, str]:
    """Build the image of a repository with arguments; exit code and what was said."""
    given = (part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}"))
    process = await asyncio.create_subprocess_exec(
        *(str(repository / "docker" / "lab"), "build", *options, *given),
        env=os.environ | {"IMAGE": image},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_weights_are_baked_in(podman: Engine, tmp_path: Path, models: Path) -> None:
    """YuNet, here from a file beside the Dockerfile, searches for faces, and the 68 points of a face are kept."""
    for part in ("docker", "requirements", "uSense"):
        shutil.copytree(needs.ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in (".dockerignore", "LICENSE", "README.md", "pyproject.toml"):
        shutil.copy2(needs.ROOT / part, tmp_path)
    shutil.copy2(models / YUNET.file, tmp_path / "docker")
    image = "localhost/usense:yunet"
    code, said = await build(tmp_path, image, MODELS="yunet landmarks")
    assert code == 0, said

    run = ("run", "--rm", "--no-healthcheck", "--network", "none", *SHUT_OFF, image)
    (listed,) = json.loads(await podman.done(*run, "models", "list", "--json"))
    assert (listed["state"], listed["path"].startswith("/opt/usense/")) == ("there", True)
    check = "from uSense.recognizers import points; print(points._checked())"
    assert "68_face_landmarks" in await podman.done("run", "--rm", "--entrypoint", "python", image, "-c", check)
    assert "detector: yunet" in (await podman.ask(*run, "doctor"))[1]


async def test_libcamera_of_raspberry_pi(podman: Engine, tmp_path: Path) -> None:
    """Taken from the archive that is named, if its key comes from the package that is known."""
    image = "localhost/usense:archive"
    packages = {
        "libcamera-ipa": "usr/share/libcamera-ipa/there",
        "python3-libcamera": "usr/lib/python3/dist-packages/libcamera/there",
    }
    with archive.archive(tmp_path, packages) as served:
        known = {
            "LIBCAMERA": "raspberrypi",
            "PICAMERA2": "yes",
            "RASPBERRYPI_ARCHIVE": served.url,
            "RASPBERRYPI_KEYRING": served.keyring,
            "RASPBERRYPI_KEYRING_SHA256": served.sha256,
        }
        code, said = await build(needs.ROOT, image, "--target", "base", **known)
        assert code == 0, said
        wrong = await build(needs.ROOT, image, "--target", "base", **known | {"RASPBERRYPI_KEYRING_SHA256": "0" * 64})
    installed = await podman.done("run", "--rm", image, "dpkg-query", "-W", *packages)
    assert [line.split("\t")[1] for line in installed.splitlines()] == [archive.VERSION] * 2
    assert wrong[0] != 0
    assert "Hash Sum mismatch" in wrong[1]
