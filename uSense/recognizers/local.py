"""The recognizer that needs nobody: embeds faces here and compares them with the gallery in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from pydantic import model_validator

from uSense import imaging, keepsake
from uSense.aio import Lane
from uSense.core import matching
from uSense.core.errors import (
    BadImageError,
    ConflictError,
    GalleryChangedError,
    NotFoundError,
    RequestError,
    StorageError,
    UsenseError,
)
from uSense.core.findings import Finding, ok, problem
from uSense.core.judging import DecisionRules
from uSense.core.matching import Gallery, Metric
from uSense.core.models import (
    MOST_FACES,
    Answer,
    Box,
    Embedding,
    Erasure,
    Face,
    Person,
    Probe,
    Renewal,
    Training,
    Vector,
)
from uSense.core.trials import KeptFace
from uSense.ports import AddedFace, Detector, Habits, House, Template, Vault
from uSense.recognizers.checking import check
from uSense.recognizers.embedders import AnyEmbedder
from uSense.recognizers.embedders.base import Embedder
from uSense.recognizers.embedders.dlib import DlibSettings
from uSense.recognizers.embedding import LocalEmbedding
from uSense.schema import Branch

ATTEMPTS = 3
"""Times that a gallery is built while other processes change the people."""
_IDENTICAL = 0.98
"""Score from which two faces are the same picture."""
_SELF = 0.9
"""A face compared with itself scores at least this."""
_UNLIKE = 0.10
"""A face that scores this far below the threshold against a person's other faces earns a warning."""


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Why a face may not belong to a person; one with a `code` is refused unless forced."""

    text: str
    code: str | None = None


class LocalSettings(Branch):
    """Identify faces on this machine."""

    kind: Literal["local"] = "local"
    """The recognizer: local, nothing leaves the machine."""
    embedder: AnyEmbedder = DlibSettings()
    """The net that turns a face into numbers."""
    rules: DecisionRules = DecisionRules()
    """When one look names a person."""

    @model_validator(mode="after")
    def _names_not_everybody(self) -> Self:
        if self.rules.threshold < self.least_threshold:
            least = f"{self.least_threshold:g}"
            raise ValueError(f"'rules.threshold' must be {least} or more: a lower one keeps hardly any stranger out")
        return self

    @property
    def least_threshold(self) -> float:
        """A lower threshold would keep hardly any stranger from getting a name."""
        return self.embedder.least_threshold

    @property
    def local(self) -> Self:
        """The settings of the local recognizer, of whatever kind the configured one is."""
        return self

    @asynccontextmanager
    async def open(
        self, house: House, *, lazily: bool = False, keep_crops: bool = True
    ) -> AsyncIterator[LocalRecognizer]:
        """A recognizer over the people of the house; raises ModelError and StorageError.

        If `lazily`, net and gallery are loaded by the first call that needs them: the care of people needs neither.
        """
        async with Lane("embed") as lane:
            recognizer = LocalRecognizer(lane, self.embedder.load, house.vault, self.rules)
            recognizer.keep_crops = keep_crops
            if not lazily:
                await house.vault.use((await recognizer.load()).model)
            yield recognizer


class LocalRecognizer:
    """Identifies with a gallery that is never changed, only replaced; one change of the people at a time."""

    kind = "local"
    habits = Habits()
    problem = ""

    def __init__(self, lane: Lane, opening: Callable[[], Embedder], vault: Vault, rules: DecisionRules) -> None:
        self.model = ""
        self.rules = rules
        self.keep_crops = True
        """Keep the crops of faces that are added, for models to come."""
        self._lane = lane
        self._opening = opening
        self._embedder: Embedder | None = None
        self._vault = vault
        self._gallery = Gallery.empty(Metric.EUCLIDEAN)
        self._report = Training("never")
        self._changing = asyncio.Lock()
        self._outdated = False

    async def load(self) -> Embedder:
        """The net; the first call loads it and the gallery; raises ModelError and StorageError."""
        if self._embedder is not None:
            return self._embedder
        async with self._changing:
            if self._embedder is None:
                embedder = await self._lane.run(self._opening)
                self._gallery, self._report = await self._vault.load_gallery(embedder.model, embedder.metric)
                self.model, self._embedder = embedder.model, embedder
            return self._embedder

    def detector(self, local: Detector) -> Detector:
        return local

    def quota(self) -> None:
        return None

    async def embedding(self) -> LocalEmbedding:
        """The net and its thread, shared with others; raises ModelError and StorageError."""
        return LocalEmbedding(self._lane, await self.load())

    async def identify(self, probes: Sequence[Probe]) -> list[Answer]:
        if not probes:
            return []
        embedder = await self.load()
        gallery = self._gallery
        vectors = await self._lane.run(embedder.embed, probes)
        ranked = await self._lane.run(matching.rank, gallery, vectors)
        return [
            Answer(candidates, gallery.version, embedding=Embedding(embedder.model, embedder.metric, vector))
            for candidates, vector in zip(ranked, vectors, strict=True)
        ]

    async def resembling(self, faces: Sequence[Embedding]) -> list[Answer]:
        gallery, known = self._gallery, [face.vector for face in faces if face.model == self.model]
        if not known:
            return [Answer((), gallery.version)] * len(faces)
        ranked = iter(await self._lane.run(matching.rank, gallery, np.stack(known)))
        return [Answer(next(ranked) if face.model == self.model else (), gallery.version) for face in faces]

    async def compare(self, a: Probe, b: Probe) -> float:
        embedder = await self.load()
        first, second = await self._lane.run(embedder.embed, (a, b))
        return matching.score(first, second, embedder.metric)

    async def likeness(self, probe: Probe, person_id: str) -> float:
        embedder = await self.load()
        gallery = self._gallery
        if person_id not in gallery.person_ids:
            raise RequestError("this person is not trained yet: add faces, then train", code="not_trained")
        row = matching.scores(gallery, await self._lane.run(embedder.embed, (probe,)))[0]
        return float(row[gallery.person_ids.index(person_id)])

    async def people(self) -> list[Person]:
        return await self._vault.people()

    async def known(self) -> set[str]:
        await self.load()
        return {template.face_id for template in await self._vault.templates(self.model)}

    async def create_person(self, name: str, user_data: str = "") -> Person:
        return await self._vault.create_person(name, user_data)

    async def update_person(self, person_id: str, *, name: str | None = None, user_data: str | None = None) -> Person:
        async with self._changing:
            person = await self._vault.update_person(person_id, name=name, user_data=user_data)
            self._use(self._gallery.renamed(person_id, person.name))
        return person

    async def delete_person(self, person_id: str) -> Erasure:
        async with self._changing:
            erasure = await self._vault.delete_person(person_id)
            self._use(self._gallery.without(person_id))
        return erasure

    async def merge_people(self, person_id: str, into: str) -> Person:
        async with self._changing:
            faces = {person.person_id: len(person.face_ids) for person in await self._vault.people()}
            together = faces.get(person_id, 0) + faces.get(into, 0)
            if together > MOST_FACES:
                message = f"together they have {together} faces, and {MOST_FACES} are the most: delete some first"
                raise ConflictError(message, code="too_many_faces")
            person = await self._vault.merge_people(person_id, into)
            self._use(self._gallery.without(person_id))
        return person

    async def add_face(self, person_id: str, probe: Probe, *, force: bool = False) -> AddedFace:
        embedder = await self.load()
        vectors = await self._lane.run(embedder.enroll, probe)
        crop = await asyncio.to_thread(keepsake.pack, probe) if self.keep_crops else None
        async with self._changing:
            people = {person.person_id: person for person in await self._vault.people()}
            if person_id not in people:
                raise NotFoundError("person", person_id)
            kept = await self._vault.templates(self.model)
            if len({template.face_id for template in kept if template.person_id == person_id}) >= MOST_FACES:
                message = f"{people[person_id].name} has {MOST_FACES} faces already: delete some first"
                raise ConflictError(message, code="too_many_faces")
            doubt = await asyncio.to_thread(self._doubt, people, people[person_id], vectors[0], kept)
            if doubt is not None and doubt.code is not None and not force:
                raise ConflictError(doubt.text, code=doubt.code)
            face_id = await self._vault.add_template(person_id, self.model, list(vectors), crop)
        return AddedFace(face_id, doubt.text if doubt else "")

    async def delete_face(self, person_id: str, face_id: str) -> None:
        async with self._changing:
            await self._vault.delete_template(person_id, face_id)

    async def renew(self, told: Callable[[Renewal], None], *, pace: float = 1.0) -> Renewal:
        embedder = await self.load()
        lacking = await self._vault.lacking(embedder.model)
        renewed = Renewal(0, len(lacking), 0)
        if lacking:
            told(renewed)
        for person_id, face_id in lacking:
            began = time.monotonic()
            try:
                crop = await self._vault.crop(person_id, face_id)
                probe = await asyncio.to_thread(keepsake.unpack, crop)
                vectors = await self._lane.run(embedder.enroll, probe)
                await self._vault.renew_template(person_id, face_id, embedder.model, list(vectors))
            except NotFoundError:  # dropped meanwhile
                renewed = replace(renewed, total=renewed.total - 1)
            except (BadImageError, StorageError):
                renewed = replace(renewed, failed=renewed.failed + 1)
            else:
                renewed = replace(renewed, faces=renewed.faces + 1)
            told(renewed)
            await asyncio.sleep(pace * (time.monotonic() - began))
        return replace(renewed, untrained=await self._vault.renewed(embedder.model))

    async def drop_crops(self, person_id: str | None = None) -> int:
        return await self._vault.drop_crops(person_id)

    async def train(self) -> Training:
        await self.renew(_ignored, pace=0.0)
        async with self._changing:
            before = self._report
            self._report = replace(before, state="running", message="")
            try:
                self._gallery, self._report = await self._trained()
            except UsenseError as error:
                self._report = replace(before, state="failed", message=str(error))
                raise
            finally:
                if self._report.state == "running":  # interrupted, perhaps after the vault had stored the new version
                    self._report, self._outdated = before, True
            return self._report

    async def training(self) -> Training:
        await self.load()
        return self._report

    async def refresh(self) -> bool:
        await self.load()
        async with self._changing:
            self._outdated = await self._vault.changed() or self._outdated
            if not self._outdated:
                return False
            self._gallery, self._report = await self._vault.load_gallery(self.model, self._gallery.metric)
            self._outdated = False
            return True

    async def checkup(self) -> list[Finding]:
        """Load the net, decrypt all faces, and compare a picture with itself."""
        await self.load()
        noise = np.random.default_rng(1).integers(0, 255, (480, 640, 3), np.uint8)
        face = Face(Box(200.0, 120.0, 440.0, 360.0), 1.0)
        probe = await asyncio.to_thread(lambda: imaging.probe(imaging.ArrayPicture(noise), face))
        begun = time.perf_counter()
        score = await self.compare(probe, probe)
        took = (time.perf_counter() - begun) * 1000
        known = len(await self.known())
        if score < _SELF:
            return [problem("recognizer", f"{self.model} does not find a face like itself ({score:.2f})")]
        return [ok("recognizer", f"{self.model} compares two faces in {took:.0f} ms; {known} faces can be read")]

    def _use(self, gallery: Gallery) -> None:
        """Go on with a renamed or erased person in the gallery, and in the report as well."""
        now = dict(zip(gallery.person_ids, gallery.names, strict=True))
        before = zip(self._gallery.person_ids, self._gallery.names, strict=True)
        self._report = self._report.renamed({name: now[person_id] for person_id, name in before if person_id in now})
        self._gallery = gallery

    def _built(self, people: Iterable[Person], faces: Sequence[KeptFace]) -> Gallery:
        persons = [(person.person_id, person.name) for person in people]
        return matching.build(self._gallery.metric, persons, [(person_id, vectors) for person_id, _, vectors in faces])

    def _doubt(
        self, people: Mapping[str, Person], person: Person, face: Vector, kept: Sequence[Template]
    ) -> _Doubt | None:
        """What speaks against `face` being a new face of `person`."""
        metric = self._gallery.metric
        own = [template.vector for template in kept if template.person_id == person.person_id]
        if any(matching.score(face, vector, metric) >= _IDENTICAL for vector in own):
            return _Doubt(f"{person.name} has this very face already", "duplicate_face")
        gallery = self._built(people.values(), _faces(kept))
        row = matching.scores(gallery, face[None])[0].tolist()
        against = dict(zip(gallery.person_ids, row, strict=True))
        likeness = against.pop(person.person_id, None)
        nearest = max(against, key=lambda other: against[other], default=None)
        if nearest is not None:
            closer = against[nearest] - (likeness or 0.0) >= self.rules.margin
            if closer and against[nearest] >= self.rules.threshold:
                text = f"this looks like {people[nearest].name} (score {against[nearest]:.2f}), not like {person.name}"
                return _Doubt(text, "wrong_person")
        if likeness is not None and likeness < self.rules.threshold - _UNLIKE:
            return _Doubt(f"this does not look like the other faces of {person.name} (score {likeness:.2f})")
        return None

    async def _trained(self) -> tuple[Gallery, Training]:
        """A new version in the vault; begins again if another process changed the faces meanwhile."""
        for _ in range(ATTEMPTS - 1):
            with suppress(GalleryChangedError):
                return await self._built_and_saved()
        return await self._built_and_saved()

    async def _built_and_saved(self) -> tuple[Gallery, Training]:
        began = time.monotonic()
        templates = await self._vault.templates(self.model)
        people = await self._vault.people()  # later: so all whose faces were read and are still kept are among them
        faces = _faces(templates)
        gallery = await asyncio.to_thread(self._built, people, faces)
        numbers, pairs, weak, tried = await asyncio.to_thread(check, gallery, faces, self.rules)
        report = Training(
            state="succeeded",
            persons=len(gallery.person_ids),
            faces=len({template.face_id for template in templates}),
            seconds=round(time.monotonic() - began, 3),
            finished_at=time.time(),
            confusable=pairs,
            weak=weak,
            check=numbers,
            tried=tried,
        )
        report = await self._vault.save_gallery(gallery, model=self.model, report=report, built_from=templates)
        return gallery.numbered(report.gallery), report


def _ignored(_: Renewal) -> None:
    return


def _faces(templates: Sequence[Template]) -> list[KeptFace]:
    """The faces that the templates belong to."""
    faces: dict[tuple[str, str], list[Vector]] = {}
    for template in templates:
        faces.setdefault((template.person_id, template.face_id), []).append(template.vector)
    return [(person_id, face_id, np.stack(vectors)) for (person_id, face_id), vectors in faces.items()]
