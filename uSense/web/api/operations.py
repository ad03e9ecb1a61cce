"""What programs ask over HTTP, and the OpenAPI document that is made of the same table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from uSense import __version__
from uSense.core.access import Scope
from uSense.schema import Branch
from uSense.web.visit import Handler, Route

BASE = "/api/v1"
JSON = "application/json"
_REFERENCE = "#/components/schemas/{model}"


class ErrorDetails(Branch):
    """What was wrong."""

    code: str
    """In one word that stays as it is."""
    message: str
    """In plain words."""


class Refusal(Branch):
    """The answer to what cannot be done."""

    status: Literal["error"] = "error"
    """That it was not done."""
    error: ErrorDetails
    """Why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing to ask: `body` is the model of what is sent, `reply` the type of what comes back, if it is JSON.

    `parameters` are OpenAPI's descriptions of what stands in the address; `media` is what comes back that is no JSON,
    `raw` the types of a picture that may be sent as it is.
    """

    method: str
    path: str
    handler: Handler
    scope: Scope
    about: str
    tag: str
    body: type[Branch] | None = None
    reply: Any = None
    media: str = ""
    raw: tuple[str, ...] = ()
    parameters: tuple[Mapping[str, Any], ...] = ()
    refusals: Mapping[int, str] = field(default_factory=dict)
    """Further answers than those that everything may have."""

    @property
    def route(self) -> Route:
        """What the server serves."""
        return Route(method=self.method, path=BASE + self.path, handler=self.handler, scope=self.scope)


def named(name: str, about: str) -> Mapping[str, Any]:
    """A part of the path."""
    return {"name": name, "in": "path", "required": True, "description": about, "schema": {"type": "string"}}


def asked(name: str, about: str, **shape: Any) -> Mapping[str, Any]:
    """A value after the question mark."""
    return {"name": name, "in": "query", "description": about, "schema": {"type": "string", **shape}}


COMMON = {
    400: "Something is wrong with what was sent.",
    401: "Nobody is logged in, and there is no token that counts.",
    403: "The scope does not suffice, or a page of another site sent this.",
    404: "There is no such thing.",
    408: "What was sent did not arrive in time.",
    409: "Refused because of what is there already, or a camera is paused or gives no pictures.",
    413: "Too much was sent.",
    429: "Others do this already: try again in a moment.",
    503: "It cannot be done at this moment.",
}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The OpenAPI document of all of them."""
    types: dict[tuple[str, str], tuple[Any, Literal["validation", "serialization"], TypeAdapter[Any]]] = {}
    for one in operations:
        key = one.method + one.path
        if one.body is not None:
            types[key, "body"] = ((key, "body"), "validation", TypeAdapter(one.body))
        if one.reply is not None:
            types[key, "reply"] = ((key, "reply"), "serialization", TypeAdapter(one.reply))
    types["", "refusal"] = (("", "refusal"), "serialization", TypeAdapter(Refusal))
    found, components = TypeAdapter.json_schemas(list(types.values()), ref_template=_REFERENCE)
    schemas = {key: schema for (key, _), schema in found.items()}
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        key = one.method + one.path
        shapes = {part: schemas[key, part] for part in ("body", "reply") if (key, part) in schemas}
        paths.setdefault(BASE + one.path, {})[one.method.lower()] = _operation(one, shapes, schemas["", "refusal"])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "uSense",
            "version": __version__,
            "summary": "Who is there, and everything around it.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"cookie": []}],
        "paths": paths,
        "components": {
            "schemas": components.get("$defs", {}),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Made by `usense token add`."},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "usense", "description": "Of the pages."},
            },
        },
    }


def _operation(one: Operation, shapes: Mapping[str, Any], refusal: Any) -> dict[str, Any]:
    content = {JSON: {"schema": shapes["reply"]}} if "reply" in shapes else {one.media: {"schema": {}}}
    answers = {str(status): about for status, about in sorted({**COMMON, **one.refusals}.items())}
    told: dict[str, Any] = {
        "operationId": f"{one.method.lower()}{one.path.replace('/', '_').translate(_PLAIN)}",
        "summary": one.about,
        "description": f"Needs the scope `{one.scope}`.",
        "tags": [one.tag],
        "parameters": list(one.parameters),
        "responses": {
            "200": {"description": "It is done.", "content": content},
            **{key: {"description": about, "content": {JSON: {"schema": refusal}}} for key, about in answers.items()},
        },
    }
    if "body" in shapes:
        accepted: dict[str, Any] = {JSON: {"schema": shapes["body"]}}
        accepted |= {kind: {"schema": {"type": "string", "format": "binary"}} for kind in one.raw}
        told["requestBody"] = {"required": True, "content": accepted}
    return told


_PLAIN = str.maketrans("", "", "{}.")
