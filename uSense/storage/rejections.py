"""Faces that are not somebody's: what is done inside one transaction."""

from __future__ import annotations

import sqlite3

import numpy as np

from uSense.core.models import Embedding, Metric
from uSense.core.rejections import MOST, Rejection
from uSense.storage import sealing
from uSense.storage.keys import Keys, intact
from uSense.storage.people import opened
from uSense.storage.trouble import parsing

SCHEMA = (
    # Faces of which was said that they are not the person's.
    """CREATE TABLE rejections (
        number INTEGER PRIMARY KEY,
        rejection_id TEXT NOT NULL UNIQUE,
        person_id TEXT NOT NULL REFERENCES persons (person_id) ON DELETE CASCADE,
        model TEXT NOT NULL,
        metric TEXT NOT NULL,
        vector BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX rejections_of_person ON rejections (person_id)",
)


def everything(connection: sqlite3.Connection, keys: Keys) -> list[Rejection]:
    """All, oldest first."""
    found = []
    with parsing():
        for rejection_id, person_id, name, wrapped, model, metric, sealed in connection.execute(
            "SELECT rejection_id, person_id, name, key, model, metric, vector "
            "FROM rejections JOIN persons USING (person_id) ORDER BY rejections.number"
        ):
            with intact(name):
                key = keys.unwrap(wrapped, person_id)
                vector = sealing.unseal_vectors(key, sealed, "rejected", person_id, rejection_id, model)[0]
            found.append(Rejection(rejection_id, person_id, Embedding(model, Metric(metric), vector)))
    return found


def add(connection: sqlite3.Connection, keys: Keys, one: Rejection) -> None:
    """Keep one; the oldest of too many leaves."""
    key, face = opened(connection, keys, one.person_id), one.face
    sealed = sealing.seal_vectors(
        key, np.atleast_2d(face.vector), "rejected", one.person_id, one.rejection_id, face.model
    )
    connection.execute(
        "INSERT INTO rejections (rejection_id, person_id, model, metric, vector) VALUES (?, ?, ?, ?, ?)",
        (one.rejection_id, one.person_id, face.model, face.metric, sealed),
    )
    connection.execute(
        "DELETE FROM rejections WHERE person_id = :person AND model = :model AND number NOT IN (SELECT number "
        "FROM rejections WHERE person_id = :person AND model = :model ORDER BY number DESC LIMIT :most)",
        {"person": one.person_id, "model": face.model, "most": MOST},
    )


def remove(connection: sqlite3.Connection, *rejection_ids: str) -> None:
    """Drop these."""
    connection.executemany("DELETE FROM rejections WHERE rejection_id = ?", [(one,) for one in rejection_ids])
