"""The house of the commands' examples: Anna is enrolled and trained, Bea has no faces, two visitors were there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.mqtt import sighting
from tests.support.portraits import jpeg
from tests.support.stand_ins import Ears, Spotter, picture
from uSense import imaging, keepsake
from uSense.aio import Lane, Switch
from uSense.album import Album
from uSense.commands.base import OTHER_VISITOR_ID, VISITOR_ID
from uSense.commands.visitors import EVENT_ID
from uSense.control import Control
from uSense.core.errors import NotFoundError
from uSense.core.judging import DecisionRules
from uSense.core.matching import Metric
from uSense.core.models import Probe, Rgb, Shot
from uSense.core.quality import QualityRules
from uSense.core.stats import Stats
from uSense.core.visitors import Glimpse, Visitor, VisitorRules
from uSense.payloads.settings import RuntimeSettings
from uSense.ports import Keep, KeptFace
from uSense.recognizers.embedders.base import Vectors
from uSense.recognizers.local import LocalRecognizer
from uSense.runtime import Runtime
from uSense.storage import Storage, open_storage
from uSense.storage.notebook import Notebook
from uSense.visitors import Visiting


class Grays:
    """An embedder of a few gray values: all that enrolling and comparing one portrait needs."""

    model = "grays"
    metric = Metric.EUCLIDEAN

    def embed(self, probes: Sequence[Probe]) -> Vectors:
        rows = [probe.crop[::16, ::16].mean(axis=2)[:6, :6].ravel() for probe in probes]
        return np.asarray(rows, np.float32) / np.float32(1000)

    def enroll(self, probe: Probe) -> Vectors:
        return self.embed([probe])


@asynccontextmanager
async def example_house(folder: Path, *, keep_crops: bool = False) -> AsyncIterator[Control]:
    """The house of the examples; with `keep_crops` photos of people are kept, too."""
    async with AsyncExitStack() as stack:
        storage: Storage = await stack.enter_async_context(open_storage(folder / "data"))
        lane = await stack.enter_async_context(Lane("embed"))
        recognizer = LocalRecognizer(lane, Grays, storage.vault, DecisionRules())
        recognizer.keep_crops = keep_crops
        made = Control(recognizer, Spotter(), Ears(), QualityRules(), {"hall": Switch()}, dict)
        made.archive = storage.archive
        made.pages = storage.pages
        made.album = Album(storage.vault)
        made.runtime = Runtime(Notebook(folder / "runtime.json"), made.outbox)
        for name in RuntimeSettings.model_fields:
            value = "all" if name == "unknown" else 2.0 if name.endswith("_after") else 1.0
            made.runtime.add(name, value, lambda _: None)
        made.shot = shot
        made.info = info
        for name in ("Anna", "Bea"):
            await made.create_person(name)
        await made.add_picture("Anna", rgb(), "anna.jpg")
        await made.train()
        made.visiting = await visited(storage, recognizer, made)
        yield made


async def visited(storage: Storage, recognizer: LocalRecognizer, house: Control) -> Visiting:
    """Two visitors who were here twice, and a sighting of Anna."""
    visiting = Visiting(VisitorRules(), storage.visitors, recognizer, house.outbox, Stats())
    for visitor_id, times, shade in ((VISITOR_ID, 2, 1.0), (OTHER_VISITOR_ID, 3, 0.5)):
        (answer,) = await recognizer.identify([await house.one_face(somebody(shade), "visitor.jpg")])
        assert answer.embedding is not None
        face = Glimpse(answer.embedding, 0.9)
        at = 1e9 - times
        visitor = Visitor(visitor_id, at, at, minted=True, sightings=times, cameras=("hall",), faces={1: face})
        visitor.event_ids = (EVENT_ID,) if shade == 1.0 else ()
        visiting.book.visitors[visitor_id] = visitor
        crop = KeptFace(answer.embedding, 0.9, packed(shade))
        await storage.visitors.keep([Keep(visitor, {1: crop}, frozenset())], [])
        if shade == 1.0:
            visiting.rejecting.looked("track", answer.embedding)
    anna = await house.find("Anna")
    visiting.rejecting.note(sighting(event_id=EVENT_ID, track_id="track", person_id=anna.person_id))
    return visiting


@cache
def rgb() -> Rgb:
    """Anna."""
    return picture().rgb()


@cache
def somebody(shade: float = 1.0) -> Rgb:
    """The visitor, and in another shade the other one."""
    return ((255 - rgb()) * shade).astype(np.uint8)


@cache
def packed(shade: float = 1.0) -> bytes:
    """The kept crop of the visitor, or of the other one."""
    (found,) = Spotter().faces
    return keepsake.pack(imaging.probe(imaging.ArrayPicture(somebody(shade)), found))


@cache
def shown() -> bytes:
    """A file of Anna, a little darker: no duplicate of the face that is kept."""
    return jpeg((rgb() * 0.8).astype(np.uint8))


async def shot(camera: str) -> Shot:
    """What the camera shows."""
    if camera != "hall":
        raise NotFoundError("camera", camera)
    return Shot(0.0, rgb())


def info() -> dict[str, Any]:
    """The service's info."""
    words = dict.fromkeys(("instance", "version", "recognizer", "model", "detector"), "x")
    return {**words, "cameras": ["hall"], "settings": {}}
