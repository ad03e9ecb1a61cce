"""An outbox to which others listen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from uSense.core.events import Event
from uSense.ports import Outbox


@dataclass(frozen=True, slots=True)
class Overheard:
    """An outbox to which somebody listens."""

    outbox: Outbox
    ears: list[Callable[[Event], None]]

    def post(self, event: Event) -> None:
        self.outbox.post(event)
        for heard in self.ears:
            heard(event)
