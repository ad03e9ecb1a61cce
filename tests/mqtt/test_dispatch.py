"""Commands over a real broker: carried out in order, once, and always answered."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any, Literal

import pytest
from structlog.testing import capture_logs

from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import Witness, publish
from tests.support import needs
from tests.support.mqtt import connected, make, running
from tests.support.waiting import until
from uSense.commands.base import Command, ImageBytes, Line
from uSense.core.errors import NotFoundError, RecognizerError
from uSense.core.topics import Topics
from uSense.entities import Message
from uSense.mqtt import MqttSettings
from uSense.mqtt.dispatch import WAITING, Dispatcher
from uSense.mqtt.link import Request
from uSense.mqtt.settings import TlsSettings
from uSense.schema import Branch

Version = Literal["5", "3.1.1"]


class Nothing(Branch):
    """No arguments."""


class Picture(Branch):
    """A picture and a person."""

    person_id: str = ""
    """Person."""
    image: ImageBytes
    """Picture."""


class House:
    """What the commands of these tests work on."""

    def __init__(self) -> None:
        self.trained = 0
        self.pictures: list[bytes] = []
        self.open = asyncio.Event()
        self.entered = asyncio.Event()


async def train(house: House, arguments: Nothing) -> Any:
    """Counts."""
    house.trained += 1
    return {"gallery": house.trained}


async def face_add(house: House, arguments: Picture) -> Any:
    """Keeps the picture."""
    house.pictures.append(arguments.image)
    return {"person_id": arguments.person_id, "bytes": len(arguments.image)}


async def forget(house: House, arguments: Nothing) -> Any:
    """Fails as a use case does."""
    raise NotFoundError("person", "4b33")


async def sulk(house: House, arguments: Nothing) -> Any:
    """Fails as a backend does."""
    raise RecognizerError("the quota is used up")


async def break_down(house: House, arguments: Nothing) -> Any:
    """A bug."""
    raise ZeroDivisionError


async def wait(house: House, arguments: Nothing) -> Any:
    """Takes as long as the test wants."""
    house.entered.set()
    await house.open.wait()


async def status(house: House, arguments: Nothing) -> Any:
    """Tells, without waiting for anything."""
    return {"running": not house.open.is_set(), "trained": house.trained}


COMMANDS: tuple[Command[House, Any], ...] = (
    Command(name="train", payload=Nothing, run=train),
    Command(name="face/add", payload=Picture, run=face_add, raw="image", rest="person_id"),
    Command(name="forget", payload=Nothing, run=forget),
    Command(name="sulk", payload=Nothing, run=sulk),
    Command(name="break", payload=Nothing, run=break_down),
    Command(name="wait", payload=Nothing, run=wait),
    Command(name="status", payload=Nothing, run=status, line=Line.PROMPT),
)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_every_request_is_answered(mosquitto: Mosquitto, version: Version) -> None:
    """Commands, unknown commands and broken JSON get their reply, with the transaction if there was one."""
    mqtt = make(MqttSettings(port=mosquitto.port, protocol=version))
    async with Witness(mosquitto.port, "usense/response/#") as witness, running(mqtt, COMMANDS, House()):
        await connected(mqtt)
        for topic, payload in (
            ("train", '{"transaction": "k7"}'),
            ("train", ""),
            ("trian", '{"transaction": 8}'),
            ("forget", "{}"),
            ("sulk", "{}"),
            ("train", "{"),
            ("train", '{"fast": true, "transaction": "k9"}'),
        ):
            await publish(mosquitto.port, f"usense/command/{topic}", payload)
        await witness.until(lambda: len(witness.seen) == 7)

    assert [(message.topic.removeprefix("usense/response/"), message.json) for message in witness.seen] == [
        ("train", {"status": "ok", "data": {"gallery": 1}, "transaction": "k7"}),
        ("train", {"status": "ok", "data": {"gallery": 2}}),
        ("trian", _error("unknown_command", "there is no command 'trian'; did you mean 'train'?", 8)),
        ("forget", _error("not_found", "there is no person '4b33'")),
        ("sulk", _error("unavailable", "the quota is used up")),
        ("train", _error("bad_json", witness.seen[5].json["error"]["message"])),
        ("train", _error("bad_payload", "fast is not known", "k9")),
    ]
    assert {message.qos for message in witness.seen} == {1}
    assert not any(message.retain for message in witness.seen)


# By websockets mosquitto 2.0.11 sends 40 kB a second.
@pytest.mark.parametrize(("way", "size"), [("tcp", 3_000_000), ("tls", 3_000_000), ("websockets", 10_000)])
async def test_large_pictures_arrive_whole(tmp_path: Path, way: str, size: int) -> None:
    """Over every transport a large picture comes as raw bytes and as base64."""
    picture = b"\xff\xd8\xff" + bytes(range(256)) * (size // 256)
    encoded = json.dumps({"person_id": "4b33", "image": base64.b64encode(picture).decode(), "transaction": "k"})
    house = House()
    with Mosquitto(tmp_path / "broker", tls=True, ws=True) as broker:
        settings = {
            "tcp": MqttSettings(port=broker.port),
            "tls": MqttSettings(port=broker.tls_port, tls=TlsSettings(enabled=True, insecure=True)),
            "websockets": MqttSettings(port=broker.ws_port, transport="websockets"),
        }[way]
        mqtt = make(settings)
        async with Witness(broker.port, "usense/response/#") as witness, running(mqtt, COMMANDS, house):
            await connected(mqtt)
            await publish(broker.port, "usense/command/face/add/4b33", picture)
            await publish(broker.port, "usense/command/face/add", encoded)
            raw = await witness.next("usense/response/face/add/4b33")
            plain = await witness.next("usense/response/face/add")

    assert raw.json == {"status": "ok", "data": {"person_id": "4b33", "bytes": len(picture)}}
    assert plain.json == raw.json | {"transaction": "k"}
    assert house.pictures == [picture, picture]


async def test_a_repeated_transaction_acts_once(mosquitto: Mosquitto) -> None:
    """The same command with the same transaction gets the first reply again; another command or transaction acts."""
    house = House()
    mqtt = make(MqttSettings(port=mosquitto.port))
    async with Witness(mosquitto.port, "usense/response/#") as witness, running(mqtt, COMMANDS, house):
        await connected(mqtt)
        for transaction in ("a", "a", "b", "a"):
            await publish(mosquitto.port, "usense/command/train", json.dumps({"transaction": transaction}))
        await publish(mosquitto.port, "usense/command/forget", '{"transaction": "a"}')
        await witness.until(lambda: len(witness.seen) == 5)

    galleries = [message.json["data"]["gallery"] for message in witness.of("usense/response/train")]
    assert galleries == [1, 1, 2, 1]
    assert house.trained == 2
    assert witness.seen[4].json["error"]["code"] == "not_found"


async def test_when_too_many_wait_the_next_is_told_busy(mosquitto: Mosquitto) -> None:
    """One command runs and sixteen wait; one more is answered `busy` at once, and the others get their turn."""
    house = House()
    mqtt = make(MqttSettings(port=mosquitto.port))
    async with Witness(mosquitto.port, "usense/response/#") as witness, running(mqtt, COMMANDS, house):
        await connected(mqtt)
        await publish(mosquitto.port, "usense/command/wait", "")
        await house.entered.wait()
        for number in range(WAITING + 1):
            await publish(mosquitto.port, "usense/command/train", json.dumps({"transaction": number}))
        busy = await witness.next("usense/response/train")
        house.open.set()
        await witness.until(lambda: len(witness.seen) == WAITING + 2)

        assert busy.json == _error("busy", "too many requests are waiting; try again later", WAITING)
        assert [message.json["transaction"] for message in witness.seen[2:]] == list(range(WAITING))
        assert mqtt.counters()["commands_refused"] == 1


async def test_prompt_commands_do_not_wait_for_the_others(mosquitto: Mosquitto) -> None:
    """While one command takes long and the line behind it is full, a prompt one is answered; the others keep order."""
    house = House()
    mqtt = make(MqttSettings(port=mosquitto.port))
    async with Witness(mosquitto.port, "usense/response/#") as witness, running(mqtt, COMMANDS, house):
        await connected(mqtt)
        await publish(mosquitto.port, "usense/command/wait", "")
        for number in range(WAITING):
            await publish(mosquitto.port, "usense/command/train", json.dumps({"transaction": number}))
        await publish(mosquitto.port, "usense/command/status", "")
        first = (await witness.next("usense/response/status")).json
        house.open.set()
        await witness.next("usense/response/train", WAITING)
        await publish(mosquitto.port, "usense/command/status", "")
        second = (await witness.next("usense/response/status", 2)).json

    assert first["data"] == {"running": True, "trained": 0}
    assert second["data"] == {"running": False, "trained": WAITING}
    assert [reply.json["transaction"] for reply in witness.of("usense/response/train")] == list(range(WAITING))


async def test_too_large_requests_are_answered(mosquitto: Mosquitto) -> None:
    """A request over the limit is answered with its transaction, and the next one is carried out."""
    mqtt = make(MqttSettings(port=mosquitto.port, max_payload=2000))
    async with Witness(mosquitto.port, "usense/response/#") as witness, running(mqtt, COMMANDS, House()):
        await connected(mqtt)
        await publish(mosquitto.port, "usense/command/train", json.dumps({"transaction": "k", "x": "x" * 3000}))
        await publish(mosquitto.port, "usense/command/train", "{}")
        await witness.next("usense/response/train", 2)

    assert witness.seen[0].json == _error("too_large", "the payload has more than 2000 bytes", "k")
    assert witness.seen[1].json["status"] == "ok"


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_retained_request_is_ignored_and_reported(mosquitto: Mosquitto, version: Version) -> None:
    """A request that the broker keeps is not carried out when we connect; an event says so."""
    await publish(mosquitto.port, "usense/command/train", "{}", "-r")
    house = House()
    mqtt = make(MqttSettings(port=mosquitto.port, protocol=version))
    with capture_logs() as logs:
        async with Witness(mosquitto.port, "usense/event") as witness, running(mqtt, COMMANDS, house):
            event = (await witness.next("usense/event")).json

    assert (event["type"], event["command"]) == ("command.ignored", "train")
    assert "without retain" in event["reason"]
    assert house.trained == 0
    assert "retained command ignored" in [line["event"] for line in logs]


async def test_a_request_sent_retained_is_ignored_also_while_we_listen(mosquitto: Mosquitto) -> None:
    """By MQTT 5 a request with the retain flag is never carried out, and neither is its removal."""
    house = House()
    mqtt = make(MqttSettings(port=mosquitto.port, protocol="5"))
    async with Witness(mosquitto.port, "usense/#") as witness, running(mqtt, COMMANDS, house):
        await connected(mqtt)
        await publish(mosquitto.port, "usense/command/train", "{}", "-r")
        await publish(mosquitto.port, "usense/command/train", "", "-r")
        await publish(mosquitto.port, "usense/command/forget", "")
        await witness.next("usense/response/forget")
        await witness.next("usense/event")

        assert house.trained == 0
        assert len(witness.of("usense/event")) == 1


async def test_a_reply_goes_where_the_asker_wants_below_response(mosquitto: Mosquitto) -> None:
    """An MQTT 5 response topic below `response/` is used, any other is not; correlation data always come back."""
    mqtt = make(MqttSettings(port=mosquitto.port))
    async with Witness(mosquitto.port, "#") as witness, running(mqtt, COMMANDS, House()):
        await connected(mqtt)
        for topic in ("usense/response/mine/1", "usense/status", "elsewhere"):
            properties = ("-D", "publish", "response-topic", topic, "-D", "publish", "correlation-data", "c7")
            await publish(mosquitto.port, "usense/command/train", "", *properties)
        await witness.next("usense/response/train", 2)

        assert [message.correlation for message in witness.of("usense/response/mine/1")] == ["c7"]
        assert [message.correlation for message in witness.of("usense/response/train")] == ["c7", "c7"]
        assert [message.text for message in witness.of("usense/status")] == ["online"]
        assert not witness.of("elsewhere")


async def test_mosquitto_rr_gets_its_reply(mosquitto: Mosquitto) -> None:
    """The request and response program that comes with the broker works as it is."""
    program = needs.program("mosquitto_rr", "mosquitto-clients")
    mqtt = make(MqttSettings(port=mosquitto.port))
    async with running(mqtt, COMMANDS, House()):
        await connected(mqtt)
        process = await asyncio.create_subprocess_exec(
            *(program, "-V", "5", "-p", str(mosquitto.port), "-t", "usense/command/train", "-m", "{}"),
            *("-e", "usense/response/rr/1", "-W", "30"),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()

    assert json.loads(output) == {"status": "ok", "data": {"gallery": 1}}


async def test_a_reply_survives_a_broken_connection(mosquitto: Mosquitto) -> None:
    """A command that was running while the broker died is answered when it is back."""
    house = House()
    mqtt = make(MqttSettings(port=mosquitto.port))
    async with running(mqtt, COMMANDS, house):
        await connected(mqtt)
        await publish(mosquitto.port, "usense/command/wait", '{"transaction": "k"}')
        await house.entered.wait()
        mosquitto.kill()
        mosquitto.start()
        async with Witness(mosquitto.port, "usense/#") as witness:
            await witness.next("usense/status")
            house.open.set()

            assert (await witness.next("usense/response/wait")).json["transaction"] == "k"


async def test_a_bug_in_a_command_is_not_hidden(mosquitto: Mosquitto) -> None:
    """An error that nobody expected ends `serve`: the process must not go on as if nothing was."""
    mqtt = make(MqttSettings(port=mosquitto.port))
    async with running(mqtt):
        serve = asyncio.create_task(mqtt.serve(COMMANDS, House()))
        await connected(mqtt)
        await publish(mosquitto.port, "usense/command/break", "")

        with pytest.raises(ExceptionGroup) as caught:
            await asyncio.wait_for(serve, 30)
        assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError]


class Letterbox:
    """Collects what a dispatcher sends."""

    def __init__(self) -> None:
        self.replies: list[Message] = []

    def post(self, event: Any) -> None:
        """Not used."""

    def answer(self, message: Message) -> None:
        """Keep a reply."""
        self.replies.append(message)


async def test_stopping_answers_all_who_wait() -> None:
    """When commands end, the running one and the waiting ones are told `stopping`, and so are later ones."""
    letterbox, house = Letterbox(), House()
    dispatcher = Dispatcher(Topics(), 1000, letterbox)
    serve = asyncio.create_task(dispatcher.serve(COMMANDS, house))
    for command in ("wait", "train", "forget"):
        dispatcher.offer(Request(f"usense/command/{command}", b""))
    await house.entered.wait()
    serve.cancel()
    await asyncio.wait((serve,))
    dispatcher.offer(Request("usense/command/train", b'{"transaction": "late"}'))

    assert [reply.topic for reply in letterbox.replies] == [
        "usense/response/wait",
        "usense/response/train",
        "usense/response/forget",
        "usense/response/train",
    ]
    assert {json.loads(reply.payload)["error"]["code"] for reply in letterbox.replies} == {"stopping"}
    assert json.loads(letterbox.replies[-1].payload)["transaction"] == "late"


async def test_no_line_waits_for_another() -> None:
    """While a look through a camera and a long command are waited for, each by another, prompt ones are answered."""
    letterbox, house = Letterbox(), House()
    dispatcher = Dispatcher(Topics(), 1000, letterbox)
    commands = (*COMMANDS, Command(name="look", payload=Nothing, run=wait, line=Line.LOOKING))
    async with asyncio.TaskGroup() as group:
        serve = group.create_task(dispatcher.serve(commands, house))
        dispatcher.offer(Request("usense/command/wait", b""))
        await house.entered.wait()
        for command in ("train", "look", "look", "status"):
            dispatcher.offer(Request(f"usense/command/{command}", b""))
        await until(lambda: letterbox.replies)
        first = [reply.topic for reply in letterbox.replies]
        house.open.set()
        await until(lambda: len(letterbox.replies) == 5)
        serve.cancel()

    assert first == ["usense/response/status"]


def test_waiting_requests_are_bounded_by_bytes_too() -> None:
    """Large pictures fill the memory before sixteen of them wait: the third is told busy."""
    letterbox = Letterbox()
    dispatcher = Dispatcher(Topics(), 1000, letterbox)
    for _ in range(3):
        dispatcher.offer(Request("usense/command/face/add/x", b"x" * 1000))
    dispatcher.offer(Request("usense/event", b""))

    assert [json.loads(reply.payload)["error"]["code"] for reply in letterbox.replies] == ["busy"]
    assert dispatcher.refused == 1


def _error(code: str, message: str, transaction: str | int | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"status": "error", "error": {"code": code, "message": message}}
    return body if transaction is None else body | {"transaction": transaction}
