"""What a command is, and how a request becomes a call or an error that says what was expected."""

from __future__ import annotations

import base64
import binascii
import difflib
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

from pydantic import BeforeValidator, ValidationError, WithJsonSchema

from uSense import schema
from uSense.core.errors import RequestError
from uSense.schema import Branch

C = TypeVar("C")
P = TypeVar("P", bound=Branch)
Transaction: TypeAlias = str | int
"""What an asker puts into a request to find its reply."""

_LONGEST_TRANSACTION = 128
_MOST_PARTS = 10_000
"""Values that a request may have: as many as fit into a picture's bytes would need a hundred times the memory."""
_ENDS = 65_536
"""Bytes at the beginning and at the end of an unread request in which its transaction is looked for."""
_TRANSACTION = re.compile(rb'"transaction"\s*:\s*("(?:[^"\\]|\\.){0,768}"|-?\d{1,18}(?!\d))')


def _from_base64(value: object) -> object:
    if not isinstance(value, str):
        return value
    head, comma, tail = value.partition(",")
    text = tail if comma and head.startswith("data:") else value
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64") from None


_BASE64 = WithJsonSchema({"type": "string", "contentEncoding": "base64"}, mode="validation")
ImageBytes: TypeAlias = Annotated[bytes, BeforeValidator(_from_base64), _BASE64]
"""A field that takes an encoded picture: base64 (also as a data URL) in JSON, or the bytes of a raw payload."""


PICTURE = base64.b64encode(b"\xff\xd8\xff\xe0 a JPEG file \xff\xd9").decode()
"""Stands in examples for a picture of Anna."""
FACE_ID = "5d0c6a1e-8f0b-4c11-9f4e-7a5e2d1c3b90"
"""Stands in examples for the id of a face of Anna."""

VISITOR_ID = "8f1f3f0e-55c1-4a0e-9e0b-6f3f4f8f2a10"
"""Stands in examples for the id of a visitor who was here twice."""
OTHER_VISITOR_ID = "0b8e9d57-6a7c-4c55-8f0b-3ab0d51f4d21"
"""The same of another one."""


@dataclass(frozen=True, slots=True)
class Example:
    """A request as it may come, and the `code` of the error that answers it; none if it is fulfilled.

    In the examples Anna is enrolled and trained, Bea has no faces, a visitor was here twice, and the only camera is
    `hall`. `rest` is what follows the command in the topic.
    """

    payload: Mapping[str, Any] | str | bytes = ""
    code: str = ""
    rest: str = ""

    @property
    def encoded(self) -> bytes:
        """The payload as it is sent."""
        if isinstance(self.payload, Mapping):
            return json.dumps(self.payload, ensure_ascii=False).encode()
        return self.payload.encode() if isinstance(self.payload, str) else self.payload


class Line(StrEnum):
    """Who waits for whom: the requests of a line are carried out one after the other."""

    ORDER = "in order"
    """What may take long, and whatever must keep the order in which it came."""
    PROMPT = "prompt"
    """What takes no time and does not depend on the others."""
    ENROLLING = "enrolling"
    """The begin and the end of guided enrollments; they may wait for a picture."""
    LOOKING = "looking"
    """Looks through a camera; they wait for a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Generic[C, P]):
    """A command: its name in topics, the arguments it takes, and the use case of `C` that it calls.

    `run` returns the `data` of the reply (any JSON value) and raises RequestError. A payload without braces fills the
    field that `scalar` names (where one argument is enough) or the bytes field that `raw` names; what follows in the
    topic fills the field that `rest` names. It waits only for those of its `line`.
    `about`, `reply` (the type of `data`) and `examples`, valid and invalid ones, are what documents and tests are made
    of; every command of the service has them.
    """

    name: str
    payload: type[P]
    run: Callable[[C, P], Awaitable[Any]]
    about: str = ""
    reply: Any = None
    examples: tuple[Example, ...] = ()
    scalar: str | None = None
    raw: str | None = None
    rest: str | None = None
    line: Line = Line.ORDER


@dataclass(frozen=True, slots=True)
class Body:
    """A payload that was read: the fields of a JSON object, or else the bytes as they came."""

    fields: Mapping[str, Any] | None
    raw: bytes
    transaction: Transaction | None = None


@dataclass(frozen=True, slots=True)
class Call(Generic[C, P]):
    """A command with its arguments, ready to run."""

    command: Command[C, P]
    arguments: P


def read(payload: bytes) -> Body:
    """Read a payload: what begins with a brace is a JSON object; raises RequestError (`bad_json`, `bad_payload`)."""
    if payload.lstrip()[:1] != b"{":
        return Body(None, payload)
    try:
        fields = _loads(payload.decode())
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the payload is not JSON: {error}", code="bad_json") from None
    transaction = fields.pop("transaction", None)
    if transaction is None:
        return Body(fields, b"")
    is_text = isinstance(transaction, str) and 0 < len(transaction) <= _LONGEST_TRANSACTION
    is_number = isinstance(transaction, int) and not isinstance(transaction, bool)
    if not is_text and not is_number:
        message = f"transaction must be an integer or a text of 1 to {_LONGEST_TRANSACTION} characters"
        raise RequestError(message, code="bad_payload")
    return Body(fields, b"", transaction)


def bind(commands: Sequence[Command[C, Any]], path: str, body: Body) -> Call[C, Any]:
    """Find the command that `path` (`face/add`) names and check its arguments.

    Raises RequestError: `unknown_command`, `bad_json` or `bad_payload`.
    """
    command, rest = find(commands, path)
    values = dict(body.fields) if body.fields is not None else _bare(command, body.raw)
    if command.rest is not None and rest:
        if values.get(command.rest, rest) != rest:
            raise RequestError(f"{command.rest} differs between topic and payload", code="bad_payload")
        values[command.rest] = rest
    try:
        arguments = command.payload.model_validate(values)
    except ValidationError as error:
        problems = schema.problems(error, values, schema.Outline(command.payload))
    else:
        problems = list(schema.misfits(values, schema.Outline(command.payload)))
    if problems:
        lines = [f"{schema.dotted(problem.path)} {problem.text}".strip() for problem in problems]
        raise RequestError("; ".join(lines), code="bad_payload")
    return Call(command, arguments)


def find_transaction(payload: bytes) -> Transaction | None:
    """The transaction of a request that is refused unread; looked for at both ends of a large payload."""
    if len(payload) > 2 * _ENDS:
        payload = payload[:_ENDS] + b" " + payload[-_ENDS:]
    found = _TRANSACTION.search(payload)
    if found is None:
        return None
    try:
        value = json.loads(found[1])
    except ValueError:
        return None
    return value if isinstance(value, int) or 0 < len(value) <= _LONGEST_TRANSACTION else None


def reply(data: Any, transaction: Transaction | None = None) -> dict[str, Any]:
    """The reply to a request that was fulfilled."""
    return {"status": "ok", "data": data} | _echo(transaction)


def refusal(error: RequestError, transaction: Transaction | None = None) -> dict[str, Any]:
    """The reply to a request that was not."""
    return {"status": "error", "error": {"code": error.code, "message": str(error)}} | _echo(transaction)


def _echo(transaction: Transaction | None) -> dict[str, Any]:
    return {} if transaction is None else {"transaction": transaction}


def find(commands: Sequence[Command[C, Any]], path: str) -> tuple[Command[C, Any], str]:
    """The command that `path` names and the rest of the topic; RequestError `unknown_command` with a near one."""
    table = {command.name: command for command in commands}
    if path in table:
        return table[path], ""
    for command in commands:
        rest = path.removeprefix(f"{command.name}/")
        if command.rest is not None and rest and rest != path:
            return command, rest
    near = difflib.get_close_matches(path, table, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise RequestError(f"there is no command {path[:100]!r}{hint}", code="unknown_command")


def _bare(command: Command[Any, Any], payload: bytes) -> dict[str, Any]:
    """The arguments that a payload without braces means."""
    if not payload.strip():
        return {}
    if command.raw is not None:
        return {command.raw: payload}
    try:
        text = payload.decode().strip()
    except UnicodeDecodeError:
        raise RequestError("the payload is not UTF-8", code="bad_json") from None
    try:
        value = _loads(text)
    except (ValueError, RecursionError):
        if command.scalar is None:
            raise RequestError(f"the payload is not JSON: {_expected(command)}", code="bad_json") from None
        return {command.scalar: text}
    if command.scalar is None or isinstance(value, list) or value is None:
        raise RequestError(_expected(command), code="bad_payload")
    # Text for the model to convert: an unquoted 007 or 1.50 may be a name.
    return {command.scalar: value if isinstance(value, str) else text}


def _expected(command: Command[Any, Any]) -> str:
    fields = ", ".join(command.payload.model_fields)
    return f"{command.name} takes a JSON object" + (f" with {fields}" if fields else ", {}, or nothing")


def _loads(text: str) -> Any:
    if sum(map(text.count, ",[{")) > _MOST_PARTS:
        raise ValueError(f"more than {_MOST_PARTS} parts")
    value = json.loads(text, parse_constant=_refuse)
    if "\\u" in text:
        # Half surrogates, which only escapes can bring in, would fail much later, where texts are stored or sent.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON value")
