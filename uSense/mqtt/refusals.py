"""What the broker does not allow, each topic said once."""

from __future__ import annotations

import structlog

from uSense.mqtt import trouble

log = structlog.get_logger()

MOST = 64
"""Topics that are remembered as refused."""


class Refusals:
    """The refused topics, until they are taken."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    @property
    def reasons(self) -> list[str]:
        """Why they were refused, in plain words."""
        return list(self._reasons.values())

    def note(self, topic: str, refusal: str | None) -> None:
        """Keep in mind why a topic was refused; None: it was taken."""
        if refusal is None:
            if trouble.is_denial(self._reasons.pop(topic, "")):
                # The access list was mended; what it still forbids will be refused once more.
                self._reasons = {one: why for one, why in self._reasons.items() if not trouble.is_denial(why)}
        elif topic not in self._reasons and len(self._reasons) < MOST:
            self._reasons[topic] = refusal
            log.warning("broker", problem=refusal)
