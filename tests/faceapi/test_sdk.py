"""Microsoft's own client libraries work with `usense face-api` on real photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from azure.ai.vision.face import FaceAdministrationClient, FaceClient
from azure.ai.vision.face import models as new
from azure.cognitiveservices.vision import face as old
from azure.cognitiveservices.vision.face.models import APIErrorException, TrainingStatusType
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, ResourceExistsError, ResourceNotFoundError
from azure.core.rest import HttpRequest
from msrest.authentication import CognitiveServicesCredentials

from tests.peers.faceapi import FaceApi


def photos(faces: Path, person: str) -> list[Path]:
    """The photos of one of the ten people."""
    labels = json.loads((faces / "lfw10" / "labels.json").read_text("utf-8"))["persons"]
    return [faces / "lfw10" / name for name in labels[person]]


def people(faces: Path) -> list[str]:
    """The names of the ten people."""
    return sorted(json.loads((faces / "lfw10" / "labels.json").read_text("utf-8"))["persons"])


@pytest.fixture(params=["v1.0", "v1.2"])
def version(request: pytest.FixtureRequest) -> str:
    """The versions of the contract that the library asks for."""
    return str(request.param)


def test_todays_library_goes_the_whole_way(api: FaceApi, faces: Path, version: str) -> None:
    """Create, person, add face, train, poll, detect, identify, verify, list and delete name the right people."""
    credential = AzureKeyCredential(api.key)
    group = f"sdk-{version.replace('.', '-')}"
    anna, berta = people(faces)[:2]
    with (
        FaceAdministrationClient(api.endpoint, credential, api_version=version) as admin,
        FaceClient(api.endpoint, credential, api_version=version) as client,
    ):
        groups = admin.large_person_group
        groups.create(group, name="The house", user_data="sweet", recognition_model="recognition_04")
        persons = {name: groups.create_person(group, name=name, user_data=name.upper()) for name in (anna, berta)}
        for name, person in persons.items():
            for photo in photos(faces, name)[:3]:
                groups.add_face(
                    group, person.person_id, photo.read_bytes(), detection_model="detection_03", user_data=photo.name
                )
        groups.begin_train(group, polling_interval=0).result()
        assert groups.get_training_status(group).status == "succeeded"

        for name, person in persons.items():
            (found,) = client.detect(
                photos(faces, name)[4].read_bytes(),
                detection_model="detection_03",
                recognition_model="recognition_04",
                return_face_id=True,
                return_face_landmarks=True,
                return_recognition_model=True,
                return_face_attributes=[new.FaceAttributeTypeDetection03.BLUR, "qualityForRecognition"],
            )[:1]
            assert found.face_id is not None
            assert found.face_landmarks is not None
            assert found.recognition_model == "recognition_04"
            (result,) = client.identify_from_large_person_group(face_ids=[found.face_id], large_person_group_id=group)
            assert result.candidates[0].person_id == person.person_id
            assert result.candidates[0].confidence > 0.7
            same = client.verify_from_large_person_group(
                face_id=found.face_id, large_person_group_id=group, person_id=person.person_id
            )
            assert same.is_identical

        listed = groups.get_persons(group)
        assert {one.person_id: (one.name, len(one.persisted_face_ids or [])) for one in listed} == {
            person.person_id: (name, 3) for name, person in persons.items()
        }
        person_id = persons[anna].person_id
        (face_id, *_) = listed[0].persisted_face_ids or []
        groups.delete_face(group, listed[0].person_id, face_id)
        groups.update_person(group, person_id, name="Anna")
        assert groups.get_person(group, person_id).name == "Anna"
        groups.delete_person(group, person_id)
        with pytest.raises(ResourceNotFoundError):
            groups.get_person(group, person_id)
        with pytest.raises(ResourceExistsError):
            groups.create(group, name="again")
        groups.delete(group)
        assert group not in {one.large_person_group_id for one in groups.get_large_person_groups()}


def test_todays_library_reaches_plain_groups(api: FaceApi) -> None:
    """Person groups, for which it has no methods, work by its raw requests, also behind an endpoint with a slash."""
    with FaceAdministrationClient(f"{api.endpoint}/", AzureKeyCredential(api.key), api_version="v1.0") as admin:
        made = admin.send_request(HttpRequest("PUT", "/persongroups/plain", json={"name": "plain"}))
        shown = admin.send_request(HttpRequest("GET", "/persongroups/plain"))

    assert made.status_code == 200
    assert shown.json() == {"personGroupId": "plain", "name": "plain"}


def test_a_wrong_key_is_told_as_such(api: FaceApi) -> None:
    """The library says that it is not authenticated."""
    with (
        FaceAdministrationClient(api.endpoint, AzureKeyCredential("wrong"), api_version="v1.2") as admin,
        pytest.raises(ClientAuthenticationError),
    ):
        admin.large_person_group.get("any")


def test_the_last_library_of_2018_goes_the_whole_way(api: FaceApi, faces: Path) -> None:
    """Its chunked uploads, its defaults and its training states are understood, and its errors carry codes."""
    make: Any = old.FaceClient
    client = make(api.endpoint, CognitiveServicesCredentials(api.key))
    anna, berta = people(faces)[2:4]
    client.person_group.create("old", name="old", recognition_model="recognition_04")
    persons = {name: client.person_group_person.create("old", name=name) for name in (anna, berta)}
    for name, person in persons.items():
        for photo in photos(faces, name)[:3]:
            with photo.open("rb") as file:
                client.person_group_person.add_face_from_stream("old", person.person_id, file)
    client.person_group.train("old")
    while client.person_group.get_training_status("old").status == TrainingStatusType.running:
        pass
    with photos(faces, anna)[4].open("rb") as file:
        found = client.face.detect_with_stream(file, recognition_model="recognition_04", return_face_landmarks=True)
    (result,) = client.face.identify([found[0].face_id], person_group_id="old")

    assert result.candidates[0].person_id == persons[anna].person_id
    with pytest.raises(APIErrorException) as refused:
        client.face.identify([], person_group_id="old")
    assert "(BadArgument)" in str(refused.value)
    client.person_group.delete("old")
    assert client.person_group.list() == [] or all(one.person_group_id != "old" for one in client.person_group.list())
