"""Whether what was told over MQTT is what the schemas say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache, reduce
from operator import or_
from typing import Any

from pydantic import TypeAdapter

from tests.peers.witness import Seen
from uSense.cli import messages
from uSense.commands import COMMANDS
from uSense.commands.base import find
from uSense.core.errors import RequestError
from uSense.core.events import Event, Notice, State
from uSense.entities.payload import encode
from uSense.payloads.notices import NOTICES

_EVENTS: dict[str, TypeAdapter[Any]] = {
    kind: TypeAdapter[Any](reduce(or_, [messages.event(kind, number) for number in range(len(models))]))
    for kind, models in NOTICES.items()
}
PLAIN = {"identity/name"}
"""Topics whose payload is text or a picture."""


def check(event: Event) -> None:
    """Fail if a notice or a state of a known kind is not as documented."""
    match event:
        case Notice() if event.type in NOTICES:
            _notice(event.type).validate_json(encode({key: event.data[key] for key in event.data if key != "at"}))
        case State() if event.value is not None and (known := _state(event.topic)):
            known.validate_json(encode(event.value))


def check_seen(seen: Iterable[Seen]) -> set[str]:
    """Fail unless everything a client heard is as documented; returns what that was."""
    return check_told((message.topic, _value(message)) for message in seen if message.payload)


def check_told(told: Iterable[tuple[str, Any]], prefix: str = "usense/") -> set[str]:
    """The same of topics and their values; returns the topics without prefix, of events the types."""
    checked: set[str] = set()
    for topic, value in ((one.removeprefix(prefix), value) for one, value in told if one.startswith(prefix)):
        if topic in PLAIN or topic.startswith("command/") or topic.endswith("/snapshot"):
            continue
        if topic.startswith("response/"):
            _check_reply(topic, value)
        elif topic == "event":
            _EVENTS[value["type"]].validate_json(encode(value))
        elif known := _state(topic):
            known.validate_json(encode(value))
        else:
            raise AssertionError(f"{topic} is not documented")
        checked.add(value["type"] if topic == "event" else topic)
    return checked


def _value(message: Seen) -> Any:
    return (
        json.loads(message.payload)
        if message.payload[:1] in {b"{", b"["}
        else message.payload.decode("utf-8", "replace")
    )


def _check_reply(topic: str, reply: Mapping[str, Any]) -> None:
    """What was answered is data of the command's type, or an error."""
    path = topic.removeprefix("response/")
    if reply["status"] == "error":
        assert set(reply) <= {"status", "error", "transaction"}
        assert set(reply["error"]) == {"code", "message"}
        return
    try:
        command, _ = find(COMMANDS, path)
    except RequestError:
        return  # a topic of the asker's own
    assert set(reply) <= {"status", "data", "transaction"}
    TypeAdapter(command.reply).validate_json(encode(reply["data"]))


@cache
def _notice(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter[Any](reduce(or_, NOTICES[kind]))


@cache
def _state(topic: str) -> TypeAdapter[Any] | None:
    for pattern, told in messages.told_topics().items():
        if re.fullmatch(re.escape(pattern).replace(r"\+", "[^/]+"), topic):
            return TypeAdapter(told)
    return None
