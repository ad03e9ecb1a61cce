"""A vault in memory, for tests that are not about storage; it passes the contract suite of vaults."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from uSense.core.errors import ConflictError, GalleryChangedError, NotFoundError
from uSense.core.matching import Gallery, Metric
from uSense.core.models import Person, Training, Vector
from uSense.core.names import clean_name, clean_user_data, folded_name
from uSense.ports import Template

_NONE: tuple[Gallery, Training, dict[str, set[str]]] = (Gallery.empty(Metric.EUCLIDEAN), Training("never"), {})


@dataclass(slots=True)
class MemoryVault:
    """People, templates and the current gallery of each model."""

    persons: dict[str, Person] = field(default_factory=dict)
    kept: list[Template] = field(default_factory=list)
    galleries: dict[str, tuple[Gallery, Training, dict[str, set[str]]]] = field(default_factory=dict)
    """By model: gallery, report, and the faces of each person that went into it."""
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

    async def delete_person(self, person_id: str) -> None:
        del self.persons[self._known(person_id).person_id]
        self.kept = [template for template in self.kept if template.person_id != person_id]
        self.galleries = {
            model: (gallery.without(person_id), report, used)
            for model, (gallery, report, used) in self.galleries.items()
        }

    async def add_template(self, person_id: str, model: str, vectors: Sequence[Vector]) -> str:
        self._known(person_id)
        face_id = str(uuid.uuid4())
        self.kept += [Template(face_id, person_id, model, vector) for vector in vectors]
        return face_id

    async def delete_template(self, person_id: str, face_id: str) -> None:
        if face_id not in self._faces(self._known(person_id).person_id):
            raise NotFoundError("face", face_id)
        self.kept = [template for template in self.kept if template.face_id != face_id]

    async def templates(self, model: str) -> list[Template]:
        return [template for template in self.kept if template.model == model]

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

    def _free(self, name: str, own: str | None = None) -> str:
        name = clean_name(name)
        taken = {folded_name(person.name) for person in self.persons.values() if person.person_id != own}
        if folded_name(name) in taken:
            raise ConflictError(f"there is a person {name!r} already", code="name_taken")
        return name

    def _faces(self, person_id: str, model: str | None = None) -> list[str]:
        own = (face for face in self.kept if face.person_id == person_id and model in (None, face.model))
        return list(dict.fromkeys(face.face_id for face in own))

    def _seen(self, person: Person) -> Person:
        """The person with their faces, `trained` if the newest gallery was built from exactly those."""
        faces = tuple(self._faces(person.person_id))
        model, (_, _, used) = max(self.galleries.items(), key=lambda item: item[1][1].gallery, default=("", _NONE))
        known = used.get(person.person_id)
        return replace(person, face_ids=faces, trained=known == set(self._faces(person.person_id, model)))
