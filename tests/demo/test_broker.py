from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from tests.support import needs
from uSense.demo import broker
from uSense.demo.broker import BrokerKind
from uSense.demo.errors import DemoError


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """Somebody else's port."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other


both = pytest.mark.parametrize("kind", [BrokerKind.MOSQUITTO, BrokerKind.AMQTT], indirect=True)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> BrokerKind:
    """A broker that is installed here."""
    if request.param is BrokerKind.MOSQUITTO:
        needs.program("mosquitto", "mosquitto")
    return BrokerKind(request.param)


@both
async def test_serves(tmp_path: Path, kind: BrokerKind) -> None:
    """The broker carries messages as soon as it is there and has ended cleanly when the block is left."""
    async with broker.running(tmp_path, kind) as running:
        assert running.kind is kind
        async with aiomqtt.Client("127.0.0.1", running.port) as client:
            await client.subscribe("a/#")
            await client.publish("a/b", "hello", qos=1)
            message = await anext(client.messages)
        assert (message.topic.value, message.payload) == ("a/b", b"hello")
    assert running.child.process.returncode == 0


@both
async def test_port_taken_meanwhile(tmp_path: Path, kind: BrokerKind, taken: socket.socket) -> None:
    """A port that somebody else took, who even answers there, is replaced by another one."""
    ports = itertools.chain((taken.getsockname()[1],), iter(broker.free_port, None))
    async with (
        broker.running(tmp_path, kind, lambda: next(ports)) as running,
        aiomqtt.Client("127.0.0.1", running.port) as client,
    ):
        await client.publish("a", "b", qos=1)


@both
async def test_no_port(tmp_path: Path, kind: BrokerKind, taken: socket.socket) -> None:
    """A broker that cannot start is reported with its own words."""
    running = broker.running(tmp_path, kind, lambda: int(taken.getsockname()[1]))
    with pytest.raises(DemoError, match=r"does not start; its last words:(.|\n)*[Aa]ddress already in use"):
        await running.__aenter__()


@both
async def test_dies(tmp_path: Path, kind: BrokerKind) -> None:
    """A broker that dies is noticed by those who watch it, and by the end of the block."""
    context = broker.running(tmp_path, kind)
    running = await context.__aenter__()
    running.child.process.kill()
    with pytest.raises(DemoError, match="ended by itself with exit code -9"):
        await running.child.watch()
    with pytest.raises(DemoError, match="ended with exit code -9"):
        await context.__aexit__(None, None, None)


@pytest.mark.parametrize(
    ("wish", "mosquitto", "amqtt", "choice"),
    [
        (BrokerKind.AUTO, True, True, BrokerKind.MOSQUITTO),
        (BrokerKind.AUTO, True, False, BrokerKind.MOSQUITTO),
        (BrokerKind.AUTO, False, True, BrokerKind.AMQTT),
        (BrokerKind.MOSQUITTO, True, True, BrokerKind.MOSQUITTO),
        (BrokerKind.AMQTT, True, True, BrokerKind.AMQTT),
    ],
)
def test_choice(wish: BrokerKind, *, mosquitto: bool, amqtt: bool, choice: BrokerKind) -> None:
    """Mosquitto is preferred, amqtt serves where it is missing, a wish is respected."""
    assert broker.choose(wish, mosquitto=mosquitto, amqtt=amqtt) is choice


@pytest.mark.parametrize(
    ("wish", "mosquitto", "amqtt"),
    [
        (BrokerKind.AUTO, False, False),
        (BrokerKind.MOSQUITTO, False, True),
        (BrokerKind.AMQTT, True, False),
    ],
)
def test_not_installed(wish: BrokerKind, *, mosquitto: bool, amqtt: bool) -> None:
    """A missing broker is reported with both ways to get one."""
    with pytest.raises(DemoError, match=r"installed.*apt install mosquitto.*pip install amqtt"):
        broker.choose(wish, mosquitto=mosquitto, amqtt=amqtt)
