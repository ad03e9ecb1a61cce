"""What the settings of all detectors share."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from uSense.schema import Branch, Fit


class SearchSettings(Branch):
    """How pictures are searched."""

    min_face: int = Field(ge=10, le=400)
    """Smallest face in pixels of the fitted picture."""
    fit: Fit = (640, 480)
    """Width and height in pixels within which pictures are shrunk before the search."""

    @model_validator(mode="after")
    def _faces_fit(self) -> Self:
        if self.min_face > min(self.fit):
            raise ValueError("no face can be found: min_face is larger than fit")
        return self
