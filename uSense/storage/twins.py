"""The port `Twins` over SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import asdict, replace

from uSense.core.errors import ConflictError, NotFoundError
from uSense.core.models import Check, Training
from uSense.ports import TwinFace, TwinPerson
from uSense.storage import tombstones
from uSense.storage.database import Database
from uSense.storage.people import bindable, require
from uSense.storage.trouble import parsing


class SqliteTwins:
    """What stands at a cloud backend, in the file that holds the people of the house.

    A trigger of the database leaves the orphans: nobody leaves without it, by whatever way.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def people(self, account: str) -> list[TwinPerson]:
        return await self._database.read(_people, account)

    async def link_person(self, account: str, person_id: str, remote_id: str, remote_name: str) -> None:
        await self._database.write(_link_person, account, TwinPerson(person_id, remote_id, remote_name))

    async def unlink_person(self, account: str, person_id: str) -> None:
        await self._database.write(_unlink, "person", account, person_id)

    async def faces(self, account: str) -> list[TwinFace]:
        return await self._database.read(_faces, account)

    async def link_face(self, account: str, person_id: str, face_id: str, remote_id: str) -> None:
        await self._database.write(_link_face, account, person_id, face_id, remote_id)

    async def unlink_face(self, account: str, face_id: str) -> None:
        await self._database.write(_unlink, "face", account, face_id)

    async def lacking(self, account: str) -> list[tuple[str, str]]:
        return await self._database.read(_alone, account, cropped=True)

    async def faceless(self, account: str) -> list[tuple[str, str]]:
        return await self._database.read(_alone, account, cropped=False)

    async def trained(
        self, account: str, version: int, report: Training, face_ids: Collection[str] | None = None
    ) -> Training:
        return await self._database.write(_trained, account, replace(report, gallery=version), face_ids)

    async def report(self, account: str) -> Training | None:
        return await self._database.read(_report, account)

    async def orphans(self, account: str) -> list[str]:
        return await self._database.read(_orphans, account)

    async def disown(self, account: str, person_id: str, remote_id: str) -> bool:
        return await self._database.write(_disown, account, person_id, remote_id)

    async def buried(self, account: str, remote_id: str) -> None:
        await self._database.write(_buried, account, remote_id)

    async def note(self, account: str, key: str, value: str) -> None:
        await self._database.write(_note, account, key, value)

    async def noted(self, account: str, key: str) -> str | None:
        return await self._database.read(_noted, account, key)


def _people(connection: sqlite3.Connection, account: str) -> list[TwinPerson]:
    rows = connection.execute(
        "SELECT person_id, remote_id, remote_name FROM twin_persons JOIN persons USING (person_id) "
        "WHERE account = ? ORDER BY persons.number",
        (account,),
    )
    return [TwinPerson(*row) for row in rows]


def _link_person(connection: sqlite3.Connection, account: str, twin: TwinPerson) -> None:
    require(connection, twin.person_id)
    remote_id = bindable(twin.remote_id)
    taken = connection.execute(
        "SELECT name FROM twin_persons JOIN persons USING (person_id) "
        "WHERE account = ? AND remote_id = ? AND person_id != ?",
        (account, remote_id, twin.person_id),
    ).fetchone()
    if taken is not None:
        raise ConflictError(f"person {remote_id} at {account} belongs to {taken[0]!r}", code="twin_taken")
    connection.execute(
        "DELETE FROM twin_persons WHERE account = ? AND person_id = ? AND remote_id != ?",
        (account, twin.person_id, remote_id),
    )
    connection.execute("DELETE FROM twin_orphans WHERE account = ? AND remote_id = ?", (account, remote_id))
    connection.execute(
        "INSERT INTO twin_persons (account, person_id, remote_id, remote_name) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (account, person_id) DO UPDATE SET remote_name = excluded.remote_name",
        (account, twin.person_id, remote_id, bindable(twin.remote_name)),
    )


def _unlink(connection: sqlite3.Connection, kind: str, account: str, local_id: str) -> None:
    query = f"DELETE FROM twin_{kind}s WHERE account = ? AND {kind}_id = ?"  # noqa: S608 - the names are ours
    connection.execute(query, (account, bindable(local_id)))


def _faces(connection: sqlite3.Connection, account: str) -> list[TwinFace]:
    rows = connection.execute(
        "SELECT twin_faces.person_id, face_id, remote_id, trained FROM twin_faces JOIN faces USING (face_id) "
        "WHERE account = ? ORDER BY faces.number",
        (account,),
    )
    return [TwinFace(person_id, face_id, remote_id, bool(trained)) for person_id, face_id, remote_id, trained in rows]


def _link_face(connection: sqlite3.Connection, account: str, person_id: str, face_id: str, remote_id: str) -> None:
    require(connection, person_id)
    own = "SELECT 1 FROM faces WHERE person_id = ? AND face_id = ?"
    if connection.execute(own, (person_id, bindable(face_id))).fetchone() is None:
        raise NotFoundError("face", face_id)
    linked = "SELECT 1 FROM twin_persons WHERE account = ? AND person_id = ?"
    if connection.execute(linked, (account, person_id)).fetchone() is None:
        raise NotFoundError("twin of the person", person_id)
    connection.execute(
        "INSERT INTO twin_faces (account, person_id, face_id, remote_id) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (account, face_id) DO UPDATE SET remote_id = excluded.remote_id, trained = 0",
        (account, person_id, face_id, bindable(remote_id)),
    )


def _alone(connection: sqlite3.Connection, account: str, *, cropped: bool) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT person_id, face_id FROM faces JOIN persons USING (person_id) WHERE (crop IS NOT NULL) = ? "
        "AND NOT EXISTS (SELECT 1 FROM twin_faces WHERE twin_faces.face_id = faces.face_id AND account = ?) "
        "ORDER BY persons.number, faces.number",
        (cropped, account),
    ).fetchall()


def _trained(
    connection: sqlite3.Connection, account: str, report: Training, face_ids: Collection[str] | None
) -> Training:
    report = replace(report, confusable=(), weak=(), tried=())
    if face_ids is None:
        connection.execute("UPDATE twin_faces SET trained = 1 WHERE account = ?", (account,))
    else:
        connection.executemany(
            "UPDATE twin_faces SET trained = 1 WHERE account = ? AND face_id = ?",
            [(account, bindable(face_id)) for face_id in face_ids],
        )
    connection.execute(
        "INSERT INTO twin_reports (account, report) VALUES (?, ?) "
        "ON CONFLICT (account) DO UPDATE SET report = excluded.report",
        (account, json.dumps(asdict(report))),
    )
    return report


def _report(connection: sqlite3.Connection, account: str) -> Training | None:
    row = connection.execute("SELECT report FROM twin_reports WHERE account = ?", (account,)).fetchone()
    if row is None:
        return None
    with parsing():
        facts = dict(json.loads(row[0]))
        check = facts.pop("check")
        return Training(
            **facts | {"confusable": (), "weak": (), "tried": ()}, check=None if check is None else Check(**check)
        )


def _orphans(connection: sqlite3.Connection, account: str) -> list[str]:
    rows = connection.execute("SELECT remote_id FROM twin_orphans WHERE account = ? ORDER BY number", (account,))
    return [remote_id for (remote_id,) in rows]


def _disown(connection: sqlite3.Connection, account: str, person_id: str, remote_id: str) -> bool:
    if not tombstones.gone(connection, person_id):
        return False
    orphan = (account, bindable(remote_id))
    connection.execute("INSERT OR IGNORE INTO twin_orphans (account, remote_id) VALUES (?, ?)", orphan)
    return True


def _buried(connection: sqlite3.Connection, account: str, remote_id: str) -> None:
    connection.execute("DELETE FROM twin_orphans WHERE account = ? AND remote_id = ?", (account, bindable(remote_id)))


def _note(connection: sqlite3.Connection, account: str, key: str, value: str) -> None:
    connection.execute(
        "INSERT INTO twin_notes (account, key, value) VALUES (?, ?, ?) "
        "ON CONFLICT (account, key) DO UPDATE SET value = excluded.value",
        (account, key, bindable(value)),
    )


def _noted(connection: sqlite3.Connection, account: str, key: str) -> str | None:
    row = connection.execute("SELECT value FROM twin_notes WHERE account = ? AND key = ?", (account, key)).fetchone()
    return None if row is None else str(row[0])
