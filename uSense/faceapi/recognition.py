"""Who a face is and which faces are alike: identify, verify, find similar, group."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import numpy as np
from numpy.typing import NDArray

from uSense.core import matching
from uSense.core.errors import NotFoundError
from uSense.core.faceapi import arguments, faults
from uSense.core.faceapi.clusters import clusters
from uSense.core.faceapi.faceids import Detected
from uSense.core.faceapi.faults import FAMILIES
from uSense.core.groups import GroupKey
from uSense.core.matching import Gallery, Metric, Rows
from uSense.core.scale import IDENTICAL
from uSense.faceapi.call import Call, Reply, Route

MOST_IDENTIFIED = 10
MOST_CANDIDATES = 100
MOST_SIMILAR, SIMILAR = 1000, 20
MOST_GROUPED = 1000
_MODES = ("matchPerson", "matchFace")


async def identify(call: Call) -> Reply:
    """POST: the persons of a group that up to ten faces may be, those at the threshold or above."""
    body = await call.body()
    ids = arguments.face_ids(body, 1, MOST_IDENTIFIED)
    key = arguments.scope(body)
    default = 1 if call.version.startswith("v1.0") else 10
    most = arguments.whole(
        default if body.get("maxnumofcandidatesreturned") is None else body["maxnumofcandidatesreturned"],
        1,
        MOST_CANDIDATES,
        lambda: faults.not_valid("maxNumOfCandidatesReturned"),
    )
    least = body.get("confidencethreshold")
    threshold = IDENTICAL if least is None else arguments.share(least, "confidenceThreshold")
    try:
        model = (await call.service.parts.groups.group(key)).model
        faces = [call.service.detected(face_id) for face_id in ids]
        if any(face.model != model for face in faces):
            raise faults.models_differ()
        gallery = await call.service.galleries.gallery(key)
    except NotFoundError as error:
        raise FAMILIES[key.kind].missing(HTTPStatus.BAD_REQUEST) from error
    rows = np.stack([face.vector for face in faces])
    scores = await asyncio.to_thread(matching.scores, gallery, rows)
    found = [_candidates(call, gallery, row, threshold, most) for row in scores]
    return Reply([{"faceId": one, "candidates": two} for one, two in zip(ids, found, strict=True)])


async def verify(call: Call) -> Reply:
    """POST: whether two detected faces, or a face and a person, are the same."""
    body = await call.body()
    if body.get("personid") is None:
        first, second = (arguments.detected_id(body, name) for name in ("faceId1", "faceId2"))
        a, b = (call.service.detected(one, otherwise=HTTPStatus.NOT_FOUND) for one in (first, second))
        if a.model != b.model:
            raise faults.models_differ()
        score = matching.score(a.vector, b.vector, call.service.parts.embedding.metric)
    else:
        face_id = arguments.detected_id(body, "faceId")
        person_id = arguments.person_id(arguments.text(body, "personId") or "")
        key = arguments.scope(body)
        face = call.service.detected(face_id, otherwise=HTTPStatus.NOT_FOUND)
        score = await _against(call, face, key, person_id)
    confidence = call.service.confidence(score)
    return Reply({"isIdentical": confidence >= IDENTICAL, "confidence": confidence})


async def find_similar(call: Call) -> Reply:
    """POST: the detected faces that are most like one of them."""
    body = await call.body()
    face_id = arguments.detected_id(body, "faceId")
    if any(body.get(name) is not None for name in ("facelistid", "largefacelistid")):
        raise faults.face_list_not_found()
    ids = arguments.face_ids(body, 1, MOST_SIMILAR)
    asked = body.get("maxnumofcandidatesreturned")
    most = arguments.whole(
        SIMILAR if asked is None else asked, 1, MOST_SIMILAR, lambda: faults.not_valid("maxNumOfCandidatesReturned")
    )
    mode = arguments.choice(body, "mode", _MODES, default=_MODES[0])
    (face, *others) = _of_one_model(call, [face_id, *ids])
    confidences = [
        call.service.confidence(matching.score(face.vector, other.vector, call.service.parts.embedding.metric))
        for other in others
    ]
    least = IDENTICAL if mode == _MODES[0] else 0.0
    found = sorted(zip(confidences, ids, strict=True), reverse=True)
    shown = [{"faceId": one, "confidence": confidence} for confidence, one in found if confidence >= least]
    return Reply(shown[:most])


async def group(call: Call) -> Reply:
    """POST: detected faces sorted into persons."""
    body = await call.body()
    ids = arguments.face_ids(body, 2, MOST_GROUPED)
    rows = np.stack([face.vector for face in _of_one_model(call, ids)])
    metric, threshold = call.service.parts.embedding.metric, call.service.parts.threshold
    found, messy = await asyncio.to_thread(_sorted, rows, metric, threshold)
    return Reply(
        {"groups": [[ids[index] for index in one] for one in found], "messyGroup": [ids[one] for one in messy]}
    )


async def _against(call: Call, face: Detected, key: GroupKey, person_id: str) -> float:
    """Score of a face against what is kept of a person, trained or not."""
    parts = call.service.parts
    family = FAMILIES[key.kind]
    try:
        if face.model != (await parts.groups.group(key)).model:
            raise faults.models_differ()
    except NotFoundError as error:
        raise family.missing(HTTPStatus.BAD_REQUEST) from error
    try:
        await parts.groups.person(key, person_id)
        kept = await parts.groups.templates(key, parts.embedding.model, person_id)
    except NotFoundError as error:
        raise faults.person_not_found(person_id) from error
    if not kept:
        raise faults.no_kept_face()
    faces = [(person_id, one.vectors) for one in kept]
    gallery = await asyncio.to_thread(matching.build, parts.embedding.metric, [(person_id, "")], faces)
    return float(matching.scores(gallery, face.vector[None])[0, 0])


def _of_one_model(call: Call, ids: list[str]) -> list[Detected]:
    """The detected faces; raises Fault if one is not known, or if their models differ."""
    faces = [call.service.detected(face_id) for face_id in ids]
    if len({face.model for face in faces}) > 1:
        raise faults.models_differ()
    return faces


def _candidates(
    call: Call, gallery: Gallery, scores: NDArray[np.float32], threshold: float, most: int
) -> list[dict[str, object]]:
    best = sorted(range(len(scores)), key=lambda index: (-float(scores[index]), gallery.person_ids[index]))[:most]
    found = [(gallery.person_ids[index], call.service.confidence(float(scores[index]))) for index in best]
    return [{"personId": one, "confidence": confidence} for one, confidence in found if confidence >= threshold]


def _sorted(rows: Rows, metric: Metric, threshold: float) -> tuple[list[list[int]], list[int]]:
    everybody = tuple(map(str, range(len(rows))))
    gallery = Gallery(0, metric, everybody, everybody, rows, np.arange(len(rows)))
    return clusters(matching.scores(gallery, rows), threshold)


ROUTES: tuple[Route, ...] = (
    ("POST", "identify", identify),
    ("POST", "verify", verify),
    ("POST", "findsimilars", find_similar),
    ("POST", "group", group),
)
