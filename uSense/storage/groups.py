"""The port `Groups` over SQLite."""

from __future__ import annotations

from collections.abc import Sequence

from uSense.core.groups import (
    Group,
    GroupFace,
    GroupKey,
    GroupKind,
    GroupPerson,
    GroupPlace,
    GroupTemplate,
    GroupTraining,
)
from uSense.core.matching import Gallery, Metric
from uSense.core.models import Vector
from uSense.storage import served, servedfaces
from uSense.storage.database import Database
from uSense.storage.keys import Keys


class SqliteGroups:
    """Served groups, their encrypted templates and their galleries, in the file that holds the people of the house."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database = database
        self._keys = keys

    async def create_group(self, group: Group) -> None:
        await self._database.write(served.create_group, group)

    async def group(self, key: GroupKey) -> Group:
        return await self._database.read(served.group, key)

    async def update_group(self, key: GroupKey, *, name: str | None = None, user_data: str | None = None) -> None:
        await self._database.write(served.update_group, key, name, user_data)

    async def delete_group(self, key: GroupKey) -> int:
        return await self._database.erase(served.delete_group, key)

    async def groups(self, kind: GroupKind, start: str = "", top: int = 1000) -> list[Group]:
        return await self._database.read(served.groups, kind, start, top)

    async def create_person(self, key: GroupKey, name: str, user_data: str | None = None) -> str:
        return await self._database.write(served.create_person, self._keys, key, name, user_data)

    async def person(self, key: GroupKey, person_id: str) -> GroupPerson:
        return await self._database.read(served.person, key, person_id)

    async def persons(self, key: GroupKey, start: str = "", top: int = 1000) -> list[GroupPerson]:
        return await self._database.read(served.persons, key, start, top)

    async def update_person(
        self, key: GroupKey, person_id: str, *, name: str | None = None, user_data: str | None = None
    ) -> None:
        await self._database.write(served.update_person, key, person_id, name, user_data)

    async def delete_person(self, key: GroupKey, person_id: str) -> None:
        await self._database.erase(served.delete_person, key, person_id)

    async def add_face(
        self,
        key: GroupKey,
        person_id: str,
        model: str,
        vectors: Sequence[Vector],
        *,
        user_data: str | None = None,
        crop: bytes | None = None,
    ) -> str:
        return await self._database.write(
            servedfaces.add, self._keys, (key, person_id), (model, vectors), user_data, crop
        )

    async def face(self, key: GroupKey, person_id: str, face_id: str) -> GroupFace:
        return await self._database.read(servedfaces.face, GroupPlace(key, person_id, face_id))

    async def update_face(self, key: GroupKey, person_id: str, face_id: str, user_data: str | None) -> None:
        await self._database.write(servedfaces.update, GroupPlace(key, person_id, face_id), user_data)

    async def delete_face(self, key: GroupKey, person_id: str, face_id: str) -> None:
        await self._database.write(servedfaces.delete, GroupPlace(key, person_id, face_id))

    async def templates(self, key: GroupKey, model: str, person_id: str | None = None) -> list[GroupTemplate]:
        return await self._database.read(servedfaces.templates, self._keys, key, model, person_id)

    async def training(self, key: GroupKey) -> GroupTraining:
        return await self._database.read(served.training, key)

    async def set_training(self, key: GroupKey, training: GroupTraining) -> None:
        await self._database.write(served.set_training, key, training)

    async def save_gallery(self, key: GroupKey, model: str, gallery: Gallery, training: GroupTraining) -> None:
        await self._database.write(servedfaces.save_gallery, self._keys, key, model, gallery, training)

    async def load_gallery(self, key: GroupKey, model: str, metric: Metric) -> Gallery | None:
        return await self._database.read(servedfaces.load_gallery, self._keys, key, model, metric)

    async def mark(self, key: GroupKey, model: str) -> str:
        return await self._database.read(servedfaces.mark, key, model)

    async def lacking(self, model: str, key: GroupKey | None = None) -> list[GroupPlace]:
        return await self._database.read(servedfaces.lacking, model, key)

    async def crop(self, place: GroupPlace) -> bytes:
        return await self._database.read(servedfaces.crop, self._keys, place)

    async def renew(self, place: GroupPlace, model: str, vectors: Sequence[Vector]) -> None:
        await self._database.write(servedfaces.renew, self._keys, place, model, vectors)
