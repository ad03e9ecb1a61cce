"""Signed requests over a real broker: carried out once, and refused with an error that helps."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from tests.mqtt.test_dispatch import COMMANDS, House, Letterbox
from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import Witness, publish
from tests.support import needs
from tests.support.mqtt import connected, make, running
from tests.support.waiting import until
from uSense.core import signing
from uSense.core.errors import RequestError
from uSense.core.topics import Topics
from uSense.entities import Message
from uSense.mqtt import MqttSettings
from uSense.mqtt.asker import asking
from uSense.mqtt.authority import Authority, CommandSettings, signed
from uSense.mqtt.dispatch import WAITING, Dispatcher
from uSense.mqtt.link import Request
from uSense.storage.notebook import Notebook

SECRET = "0123456789abcdef"
KEY = SECRET.encode()
TRAIN = "usense/command/train"
DOCUMENT = (needs.ROOT / "docs" / "mqtt.md").read_text("utf-8").split("### Signed requests", 1)[1].split("\n### ", 1)[0]


def settings(*unsigned: str, required: bool = True) -> CommandSettings:
    """Settings with the secret."""
    return CommandSettings(require_signature=required, secret=SecretStr(SECRET), unsigned=unsigned)


@asynccontextmanager
async def guarded(port: int, house: House) -> AsyncIterator[Witness]:
    """A service that wants signatures; yields who hears its replies."""
    mqtt = make(MqttSettings(port=port))
    mqtt.dispatcher.authority = Authority(settings())
    async with Witness(port, "usense/response/#") as witness, running(mqtt, COMMANDS, house):
        await connected(mqtt)
        yield witness
        refused = mqtt.counters()["commands_refused"]
        await witness.until(lambda: sum(b'"error"' in reply.payload for reply in witness.seen) == refused)


def properties(ts: str, nonce: str, sig: str) -> tuple[str, ...]:
    """A stamp as arguments of mosquitto_pub; an empty part is left out."""
    parts = {"ts": ts, "nonce": nonce, "sig": sig}
    return tuple(
        word for name, value in parts.items() if value for word in ("-D", "publish", "user-property", name, value)
    )


def stamped(payload: str, *, topic: str = TRAIN, nonce: str = "nonce-01", age: float = 0.0) -> tuple[str, ...]:
    """The arguments that sign a payload made so many seconds ago."""
    ts = f"{time.time() - age:.3f}"
    return properties(ts, nonce, signing.sign(KEY, topic, ts, nonce, payload.encode()))


async def test_only_what_is_signed_right_is_carried_out(mosquitto: Mosquitto) -> None:
    """Altered, late, early, repeated or unsigned by MQTT 5: each is refused with its code, and nothing is done."""
    house, started = House(), time.time()
    async with guarded(mosquitto.port, house) as witness:
        right = stamped('{"transaction": "a"}')
        no_nonce = [part for part in stamped("{}", nonce="nonce-02") if part != "nonce-02"]
        cut = no_nonce.index("nonce")
        no_nonce = no_nonce[: cut - 3] + no_nonce[cut + 1 :]
        for payload, arguments in (
            ('{"transaction": "a"}', right),
            ('{"transaction": "a"}', right),  # QoS 1 may deliver twice
            ('{"transaction": "b"}', right),  # another payload
            ("{}", stamped("{}", topic="usense/command/forget", nonce="nonce-03")),  # another topic
            ("{}", stamped("{}", nonce="nonce-04", age=45)),
            ("{}", stamped("{}", nonce="nonce-05", age=-45)),
            ("{}", stamped("{}", nonce="nonce-06", age=time.time() - started + 5)),
            ("{}", tuple(no_nonce)),
            ("{}", stamped("{}", nonce="nonce-01")),  # a known nonce
            ('{"transaction": "c"}', ()),
        ):
            await publish(mosquitto.port, TRAIN, payload, *arguments)
        await witness.next("usense/response/train", 10)
        replies = [message.json for message in witness.of("usense/response/train")]

    assert replies[0] == replies[1] == {"status": "ok", "data": {"gallery": 1}, "transaction": "a"}
    codes = ["bad_signature", "bad_signature", "too_old", "too_early", "before_start", "bad_nonce", "replayed"]
    assert [reply["error"]["code"] for reply in replies[2:]] == [*codes, "not_signed"]
    assert [replies[index].get("transaction") for index in (2, 9)] == ["b", "c"]
    assert re.search(r"is [4-9]\d s old by the clock", replies[4]["error"]["message"])
    assert house.trained == 1


@pytest.mark.parametrize("language", ["sh", "python"])
async def test_the_documented_clients_are_understood(tmp_path: Path, mosquitto: Mosquitto, language: str) -> None:
    """The examples of the document, by MQTT 5 and by the envelope, run as they are but for the broker's port."""
    needs.program("openssl", "openssl")
    shell = needs.program("mosquitto_pub", "mosquitto-clients") and (shutil.which("sh") or "sh")
    (tmp_path / "command-secret").write_text(f"{SECRET}\n")
    [code] = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    code = code.replace("1883", str(mosquitto.port)).replace("mosquitto_pub", f"mosquitto_pub -p {mosquitto.port}")
    house = House()
    async with guarded(mosquitto.port, house) as witness:
        program = shell if language == "sh" else sys.executable
        process = await asyncio.create_subprocess_exec(program, "-c", code, cwd=tmp_path)
        assert await process.wait() == 0
        reply = (await witness.next("usense/response/train")).json

    assert reply["data"] == {"gallery": 1}
    assert reply["transaction"] in {"k7", "k8"}


async def test_a_repeated_envelope_acts_once(mosquitto: Mosquitto) -> None:
    """By MQTT 3.1.1 the same packet again gets the first reply; without a transaction it is said to be repeated."""
    house = House()
    async with guarded(mosquitto.port, house) as witness:
        for body in (b'{"transaction": "k"}', b""):
            packet = signed(Message(TRAIN, body), KEY, v5=False).payload
            for _ in range(2):
                await publish(mosquitto.port, TRAIN, packet)
        await witness.next("usense/response/train", 4)
        replies = [message.json for message in witness.of("usense/response/train")]

    assert [reply.get("data") for reply in replies] == [{"gallery": 1}, {"gallery": 1}, {"gallery": 2}, None]
    assert replies[3]["error"]["code"] == "replayed"


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_our_own_client_signs(mosquitto: Mosquitto, version: Any) -> None:
    """What commands of uSense ask the service is signed when they know the secret, and refused when not."""
    house = House()
    own = MqttSettings(port=mosquitto.port, protocol=version)
    async with guarded(mosquitto.port, house), asking(own, key=KEY) as knowing, asking(own) as other:
        assert await knowing.ask("train") == {"gallery": 1}
        with pytest.raises(RequestError) as caught:
            await other.ask("train")
    assert caught.value.code == "not_signed"
    assert house.trained == 1


def checked(authority: Authority, command: str, request: Request) -> str:
    """The code of the refusal; nothing if the request is let in."""
    try:
        request = authority.unwrapped(request)
        authority.admit(request, authority.check(command, request), request.at)
    except RequestError as error:
        return error.code
    return ""


def test_open_commands_need_no_signature_but_no_wrong_one() -> None:
    """What `unsigned` names stays open, and only that; a signature that is there has to be right."""
    authority = Authority(settings("train"))
    forged = (("ts", "1"), ("nonce", "nonce-01"), ("sig", "0" * 64))

    assert checked(authority, "train", Request(TRAIN, b"")) == ""
    assert checked(authority, "train/status", Request(f"{TRAIN}/status", b"")) == "not_signed"
    assert checked(authority, "train", Request(TRAIN, b"", user=forged)) == "bad_signature"


def test_without_the_requirement_signatures_are_checked_only_if_given() -> None:
    """With a secret alone, unsigned requests pass and wrong ones do not; without one nothing is looked at."""
    forged = Request(TRAIN, b"{}", user=(("ts", "1"), ("nonce", "nonce-01"), ("sig", "0" * 64)))

    assert checked(Authority(settings(required=False)), "train", Request(TRAIN, b"{}")) == ""
    assert checked(Authority(settings(required=False)), "train", forged) == "bad_signature"
    assert checked(Authority(CommandSettings()), "train", forged) == ""


@pytest.mark.parametrize(
    ("envelope", "code"),
    [
        ({"payload": "{}", "ts": "1", "nonce": "nonce-01", "sig": "0" * 64, "x": "y"}, "bad_payload"),
        ({"payload": {}, "ts": "1", "nonce": "nonce-01", "sig": "0" * 64}, "bad_payload"),
        ({"payload": "{}", "ts": 1, "nonce": "nonce-01", "sig": "0" * 64}, "bad_payload"),
        ({"payload": "{}", "nonce": "nonce-01", "sig": "0" * 64}, "bad_payload"),
        ({"payload": "\ud800", "ts": "1", "nonce": "nonce-01", "sig": "0" * 64}, "bad_signature"),
        ([{"sig": 1}], "not_signed"),
    ],
)
def test_envelopes_that_are_not_whole_are_refused(envelope: Any, code: str) -> None:
    """Exactly four texts; everything else is no signed request."""
    assert checked(Authority(settings()), "train", Request(TRAIN, json.dumps(envelope).encode())) == code


@pytest.mark.parametrize("payload", [b'{"sig": ', b'{"sig": ' * 100_000, b"\xff\xfe"])
def test_broken_envelopes_are_not_signed(payload: bytes) -> None:
    """What cannot be read has no signature."""
    assert checked(Authority(settings()), "train", Request(TRAIN, payload)) == "not_signed"


def request(command: str, body: str = "{}", *, nonce: str = "", at: float | None = None) -> Request:
    """A request made and received `at` a time, by default after the start of the service; signed if it has a nonce."""
    topic, at = f"usense/command/{command}", time.time() + 1 if at is None else at
    ts = f"{at:.3f}"
    sig = signing.sign(KEY, topic, ts, nonce, body.encode())
    return Request(topic, body.encode(), user=(("ts", ts), ("nonce", nonce), ("sig", sig)) if nonce else (), at=at)


@asynccontextmanager
async def dispatching(
    house: House, *unsigned: str, authority: Authority | None = None
) -> AsyncIterator[tuple[Dispatcher, Letterbox]]:
    """A dispatcher that wants signatures, at work."""
    letterbox = Letterbox()
    dispatcher = Dispatcher(Topics(), 1000, letterbox)
    dispatcher.authority = authority or Authority(settings(*unsigned))
    serve = asyncio.create_task(dispatcher.serve(COMMANDS, house))
    await asyncio.sleep(0)
    try:
        yield dispatcher, letterbox
    finally:
        serve.cancel()
        await asyncio.wait((serve,))


def told(letterbox: Letterbox) -> list[str]:
    """The code of the error in each reply; `ok` without."""
    return [json.loads(reply.payload).get("error", {}).get("code", "ok") for reply in letterbox.replies]


async def test_unsigned_requests_take_no_places_in_the_line() -> None:
    """While a command takes its time, a flood of garbage is refused at once, and a signed request has its place."""
    house = House()
    async with dispatching(house) as (dispatcher, letterbox):
        dispatcher.offer(request("wait", nonce="nonce-01"))
        await house.entered.wait()
        for number in range(100):
            dispatcher.offer(request("train", f'{{"transaction": {number}}}'))
        dispatcher.offer(request("train", nonce="nonce-02"))
        refused = told(letterbox)
        house.open.set()
        await until(lambda: house.trained == 1 and len(letterbox.replies) == 102)

    assert refused == ["not_signed"] * 100
    assert json.loads(letterbox.replies[99].payload)["transaction"] == 99
    assert dispatcher.refused == 100


async def test_a_signed_request_may_wait_for_long() -> None:
    """One that does not wait comes a minute later, and is no reason to take those that wait for old ones."""
    house, now = House(), time.time() + 5
    async with dispatching(house) as (dispatcher, letterbox):
        dispatcher.offer(request("wait", nonce="nonce-01", at=now))
        dispatcher.offer(request("train", nonce="nonce-02", at=now))
        dispatcher.offer(request("train", nonce="nonce-02", at=now))
        await house.entered.wait()
        dispatcher.offer(request("status", nonce="nonce-03", at=now + 60))
        await until(lambda: letterbox.replies)
        house.open.set()
        await until(lambda: len(letterbox.replies) == 4)

    assert told(letterbox) == ["ok", "ok", "ok", "replayed"]
    assert house.trained == 1


async def test_who_need_not_sign_cannot_answer_for_those_who_do() -> None:
    """An unsigned request with somebody's transaction does not keep a signed one from being carried out."""
    house, body = House(), '{"transaction": 1}'
    async with dispatching(house, "train") as (dispatcher, letterbox):
        dispatcher.offer(request("train", body))
        dispatcher.offer(request("train", body, nonce="nonce-01"))
        dispatcher.offer(request("train", body))
        await until(lambda: len(letterbox.replies) == 3)

    assert [json.loads(reply.payload)["data"]["gallery"] for reply in letterbox.replies] == [1, 2, 1]


async def test_a_repeated_request_sends_its_reply_nowhere_else() -> None:
    """Who recorded it cannot have the reply at a topic of their own; its sender may ask once more, with a new nonce."""
    house, body = House(), '{"transaction": 1}'
    first = replace(request("train", body, nonce="nonce-01"), response_topic="usense/response/me")
    again = replace(request("train", body, nonce="nonce-02"), response_topic="usense/response/me-2")
    thief = replace(first, response_topic="usense/response/thief")
    async with dispatching(house) as (dispatcher, letterbox):
        for offer in (first, first, again, thief):
            dispatcher.offer(offer)
        await until(lambda: len(letterbox.replies) == 4)

    assert told(letterbox) == ["ok", "ok", "ok", "replayed"]
    assert house.trained == 1


async def run_at(folder: Path, wall: float, house: House, *offers: Request) -> list[str]:
    """What a run that starts with this time answers."""
    authority = Authority(settings(), lambda: wall, notebook=Notebook(folder / signing.FILE))
    await authority.load()
    async with dispatching(house, authority=authority) as (dispatcher, letterbox):
        for offer in offers:
            dispatcher.offer(offer)
        await until(lambda: len(letterbox.replies) == len(offers))
    return told(letterbox)


async def test_a_clock_that_starts_with_an_old_time_opens_nothing(tmp_path: Path) -> None:
    """What was carried out before a restart is not again, though its time comes again; what is newer is."""
    house, now = House(), time.time()
    once = request("train", nonce="nonce-01", at=now + 5)

    assert await run_at(tmp_path, now, house, once) == ["ok"]
    later = request("train", nonce="nonce-02", at=now + 6)
    assert await run_at(tmp_path, now - 60, house, once, later) == ["too_old", "ok"]
    assert house.trained == 2


@pytest.mark.parametrize("kept", ["{", '{"newest": "x"}', '{"newest": null}', '{"newest": NaN}', "[]"])
async def test_a_damaged_note_of_the_last_run_locks_nobody_out(tmp_path: Path, kept: str) -> None:
    """Nor does a disk that is full: requests are carried out."""
    (tmp_path / signing.FILE).write_text(kept)
    house, authority = House(), Authority(settings(), notebook=Notebook(tmp_path / signing.FILE))
    await authority.load()
    (tmp_path / f".{signing.FILE}.part").mkdir()
    async with dispatching(house, authority=authority) as (dispatcher, letterbox):
        dispatcher.offer(request("train", nonce="nonce-01"))
        await until(lambda: letterbox.replies)

    assert told(letterbox) == ["ok"]


def test_a_refused_envelope_is_answered_with_its_transaction() -> None:
    """Whoever asks by MQTT 3.1.1 finds the answer that the service is busy."""
    letterbox = Letterbox()
    dispatcher = Dispatcher(Topics(), 100_000, letterbox)
    dispatcher.authority = Authority(settings())
    packet = signed(Message(TRAIN, b'{"transaction": "k"}'), KEY, v5=False).payload
    for _ in range(WAITING + 1):
        dispatcher.offer(Request(TRAIN, packet))

    assert [json.loads(reply.payload)["transaction"] for reply in letterbox.replies] == ["k"]


def test_the_start_is_counted_back_from_now() -> None:
    """Five seconds after the start: what is ten seconds old is from before it, whatever the clock said at the start."""
    clock = iter([100.0, 105.0, 105.0])
    authority = Authority(settings(), lambda: 2_000_000.0, lambda: next(clock))

    def made(ts: str) -> Request:
        sig = signing.sign(KEY, TRAIN, ts, "nonce-01", b"")
        return Request(TRAIN, b"", user=(("ts", ts), ("nonce", "nonce-01"), ("sig", sig)), at=2_000_000.0)

    assert checked(authority, "train", made("1999990")) == "before_start"
    assert checked(authority, "train", made("1999996")) == ""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"require_signature": True}, "'require_signature' needs a secret"),
        ({"require_signature": True, "secret": " "}, "'require_signature' needs a secret"),
        ({"unsigned": ["trian"]}, "there is no command 'trian'; did you mean 'train'?"),
        ({"unsigned": ["face/add/Anna"]}, "'face/add/Anna' is no command: 'face/add' is"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(values: dict[str, Any], words: str) -> None:
    """A signature without a secret, and commands that are none."""
    with pytest.raises(ValidationError) as caught:
        CommandSettings.model_validate(values)

    assert words in str(caught.value)
