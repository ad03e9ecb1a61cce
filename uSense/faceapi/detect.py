"""Faces in a picture: where they are, what they look like, and ids under which they are remembered for a while."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from uSense.core.faceapi import arguments, attributes, faults, landmarks
from uSense.core.faceapi.arguments import Query
from uSense.core.faceapi.faceids import Detected
from uSense.core.matching import Rows
from uSense.faceapi.call import Call, Reply, Route
from uSense.faceapi.groups import RECOGNITION
from uSense.faceapi.pictures import Seen
from uSense.faceapi.service import Service

DETECTION = ("detection_01", "detection_02", "detection_03")
"""Names of one and the same local detector; what may be asked for depends on them as in the service."""
SHORTEST, DAY = 60, 86_400
"""Seconds that a face id lives."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client wants to know of each face."""

    face_id: bool
    landmarks: bool
    attributes: tuple[str, ...]
    model: str
    with_model: bool
    lifetime: int


async def detect(call: Call) -> Reply:
    """POST: all faces, the largest first."""
    wish = _wish(call.query)
    async with call.picture() as data:
        faces = (await call.service.pictures.search(data)).faces
        vectors: list[Rows] = []
        if wish.face_id:
            vectors = await call.service.parts.embedding.embed([face.probe for face in faces])
        shown = [await _shown(call.service, face, wish) for face in faces]
    for face, rows in zip(shown, vectors, strict=False):
        call.service.remember(str(face["faceId"]), Detected(rows[0], wish.model), wish.lifetime)
    return Reply(shown)


def _wish(query: Query) -> Wish:
    detection = arguments.choice(query, "detectionModel", DETECTION, default=DETECTION[0])
    model = arguments.choice(query, "recognitionModel", RECOGNITION, default=RECOGNITION[0])
    face_id = arguments.flag(query, "returnFaceId", default=True)
    with_landmarks = arguments.flag(query, "returnFaceLandmarks", default=False)
    if with_landmarks and detection == "detection_02":
        raise faults.not_by("returnLandmarks", detection)
    wanted = attributes.asked(query.get("returnfaceattributes", ""), detection, model)
    with_model = arguments.flag(query, "returnRecognitionModel", default=False)
    lifetime = query.get("faceidtimetolive") or DAY
    seconds = arguments.whole(lifetime, SHORTEST, DAY, lambda: faults.invalid("faceIdTimeToLive"))
    return Wish(face_id, with_landmarks, wanted, model, with_model and face_id, seconds)


async def _shown(service: Service, face: Seen, wish: Wish) -> dict[str, object]:
    shown: dict[str, object] = {}
    if wish.face_id:
        shown["faceId"] = str(uuid.uuid4())
    shown["faceRectangle"] = {"top": face.top, "left": face.left, "width": face.width, "height": face.height}
    if wish.landmarks:
        shown["faceLandmarks"] = landmarks.named(face.placed(await service.parts.points(face.probe)))
    if wish.attributes:
        shown["faceAttributes"] = attributes.measured(face.probe.quality, wish.attributes)
    if wish.with_model:
        shown["recognitionModel"] = wish.model
    return shown


ROUTES: tuple[Route, ...] = (("POST", "detect", detect),)
