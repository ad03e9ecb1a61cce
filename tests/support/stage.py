"""A pipeline with stand-ins around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from tests.support.stand_ins import Busy, Ears, Oracle, picture
from uSense.core.quality import QualityRules
from uSense.core.scene import Scene, SceneRules
from uSense.core.stats import Stats
from uSense.core.tracking import TrackingRules
from uSense.pipeline import Pipeline, PipelineSettings
from uSense.watching import CameraSource


class Stage:
    """A pipeline with stand-ins around it."""

    def __init__(self, oracle: Oracle, *cameras: str, settings: PipelineSettings | None = None) -> None:
        self.ears = Ears()
        self.stats = Stats()
        self.oracle = oracle
        rules = SceneRules(tracking=TrackingRules(recheck=0.001), decision=oracle.rules)
        scenes = {name: Scene(name, rules, f"r{index}") for index, name in enumerate(cameras or ("hall",))}
        self.pipeline = Pipeline(
            settings or PipelineSettings(), QualityRules(min_value=0.0), scenes, oracle, self.ears, self.stats
        )

    @asynccontextmanager
    async def running(self, *work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """The given loops and the batcher, stopped at the end."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in (*work, self.pipeline.identify())]
            yield
            for task in tasks:
                task.cancel()

    def camera(self, source: CameraSource, name: str = "hall") -> Coroutine[Any, Any, None]:
        """The loop of one camera."""
        return self.pipeline.cameras.watch(name, source)


def busy(**options: bool) -> Callable[[str], Busy]:
    """How to open a camera that always has a frame."""
    return lambda name: Busy(name, picture(), **options)
