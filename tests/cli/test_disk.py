"""What the data folder lies on, from files as they are on real machines."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from uSense.cli import disk
from uSense.cli.disk import Mount

PI_OS = r"""
24 30 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
30 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw
40 30 0:34 / /tmp rw,nosuid,nodev shared:19 - tmpfs tmpfs rw,size=1942700k,nr_inodes=1048576
52 30 8:1 / /media/my\040disk rw,relatime shared:30 - ext4 /dev/sda1 rw
"""
OVERLAY = "22 1 0:20 / / rw,relatime shared:1 - overlay overlayroot rw,lowerdir=/media/root-ro,upperdir=/media/root-rw"
DOCKER = r"""
700 600 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A,upperdir=/b/diff
730 700 179:2 /var/lib/docker/volumes/usense/_data /data rw,noatime - ext4 /dev/mmcblk0p2 rw
"""
BROKEN = "30 1 179:2 / / ro,noatime shared:1 - ext4 /dev/mmcblk0p2 ro,errors=remount-ro"
MEMORY = Mount("179:2", "/", frozenset({"rw"}), "ext4")


@pytest.mark.parametrize(
    ("mountinfo", "folder", "place", "kind"),
    [
        (PI_OS, "/var/lib/usense", "/", "ext4"),
        (PI_OS, "/tmp/usense", "/tmp", "tmpfs"),  # noqa: S108 - a name in a table
        (PI_OS, "/media/my disk/usense", "/media/my disk", "ext4"),
        (OVERLAY, "/var/lib/usense", "/", "overlay"),
        (DOCKER, "/data", "/data", "ext4"),
        (DOCKER, "/database", "/", "overlay"),
        (OVERLAY + "\n" + OVERLAY.replace("overlay", "tmpfs"), "/data", "/", "tmpfs"),
    ],
)
def test_where_a_folder_lies(mountinfo: str, folder: str, place: str, kind: str) -> None:
    """The innermost file system, and of several at one place the last."""
    mount = disk.found(mountinfo, Path(folder))
    assert mount is not None
    assert (mount.place, mount.kind) == (place, kind)


@pytest.mark.parametrize("mountinfo", ["", "nonsense", "1 2 3 - 4", "52 30 8:1 / /media rw - ext4 /dev/sda1 rw"])
def test_what_is_not_known_is_not_told(mountinfo: str) -> None:
    """No guess."""
    assert disk.found(mountinfo, Path("/data")) is None


@pytest.mark.parametrize(
    ("mountinfo", "contained", "state", "words"),
    [
        (PI_OS, False, None, ""),
        (OVERLAY, False, "warning", "all is lost when the Pi is restarted"),
        (DOCKER.replace("/data", "/other"), True, "warning", "inside of the container"),
        (DOCKER, True, None, ""),
        (BROKEN, False, "problem", "is read-only"),
        (PI_OS.replace(" /media/my", " /data/my").replace(" /tmp", " /data"), False, "warning", "in memory (tmpfs)"),
    ],
)
def test_whether_it_lasts(mountinfo: str, contained: bool, state: str | None, words: str) -> None:  # noqa: FBT001 - a row
    """Over a restart, and over a container."""
    mount = disk.found(mountinfo, Path("/data"))
    assert mount is not None
    found = list(disk.lasting(mount, Path("/data"), contained=contained))
    assert [finding.state for finding in found] == ([] if state is None else [state])
    assert all(words in finding.text for finding in found)


@pytest.mark.parametrize(
    ("errors", "life", "texts"),
    [
        (None, None, []),
        ("0\n", "0x01 0x01\n", []),
        ("12\n", None, ["the file system on mmcblk0p2 met 12 errors"]),
        ("0\n", "0x02 0x09\n", ["mmcblk0 has used up 90 % of its life"]),
        ("0\n", "0x0b 0x00\n", ["mmcblk0 has used up 100 % of its life"]),
        ("?", "?", []),
    ],
)
def test_how_it_is(tmp_path: Path, errors: str | None, life: str | None, texts: list[str]) -> None:
    """Errors of the file system, and the wear of an eMMC."""
    part = tmp_path / "sys/devices/platform/emmc2bus/mmc_host/mmc0/mmc0:0001/block/mmcblk0/mmcblk0p2"
    card = tmp_path / "sys/devices/platform/emmc2bus/mmc_host/mmc0/mmc0:0001"
    for folder in (part, tmp_path / "sys/dev/block", tmp_path / "sys/fs/ext4/mmcblk0p2", tmp_path / "proc/self"):
        folder.mkdir(parents=True)
    (tmp_path / "sys/dev/block/179:2").symlink_to(part)
    (part.parent / "device").symlink_to(card)
    (tmp_path / "proc/self/mountinfo").write_text(PI_OS)
    if errors is not None:
        (tmp_path / "sys/fs/ext4/mmcblk0p2/errors_count").write_text(errors)
    if life is not None:
        (card / "life_time").write_text(life)
    assert [finding.text for finding in disk.look(Path("/var/lib/usense"), tmp_path)] == texts


def test_the_systems_own_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at if the data folder lies on another one."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(PI_OS)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1e6}))
    assert [one.text for one in disk.look(Path("/media/my disk/data"), tmp_path)] == [
        "1 MB are free for the system (/)"
    ]
    assert list(disk.look(Path("/var/lib/usense"), tmp_path)) == []


def test_other_systems_have_no_such_file(tmp_path: Path) -> None:
    """Then nothing is told."""
    assert list(disk.look(Path("/data"), tmp_path)) == []
