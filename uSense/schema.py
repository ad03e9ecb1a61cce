"""The base of every settings branch and every command's payload."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Branch(BaseModel):
    """Frozen, refuses unknown keys, and takes each field's description from the docstring below it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)
