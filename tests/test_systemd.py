"""What systemd hears of the service, on a real socket of the kind that it makes."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from uSense.systemd import Systemd


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The end that systemd holds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(30)
        yield listening


def environment(address: str, **more: str) -> dict[str, str]:
    """What systemd starts a service with."""
    return {"PATH": "/usr/bin", "NOTIFY_SOCKET": address, **more}


def test_news_arrive(manager: socket.socket) -> None:
    """Each as a message of its own."""
    systemd = Systemd.found(environment(manager.getsockname()))

    systemd.tell("READY=1")
    systemd.tell("STOPPING=1")

    assert [manager.recv(100), manager.recv(100)] == [b"READY=1", b"STOPPING=1"]


def test_a_socket_without_a_file() -> None:
    """Its name begins with a zero byte, which environments cannot hold and systemd writes as @."""
    name = f"usense-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(30)

        Systemd.found(environment(f"@{name}")).tell("READY=1")

        assert listening.recv(100) == b"READY=1"


async def test_signs_of_life_come_three_times_as_often_as_wanted(manager: socket.socket) -> None:
    """While the event loop goes round, without end."""
    systemd = Systemd.found(environment(manager.getsockname(), WATCHDOG_USEC="30000", WATCHDOG_PID=str(os.getpid())))
    manager.setblocking(False)
    living = asyncio.create_task(systemd.live())

    heard = [await asyncio.wait_for(asyncio.get_running_loop().sock_recv(manager, 100), 30) for _ in range(3)]
    living.cancel()

    assert systemd.every == pytest.approx(0.01)
    assert heard == [b"WATCHDOG=1"] * 3


@pytest.mark.parametrize(
    ("given", "every"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "120000000"}, 40.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
    ],
)
def test_signs_of_life_are_sent_where_they_are_wanted(given: dict[str, str], every: float) -> None:
    """Of this process, and in words that are understood."""
    assert Systemd.found(environment("/run/systemd/notify", **given)).every == every


def test_children_do_not_speak_for_the_service() -> None:
    """They find nothing of it in their environment."""
    given = environment("/run/systemd/notify", WATCHDOG_USEC="1", WATCHDOG_PID="1")

    Systemd.found(given)

    assert given == {"PATH": "/usr/bin"}


@pytest.mark.parametrize("address", ["", "nowhere/notify", "x" * 200])
def test_nobody_to_tell_is_no_trouble(address: str) -> None:
    """Without systemd, and where its socket is gone."""
    Systemd.found(environment(address)).tell("READY=1")
