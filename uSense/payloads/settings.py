"""The settings that may change while the service runs."""

from __future__ import annotations

from typing import Any, get_type_hints

from pydantic import Field, create_model

from uSense.core.announcing import Telling
from uSense.core.bounds import Absence, Pause, Share, Week
from uSense.schema import Branch


class RuntimeSettings(Branch):
    """The settings that may change while the service runs, as they are now."""

    threshold: Share
    """Lowest score that names a person, at least 0.35 with dlib's net; with Azure, confidence, at least 0.5."""
    margin: Share
    """Smallest lead of the best person's score over that of the runner-up."""
    repeat_after: Week
    """Seconds a person must have been out of a camera's sight before that camera announces them again."""
    announce_within: Pause
    """Age of a deciding picture, in seconds, up to which its name is told live."""
    unknown: Telling
    """Unknown people who are told: `all`, only `visitors` who were here before, or `nobody`."""
    leave_after: Absence
    """Seconds out of a camera's sight after which somebody is not there any more."""


def _optional() -> dict[str, Any]:
    """All settings, each of which may be left out or be null."""
    hints = get_type_hints(RuntimeSettings, include_extras=True)
    return {
        name: (hints[name] | None, Field(default=None, description=field.description))
        for name, field in RuntimeSettings.model_fields.items()
    }


RuntimeChanges: type[Branch] = create_model(
    "RuntimeChanges", __base__=Branch, __doc__="Some of the settings, with new values.", **_optional()
)
"""Some of the settings with new values; null goes back to the value of the settings file."""
