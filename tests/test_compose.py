"""docker/compose.yaml and docker/camera, as far as they can be judged without starting them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.needs import ROOT

DOCKER = ROOT / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
HARDENED = ("usense", "mosquitto")


@pytest.mark.parametrize("name", HARDENED)
def test_what_runs_has_no_more_rights_than_it_needs(name: str) -> None:
    """Nothing can be written but the volumes, nothing can be gained, and neither memory nor log grows without end."""
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit"} <= service.keys()
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_no_log_fills_the_memory_card(name: str) -> None:
    """Each service's log is bounded."""
    assert SERVICES[name]["logging"]["options"] == {"max-size": "5m", "max-file": "2"}


def test_no_password_is_in_the_file() -> None:
    """They are files that the first start makes; uSense reads its own and may change none."""
    environment = SERVICES["usense"]["environment"]

    assert [name for name in environment if "PASSWORD" in name] == ["USENSE_MQTT__PASSWORD_FILE"]
    assert environment["USENSE_MQTT__PASSWORD_FILE"].startswith("/run/broker/")
    assert "broker:/run/broker:ro" in SERVICES["usense"]["volumes"]


def test_the_network_gets_in_only_when_it_is_let_in() -> None:
    """The pages let nobody in before there is a password; the broker is for this machine until its owner says more."""
    assert SERVICES["usense"]["ports"] == ["${PAGES_LISTEN:-0.0.0.0}:5050:5050"]
    assert SERVICES["mosquitto"]["ports"] == ["${BROKER_LISTEN:-127.0.0.1}:1883:1883"]


def test_what_is_mounted_is_there() -> None:
    """Docker makes a folder where a file to mount is missing."""
    mounted = [volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]]
    files = [DOCKER / path for path in mounted if path.startswith("../")]

    assert len(files) == 3
    assert all(file.is_file() for file in files)
    assert {path for path in mounted if not path.startswith(".")} == COMPOSE["volumes"].keys()


def camera(folder: Path) -> subprocess.CompletedProcess[str]:
    """What docker/camera prints for a machine with these devices."""
    command = [str(DOCKER / "camera"), str(folder)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=10)


def test_the_cameras_of_the_machine_are_found(tmp_path: Path) -> None:
    """With the groups that their devices belong to, however they are numbered, and with what libcamera looks up."""
    (tmp_path / "dma_heap").mkdir()
    names = ["video0", "video19", "media0", "media3", "v4l-subdev0", "dma_heap/linux,cma", "dma_heap/system"]
    names.append("vcio_gencmd")
    for name in (*names, "video-is-none", "vcio", "tty0"):
        (tmp_path / name).touch()
    group = os.getgid() or 44
    os.chown(tmp_path / "video0", -1, group)

    service = yaml.safe_load(camera(tmp_path).stdout)["services"]["usense"]

    assert sorted(service["devices"]) == sorted(f"{tmp_path}/{name}" for name in names)
    assert service["group_add"] == [str(group)]
    assert service["volumes"] == ["/run/udev:/run/udev:ro"]


def test_a_machine_without_a_camera_is_told_so(tmp_path: Path) -> None:
    """Nothing is written that would keep the containers from starting."""
    found = camera(tmp_path)

    assert found.returncode == 1
    assert found.stdout == ""
    assert "no camera found" in found.stderr
