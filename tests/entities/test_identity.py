"""The message that says who was seen."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.support.mqtt import context, sighting
from uSense.core.events import Assurance, Decision, SightingType
from uSense.core.judging import DecisionRules, Judge
from uSense.core.models import Box, PersonRef
from uSense.core.topics import Topics
from uSense.entities.identity import IdentityPayload, identity, live

UNKNOWN = Decision(
    score=None, runner_up=None, margin=None, threshold=0.5, votes=3, looks=3, quality=0.5, reason="nobody_enrolled"
)


def shown(message_payload: bytes) -> dict[str, Any]:
    """The JSON of a message."""
    return dict(json.loads(message_payload))


def test_a_recognized_person_is_told_exactly_as_the_contract_says() -> None:
    """Every field of the contract is there, with its name, its order and its rounding."""
    seen = sighting(
        1042,
        event_id="0192f",
        track_id="7c1e-81",
        person_id="4b33",
        first_seen_at=1795341599.4,
        captured_at=1795341600.12,
        stamp=100.0,
        box=Box(262.4, 105.6, 339.2, 201.6),
        assurance=Assurance.MEDIUM,
        decision=Decision(
            score=0.61234,
            runner_up=0.2222,
            margin=0.39014,
            threshold=0.5,
            votes=3,
            looks=3,
            quality=0.8,
            reason="agreed",
        ),
    )
    [message] = identity(seen, context(), 100.31)

    assert (message.topic, message.qos, message.retain) == ("usense/identity", 1, False)
    assert message.payload.decode() == (
        '{"event_id":"0192f","seq":1042,"type":"recognized","instance":"hall-pi","camera":"hall","track_id":"7c1e-81",'
        '"person_id":"4b33","name":"Anna","visitor_id":null,"confidence":0.99,"confidence_kind":"calibrated",'
        '"first_seen_at":"2026-11-22T09:59:59.400Z","captured_at":"2026-11-22T10:00:00.120Z","age_ms":310,'
        '"expires_at":"2026-11-22T10:00:10.120Z","box":{"x":0.41,"y":0.22,"w":0.12,"h":0.2},"assurance":"medium",'
        '"decision":{"score":0.612,"runner_up":0.222,"margin":0.39,"threshold":0.5,"votes":3,"looks":3,"quality":0.8,'
        '"liveness":null,"reason":"agreed","recognizer":"local","model":"dlib-resnet-v1"}}'
    )


def test_a_stranger_has_no_name_and_no_invented_numbers() -> None:
    """An unknown person is told with nulls where nothing is known."""
    data = shown(identity(sighting(1, None, decision=UNKNOWN), context(), 0.0)[0].payload)

    assert data["type"] == "unknown"
    assert (data["person_id"], data["name"], data["confidence"]) == (None, None, None)
    assert data["decision"]["score"] is None


def test_confidence_is_a_probability_where_the_model_is_calibrated() -> None:
    """Of the person named, or of nobody enrolled being there, under the share of strangers; else it is the score."""
    near = replace(UNKNOWN, score=0.49, runner_up=0.2, margin=0.29, reason="below_threshold")
    unknown = shown(identity(sighting(1, None, decision=near), context(), 0.0)[0].payload)
    many = replace(context(), strangers=0.6)
    likelier = shown(identity(sighting(1, None, decision=near), many, 0.0)[0].payload)
    other = shown(identity(sighting(1, None, decision=near), replace(context(), model="onnx-1"), 0.0)[0].payload)

    assert unknown["confidence_kind"] == likelier["confidence_kind"] == "calibrated"
    assert 0.01 < unknown["confidence"] < likelier["confidence"] < 0.99
    assert (other["confidence"], other["confidence_kind"]) == (0.49, "score")


def test_a_fallback_is_told_as_who_decided() -> None:
    """Recognizer, model and the kind of the confidence are those of who judged, whoever is usually asked."""
    azure = Judge("azure", "recognition_04", DecisionRules(threshold=0.7))
    decided = replace(sighting(1, "Anna").decision, score=0.91, judge=azure)

    told = shown(identity(sighting(1, "Anna", decision=decided), context(), 0.0)[0].payload)

    assert (told["confidence"], told["confidence_kind"]) == (0.91, "azure")
    assert (told["decision"]["recognizer"], told["decision"]["model"]) == ("azure", "recognition_04")


def test_a_score_below_everything_is_told_as_null() -> None:
    """A score that no JSON number can hold is left out."""
    seen = sighting(1, None, decision=replace(UNKNOWN, score=float("-inf"), margin=float("nan")))
    data = shown(identity(seen, context(), 0.0)[0].payload)

    assert (data["confidence"], data["decision"]["score"], data["decision"]["margin"]) == (None, None, None)


def test_a_correction_names_what_it_corrects() -> None:
    """Only a correction has `replaces` and `previous`."""
    changed = sighting(2, type=SightingType.CHANGED, replaces="event-1", previous=PersonRef("id-of-Bert", "Bert"))
    corrected = shown(identity(changed, context(), 0.0)[0].payload)
    first = shown(identity(sighting(1), context(), 0.0)[0].payload)

    assert (corrected["type"], corrected["replaces"]) == ("changed", "event-1")
    assert corrected["previous"] == {"person_id": "id-of-Bert", "name": "Bert"}
    assert not {"replaces", "previous"} & first.keys()


def test_the_age_is_that_at_sending() -> None:
    """The same sighting is older when it is sent later; a clock that lags does not make it negative."""
    seen = sighting(1, stamp=100.0)

    assert [shown(identity(seen, context(), now)[0].payload)["age_ms"] for now in (99.9, 100.25, 107.0)] == [
        0,
        250,
        7000,
    ]


def test_what_remains_of_the_lifetime_goes_with_the_message() -> None:
    """The lifetime counts from the deciding picture; without one nothing expires."""
    seen = sighting(1, stamp=100.0)
    endless = replace(context(), lifetime=None)

    assert identity(seen, context(), 103.5)[0].lifetime == pytest.approx(6.5)
    assert identity(seen, endless, 103.5)[0].lifetime is None
    assert shown(identity(seen, endless, 103.5)[0].payload)["expires_at"] is None


def test_the_live_message_says_the_same_with_qos_0() -> None:
    """`identity/live` carries the same JSON, not retained, and delivered at most once."""
    seen = sighting(1)
    [queued], [now] = identity(seen, context(), 1.0), live(seen, context(), 1.0)

    assert now.payload == queued.payload
    assert (now.topic, now.qos, now.retain) == ("usense/identity/live", 0, False)


def test_the_prefix_is_that_of_the_settings() -> None:
    """Topics begin with the prefix of the context."""
    [message] = identity(sighting(1), replace(context(), topics=Topics("home/door")), 0.0)

    assert message.topic == "home/door/identity"


@given(*[st.floats(-2000, 4000) for _ in range(4)])
def test_a_box_lies_within_the_picture(x0: float, y0: float, width: float, height: float) -> None:
    """Boxes that reach over the edge are told by their visible part, as parts of the picture."""
    seen = sighting(1, box=Box(x0, y0, x0 + abs(width), y0 + abs(height)))
    box = shown(identity(seen, context(), 0.0)[0].payload)["box"]

    assert all(0 <= box[key] <= 1 for key in "xywh")
    assert box["x"] + box["w"] <= 1.0001
    assert box["y"] + box["h"] <= 1.0001


def test_any_name_survives() -> None:
    """Names of all scripts arrive as they are; half a surrogate pair, which UTF-8 cannot hold, is replaced."""
    for name, expected in (("Zoë 李 \U0001f600", "Zoë 李 \U0001f600"), ('"\\\n', '"\\\n')):
        assert shown(identity(sighting(1, name), context(), 0.0)[0].payload)["name"] == expected


def test_the_schema_describes_every_field() -> None:
    """The JSON Schema made from the payload has one sentence for each field."""
    schema = TypeAdapter(IdentityPayload).json_schema()
    parts = [schema, *(part for part in schema["$defs"].values() if "properties" in part)]

    assert all("description" in field for part in parts for field in part["properties"].values())


def test_what_somebody_rejected_has_no_confidence() -> None:
    """A number made from the likeness would contradict whoever said that this is not the person."""
    rejected = replace(UNKNOWN, score=0.7, margin=0.3, reason="rejected_before")

    (message,) = identity(sighting(3, type=SightingType.UNKNOWN, decision=rejected), context(), 0.0)

    assert shown(message.payload)["confidence"] is None
