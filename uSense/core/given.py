"""A setting as it is shown: what it is, what it means, and where that comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Given:
    """A setting in effect; `value` is text without secrets."""

    path: tuple[str, ...]
    value: str
    meaning: str
    origin: str = ""
    """`argument`, `environment`, `file` or `default`; empty if that is not known."""
    place: str = ""
    """The variable, or the file and the line."""

    @property
    def name(self) -> str:
        """As it is written in words: `mqtt.host`."""
        return ".".join(self.path)
