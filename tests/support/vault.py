"""A vault in memory, for tests that are not about storage; it passes the contract suite of vaults."""

from __future__ import annotations

import itertools
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from uSense.core.errors import ConflictError, GalleryChangedError, NotFoundError
from uSense.core.matching import Gallery, Metric
from uSense.core.models import MOST_FACES, Erasure, Person, Training, Vector
from uSense.core.names import clean_name, clean_user_data, folded_name
from uSense.ports import Arrival, Parcel, ParcelFace, Snap, Template, Twins


@dataclass(slots=True)
class MemoryVault:
    """People, templates and the current gallery of each model."""

    persons: dict[str, Person] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    """By face: whose it is."""
    kept: list[Template] = field(default_factory=list)
    crops: dict[str, bytes] = field(default_factory=dict)
    galleries: dict[str, tuple[Gallery, Training, dict[str, set[str]]]] = field(default_factory=dict)
    """By model: gallery, report, and the faces of each person that went into it."""
    model: str = ""
    fresh: set[str] = field(default_factory=set)
    """Models with renewed templates that no gallery knows."""
    erased: set[str] = field(default_factory=set)
    merged: dict[str, str] = field(default_factory=dict)
    touched: bool = False
    """Set by a test: another process wrote."""

    async def people(self) -> list[Person]:
        return sorted(
            (self._seen(person) for person in self.persons.values()), key=lambda person: folded_name(person.name)
        )

    async def create_person(self, name: str, user_data: str = "") -> Person:
        person = Person(str(uuid.uuid4()), self._free(name), clean_user_data(user_data))
        self.persons[person.person_id] = person
        return person

    async def update_person(self, person_id: str, *, name: str | None = None, user_data: str | None = None) -> Person:
        person = self._known(person_id)
        if name is not None:
            person = replace(person, name=self._free(name, person_id))
        if user_data is not None:
            person = replace(person, user_data=clean_user_data(user_data))
        self.persons[person_id] = person
        return self._seen(person)

    async def delete_person(self, person_id: str) -> Erasure:
        faces = self._faces(self._known(person_id).person_id)
        erasure = Erasure(
            faces=len(faces),
            templates=len({(one.face_id, one.model) for one in self.kept if one.face_id in faces}),
            crops=len(self.crops.keys() & set(faces)),
            galleries=sum(person_id in gallery.person_ids for gallery, _, _ in self.galleries.values()),
        )
        self._drop(person_id)
        self.erased |= {person_id, *(before for before, now in self.merged.items() if now == person_id)}
        return erasure

    async def merge_people(self, person_id: str, into: str) -> Person:
        before, after = self._known(person_id), self._known(into)
        if before is after:
            raise ConflictError("this is one person", code="same_person")
        (parcel,) = await self.pack([person_id])
        self._drop(person_id)
        self._take(into, parcel.faces)
        self.merged |= {one: into for one, now in self.merged.items() if now == person_id} | {person_id: into}
        return await self.update_person(into, user_data=after.user_data or before.user_data)

    async def pack(self, person_ids: Sequence[str]) -> list[Parcel]:
        return [self._packed(self._known(person_id)) for person_id in person_ids]

    async def unpack(self, parcel: Parcel, *, erased: bool = False) -> Arrival:
        person_id = parcel.person_id
        if person_id in self.erased:
            if not erased:
                return Arrival(None, 0)
            person_id = str(uuid.uuid4())
        if person_id not in self.persons:
            taken = {folded_name(person.name) for person in self.persons.values()}
            names = itertools.chain([parcel.name], (f"{parcel.name} ({number})" for number in itertools.count(2)))
            name = next(one for one in names if folded_name(one) not in taken)
            self.persons[person_id] = Person(person_id, clean_name(name), parcel.user_data)
        here = self._faces(person_id)
        new = [face for face in parcel.faces if face.face_id not in here]
        room = max(0, MOST_FACES - len(here))
        self._take(person_id, new[:room])
        return Arrival(self._seen(self.persons[person_id]), len(new[:room]), len(new[room:]))

    async def add_template(
        self, person_id: str, model: str, vectors: Sequence[Vector], crop: bytes | None = None
    ) -> str:
        face_id = await self.add_face(person_id, crop)
        self.kept += [Template(face_id, person_id, model, vector) for vector in vectors]
        return face_id

    async def add_face(self, person_id: str, crop: bytes | None) -> str:
        self._known(person_id)
        face_id = str(uuid.uuid4())
        self.owners[face_id] = person_id
        self.added[face_id] = int(time.time())
        if crop is not None:
            self.crops[face_id] = crop
        return face_id

    async def delete_template(self, person_id: str, face_id: str) -> None:
        self._require_face(person_id, face_id)
        del self.owners[face_id]
        self.kept = [template for template in self.kept if template.face_id != face_id]
        self.crops.pop(face_id, None)

    async def templates(self, model: str) -> list[Template]:
        return [template for template in self.kept if template.model == model]

    async def use(self, model: str) -> None:
        self.model = model

    async def lacking(self, model: str) -> list[tuple[str, str]]:
        return [
            (person_id, face_id)
            for person_id in self.persons
            for face_id in self._faces(person_id)
            if face_id in self.crops and face_id not in self._faces(person_id, model)
        ]

    async def crop(self, person_id: str, face_id: str) -> bytes:
        self._require_face(person_id, face_id)
        if face_id not in self.crops:
            raise NotFoundError("crop of the face", face_id)
        return self.crops[face_id]

    async def snaps(self, person_id: str) -> list[Snap]:
        self._known(person_id)
        return [Snap(face_id, self.added[face_id], face_id in self.crops) for face_id in self._faces(person_id)]

    async def renew_template(self, person_id: str, face_id: str, model: str, vectors: Sequence[Vector]) -> None:
        self._require_face(person_id, face_id)
        self.kept += [Template(face_id, person_id, model, vector) for vector in vectors]
        self.fresh.add(model)

    async def renewed(self, model: str) -> bool:
        return model in self.fresh

    async def drop_crops(self, person_id: str | None = None) -> int:
        persons = self.persons if person_id is None else [self._known(person_id).person_id]
        dropped = [face_id for one in persons for face_id in self._faces(one) if face_id in self.crops]
        for face_id in dropped:
            del self.crops[face_id]
        return len(dropped)

    async def save_gallery(
        self, gallery: Gallery, *, model: str, report: Training, built_from: Sequence[Template] | None = None
    ) -> Training:
        used: dict[str, set[str]] = defaultdict(set)
        for template in await self.templates(model):
            used[template.person_id].add(template.face_id)
        if built_from is not None and {template.face_id for template in built_from} != set().union(*used.values()):
            raise GalleryChangedError
        newest = max((report.gallery for _, report, _ in self.galleries.values()), default=0)
        report = replace(report, gallery=newest + 1)
        for person_id in set(gallery.person_ids) - set(self.persons):
            gallery = gallery.without(person_id)
        self.galleries[model] = gallery.numbered(report.gallery), report, used
        self.model = model
        self.fresh.discard(model)
        return report

    async def load_gallery(self, model: str, metric: Metric) -> tuple[Gallery, Training]:
        if model not in self.galleries:
            return Gallery.empty(metric), Training("never")
        gallery, report, _ = self.galleries[model]
        for person in self.persons.values():
            gallery = gallery.renamed(person.person_id, person.name)
        return gallery, report

    async def changed(self) -> bool:
        touched, self.touched = self.touched, False
        return touched

    def _known(self, person_id: str) -> Person:
        if person_id not in self.persons:
            raise NotFoundError("person", person_id)
        return self.persons[person_id]

    def _require_face(self, person_id: str, face_id: str) -> None:
        if face_id not in self._faces(self._known(person_id).person_id):
            raise NotFoundError("face", face_id)

    def _free(self, name: str, own: str | None = None) -> str:
        name = clean_name(name)
        taken = {folded_name(person.name) for person in self.persons.values() if person.person_id != own}
        if folded_name(name) in taken:
            raise ConflictError(f"there is a person {name!r} already", code="name_taken")
        return name

    def _drop(self, person_id: str) -> None:
        for face_id in self._faces(person_id):
            self.crops.pop(face_id, None)
            del self.owners[face_id]
        del self.persons[person_id]
        self.kept = [template for template in self.kept if template.person_id != person_id]
        self.galleries = {
            model: (gallery.without(person_id), report, used)
            for model, (gallery, report, used) in self.galleries.items()
        }

    def _packed(self, person: Person) -> Parcel:
        faces = []
        for face_id in self._faces(person.person_id):
            templates: dict[str, list[Vector]] = defaultdict(list)
            for template in self.kept:
                if template.face_id == face_id:
                    templates[template.model].append(template.vector)
            faces.append(ParcelFace(face_id, self.crops.get(face_id), dict(templates), self.added[face_id]))
        return Parcel(person.person_id, person.name, person.user_data, tuple(faces))

    def _take(self, person_id: str, new: Iterable[ParcelFace]) -> None:
        """Add faces that the person does not have."""
        for face in new:
            face_id = str(uuid.uuid4()) if face.face_id in self.owners else face.face_id
            self.owners[face_id] = person_id
            self.added[face_id] = face.added_at or int(time.time())
            for model, vectors in face.templates.items():
                self.kept += [Template(face_id, person_id, model, vector) for vector in vectors]
            if face.crop is not None:
                self.crops[face_id] = face.crop

    def _faces(self, person_id: str, model: str | None = None) -> list[str]:
        fit = {face.face_id for face in self.kept if face.model == model}
        return [one for one, owner in self.owners.items() if owner == person_id and (model is None or one in fit)]

    def _seen(self, person: Person) -> Person:
        """The person with their faces, `trained` if the gallery in use was built from exactly those."""
        faces = tuple(self._faces(person.person_id))
        fit = set(self._faces(person.person_id, self.model)) if self.model else set()
        waiting = any(face_id in self.crops and face_id not in fit for face_id in faces)
        known = self.galleries[self.model][2].get(person.person_id) if self.model in self.galleries else None
        return replace(
            person,
            face_ids=faces,
            trained=bool(fit) and known == fit and not waiting,
            enroll_again=bool(self.model and faces) and not fit and not waiting,
        )


@dataclass(frozen=True, slots=True)
class MemoryHouse:
    """A house without a data folder, for recognizers that need only the people."""

    vault: MemoryVault

    @property
    def twins(self) -> Twins:
        raise AssertionError("this house has no twins")

    @property
    def folder(self) -> Path:
        raise AssertionError("this house has no folder")
