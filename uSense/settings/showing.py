"""All settings as they are shown to people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from uSense.core.given import Given
from uSense.schema import Outline
from uSense.settings.loading import Loaded
from uSense.settings.tree import Settings


def leaves(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that is not a group with names in it."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


def given(settings: Settings, loaded: Loaded | None) -> list[Given]:
    """All of them, secrets masked by their types; `loaded` knows where they come from."""
    values, outline = settings.model_dump(mode="json"), Outline(Settings)
    return [
        Given(
            path,
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),
            " ".join(str(outline.shape(path, values).get("description", "")).split()),
            loaded.origin(path) if loaded else "",
            loaded.place(path) if loaded else "",
        )
        for path, value in leaves(values)
    ]
