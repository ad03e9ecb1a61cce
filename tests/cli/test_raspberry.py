"""The traps of a Raspberry Pi, from files as they are on real ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.terminal import Terminal
from uSense import pi
from uSense.cameras.picamera import PicameraSettings
from uSense.cli import raspberry
from uSense.core.findings import Finding
from uSense.core.throttling import Throttling
from uSense.settings import Settings

PI_4 = "Raspberry Pi 4 Model B Rev 1.4\0"
PI_5 = "Raspberry Pi 5 Model B Rev 1.0\0"
FIRST_START = """\
# For more options and information see
# http://rptl.io/configtxt
dtparam=audio=on

# Automatically load overlays for detected cameras
camera_auto_detect=1

dtoverlay=vc4-kms-v3d
max_framebuffers=2
arm_64bit=1

[cm5]
dtoverlay=dwc2,dr_mode=host

[all]
"""
BULLSEYE = "dtoverlay=vc4-fkms-v3d\n[all]\nstart_x=1\ngpu_mem=128\n"
MEMINFO = "MemTotal:        3885396 kB\nCmaTotal:         524288 kB\nCmaFree:          441276 kB\n"
ZRAM = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/zram0              partition\t2097136\t\t812032\t\t100\n"
SWAP_FILE = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/var/swap               file\t\t524272\t\t{used}\t\t-2\n"


def states(findings: Iterator[Finding]) -> dict[str, str]:
    """The state of each check."""
    return {finding.check: finding.state for finding in findings}


def machine(root: Path, model: str, **files: str) -> Path:
    """A Pi with a camera whose devices everybody may open; `files` are more texts by what they are."""
    places = {
        "config": "boot/firmware/config.txt",
        "meminfo": "proc/meminfo",
        "swaps": "proc/swaps",
        "container": "run/.containerenv",
    }
    texts = {places[name]: text for name, text in files.items()} | {"proc/device-tree/model": model}
    for name in ("dev/video0", "dev/media0", "dev/v4l-subdev0", "dev/dma_heap/linux,cma", "run/udev/control"):
        texts[name] = ""
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    return root


def settings(**camera: Any) -> Settings:
    """With one camera."""
    return Settings.model_validate({"cameras": {"hall": camera}})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("throttled=0x0", {"power": "ok"}),
        ("throttled=0x50005", {"power": "problem"}),
        ("throttled=0x50000", {"power": "warning"}),
        ("throttled=0x80008", {"power": "ok", "speed": "warning"}),
        ("throttled=0xe0000", {"power": "ok", "speed": "warning"}),
        ("throttled=0xd0008", {"power": "warning", "speed": "warning"}),
        ("throttled=0x20002", {"power": "ok", "speed": "warning"}),
    ],
)
def test_what_the_firmware_says(text: str, found: dict[str, str]) -> None:
    """Low voltage also slows the processor down, and is told once."""
    flags = Throttling.read(text)
    assert flags is not None
    told = [raspberry.power(flags), *raspberry.speed(flags)]
    assert states(iter(told)) == found
    assert all(finding.todo for finding in told if finding.state != "ok")


@pytest.mark.parametrize(("largest", "count"), [(2**63 - 1, 0), (2**31 - 1, 1)])
def test_a_system_of_32_bits(largest: int, count: int) -> None:
    """Also where the kernel has 64."""
    assert len(list(raspberry.bits(largest))) == count


@pytest.mark.parametrize(
    ("swaps", "count"),
    [("", 0), (ZRAM, 0), (SWAP_FILE.format(used=12288), 0), (SWAP_FILE.format(used=380416), 1)],
)
def test_memory_on_the_card(swaps: str, count: int) -> None:
    """A little of it is normal; compressed memory does no harm."""
    assert len(list(raspberry.swapped(swaps))) == count


@pytest.mark.parametrize(
    ("config", "cards", "state"),
    [
        (FIRST_START, [], None),
        (FIRST_START.replace("camera_auto_detect=1", "camera_auto_detect=0\ndtoverlay=imx708,cam0"), [], None),
        (FIRST_START.replace("camera_auto", "#camera_auto"), [], "warning"),
        (FIRST_START.replace("detect=1", "detect=0"), [], "warning"),
        (BULLSEYE, [], "problem"),
        (FIRST_START, ["mmal service 16.1"], "problem"),
        (FIRST_START, ["HD Pro Webcam C920"], None),
        ("", [], None),
    ],
)
def test_how_the_pi_starts(config: str, cards: list[str], state: str | None) -> None:
    """It must look for a camera or be told the sensor, and not give it to the stack that was before libcamera."""
    assert states(raspberry.boot(config, cards)).get("camera set-up") == state


@pytest.mark.parametrize(
    ("closed", "words", "todo"),
    [
        ([], None, None),
        (["dev/media0"], "may not open /dev/media0", "usermod -aG"),
        (["dev/video0", "dev/media0", "dev/v4l-subdev0"], "/dev/video0 and 2 more", "usermod -aG"),
        (["dev/dma_heap/linux,cma"], "may not open /dev/dma_heap/linux,cma", "usermod -aG"),
    ],
)
def test_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: list[str], words: str, todo: str) -> None:
    """The first device that is closed, and the group that it belongs to."""
    root = machine(tmp_path, PI_4)
    monkeypatch.setattr(raspberry, "_group", lambda _: "video")

    found = list(raspberry.rights(root, lambda device, _: str(device.relative_to(root)) not in closed))

    assert [finding.state for finding in found] == ["problem"] * bool(closed)
    assert all(words in finding.text and todo in finding.todo for finding in found)


def test_one_heap_is_enough(tmp_path: Path) -> None:
    """Pictures come from one of them."""
    root = machine(tmp_path, PI_4)
    (root / "dev/dma_heap/system").touch()
    assert list(raspberry.rights(root, lambda device, _: device.name != "system")) == []


def test_devices_of_root_need_a_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is to be put into the group root."""
    monkeypatch.setattr(raspberry, "_group", lambda _: "root")
    (found,) = raspberry.rights(machine(tmp_path, PI_4), lambda device, _: "dma_heap" not in str(device))
    assert 'SUBSYSTEM=="dma_heap", GROUP="video"' in found.todo


def test_in_a_container_the_group_has_a_number(tmp_path: Path) -> None:
    """Its name may mean another one there."""
    root = machine(tmp_path, PI_4, container="")
    (found,) = raspberry.rights(root, lambda *_: False)
    assert found.todo == f"`group_add: [{os.getgid()}]`"


@pytest.mark.parametrize(
    ("meminfo", "size", "state"),
    [
        (MEMINFO, (1280, 720), "ok"),
        (MEMINFO.replace("524288", "65536"), (1280, 720), "ok"),
        (MEMINFO.replace("524288", "65536"), (4056, 3040), "warning"),
        (MEMINFO.replace("524288", "16384"), (1280, 720), "warning"),
        ("MemTotal:        3885396 kB\n", (4056, 3040), None),
    ],
)
def test_memory_for_pictures(meminfo: str, size: tuple[int, int], state: str | None) -> None:
    """Its size must suffice; how much of it is lent to others does not matter."""
    camera = PicameraSettings(size=size)
    assert states(raspberry.contiguous(meminfo, [camera])).get("camera memory") == state


def test_a_container_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its environment, too: Podman leaves no other mark in one that is read-only."""
    assert not raspberry.contained(tmp_path)
    monkeypatch.setenv("container", "podman")
    assert raspberry.contained(tmp_path)


def test_what_a_container_lacks(tmp_path: Path) -> None:
    """By the names under which it is mapped."""
    root = machine(tmp_path, PI_4, container="")
    assert list(raspberry.unmapped(root)) == []
    (root / "dev/media0").unlink()
    (root / "run/udev/control").unlink()
    (found,) = raspberry.unmapped(root)
    assert found.text == "this container does not have /dev/media*, /run/udev"


@pytest.mark.parametrize(
    ("camera", "files", "found"),
    [
        ({"kind": "auto"}, {"model": PI_4, "meminfo": MEMINFO, "config": FIRST_START}, {"camera memory": "ok"}),
        ({"kind": "auto"}, {"model": PI_5, "meminfo": MEMINFO, "config": FIRST_START}, {}),
        ({"kind": "picamera"}, {"model": PI_5, "config": BULLSEYE}, {"camera set-up": "problem"}),
        ({"kind": "picamera"}, {"model": PI_5, "config": BULLSEYE, "container": ""}, {}),
        ({"kind": "stream", "url": "rtsp://x/"}, {"model": PI_4, "config": BULLSEYE}, {}),
        (
            {"kind": "stream", "url": "rtsp://x/"},
            {"model": PI_4, "swaps": SWAP_FILE.format(used=900000)},
            {"swap": "warning"},
        ),
        ({"kind": "auto"}, {"model": "Radxa", "config": BULLSEYE}, {}),
    ],
)
def test_only_what_concerns_the_settings_is_told(
    tmp_path: Path, camera: dict[str, Any], files: dict[str, str], found: dict[str, str]
) -> None:
    """Nothing about the Pi's own camera to those who have another one, and nothing of the Pi elsewhere."""
    root = machine(tmp_path, **files)
    assert states(raspberry.look(settings(**camera), root)) == found


def test_the_doctor_names_the_model(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Among the versions, which are asked for in reports; settings that are wrong end it there."""
    (tmp_path / "usense.yaml").write_text("nonsense: 1", "utf-8")
    monkeypatch.setattr(pi, "model", lambda *_: "Raspberry Pi 5 Model B Rev 1.0")
    monkeypatch.setattr(pi, "throttled", lambda *_: Throttling.read("throttled=0x50005"))
    out = terminal.run("doctor").out
    assert "Raspberry Pi 5 Model B Rev 1.0 (" in out
    assert "PROBLEM  power: the supply voltage is too low" in out
