"""`settings/set`: what may change while the service runs."""

from __future__ import annotations

from typing import Any

from uSense.commands.base import Command, Example, Line
from uSense.control import Control
from uSense.payloads.settings import RuntimeChanges, RuntimeSettings
from uSense.schema import Branch


async def change(control: Control, asked: Branch) -> dict[str, Any]:
    """Change settings, at once and for the restarts to come."""
    return await control.change_settings(asked.model_dump(exclude_unset=True))


SET = Command(
    name="settings/set",
    payload=RuntimeChanges,
    run=change,
    line=Line.PROMPT,
    about="Change settings at once and for the restarts to come; `null` goes back to the settings file.",
    reply=RuntimeSettings,
    examples=(
        Example({"threshold": 0.6}),
        Example({"threshold": None, "margin": 0.1, "repeat_after": 300}),
        Example({}),
        Example("0.6", code="bad_payload"),
        Example({"threshold": 1.5}, code="bad_payload"),
        Example({"threshold": True}, code="bad_payload"),
        Example({"treshold": 0.6}, code="bad_payload"),
        Example({"announce_within": 0, "margin": 0.1}, code="bad_payload"),
    ),
)
