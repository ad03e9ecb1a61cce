"""Settings that may change while the service runs: kept over restarts, applied and told at once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import structlog
from pydantic import ValidationError

from uSense.core.errors import RequestError, StorageError
from uSense.core.events import State
from uSense.payloads.settings import RuntimeChanges
from uSense.ports import Notebook, Outbox

log = structlog.get_logger()

FILE = "runtime.json"
"""Where they are kept, in the data folder."""
Value: TypeAlias = float | str


@dataclass(slots=True)
class _Dial:
    filed: Value
    """The value in the settings file."""
    now: Value
    apply: Callable[[Any], None]
    least: float


class Runtime:
    """The settings that `settings/set` changes. What was changed wins over the settings file until it is reset."""

    def __init__(self, notebook: Notebook, outbox: Outbox) -> None:
        self.problem = ""
        """What is wrong with what was kept, in plain words; empty if nothing is."""
        self._notebook = notebook
        self._outbox = outbox
        self._dials: dict[str, _Dial] = {}
        self._kept: dict[str, Value] = {}
        self._changing = asyncio.Lock()

    def add(self, name: str, filed: Value, apply: Callable[[Any], None], *, least: float = -math.inf) -> None:
        """A setting of `RuntimeSettings`: its value in the settings file, and what makes another one count at once.

        A number below `least` is refused, as the service is set up.
        """
        self._dials[name] = _Dial(filed, filed, apply, least)

    @property
    def problems(self) -> dict[str, str]:
        """The same by its part, for `usense/health`."""
        return {"run-time settings": self.problem} if self.problem else {}

    @property
    def values(self) -> dict[str, Value]:
        """All settings as they are now."""
        return {name: dial.now for name, dial in self._dials.items()}

    @property
    def filed(self) -> dict[str, Value]:
        """The same as the settings file has them."""
        return {name: dial.filed for name, dial in self._dials.items()}

    def least(self, name: str) -> float:
        """The lowest number that is taken, as the service is set up; minus infinity without such a bound."""
        return self._dials[name].least

    async def load(self) -> None:
        """Apply what was kept, and tell it. What cannot be read is a problem, and the settings file counts."""
        try:
            kept = await self._notebook.load()
        except StorageError as error:
            kept, self.problem = {}, f"{error}; the settings file counts, until settings/set changes something"
        wrong = [name for name, value in kept.items() if not self._fits(name, value)]
        if wrong:
            self.problem = f"{FILE} has no usable value of {', '.join(wrong)}: the settings file counts"
        if self.problem:
            log.warning("run-time settings", problem=self.problem)
        self._kept = {name: value for name, value in kept.items() if name not in wrong}
        if self._kept:
            log.info("run-time settings", in_place_of_the_file=self._kept)
        self._apply()

    async def change(self, changes: Mapping[str, Value | None]) -> dict[str, Value]:
        """Keep and apply checked values, None for that of the settings file; all of them or, with an error, none."""
        for name, value in changes.items():
            if self._is_too_low(name, value):
                message = f"{name} must be {self._dials[name].least:g} or more with the recognizer of this service"
                raise RequestError(message, code="bad_payload")
        async with self._changing:
            kept = {name: value for name, value in {**self._kept, **changes}.items() if value is not None}
            if kept != self._kept or self.problem:
                try:
                    await self._notebook.save(kept)
                except StorageError as error:
                    raise RequestError(f"nothing was changed: {error}", code="unavailable") from error
                self._kept, self.problem = kept, ""
                log.info("run-time settings changed", **changes)
            self._apply()
            return self.values

    def _apply(self) -> None:
        for name, dial in self._dials.items():
            value = self._kept.get(name, dial.filed)
            if value != dial.now:
                dial.now = value
                dial.apply(value)
        self._outbox.post(State("settings", self.values))

    def _fits(self, name: str, value: object) -> bool:
        try:
            RuntimeChanges.model_validate({name: value}, strict=True)
        except ValidationError:
            return False
        return name in self._dials and value is not None and not self._is_too_low(name, value)

    def _is_too_low(self, name: str, value: object) -> bool:
        return name in self._dials and isinstance(value, float | int) and value < self._dials[name].least
