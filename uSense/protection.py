"""Spares a machine that is hot, short of power or short of memory: the shell of `core/protection`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import structlog

from uSense.core.protection import Protection, ProtectionRules
from uSense.sensors import Sensors
from uSense.watching import Watching

log = structlog.get_logger()


class Protecting:
    """Looks at the sensors, and lets the cameras take fewer frames."""

    def __init__(self, rules: ProtectionRules, cameras: Watching, sensors: Sensors | None = None) -> None:
        self._slowdowns = 0
        self._rules = rules
        self._protection = Protection(rules)
        self._cameras = cameras
        self._blind = False
        """Whether the thermometer that was named says nothing."""
        self._sensors = sensors or Sensors(rules.thermometer)

    async def run(self) -> None:
        """Look now and then, until canceled; returns at once if there is nothing to be done."""
        while self._rules.enabled:
            await self.look()
            await asyncio.sleep(self._rules.every)

    async def look(self) -> None:
        """Look once."""
        readings = await asyncio.to_thread(self._sensors.read)
        if self._rules.thermometer and (readings.temperature is None) is not self._blind:
            self._blind = not self._blind
            tell = log.warning if self._blind else log.info
            tell("thermometer cannot be read" if self._blind else "thermometer is back", file=self._rules.thermometer)
        before = self._protection.share
        if self._protection.feed(readings, time.monotonic()):
            self._tell(before)

    @property
    def problems(self) -> dict[str, str]:
        """Why cameras are looked at less often, if they are."""
        reason = self._protection.reason
        return {"protection": reason} if reason else {}

    def report(self) -> dict[str, Any]:
        """For health."""
        causes = [cause.value for cause in self._protection.causes]
        return {"share": self._protection.share, "causes": causes, "slowdowns": self._slowdowns}

    def _tell(self, before: float) -> None:
        share = self._protection.share
        self._cameras.spare(share, 1 / self._rules.least_fps)
        if share < before:
            self._slowdowns += 1
            log.warning("slowed down", share=share, reason=self._protection.reason)
        else:
            log.info("faster again", share=share, reason=self._protection.reason)
