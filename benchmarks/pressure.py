"""Whether a new face is named soon while Azure is the bottleneck: five cameras at tier S0.

    python benchmarks/pressure.py [--seconds N] [--faces N] [--check] [--json]

Five cameras at 10 frames a second show faces that come and stay three seconds each, `--faces` new ones a second in all
(below the 9 that ten calls a second can tell). Pipeline, recognizer, wire client and the served Face API are the real
ones; before the API stands a server that refuses the eleventh call in any second. Only cameras and local detector are
stand-ins, which know where the faces are. Then the same with three times as many faces, which is more than the quota.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil

from benchmarks.measures import bounds
from tests.peers.azure_faults import AzureFaults
from tests.peers.azure_proxy import proxy
from tests.peers.faceapi import FaceApi
from tests.recognizers.azureface.accounts import azure
from tests.recognizers.probes import grace
from tests.support.portraits import GRACE
from tests.support.stand_ins import Busy, Ears, Source
from uSense import imaging
from uSense.core.models import Answer, Box, Face, Picture, Rgb
from uSense.core.quality import QualityRules
from uSense.core.quota import S0
from uSense.core.scene import Scene, SceneRules
from uSense.core.stats import Stats
from uSense.core.voting import VotingRules
from uSense.pipeline import Pipeline, PipelineSettings
from uSense.query import Query
from uSense.recognizers.azure import AzureSettings
from uSense.storage import open_storage

CAMERAS, FPS = 5, 10.0
WARM_UP = 5.0
"""Seconds at the beginning, in which the recognizer looks around and all cameras begin at once, that do not count."""
STAYS = 3.0
"""Seconds that a face is in the picture."""
PLACES = tuple((column, row) for row in range(4) for column in range(6))
SIDE = 240
LATE = 2.0
"""Seconds within which 95 of 100 new faces are answered while the quota suffices."""
GROWTH = 25.0
"""Megabytes that the process may seem to grow by while more comes than the quota bears."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one flow of faces led to."""

    faces_per_s: float
    answered: int
    p50_s: float
    p95_s: float
    refused: int
    quota_used: float
    frames_dropped: int
    faces_dropped: int
    most_waiting: int
    grew_mb: float


class Flow:
    """A detector that knows where the faces are: each camera has `rate` new ones a second, each at its own place."""

    model = "flow"

    def __init__(self, rate: float, phases: Mapping[int, float]) -> None:
        self.rate = rate
        self.phases = phases
        """By id of a camera's picture: how much later than those of the first camera its faces come, 0 to 1."""
        self.begun = time.monotonic()

    async def detect(self, picture: Picture) -> list[Face]:
        await asyncio.sleep(0)
        now = time.monotonic() - self.begun + self.phases[id(picture)] / self.rate
        first = max(0, int((now - STAYS) * self.rate) + 1)
        return [_face(number) for number in range(first, int(now * self.rate) + 1)]


class Watched(Pipeline):
    """A pipeline that notes how long each new face waited for its first answer."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.waits: list[float] = []
        self._answered: set[str] = set()
        self._warm = time.time() + WARM_UP

    def _decide(self, query: Query, answer: Answer) -> None:
        track = self.scenes[query.camera].tracker.tracks.get(query.ask.track_id)
        new = track is not None and track.track_id not in self._answered and track.first_seen_at >= self._warm
        if track is not None and new:
            self._answered.add(track.track_id)
            self.waits.append(time.time() - track.first_seen_at)
        super()._decide(query, answer)


async def measured(settings: AzureSettings, cloud: AzureFaults, folder: Path, rate: float, seconds: float) -> Outcome:
    """Let faces flow for a while."""
    stats, process = Stats(), psutil.Process()
    pictures = [imaging.ArrayPicture(_crowd()) for _ in range(CAMERAS)]
    flow = Flow(rate / CAMERAS, {id(picture): number / CAMERAS for number, picture in enumerate(pictures)})
    async with open_storage(folder) as storage, settings.open(storage) as recognizer:
        habits = recognizer.habits
        rules = SceneRules(
            voting=VotingRules(needed=1, unknown_needed=2), decision=recognizer.rules, choosy=habits.ripen > 0
        )
        names = [f"camera{number}" for number in range(CAMERAS)]
        scenes = {name: Scene(name, rules, name) for name in names}
        pipeline = Watched(PipelineSettings(), QualityRules(min_value=0.0), scenes, recognizer, Ears(), stats)
        cloud.calls.clear()
        waiting = 0
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(pipeline.identify()) for _ in range(habits.at_once)]
            tasks.append(group.create_task(pipeline.detect(flow)))
            for name, picture in zip(names, pictures, strict=True):
                source = Source(partial(Busy, picture=picture), fps=FPS)
                tasks.append(group.create_task(pipeline.cameras.watch(name, source)))
            begun, before = time.monotonic(), 0.0
            while (elapsed := time.monotonic() - begun) < seconds:
                await asyncio.sleep(0.1)
                waiting = max(waiting, pipeline.faces_waiting)
                if not before and elapsed > seconds / 3:
                    gc.collect()
                    before = process.memory_info().rss / 1e6
            for task in tasks:
                task.cancel()
    gc.collect()
    waits = np.array(pipeline.waits)
    return Outcome(
        faces_per_s=rate,
        answered=len(waits),
        p50_s=round(float(np.percentile(waits, 50)), 2),
        p95_s=round(float(np.percentile(waits, 95)), 2),
        refused=cloud.refused,
        quota_used=round(len(cloud.calls) / (S0.calls / S0.seconds * seconds), 3),
        frames_dropped=sum(stats.dropped.values()),
        faces_dropped=stats.counts["faces_dropped"],
        most_waiting=waiting,
        grew_mb=round(process.memory_info().rss / 1e6 - before, 1),
    )


async def both(rate: float, seconds: float) -> list[Outcome]:
    """The flow that the quota bears, and three times as much."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="usense-pressure-")))
        api = await asyncio.to_thread(stack.enter_context, FaceApi(folder / "api"))
        cloud = await stack.enter_async_context(AzureFaults(proxy(api)))
        settings = azure(api).model_copy(update={"endpoint": cloud.url})
        async with open_storage(folder / "house") as storage, settings.open(storage, lazily=True) as recognizer:
            person = await recognizer.create_person("Grace")
            await recognizer.add_face(person.person_id, grace(), force=True)
            await recognizer.train()
        cloud.tier = S0
        limited = settings.model_copy(update={"tier": "S0"})
        return [await measured(limited, cloud, folder / "house", flow, seconds) for flow in (rate, 3 * rate)]


def _face(number: int) -> Face:
    column, row = PLACES[number % len(PLACES)]
    half, x, y = 0.16 * SIDE, (column + 0.5) * SIDE, (row + 0.49) * SIDE
    return Face(Box(x - half, y - half, x + half, y + half), 1.0)


def _crowd() -> Rgb:
    """A picture with the same face at every place."""
    one = imaging.ArrayPicture(GRACE).rgb((SIDE, SIDE))
    whole = np.full((4 * SIDE, 6 * SIDE, 3), 120, np.uint8)
    for column, row in PLACES:
        whole[row * SIDE : row * SIDE + one.shape[0], column * SIDE : column * SIDE + one.shape[1]] = one
    return whole


def main() -> int:
    """Measure, print, and with `--check` say by the exit code whether all bounds hold."""
    parser = bounds.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=40.0, help="for each of both flows")
    parser.add_argument("--faces", type=float, default=7.0, help="new faces a second")
    options = parser.parse_args()
    found = asyncio.run(both(options.faces, options.seconds))
    flows = [asdict(one) for one in found]
    if not options.json:
        for flow in flows:
            print("  ".join(f"{name} {value}" for name, value in flow.items()))
    return bounds.verdict(failures(*found), {"flows": flows} if options.json else None, check=options.check)


def failures(calm: Outcome, crowded: Outcome) -> list[str]:
    """Every bound that is missed, as a sentence."""
    faces = PipelineSettings().faces
    checks = {
        f"95 of 100 faces are answered in {calm.p95_s} s only": calm.p95_s > LATE,
        f"{calm.refused + crowded.refused} calls were refused": calm.refused + crowded.refused > 0,
        f"memory grew by {crowded.grew_mb} MB": crowded.grew_mb > GROWTH,
        f"{crowded.most_waiting} faces waited": crowded.most_waiting > faces,
    }
    return [sentence for sentence, missed in checks.items() if missed]


if __name__ == "__main__":
    sys.exit(main())
