"""What others say on our own topics: an earlier run of this service, and another uSense below the same prefix."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from uSense.core.events import State
from uSense.entities import Context
from uSense.mqtt import rivals
from uSense.mqtt.leftovers import left_behind
from uSense.mqtt.link import Request
from uSense.mqtt.settings import MqttSettings

log = structlog.get_logger()


class Neighbors:
    """Listens to `info`, `status` and `presence`. `post` takes states, `knows` tells whether a state is ours now."""

    def __init__(
        self, settings: MqttSettings, context: Context, post: Callable[[State], None], knows: Callable[[str], bool]
    ) -> None:
        self.rival: str | None = None
        """What is wrong with there being another uSense, in plain words."""
        self._settings = settings
        self._context = context
        self._post = post
        self._knows = knows
        self._introduced = False

    def connection_lost(self) -> None:
        """What was heard counts no more."""
        self._introduced, self.rival = False, None

    def info(self, request: Request) -> None:
        """Take an `info`: the first one may be of an earlier run of ours, whose leftovers are removed."""
        self._tidy_up(request.payload)
        # What comes after our own `info` is no leftover.
        if not rivals.is_foreign(request.payload, self._context.instance):
            self._introduced, self.rival = True, None
        elif self._introduced and self.rival is None:
            self.rival = rivals.conflict(request.payload, self._settings)
            log.warning("broker", problem=self.rival)

    def presence(self, request: Request) -> None:
        """Take the presence of a person, and remove that of one who was erased while nobody told."""
        topic = request.topic.removeprefix(self._context.topics.of(""))
        if request.payload and self.rival is None:
            self._remove([topic])

    def _tidy_up(self, info: bytes) -> None:
        """Remove the states of cameras that this instance had in an earlier run, and has no more."""
        self._remove(left_behind(info, self._context.instance))

    def _remove(self, topics: Iterable[str]) -> None:
        for topic in topics:
            if not self._knows(topic):
                log.info("removed what an earlier run left at the broker", topic=self._context.topics.of(topic))
                self._post(State(topic, None))
