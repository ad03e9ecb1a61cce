"""The part of the Azure Face contract that the client uses, without any recognition: a photo is its own bytes."""

from __future__ import annotations

import uuid
from typing import Any

from aiohttp import web

from tests.peers.azure_faults import KEY

GROUP = "/face/v1.0/persongroups/{group}"
PERSON = GROUP + "/persons/{person}"
FACE = PERSON + "/persistedfaces/{face}"


class Contract:
    """Groups with persons and faces, in memory."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[str, Any]] = {}
        self.found: dict[str, bytes] = {}
        self.app = web.Application(middlewares=[self._gateway])
        routes = self.app.router
        routes.add_post("/face/v1.0/detect", self._detect)
        routes.add_post("/face/v1.0/identify", self._identify)
        routes.add_post("/face/v1.0/verify", self._verify)
        routes.add_put(GROUP, self._create_group)
        routes.add_get(GROUP, self._get_group)
        routes.add_delete(GROUP, self._delete_group)
        routes.add_post(GROUP + "/train", self._train)
        routes.add_get(GROUP + "/training", self._training)
        routes.add_post(GROUP + "/persons", self._create_person)
        routes.add_get(GROUP + "/persons", self._persons)
        routes.add_get(PERSON, self._person)
        routes.add_patch(PERSON, self._update_person)
        routes.add_delete(PERSON, self._delete_person)
        for word in ("/persistedfaces", "/persistedFaces"):
            routes.add_post(PERSON + word, self._add_face)
            routes.add_get(PERSON + word + "/{face}", self._get_face)
            routes.add_delete(PERSON + word + "/{face}", self._delete_face)

    @web.middleware
    async def _gateway(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("Ocp-Apim-Subscription-Key") != KEY:
            return problem(401, "401", "Access denied due to invalid subscription key or wrong API endpoint.")
        try:
            answer: web.StreamResponse = await handler(request)
        except KeyError as error:
            return problem(404, str(error.args[0]), "not found")
        except web.HTTPNotFound:
            return problem(404, "404", "Resource not found")
        return answer

    def group(self, request: web.Request) -> Any:
        return _find(self.groups, request.match_info["group"], "PersonGroupNotFound")

    def person(self, request: web.Request) -> Any:
        return _find(self.group(request)["persons"], request.match_info["person"], "PersonNotFound")

    async def _detect(self, request: web.Request) -> web.Response:
        photo = await request.read()
        if not photo:
            return problem(400, "InvalidImageSize", "Image size is too small.")
        if photo == b"nobody":
            return web.json_response([])
        face_id = str(uuid.uuid4())
        self.found[face_id] = photo
        box = {"top": 1, "left": 2, "width": 3, "height": 4}
        return web.json_response([{"faceId": face_id, "faceRectangle": box}])

    async def _identify(self, request: web.Request) -> web.Response:
        body = await request.json()
        group = self.groups.get(body["personGroupId"])
        if group is None:
            return problem(400, "PersonGroupNotFound", "Person group is not found.")
        if group["gallery"] is None:
            return problem(400, "PersonGroupNotTrained", "Person group not trained.")
        answers = []
        for face_id in body["faceIds"]:
            if face_id not in self.found:
                return problem(400, "FaceNotFound", "Face is not found.")
            alike = [who for who, photos in group["gallery"].items() if self.found[face_id] in photos]
            answers.append({"faceId": face_id, "candidates": [{"personId": who, "confidence": 0.9} for who in alike]})
        return web.json_response(answers)

    async def _verify(self, request: web.Request) -> web.Response:
        body = await request.json()
        if "personId" in body:
            person = self.groups[body["personGroupId"]]["persons"][body["personId"]]
            same = any(face["photo"] == self.found[body["faceId"]] for face in person["faces"].values())
        else:
            same = self.found[body["faceId1"]] == self.found[body["faceId2"]]
        return web.json_response({"isIdentical": same, "confidence": 0.9 if same else 0.1})

    async def _create_group(self, request: web.Request) -> web.Response:
        body = await request.json()
        if request.match_info["group"] in self.groups:
            return problem(409, "PersonGroupExists", "Person group already exists.")
        self.groups[request.match_info["group"]] = {**body, "persons": {}, "gallery": None}
        return web.Response()

    async def _get_group(self, request: web.Request) -> web.Response:
        group = self.group(request)
        return web.json_response({"name": group["name"], "recognitionModel": group["recognitionModel"]})

    async def _delete_group(self, request: web.Request) -> web.Response:
        self.group(request)
        del self.groups[request.match_info["group"]]
        return web.Response()

    async def _train(self, request: web.Request) -> web.Response:
        group = self.group(request)
        group["gallery"] = {
            who: [face["photo"] for face in person["faces"].values()] for who, person in group["persons"].items()
        }
        return web.Response(status=202)

    async def _training(self, request: web.Request) -> web.Response:
        if self.group(request)["gallery"] is None:
            return problem(404, "PersonGroupNotTrained", "Person group not trained.")
        return web.json_response(
            {"status": "succeeded", "lastSuccessfulTrainingDateTime": "2024-09-03T15:55:58.8061602Z"}
        )

    async def _create_person(self, request: web.Request) -> web.Response:
        person_id = str(uuid.uuid4())
        self.group(request)["persons"][person_id] = {**await request.json(), "faces": {}}
        return web.json_response({"personId": person_id})

    async def _persons(self, request: web.Request) -> web.Response:
        everybody = sorted(self.group(request)["persons"].items())
        top = int(request.query.get("top", "1000"))
        page = [(who, person) for who, person in everybody if who > request.query.get("start", "")][:top]
        return web.json_response([_told(who, person) for who, person in page])

    async def _person(self, request: web.Request) -> web.Response:
        return web.json_response(_told(request.match_info["person"], self.person(request)))

    async def _update_person(self, request: web.Request) -> web.Response:
        self.person(request).update(await request.json())
        return web.Response()

    async def _delete_person(self, request: web.Request) -> web.Response:
        self.person(request)
        del self.group(request)["persons"][request.match_info["person"]]
        return web.Response()

    async def _add_face(self, request: web.Request) -> web.Response:
        photo = await request.read()
        if photo == b"nobody":
            return problem(400, "InvalidImage", "No face detected in the image.")
        face_id = str(uuid.uuid4())
        self.person(request)["faces"][face_id] = {"photo": photo, **request.query}
        return web.json_response({"persistedFaceId": face_id})

    async def _get_face(self, request: web.Request) -> web.Response:
        face = _find(self.person(request)["faces"], request.match_info["face"], "PersistedFaceNotFound")
        return web.json_response({"persistedFaceId": request.match_info["face"], "userData": face.get("userData")})

    async def _delete_face(self, request: web.Request) -> web.Response:
        _find(self.person(request)["faces"], request.match_info["face"], "PersistedFaceNotFound")
        del self.person(request)["faces"][request.match_info["face"]]
        return web.Response()


def problem(status: int, code: str, message: str) -> web.Response:
    """An error in today's form."""
    return web.json_response({"error": {"code": code, "message": message}}, status=status)


def _find(things: dict[str, Any], name: str, missing: str) -> Any:
    if name not in things:
        raise KeyError(missing)
    return things[name]


def _told(person_id: str, person: dict[str, Any]) -> dict[str, Any]:
    told = {"personId": person_id, "name": person["name"], "persistedFaceIds": list(person["faces"])}
    return told | ({"userData": person["userData"]} if "userData" in person else {})
