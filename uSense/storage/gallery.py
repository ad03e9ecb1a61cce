"""Gallery versions: what is done inside one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from uSense.core.errors import GalleryChangedError
from uSense.core.matching import Gallery, Metric
from uSense.core.models import Check, ConfusablePair, Training, TriedFace, WeakFace
from uSense.ports import Template
from uSense.storage import people, sealing
from uSense.storage.keys import Keys, intact
from uSense.storage.trouble import parsing

KEPT_VERSIONS = 3


def save(
    connection: sqlite3.Connection,
    keys: Keys,
    gallery: Gallery,
    model: str,
    report: Training,
    built_from: Sequence[Template] | None,
) -> Training:
    """Store `gallery` as the newest version of `model` and delete versions older than the last three."""
    faces = _faces(connection, model)
    if built_from is not None and {template.face_id for template in built_from} != set().union(*faces.values()):
        raise GalleryChangedError
    facts = {name: fact for name, fact in asdict(report).items() if name not in {"gallery", "confusable"}}
    # Without names: they are those of the faces' persons when it is read, and nobody's if the face is gone.
    facts["weak"] = {face.face_id: face.score for face in report.weak}
    facts["tried"] = {face.face_id: face.right for face in report.tried}
    version = connection.execute(
        "INSERT INTO galleries (model, report) VALUES (?, ?)", (model, json.dumps(facts))
    ).lastrowid
    assert version is not None  # noqa: S101 - an INSERT always has one
    people.use(connection, model)
    connection.execute("DELETE FROM renewed WHERE model = ?", (model,))
    _save_parts(connection, keys, gallery.numbered(version), model, faces)
    _save_confusable(connection, gallery.numbered(version), report)
    connection.execute(
        "DELETE FROM galleries WHERE model = :model AND version NOT IN "
        "(SELECT version FROM galleries WHERE model = :model ORDER BY version DESC LIMIT :kept)",
        {"model": model, "kept": KEPT_VERSIONS},
    )
    return replace(report, gallery=version)


def load(connection: sqlite3.Connection, keys: Keys, model: str, metric: Metric) -> tuple[Gallery, Training]:
    """The newest version of `model`, under the names that persons have now."""
    row = connection.execute(
        "SELECT version, report FROM galleries WHERE model = ? ORDER BY version DESC LIMIT 1", (model,)
    ).fetchone()
    if row is None:
        return Gallery.empty(metric), Training("never")
    version, facts = row
    parts = connection.execute(
        "SELECT person_id, name, key, vectors FROM gallery_parts JOIN persons USING (person_id) "
        "WHERE version = ? ORDER BY gallery_parts.number",
        (version,),
    ).fetchall()
    with parsing():
        report = _load_report(connection, version, json.loads(facts))
    persons = []
    for person_id, name, wrapped, sealed in parts:
        with intact(name):
            key = keys.unwrap(wrapped, person_id)
            vectors = sealing.unseal_vectors(key, sealed, "gallery", person_id, str(version), model)
        persons.append((person_id, name, vectors))
    return Gallery.joined(version, metric, persons), report


def _faces(connection: sqlite3.Connection, model: str) -> dict[str, list[str]]:
    """Ids of the faces of each person."""
    faces: dict[str, list[str]] = defaultdict(list)
    rows = connection.execute(
        "SELECT person_id, face_id FROM templates JOIN faces USING (face_id) WHERE model = ? ORDER BY faces.number",
        (model,),
    )
    for person_id, face_id in rows:
        faces[person_id].append(face_id)
    return faces


def _save_parts(
    connection: sqlite3.Connection, keys: Keys, gallery: Gallery, model: str, faces: dict[str, list[str]]
) -> None:
    for index, person_id in enumerate(gallery.person_ids):
        row = connection.execute("SELECT name, key FROM persons WHERE person_id = ?", (person_id,)).fetchone()
        if row is None:
            continue
        with intact(row[0]):
            key = keys.unwrap(row[1], person_id)
        own = gallery.vectors[gallery.owners == index]
        connection.execute(
            "INSERT INTO gallery_parts (version, person_id, face_ids, vectors) VALUES (?, ?, ?, ?)",
            (
                gallery.version,
                person_id,
                json.dumps(faces.get(person_id, [])),
                sealing.seal_vectors(key, own, "gallery", person_id, str(gallery.version), model),
            ),
        )


def _save_confusable(connection: sqlite3.Connection, gallery: Gallery, report: Training) -> None:
    # By person, not by name: a rename shows at once, and an erased person leaves no name behind.
    ids = dict(zip(gallery.names, gallery.person_ids, strict=True))
    connection.executemany(
        "INSERT INTO confusable (version, a, b, score) SELECT ?1, ?2, ?3, ?4 WHERE 2 = "
        "(SELECT count(*) FROM persons WHERE person_id IN (?2, ?3))",
        [(gallery.version, ids.get(pair.a), ids.get(pair.b), pair.score) for pair in report.confusable],
    )


def _load_report(connection: sqlite3.Connection, version: int, facts: dict[str, Any]) -> Training:
    check, weak, tried = facts.pop("check", None), facts.pop("weak", {}), facts.pop("tried", {})
    names = dict(connection.execute("SELECT face_id, name FROM faces JOIN persons USING (person_id)"))
    return Training(
        **facts,
        gallery=version,
        confusable=_load_confusable(connection, version),
        weak=tuple(WeakFace(names[face_id], face_id, score) for face_id, score in weak.items() if face_id in names),
        check=None if check is None else Check(**check),
        tried=tuple(TriedFace(names[face_id], face_id, right) for face_id, right in tried.items() if face_id in names),
    )


def _load_confusable(connection: sqlite3.Connection, version: int) -> tuple[ConfusablePair, ...]:
    rows = connection.execute(
        "SELECT a.name, b.name, score FROM confusable "
        "JOIN persons AS a ON a.person_id = confusable.a JOIN persons AS b ON b.person_id = confusable.b "
        "WHERE version = ? ORDER BY confusable.number",
        (version,),
    )
    return tuple(ConfusablePair(a, b, score) for a, b, score in rows)
