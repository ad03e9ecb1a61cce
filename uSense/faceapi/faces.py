"""Faces that are kept for a person of a group."""

from __future__ import annotations

from uSense.core.faceapi import arguments
from uSense.faceapi import pictures
from uSense.faceapi.call import Call, Reply, Route
from uSense.faceapi.detect import DETECTION


async def add(call: Call) -> Reply:
    """POST: keep the one face of a picture, or the one in `targetFace`."""
    key, person_id = call.key, call.person_id
    parts = call.service.parts
    arguments.choice(call.query, "detectionModel", DETECTION, default=DETECTION[0])
    user_data = arguments.user_data(call.query.get("userdata") or None, arguments.FACE_USER_DATA_BYTES)
    await parts.groups.group(key)
    await parts.groups.person(key, person_id)
    async with call.picture() as data:
        searched = await call.service.pictures.search(data)
        probe = pictures.chosen(searched, arguments.target(call.query, searched.size))
        vectors = await parts.embedding.enroll(probe)
        crop = await parts.embedding.pack(probe) if parts.keep_crops else None
    face_id = await parts.groups.add_face(
        key, person_id, parts.embedding.model, list(vectors), user_data=user_data, crop=crop
    )
    return Reply({"persistedFaceId": face_id})


async def show(call: Call) -> Reply:
    """GET: the face's id and user data."""
    face = await call.service.parts.groups.face(call.key, call.person_id, call.face_id)
    shown = {"persistedFaceId": face.face_id}
    return Reply(shown if face.user_data is None else {**shown, "userData": face.user_data})


async def update(call: Call) -> Reply:
    """PATCH: the face's user data; what is not given stays."""
    key, person_id, face_id = call.key, call.person_id, call.face_id
    given = arguments.text(await call.body(), "userData")
    user_data = arguments.user_data(given, arguments.FACE_USER_DATA_BYTES)
    await call.service.parts.groups.face(key, person_id, face_id)
    if user_data is not None:
        await call.service.parts.groups.update_face(key, person_id, face_id, user_data)
    return Reply()


async def delete(call: Call) -> Reply:
    """DELETE: drop the face; identify knows it until the next training."""
    await call.service.parts.groups.delete_face(call.key, call.person_id, call.face_id)
    return Reply()


_FACES = "{kind}/{group}/persons/{person}/persistedfaces"
ROUTES: tuple[Route, ...] = (
    ("POST", _FACES, add),
    ("GET", f"{_FACES}/{{face}}", show),
    ("PATCH", f"{_FACES}/{{face}}", update),
    ("DELETE", f"{_FACES}/{{face}}", delete),
)
