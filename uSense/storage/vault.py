"""The port `Vault` over SQLite."""

from __future__ import annotations

from collections.abc import Sequence

from uSense.core.matching import Gallery, Metric
from uSense.core.models import Person, Training, Vector
from uSense.ports import Template
from uSense.storage import gallery as galleries
from uSense.storage import people
from uSense.storage.database import Database
from uSense.storage.keys import Keys


class SqliteVault:
    """People, their encrypted templates and the gallery versions in one file."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database = database
        self._keys = keys

    async def people(self) -> list[Person]:
        return await self._database.read(people.everybody)

    async def create_person(self, name: str, user_data: str = "") -> Person:
        return await self._database.write(people.create, self._keys, name, user_data)

    async def update_person(self, person_id: str, *, name: str | None = None, user_data: str | None = None) -> Person:
        return await self._database.write(people.update, person_id, name, user_data)

    async def delete_person(self, person_id: str) -> None:
        await self._database.erase(people.delete, person_id)

    async def add_template(self, person_id: str, model: str, vectors: Sequence[Vector]) -> str:
        return await self._database.write(people.add_face, self._keys, person_id, model, vectors)

    async def delete_template(self, person_id: str, face_id: str) -> None:
        await self._database.write(people.delete_face, person_id, face_id)

    async def templates(self, model: str) -> list[Template]:
        return await self._database.read(people.templates, self._keys, model)

    async def save_gallery(
        self, gallery: Gallery, *, model: str, report: Training, built_from: Sequence[Template] | None = None
    ) -> Training:
        return await self._database.write(galleries.save, self._keys, gallery, model, report, built_from)

    async def load_gallery(self, model: str, metric: Metric) -> tuple[Gallery, Training]:
        return await self._database.read(galleries.load, self._keys, model, metric)

    async def changed(self) -> bool:
        return await self._database.changed()
