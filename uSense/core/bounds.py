"""Numbers with bounds, for fields of rules. Settings are held to them; rules made in code are trusted."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from annotated_types import Interval

Share: TypeAlias = Annotated[float, Interval(ge=0, le=1)]
"""A score, a quality or a lead: from nothing to everything."""
Part: TypeAlias = Annotated[float, Interval(gt=0, lt=1)]
"""A share that is neither nothing nor everything."""
Minutes: TypeAlias = Annotated[float, Interval(ge=0, le=300)]
"""Seconds, up to a few minutes."""
Pause: TypeAlias = Annotated[float, Interval(gt=0, le=300)]
"""The same, but never none."""
Week: TypeAlias = Annotated[float, Interval(ge=0, le=604_800)]
"""Seconds, up to a week."""
Absence: TypeAlias = Annotated[float, Interval(ge=2, le=604_800)]
"""Seconds, up to a week, in which somebody is looked for more than once."""
Looks: TypeAlias = Annotated[int, Interval(ge=1, le=100)]
"""A number of pictures."""
