"""Writes what docs/ has from the code, tables and schemas: python -m tests.support.documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import UnionType
from typing import Any, get_args

from pydantic.fields import FieldInfo

from tests.support.needs import ROOT
from uSense.cli import messages
from uSense.commands import COMMANDS
from uSense.commands.base import Command
from uSense.payloads.settings import RuntimeChanges, RuntimeSettings
from uSense.schema import Branch, Outline

SCHEMAS = ROOT / "docs" / "schemas" / "mqtt.json"
FILE = ROOT / "docs" / "mqtt.md"
BEGIN, END = "<!-- `make docs` writes the {part} -->", "<!-- end of the {part} -->"


def render(text: str) -> str:
    """The text with all its generated parts as they should be now."""
    for part, lines in {"commands": commands(), "settings": settings()}.items():
        begin, end = BEGIN.format(part=part), END.format(part=part)
        if begin not in text or end not in text:
            raise ValueError(f"{FILE} has no place for the {part}: {begin} ... {end}")
        before, _, rest = text.partition(begin)
        text = "\n".join([f"{before}{begin}", "", *lines, "", f"{end}{rest.partition(end)[2]}"])
    return text


def commands() -> Iterator[str]:
    """A row a command."""
    yield "| command | does | arguments | `data` of the reply |"
    yield "| --- | --- | --- | --- |"
    for command in COMMANDS:
        cells = (f"`{command.name}`", command.about, "<br>".join(_arguments(command)) or "-", _reply(command.reply))
        yield f"| {' | '.join(_cell(cell) for cell in cells)} |"


def settings() -> Iterator[str]:
    """A row a setting that may change at run time."""
    yield "| setting | values | means |"
    yield "| --- | --- | --- |"
    for name, field in RuntimeSettings.model_fields.items():
        yield f"| `{name}` | {_cell(_values(name))} | {_cell(_sentence(field))} |"


def _arguments(command: Command[Any, Any]) -> Iterator[str]:
    if command.payload is RuntimeChanges:
        yield "any of the [settings](#settings-at-run-time)"
        return
    for name, field in command.payload.model_fields.items():
        yield f"`{name}`{_optional(field)}: {_sentence(field)}"
    if command.scalar:
        yield f"or just the `{command.scalar}`"
    if command.raw:
        yield f"or just the file of the `{command.raw}`" + (
            f", to `usense/command/{command.name}/<{command.rest}>`" if command.rest else ""
        )


def _optional(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    default = field.get_default()
    return f" (optional, {default:,})" if type(default) in {int, float} else " (optional)"


def _reply(reply: Any) -> str:
    if isinstance(reply, UnionType):
        return "; or: ".join(_reply(one) for one in get_args(reply))
    (listed,) = get_args(reply) or (None,)
    model: type[Branch] = listed or reply
    about = " ".join((model.__doc__ or "").split()).rstrip(".")
    fields = ", ".join(f"`{name}`" for name in model.model_fields)
    return f"{'List; each: ' if listed else ''}{about}: {fields}"


def _values(name: str) -> str:
    shape = Outline(RuntimeSettings).shape((name,))
    if "enum" in shape:
        return ", ".join(f"`{value}`" for value in shape["enum"])
    words = {"minimum": "from", "exclusiveMinimum": "more than", "maximum": "to", "exclusiveMaximum": "less than"}
    return " ".join(f"{word} {shape[bound]:g}" for bound, word in words.items() if bound in shape)


def _sentence(field: FieldInfo) -> str:
    return " ".join((field.description or "").split()).rstrip(".")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    FILE.write_text(render(FILE.read_text("utf-8")), "utf-8")
    SCHEMAS.write_text(json.dumps(messages.document(), indent=1, ensure_ascii=False) + "\n", "utf-8")
