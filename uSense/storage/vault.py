"""The port `Vault` over SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from uSense.core.matching import Gallery, Metric
from uSense.core.models import Erasure, Person, Training, Vector
from uSense.ports import Arrival, Parcel, Snap, Template
from uSense.storage import faces, moving, people, servedfaces, strangers
from uSense.storage import gallery as galleries
from uSense.storage.backups import Backups
from uSense.storage.database import Database
from uSense.storage.keys import Keys


class SqliteVault:
    """People, their encrypted templates and the gallery versions in one file."""

    def __init__(self, database: Database, keys: Keys, backups: Backups) -> None:
        self._database = database
        self._keys = keys
        self._backups = backups

    async def people(self) -> list[Person]:
        return await self._database.read(people.everybody)

    async def create_person(self, name: str, user_data: str = "") -> Person:
        return await self._database.write(people.create, self._keys, name, user_data)

    async def update_person(self, person_id: str, *, name: str | None = None, user_data: str | None = None) -> Person:
        return await self._database.write(people.update, person_id, name, user_data)

    async def delete_person(self, person_id: str) -> Erasure:
        before = self._backups.cleaned
        erasure = await self._database.erase(people.delete, person_id)
        left = await self._database.read(self._backups.left)
        return replace(erasure, backups=self._backups.cleaned - before, left=tuple(left))

    async def merge_people(self, person_id: str, into: str) -> Person:
        return await self._database.erase(moving.merge, self._keys, person_id, into)

    async def pack(self, person_ids: Sequence[str]) -> list[Parcel]:
        return await self._database.read(moving.pack, self._keys, person_ids)

    async def unpack(self, parcel: Parcel, *, erased: bool = False) -> Arrival:
        return await self._database.write(moving.unpack, self._keys, parcel, erased=erased)

    async def add_template(
        self, person_id: str, model: str, vectors: Sequence[Vector], crop: bytes | None = None
    ) -> str:
        return await self._database.write(faces.add, self._keys, person_id, (model, vectors), crop)

    async def add_face(self, person_id: str, crop: bytes | None) -> str:
        return await self._database.write(faces.add, self._keys, person_id, None, crop)

    async def delete_template(self, person_id: str, face_id: str) -> None:
        await self._database.write(faces.delete, person_id, face_id)

    async def templates(self, model: str) -> list[Template]:
        return await self._database.read(faces.templates, self._keys, model)

    async def use(self, model: str) -> None:
        if await self._database.read(people.model_in_use) != model:
            await self._database.write(people.use, model)

    async def lacking(self, model: str) -> list[tuple[str, str]]:
        return await self._database.read(faces.lacking, model)

    async def crop(self, person_id: str, face_id: str) -> bytes:
        return await self._database.read(faces.crop, self._keys, person_id, face_id)

    async def snaps(self, person_id: str) -> list[Snap]:
        return await self._database.read(faces.snaps, person_id)

    async def renew_template(self, person_id: str, face_id: str, model: str, vectors: Sequence[Vector]) -> None:
        await self._database.write(faces.renew, self._keys, (person_id, face_id, model), vectors)

    async def renewed(self, model: str) -> bool:
        return await self._database.read(faces.renewed, model)

    async def drop_crops(self, person_id: str | None = None) -> int:
        return await self._database.erase(_drop_crops, person_id)

    async def save_gallery(
        self, gallery: Gallery, *, model: str, report: Training, built_from: Sequence[Template] | None = None
    ) -> Training:
        return await self._database.write(galleries.save, self._keys, gallery, model, report, built_from)

    async def load_gallery(self, model: str, metric: Metric) -> tuple[Gallery, Training]:
        return await self._database.read(galleries.load, self._keys, model, metric)

    async def changed(self) -> bool:
        return await self._database.changed()


def _drop_crops(connection: sqlite3.Connection, person_id: str | None) -> int:
    dropped = faces.drop_crops(connection, person_id)
    if person_id is not None:
        return dropped
    return dropped + servedfaces.drop_crops(connection) + strangers.drop_crops(connection)
