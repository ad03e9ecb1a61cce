"""The JSON Schema of everything that uSense tells and is told over MQTT."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter, create_model
from pydantic.json_schema import JsonSchemaMode

from uSense.commands import COMMANDS
from uSense.entities.identity import IdentityPayload
from uSense.payloads.notices import NOTICES
from uSense.payloads.states import STATES
from uSense.schema import Branch

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ABOUT = (
    "`topics` has the payloads of the topics below the prefix, `+` for any name; `events` those of the topic event by "
    "their type; `requests` and `replies` the JSON payloads of commands and the `data` of their replies. To check a "
    'message, refer to its place here, as in {"$ref": "mqtt.json#/topics/identity"}.'
)
Part: TypeAlias = tuple[str, str, Any]
"""Section, name and type of a schema."""
IDENTITIES = ("identity", "identity/live")


def document() -> dict[str, Any]:
    """All schemas in one."""
    parts: list[Part] = [
        *(("topics", topic, kind) for topic, kind in told_topics().items()),
        *(("events", kind, event(kind, number)) for kind in NOTICES for number in range(len(NOTICES[kind]))),
        *(("requests", command.name, command.payload) for command in COMMANDS),
        *(("replies", command.name, command.reply) for command in COMMANDS),
    ]
    modes: dict[str, JsonSchemaMode] = {"requests": "validation"}
    inputs = [
        (number, modes.get(section, "serialization"), TypeAdapter(kind))
        for number, (section, _, kind) in enumerate(parts)
    ]
    schemas, definitions = TypeAdapter.json_schemas(inputs)
    found: dict[str, dict[str, list[Any]]] = {}
    for (number, mode, _), (section, name, _) in zip(inputs, parts, strict=True):
        found.setdefault(section, {}).setdefault(name, []).append(schemas[(number, mode)])
    sections = {
        section: {name: each[0] if len(each) == 1 else {"anyOf": each} for name, each in names.items()}
        for section, names in found.items()
    }
    sections["topics"]["event"] = {"anyOf": [{"$ref": f"#/events/{kind}"} for kind in NOTICES]}
    for name, definition in definitions["$defs"].items():
        if {"$ref": f"#/$defs/{name}"} not in sections["requests"].values():
            definition.pop("additionalProperties", None)  # later versions may tell more
    return {"$schema": DIALECT, "title": "MQTT messages of uSense", "description": _ABOUT, **sections, **definitions}


def told_topics() -> dict[str, Any]:
    """The types of all topics but `event`."""
    return {**dict.fromkeys(IDENTITIES, IdentityPayload), **STATES}


def event(kind: str, number: int = 0) -> type[Branch]:
    """The model of a message on the topic `event`."""
    model = NOTICES[kind][number]
    at = Field(description="When it happened; RFC 3339, UTC.")
    fields: dict[str, Any] = {"type": (Literal[kind], ...), "at": (str, at)}
    return create_model(f"{model.__name__}Event", __base__=model, __doc__=model.__doc__, **fields)
