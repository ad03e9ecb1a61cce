"""Brokers that refuse, hang up, do not exist or speak something else: said in plain words, and nothing leaks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import aiomqtt
import psutil
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import SecretStr
from structlog.testing import capture_logs

from tests.peers.certificates import Authority
from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import Witness, publish
from tests.support.mqtt import MemoryJournal, connected, held_back, make, running, settled, sighting
from tests.support.ports import free_port
from tests.support.waiting import until
from uSense.core.errors import BrokerError, BrokerRefusedError
from uSense.core.events import Notice, State
from uSense.entities import Message
from uSense.mqtt import MqttSettings
from uSense.mqtt.settings import TlsSettings
from uSense.mqtt.trouble import CutOffError, VersionRefusedError, lost, not_connected

Version = Literal["5", "3.1.1"]
VERSIONS = pytest.mark.parametrize("version", ["5", "3.1.1"])

ACL = """
user usense
topic readwrite usense/#
topic deny usense/event
topic deny usense/secret/#

user guest
topic readwrite #
"""


async def trouble(**settings: Any) -> str:
    """The problem that a session with these settings reports, however long its broker takes to answer."""
    mqtt = make(MqttSettings(**{"timeout": 30} | settings))
    async with running(mqtt):
        await until(lambda: mqtt.problem)
        return str(mqtt.problem)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with users and an access list."""
    users = {"usense": "right", "guest": "guest"}
    with Mosquitto(tmp_path / "guarded", users=users, acl=ACL) as broker:
        yield broker


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with a TLS and a websocket listener."""
    with Mosquitto(tmp_path / "encrypted", tls=True, ws=True) as broker:
        yield broker


@asynccontextmanager
async def listener(hang_up: bool) -> AsyncIterator[int]:  # noqa: FBT001 - two kinds of wrong server
    """A server that is no broker: it hangs up at the first byte, or never answers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1 if hang_up else -1)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", free_port()) as server:
        yield server.sockets[0].getsockname()[1]


@VERSIONS
@pytest.mark.parametrize("login", [("usense", "wrong"), ("nobody", "right")])
async def test_a_wrong_login_is_said_in_plain_words(
    guarded: Mosquitto, version: Version, login: tuple[str, str]
) -> None:
    """The problem names the broker, the user and the settings."""
    problem = await trouble(port=guarded.port, protocol=version, username=login[0], password=SecretStr(login[1]))

    assert problem == (
        f"the broker at 127.0.0.1:{guarded.port} refused user {login[0]!r}: "
        "wrong user name or password; set mqtt.username and mqtt.password"
    )


@VERSIONS
async def test_a_missing_login_is_said_in_plain_words(guarded: Mosquitto, version: Version) -> None:
    """Without a user name the problem asks for one."""
    problem = await trouble(port=guarded.port, protocol=version)

    assert problem == (f"the broker at 127.0.0.1:{guarded.port} wants a user name; set mqtt.username and mqtt.password")


async def test_a_wrong_login_is_retried_slowly(guarded: Mosquitto) -> None:
    """The pause after a refusal is the slow one, not the back-off."""
    settings = MqttSettings(port=guarded.port, username="usense", password=SecretStr("wrong"))
    mqtt = make(settings, pause=0.0, slow=3600)
    async with running(mqtt):
        await until(lambda: mqtt.problem)
        # Somebody comes and goes; without a pause there would have been attempts meanwhile.
        await publish(guarded.port, "marker", "x", "-u", "guest", "-P", "guest")
        await until(lambda: guarded.logged("'marker'"))

        assert sum("New connection from" in line for line in list(guarded.log)) == 2


@VERSIONS
async def test_the_right_login_works(guarded: Mosquitto, version: Version) -> None:
    """With name and password the session is online."""
    settings = MqttSettings(port=guarded.port, protocol=version, username="usense", password=SecretStr("right"))
    async with running(make(settings)) as mqtt:
        await connected(mqtt)


async def test_a_message_that_the_access_list_denies_is_reported(guarded: Mosquitto) -> None:
    """By MQTT 5 the broker tells what it refused: one warning a topic, a problem in health, and life goes on."""
    settings = MqttSettings(port=guarded.port, username="usense", password=SecretStr("right"), name_topic="other/name")
    with capture_logs() as logs:
        async with Witness(guarded.port, "#", user="guest", password="guest") as witness:
            async with running(make(settings)) as mqtt:
                await connected(mqtt)
                for value in (1, 2, 3):
                    mqtt.post(State("secret/x", value))
                    await settled(mqtt)
                mqtt.post(sighting(1))
                await witness.next("usense/identity")
                await settled(mqtt)
                problem, counters = mqtt.problem, mqtt.counters()
            await witness.next("usense/status", 2)

    assert problem == (
        "the broker does not let user 'usense' publish to usense/secret/x (Not authorized); "
        "allow it in the broker's access list"
    )
    assert counters["publishes_refused"] == 3
    assert [line["log_level"] for line in logs if line.get("problem") == problem] == ["warning"]
    assert not witness.of("usense/secret/x")


async def test_a_denial_is_forgotten_when_the_broker_takes_the_topic(tmp_path: Path) -> None:
    """Once the access list is right, the problem is gone."""
    with Mosquitto(tmp_path / "broker", users={"usense": "right"}, acl=ACL) as broker:
        settings = MqttSettings(port=broker.port, username="usense", password=SecretStr("right"))
        async with running(make(settings)) as mqtt:
            mqtt.post(State("secret/x", 1))
            await connected(mqtt)
            assert "usense/secret/x" in (mqtt.problem or "")
            broker.acl = "user usense\ntopic readwrite #\n"
            broker.restart()
            await until(lambda: mqtt.problem is None)


async def test_a_state_that_was_denied_is_tried_again(tmp_path: Path) -> None:
    """An access list that the broker reads again, without breaking the connection, is enough."""
    with Mosquitto(tmp_path / "broker", users={"usense": "right"}, acl=ACL) as broker:
        settings = MqttSettings(port=broker.port, username="usense", password=SecretStr("right"))
        async with running(make(settings, retry=0.1)) as mqtt:
            mqtt.post(State("secret/x", 1))
            await connected(mqtt)
            assert "usense/secret/x" in (mqtt.problem or "")
            broker.reload("user usense\ntopic readwrite #\n")
            await until(lambda: mqtt.problem is None)

            assert mqtt.counters()["reconnects"] == 0


async def test_denials_are_forgotten_together(tmp_path: Path) -> None:
    """A denied topic that is taken again means a mended list: what is told only once is no problem for ever."""
    with Mosquitto(tmp_path / "broker", users={"usense": "right"}, acl=ACL) as broker:
        settings = MqttSettings(port=broker.port, username="usense", password=SecretStr("right"))
        async with running(make(settings, retry=0.1)) as mqtt:
            mqtt.post(State("secret/x", 1))
            await connected(mqtt)
            mqtt.answer(Message("usense/secret/once", b"1"))
            await until(lambda: "secret/once" in (mqtt.problem or ""))
            broker.reload("user usense\ntopic readwrite #\n")
            await until(lambda: mqtt.problem is None)


async def test_a_lasting_notice_that_was_denied_is_not_lost(tmp_path: Path) -> None:
    """A receipt that the access list keeps out stays in the journal, and arrives when the list is right."""
    denied = "user usense\ntopic write usense/status\n"
    journal = MemoryJournal()
    with Mosquitto(tmp_path / "broker", users={"usense": "right"}, acl=denied) as broker:
        settings = MqttSettings(port=broker.port, username="usense", password=SecretStr("right"))
        async with running(make(settings, journal)) as mqtt:
            await connected(mqtt)
            mqtt.post(Notice("person.erased", {"person_id": "1"}, lasting=True))
            await until(lambda: "usense/event" in (mqtt.problem or ""))
            kept = len(journal.kept)
            broker.acl = "user usense\ntopic readwrite #\n"
            async with AsyncExitStack() as stack:
                with held_back(mqtt):
                    broker.restart()
                    witness = Witness(broker.port, "usense/event", user="usense", password="right")
                    await stack.enter_async_context(witness)
                event = (await witness.next("usense/event")).json
            await settled(mqtt)

    assert kept == 1
    assert event["person_id"] == "1"
    assert journal.kept == {}


async def test_an_unknown_host_is_named() -> None:
    """A name that cannot be resolved is not called a connection problem."""
    host = "no-such-broker.invalid"
    assert await trouble(host=host) == f"the host {host!r} is not known; check mqtt.host"


async def test_a_closed_port_is_named() -> None:
    """Where nothing listens, host and port are to be checked."""
    port = free_port()

    assert await trouble(port=port) == (
        f"nothing listens at 127.0.0.1:{port}; check mqtt.host and mqtt.port, and that the broker runs"
    )


@pytest.mark.parametrize(("hang_up", "words"), [(True, "hung up without an answer"), (False, "gave no answer")])
async def test_a_server_that_is_no_broker_is_suspected(hang_up: bool, words: str) -> None:  # noqa: FBT001 - a table
    """Hanging up and silence hint at a wrong port or at missing encryption."""
    async with listener(hang_up) as port:
        problem = await trouble(port=port, **({} if hang_up else {"timeout": 0.5}))

    assert words in problem
    assert "mqtt.tls.enabled" in problem


async def test_a_plain_client_at_a_tls_port_is_told_so(encrypted: Mosquitto) -> None:
    """Forgotten encryption is suspected."""
    assert "mqtt.tls.enabled" in await trouble(port=encrypted.tls_port)


async def test_a_tls_client_at_a_plain_port_is_told_so(encrypted: Mosquitto) -> None:
    """Encryption that the broker does not speak is said so."""
    problem = await trouble(port=encrypted.port, tls=TlsSettings(enabled=True))

    assert f"127.0.0.1:{encrypted.port}" in problem
    assert "mqtt.tls" in problem


async def test_an_untrusted_certificate_is_told_so(encrypted: Mosquitto, tmp_path: Path) -> None:
    """A broker of another authority is not trusted, and the setting is named."""
    other = Authority.create(tmp_path / "other")
    problem = await trouble(host="localhost", port=encrypted.tls_port, tls=TlsSettings(enabled=True, ca=other.ca))

    assert "not trusted" in problem
    assert "mqtt.tls.ca" in problem


async def test_a_missing_certificate_file_is_named(encrypted: Mosquitto, tmp_path: Path) -> None:
    """A file that is not there is a problem of the settings, not of the network."""
    missing = tmp_path / "no-ca.pem"
    problem = await trouble(port=encrypted.tls_port, tls=TlsSettings(enabled=True, ca=missing))

    assert problem == f"the files of mqtt.tls ({missing}) cannot be used: No such file or directory"


@VERSIONS
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_an_encrypted_session_works(encrypted: Mosquitto, version: Version, host: str) -> None:
    """With the authority's file the session is online, by name and by address."""
    assert encrypted.authority is not None
    tls = TlsSettings(enabled=True, ca=encrypted.authority.ca)
    settings = MqttSettings(host=host, port=encrypted.tls_port, protocol=version, tls=tls)
    async with Witness(encrypted.port, "usense/#") as witness, running(make(settings)) as mqtt:
        await connected(mqtt)
        mqtt.post(sighting(1))

        assert (await witness.next("usense/identity")).json["seq"] == 1


async def test_an_insecure_session_takes_any_certificate(encrypted: Mosquitto) -> None:
    """`insecure` is for tests: the certificate is not looked at."""
    settings = MqttSettings(port=encrypted.tls_port, tls=TlsSettings(enabled=True, insecure=True))
    async with running(make(settings)) as mqtt:
        await connected(mqtt)


async def test_a_client_certificate_is_shown_to_a_broker_that_asks(tmp_path: Path) -> None:
    """A broker that lets in only known certificates lets in ours, and nobody without."""
    with Mosquitto(tmp_path / "broker", tls=True, extra="require_certificate true") as broker:
        assert broker.authority is not None
        own = broker.authority
        tls = TlsSettings(enabled=True, ca=own.ca, certificate=own.client, key=own.client_key)
        async with running(make(MqttSettings(port=broker.tls_port, tls=tls))) as mqtt:
            await connected(mqtt)

        assert await trouble(port=broker.tls_port, tls=TlsSettings(enabled=True, ca=own.ca))


@VERSIONS
async def test_a_websocket_session_works(encrypted: Mosquitto, version: Version) -> None:
    """MQTT over websockets carries the same messages."""
    settings = MqttSettings(port=encrypted.ws_port, transport="websockets", protocol=version)
    async with Witness(encrypted.port, "usense/#") as witness, running(make(settings)) as mqtt:
        await connected(mqtt)
        mqtt.post(sighting(1))

        assert (await witness.next("usense/identity")).json["seq"] == 1


async def test_a_websocket_client_at_another_port_is_told_so(encrypted: Mosquitto) -> None:
    """A port without websockets is named as such."""
    async with listener(hang_up=True) as port:
        assert "websocket" in await trouble(port=port, transport="websockets")


def connect_error(code: int) -> aiomqtt.MqttError:
    """A refused CONNECT, as the client library tells it."""
    return aiomqtt.MqttCodeError(ReasonCode(PacketTypes.CONNACK, identifier=code))


def caused(cause: Exception) -> aiomqtt.MqttError:
    """An error of the client library that another error caused."""
    error = aiomqtt.MqttError("something")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (connect_error(133), BrokerRefusedError, "does not like the client id; set mqtt.client_id"),
        (connect_error(132), VersionRefusedError, "does not know this version of MQTT; set mqtt.protocol"),
        (connect_error(138), BrokerRefusedError, "refused user 'anna': wrong user name or password"),
        (connect_error(136), BrokerError, "refused the connection (Server unavailable)"),
        (caused(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong")), BrokerError, "pi:1883 does not speak TLS"),
        (caused(OSError(113, "No route to host")), BrokerError, "pi:1883 cannot be reached: No route to host"),
        (caused(ConnectionResetError()), BrokerError, "pi:1883 hung up without an answer"),
        (caused(TimeoutError()), BrokerError, "pi:1883 gave no answer within 5 s"),
    ],
)
def test_rare_refusals_are_explained(error: aiomqtt.MqttError, kind: type[BrokerError], words: str) -> None:
    """What this machine's broker does not do to us has its sentence too."""
    explained = not_connected(error, MqttSettings(host="pi", username="anna"))

    assert type(explained) is kind
    assert words in str(explained)


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (128, CutOffError, "the connection to the broker at pi:1883 was lost"),
        (149, CutOffError, "the connection to the broker at pi:1883 was lost: Packet too large"),
        (139, BrokerError, "the connection to the broker at pi:1883 was lost: Server shutting down"),
        (141, BrokerError, "the connection to the broker at pi:1883 was lost: Keep alive timeout"),
        (142, BrokerRefusedError, "another client of the broker at pi:1883 has the same client id"),
    ],
)
def test_lost_connections_are_explained(code: int, kind: type[BrokerError], text: str) -> None:
    """Where the broker gives a reason it is told; what was sent is suspected only where it can be the reason."""
    error = caused(aiomqtt.MqttCodeError(ReasonCode(PacketTypes.DISCONNECT, identifier=code)))
    explained = lost(error, MqttSettings(host="pi"))

    assert type(explained) is kind
    assert str(explained).startswith(text)


@pytest.mark.parametrize("kind", ["closed", "login", "tls", "silent", "hangs up", "websocket"])
async def test_failed_attempts_leave_nothing_open(
    guarded: Mosquitto, encrypted: Mosquitto, tmp_path: Path, kind: str
) -> None:
    """After many failed attempts no more files and sockets are open than before."""
    other = Authority.create(tmp_path / "other").ca
    async with listener(kind != "silent") as port:
        kinds: dict[str, dict[str, Any]] = {
            "closed": {"port": free_port()},
            "login": {"port": guarded.port, "username": "usense", "password": SecretStr("wrong")},
            "tls": {"port": encrypted.tls_port, "tls": TlsSettings(enabled=True, ca=other)},
            "silent": {"port": port, "timeout": 0.02},
            "hangs up": {"port": port},
            "websocket": {"port": port, "transport": "websockets"},
        }
        mqtt = make(MqttSettings(**kinds[kind]), pause=0.0, slow=0.0)
        with capture_logs() as logs:
            async with running(mqtt):
                await until(lambda: logs)
                before = _open()
                await until(lambda: len(logs) > 50, 60)
            # What an attempt that was given up had open, its thread may close a little later.
            await until(lambda: _open() <= before + 2)


def _open() -> int:
    return psutil.Process().num_fds()
