"""The script of 2018, call for call as it sent them, works under `compat_2018`."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.peers.faceapi import FaceApi
from tests.support.portraits import EILEEN, GRACE, jpeg, pose


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaceApi]:
    """A server that lets ids in the query replace those in the path."""
    with FaceApi(tmp_path_factory.mktemp("2018"), compat_2018=True) as served:
        yield served


class Script:
    """Its calls, ported to Python 3 and to another host; everything else is byte for byte the same."""

    def __init__(self, api: FaceApi) -> None:
        self.api = api
        self.group_id = "users"
        self.headers = {"Ocp-Apim-Subscription-Key": api.key}

    def request(self, method: str, path: str, body: Any, kind: str | None) -> Any:
        headers = self.headers if kind is None else {"Content-Type": kind, **self.headers}
        connection = http.client.HTTPConnection("127.0.0.1", self.api.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        assert response.status in {200, 202}, data
        return json.loads(data) if data else None

    def detect(self, photo: Path) -> str:
        with photo.open("rb") as body:
            params = urlencode({"returnFaceId": "true"})
            found = self.request("POST", f"/face/v1.0/detect?{params}", body, "application/octet-stream")
        return str(found[0]["faceId"]) if found else "n"

    def create_group(self) -> None:
        params = urlencode({"personGroupId": self.group_id})
        path = f"/face/v1.0/persongroups/{{personGroupId}}?{params}"
        self.request("PUT", path, '{"name": "Users"}', "application/json")

    def create_person(self, name: str) -> str:
        params = urlencode({"personGroupId": self.group_id})
        path = f"/face/v1.0/persongroups/{{employees}}/persons?{params}"
        return str(self.request("POST", path, f"{{'name':'{name}'}}", "application/json")["personId"])

    def add_face(self, person_id: str, photo: Path) -> None:
        params = urlencode({"personGroupId": self.group_id, "personId": person_id})
        path = f"/face/v1.0/persongroups/{{employees}}/persons/{person_id}/persistedFaces?{params}"
        with photo.open("rb") as body:
            self.request("POST", path, body, "application/octet-stream")

    def persons(self) -> Any:
        return self.request("GET", "/face/v1.0/persongroups/users/persons?", "{body}", None)

    def train(self) -> None:
        params = urlencode({"personGroupId": self.group_id})
        self.request("POST", f"/face/v1.0/persongroups/users/train?{params}", "{body}", None)

    def identify(self, face_id: str) -> Any:
        params = urlencode({"personGroupId": self.group_id})
        body = f"{{'personGroupId':'{self.group_id}', 'faceIds':['{face_id}'], 'confidenceThreshold': '.5'}}"
        return self.request("POST", f"/face/v1.0/identify?{params}", body, "application/json")

    def name(self, person_id: str) -> str:
        params = urlencode({"personGroupId": self.group_id, "personId": person_id})
        path = f"/face/v1.0/persongroups/{{users}}/persons/{person_id}?{params}"
        return str(self.request("GET", path, "{body}", None)["name"])

    def round(self, photo: Path) -> str:
        """One look at a photo: what it prints."""
        found: list[tuple[str, float]] = []
        face_id = self.detect(photo)
        if face_id == "n":
            found.append(("n", 0))
        else:
            for one in self.identify(face_id):
                found += [(candidate["personId"], candidate["confidence"]) for candidate in one["candidates"]]
        pairs = list(zip(found, [photo], strict=False))
        pairs.sort()
        if pairs and pairs[-1][0][1] > 0.7:
            return f"{self.name(pairs[-1][0][0])} recognised."
        return ""


def test_it_names_the_right_person_and_no_stranger(old: FaceApi, tmp_path: Path) -> None:
    """Two people are enrolled by its calls; each is recognized in a new photo, and a wall is nobody."""
    script = Script(old)
    script.create_group()
    for name, portrait in (("Cass", GRACE), ("Eileen", EILEEN)):
        person_id = script.create_person(name)
        for number in range(3):
            photo = tmp_path / f"{name}{number}.jpg"
            photo.write_bytes(jpeg(pose(portrait, number)))
            script.add_face(person_id, photo)
    script.train()
    while old.call("GET", "persongroups/users/training").data["status"] == "running":
        pass
    for name, portrait in (("cass", GRACE), ("eileen", EILEEN)):
        (tmp_path / f"new-{name}.jpg").write_bytes(jpeg(pose(portrait, 5)))
    (tmp_path / "wall.jpg").write_bytes(jpeg(GRACE[:120, :120] // 8 + 100))

    assert sorted(person["name"] for person in script.persons()) == ["Cass", "Eileen"]
    assert script.round(tmp_path / "new-cass.jpg") == "Cass recognised."
    assert script.round(tmp_path / "new-eileen.jpg") == "Eileen recognised."
    assert not script.round(tmp_path / "wall.jpg")


def test_it_names_people_of_real_photos(old: FaceApi, faces: Path) -> None:
    """Of ten people with three photos each nobody is called by another's name, and most are by their own."""
    labels = json.loads((faces / "lfw10" / "labels.json").read_text("utf-8"))["persons"]
    script = Script(old)
    script.group_id = "ten"
    script.create_group()
    for name, photos in labels.items():
        person_id = script.create_person(name.replace("'", ""))
        for photo in photos[:3]:
            script.add_face(person_id, faces / "lfw10" / photo)
    old.trained("persongroups/ten")

    said = [(name, script.round(faces / "lfw10" / photo)) for name, photos in labels.items() for photo in photos[3:5]]

    right = [name for name, words in said if words == f"{name} recognised."]
    wrong = [pair for pair in said if pair[1] not in {"", f"{pair[0]} recognised."}]
    assert not wrong
    assert len(right) >= 15, said


def test_without_the_setting_the_path_counts(api: FaceApi) -> None:
    """Ids in the query are redundant parameters like others, and `{employees}` is no id."""
    assert api.send("PUT", "persongroups/users?personGroupId=others", {"name": "Users"}).status == 200
    assert api.call("GET", "persongroups/users").status == 200
    answer = api.send("POST", "persongroups/{employees}/persons?personGroupId=users", {"name": "Cass"})
    assert answer.error == (400, "BadArgument", "Person group ID is invalid.")


def test_the_log_says_once_which_setting_is_missing(tmp_path: Path) -> None:
    """However often such a program calls."""
    with FaceApi(tmp_path) as served:
        for _ in range(2):
            served.send("POST", "persongroups/{employees}/persons?personGroupId=users", {"name": "Cass"})

    assert sum("needs face_api.compat_2018: true" in line for line in served.log) == 1
