"""Unknown people: what is done inside one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress

from cryptography.exceptions import InvalidTag

from uSense.core.models import Embedding, Metric
from uSense.core.visitors import Glimpse, Visitor
from uSense.ports import Keep
from uSense.storage import sealing
from uSense.storage.keys import Keys
from uSense.storage.trouble import parsing

ERASE_LATER = 3
"""Mark of a database with traces of visitors who left, which go with the next erasure, or at the next start."""
SCHEMA = (
    """CREATE TABLE visitors (
        number INTEGER PRIMARY KEY,
        visitor_id TEXT NOT NULL UNIQUE,
        minted INTEGER NOT NULL,
        ignored INTEGER NOT NULL,
        first_seen_at REAL NOT NULL,
        last_seen_at REAL NOT NULL,
        sightings INTEGER NOT NULL,
        cameras TEXT NOT NULL,
        event_ids TEXT NOT NULL,
        key BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE visitor_faces (
        number INTEGER PRIMARY KEY,
        visitor_id TEXT NOT NULL REFERENCES visitors (visitor_id) ON DELETE CASCADE,
        face INTEGER NOT NULL,
        quality REAL NOT NULL,
        model TEXT NOT NULL,
        metric TEXT NOT NULL,
        vector BLOB NOT NULL,
        crop BLOB,
        UNIQUE (visitor_id, face)
    ) STRICT""",
)


def drop_crops(connection: sqlite3.Connection) -> int:
    """Drop the crops of all visitors; returns how many."""
    return connection.execute("UPDATE visitor_faces SET crop = NULL WHERE crop IS NOT NULL").rowcount


def load(connection: sqlite3.Connection, keys: Keys) -> tuple[list[Visitor], list[str]]:
    """All visitors, and the ids of those who cannot be decrypted."""
    found: list[Visitor] = []
    damaged: list[str] = []
    for visitor_id, minted, ignored, first, last, sightings, cameras, event_ids, wrapped in connection.execute(
        "SELECT visitor_id, minted, ignored, first_seen_at, last_seen_at, sightings, cameras, event_ids, key "
        "FROM visitors ORDER BY number"
    ).fetchall():
        visitor = Visitor(visitor_id, first, last, bool(minted), bool(ignored), sightings)
        try:
            visitor.faces = _faces(connection, keys.unwrap(wrapped, visitor_id), visitor_id)
        except InvalidTag:
            damaged.append(visitor_id)
            continue
        with parsing():
            visitor.cameras, visitor.event_ids = tuple(json.loads(cameras)), tuple(json.loads(event_ids))
        found.append(visitor)
    return found, damaged


def _faces(connection: sqlite3.Connection, key: bytes, visitor_id: str) -> dict[int, Glimpse]:
    rows = connection.execute(
        "SELECT face, quality, model, metric, vector FROM visitor_faces WHERE visitor_id = ? ORDER BY face",
        (visitor_id,),
    )
    with parsing():
        return {
            face: Glimpse(
                Embedding(
                    model, Metric(metric), sealing.unseal_vectors(key, sealed, "visitor", visitor_id, str(face))[0]
                ),
                quality,
            )
            for face, quality, model, metric, sealed in rows
        }


def keep(connection: sqlite3.Connection, keys: Keys, kept: Sequence[Keep], left: Sequence[str]) -> None:
    """Write these, and drop those who left; faces are overwritten, their traces go with the next erasure."""
    for one in kept:
        visitor_id = one.visitor.visitor_id
        key = _put(connection, keys, one.visitor)
        connection.executemany(
            "DELETE FROM visitor_faces WHERE visitor_id = ? AND face = ?", [(visitor_id, face) for face in one.left]
        )
        for face, new in one.new.items():
            about = (visitor_id, str(face))
            crop = None if new.crop is None else sealing.seal(key, new.crop, "visitor crop", *about)
            vector = sealing.seal_vectors(key, new.embedding.vector[None], "visitor", *about)
            connection.execute(
                "INSERT OR REPLACE INTO visitor_faces (visitor_id, face, quality, model, metric, vector, crop) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (visitor_id, face, new.quality, new.embedding.model, new.embedding.metric, vector, crop),
            )
    drop(connection, left)
    if left:
        connection.execute("UPDATE installation SET erasing = ? WHERE erasing = 0", (ERASE_LATER,))


def _put(connection: sqlite3.Connection, keys: Keys, visitor: Visitor) -> bytes:
    """Write what may be read of a visitor; returns the key, a new one if they are not there, or no more."""
    row = connection.execute("SELECT key FROM visitors WHERE visitor_id = ?", (visitor.visitor_id,)).fetchone()
    try:
        key = sealing.new_key() if row is None else keys.unwrap(row[0], visitor.visitor_id)
    except InvalidTag:
        drop(connection, [visitor.visitor_id])
        key = sealing.new_key()
    connection.execute(
        "INSERT INTO visitors (visitor_id, minted, ignored, first_seen_at, last_seen_at, sightings, cameras, "
        "event_ids, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (visitor_id) DO UPDATE SET "
        "minted = excluded.minted, ignored = excluded.ignored, first_seen_at = excluded.first_seen_at, "
        "last_seen_at = excluded.last_seen_at, "
        "sightings = excluded.sightings, cameras = excluded.cameras, event_ids = excluded.event_ids",
        (
            visitor.visitor_id,
            visitor.minted,
            visitor.ignored,
            visitor.first_seen_at,
            visitor.last_seen_at,
            visitor.sightings,
            json.dumps(visitor.cameras),
            json.dumps(visitor.event_ids),
            keys.wrap(key, visitor.visitor_id),
        ),
    )
    return key


def drop(connection: sqlite3.Connection, visitor_ids: Sequence[str]) -> None:
    """Drop visitors with their keys."""
    connection.executemany("DELETE FROM visitors WHERE visitor_id = ?", [(one,) for one in visitor_ids])


def crops(connection: sqlite3.Connection, keys: Keys, visitor_id: str) -> dict[int, bytes]:
    """The crops of a visitor that can be decrypted, by the number of the face, the best first."""
    rows = connection.execute(
        "SELECT key, face, crop FROM visitor_faces JOIN visitors USING (visitor_id) "
        "WHERE visitor_id = ? AND crop IS NOT NULL ORDER BY quality DESC",
        (visitor_id,),
    ).fetchall()
    found: dict[int, bytes] = {}
    for wrapped, face, sealed in rows:
        with suppress(InvalidTag):
            key = keys.unwrap(wrapped, visitor_id)
            found[face] = sealing.unseal(key, sealed, "visitor crop", visitor_id, str(face))
    return found
