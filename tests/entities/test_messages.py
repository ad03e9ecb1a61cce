"""Names, notices and states as messages."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from tests.support.mqtt import context, sighting
from uSense.core.events import Notice, State
from uSense.entities import LIVE, QUEUED
from uSense.entities.name import name
from uSense.entities.notice import notice, stamped
from uSense.entities.payload import encode
from uSense.entities.state import state


def test_the_bare_name_is_told_live_on_any_topic() -> None:
    """The name goes as plain UTF-8 text, not retained, QoS 0, to the topic of the settings."""
    [message] = name(sighting(1, "Zoë"), replace(context(), name_topic="door/who"), 0.0)

    assert (message.topic, message.payload, message.qos, message.retain) == ("door/who", "Zoë".encode(), 0, False)


def test_strangers_have_no_bare_name() -> None:
    """Nothing is told of a stranger, nor of anybody when the topic is off."""
    assert name(sighting(1, None), context(), 0.0) == []
    assert name(sighting(1), replace(context(), name_topic=""), 0.0) == []


def test_only_the_live_messages_use_qos_0() -> None:
    """What is queued is delivered at least once, what is live at most once, and nothing of it is retained."""
    now = 0.0
    queued = [message for entity in QUEUED for message in entity(sighting(1), context(), now)]
    live = [message for entity in LIVE for message in entity(sighting(1), context(), now)]

    assert {message.qos for message in queued} == {1}
    assert {message.qos for message in live} == {0}
    assert not any(message.retain for message in queued + live)


def test_a_notice_carries_its_type_and_time() -> None:
    """`usense/event` says what happened, when, and what belongs to it."""
    message = notice(stamped(Notice("train.finished", {"persons": 2}), 1795341600.1239), context())

    assert (message.topic, message.qos, message.retain) == ("usense/event", 1, False)
    assert message.payload == b'{"type":"train.finished","at":"2026-11-22T10:00:00.124Z","persons":2}'


def test_a_notice_keeps_the_time_it_has() -> None:
    """A notice that comes back from the journal keeps the time at which it happened."""
    event = stamped(Notice("x", {"at": "2026-01-01T00:00:00.000Z"}), 1795341600.0)

    assert event.data["at"] == "2026-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("value", "payload"),
    [
        ("ON", b"ON"),
        ("", b""),
        (None, b""),
        ([], b"[]"),
        ({"name": "Zoë"}, '{"name":"Zoë"}'.encode()),
        (True, b"true"),
        (3, b"3"),
    ],
)
def test_states_are_plain_text_or_json(value: Any, payload: bytes) -> None:
    """Text stays text, None removes the topic, everything else becomes JSON; all of it retained with QoS 1."""
    message = state(State("camera/hall/paused", value), context())

    assert message.payload == payload
    assert (message.topic, message.qos, message.retain) == ("usense/camera/hall/paused", 1, True)


def test_health_is_sent_without_acknowledgment() -> None:
    """The next report makes a lost one good."""
    assert state(State("health", {}), context()).qos == 0


def test_json_is_compact_utf8() -> None:
    """Values become compact UTF-8; half surrogates are replaced, and what JSON cannot hold is an error."""
    assert encode({"a": ["ü", "\ud800"]}) == '{"a":["ü","?"]}'.encode()
    with pytest.raises(ValueError, match="Out of range"):
        encode(math.nan)
