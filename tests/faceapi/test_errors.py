"""Every refusal, in the words of the service."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from PIL import Image

from tests.peers.faceapi import JSON, FaceApi
from tests.support.portraits import EILEEN, GRACE, jpeg, pose, side_by_side

NOBODY = str(uuid.UUID(int=7))
WALL = jpeg(GRACE[:120, :120] // 8 + 100)
TWO = jpeg(side_by_side(pose(GRACE, 0), pose(EILEEN, 0)))
ONE = jpeg(pose(GRACE, 1))


def png(size: tuple[int, int]) -> bytes:
    """A black and white picture of any size in few bytes, with some more behind it."""
    data = io.BytesIO()
    Image.new("1", size).save(data, "PNG")
    return data.getvalue() + bytes(1024)


@dataclass
class House:
    """What is there: the ids that paths and bodies name as `{person}` and so on."""

    api: FaceApi
    ids: dict[str, str] = field(default_factory=dict)

    def filled(self, text: str) -> str:
        for name, value in self.ids.items():
            text = text.replace(f"{{{name}}}", value)
        return text


@pytest.fixture(scope="module")
def house(api: FaceApi) -> House:
    """A trained group, an empty one, one of another model, and a few faces."""
    for group, model in (("kept", "recognition_01"), ("empty", "recognition_01"), ("other", "recognition_04")):
        made = api.send("PUT", f"persongroups/{group}", {"name": group, "recognitionModel": model})
        assert made.status == 200
    person = api.person("persongroups/kept", "Grace", ONE)
    face = api.call("GET", f"persongroups/kept/persons/{person}").data["persistedFaceIds"][0]
    assert api.trained("persongroups/kept")["status"] == "succeeded"
    ids = {"person": person, "kept_face": face, "bare": api.person("persongroups/kept", "Nobody"), "nobody": NOBODY}
    ids["face"], ids["face4"] = api.face(ONE), api.face(ONE, "recognitionModel=recognition_04")
    return House(api, ids)


def body(**values: Any) -> str:
    """A JSON body."""
    return json.dumps(values)


PERSONS = "persongroups/kept/persons"
FACES = f"{PERSONS}/{{person}}/persistedfaces"
LONG = "x" * 16_385

BODIES = {
    "no body": ("PUT", "persongroups/new", "", "BadArgument", "Request body is invalid."),
    "an empty object": ("PUT", "persongroups/new", "{}", "BadArgument", "Request body is invalid."),
    "a list": ("PUT", "persongroups/new", "[1]", "BadArgument", "Request body is invalid."),
    "a wrong type": ("PUT", "persongroups/new", body(name=5), "BadArgument", "Request body is invalid."),
    "no json": ("PUT", "persongroups/new", "name=new", "BadArgument", "JSON parsing error."),
    "an empty name": ("PUT", "persongroups/new", body(name=""), "BadArgument", "'name' is empty."),
    "no name": ("PUT", "persongroups/new", body(userData="x"), "BadArgument", "'name' is empty."),
    "null for a name": ("POST", PERSONS, body(name=None, userData="x"), "BadArgument", "'name' is empty."),
    "a long name": ("PUT", "persongroups/new", body(name="x" * 129), "BadArgument", "'name' is too long."),
    "long user data": ("POST", PERSONS, body(name="x", userData=LONG), "BadArgument", "'userData' is too long."),
    "long user data of a face": (
        "PATCH", f"{FACES}/{{kept_face}}", body(userData="x" * 1025), "BadArgument", "'userData' is too long.",
    ),
    "an unknown model": (
        "PUT", "persongroups/new", body(name="x", recognitionModel="best"),
        "BadArgument", "'recognitionModel' is invalid.",
    ),
    "nothing to change in a group": (
        "PATCH", "persongroups/kept", body(x=1), "BadArgument", "Both 'name' and 'userData' are empty.",
    ),
    "nothing to change in a person": (
        "PATCH", f"{PERSONS}/{{person}}", body(name=None), "BadArgument", "Both 'name' and 'userData' are empty.",
    ),
    "a bad group id": ("PUT", "persongroups/Users", body(name="x"), "BadArgument", "Person group ID is invalid."),
    "a long group id": (
        "PUT", f"largepersongroups/{'x' * 65}", body(name="x"), "BadArgument", "Large person group ID is invalid.",
    ),
    "no faces": (
        "POST", "identify", body(faceIds=[], personGroupId="kept"),
        "BadArgument", "The length of faceIds is not in a valid range.",
    ),
    "eleven faces": (
        "POST", "identify", body(faceIds=[NOBODY] * 11, personGroupId="kept"),
        "BadArgument", "The length of faceIds is not in a valid range.",
    ),
    "no group": (
        "POST", "identify", body(faceIds=[NOBODY]), "PersonGroupIdAndLargePersonGroupIdBothNull",
        "Large person group ID and person group ID are both null.",
    ),
    "two groups": (
        "POST", "identify", body(faceIds=[NOBODY], personGroupId="kept", largePersonGroupId="kept"),
        "PersonGroupIdAndLargePersonGroupIdBothNotNull", "Large person group ID and person group ID are both not null.",
    ),
    "too many candidates": (
        "POST", "identify", body(faceIds=[NOBODY], personGroupId="kept", maxNumOfCandidatesReturned=101),
        "BadArgument", "The argument maxNumOfCandidatesReturned is not valid.",
    ),
    "a threshold that is none": (
        "POST", "identify", body(faceIds=[NOBODY], personGroupId="kept", confidenceThreshold="1.5"),
        "BadArgument", "The argument confidenceThreshold is not valid.",
    ),
    "a bad group id at identify": (
        "POST", "identify", body(faceIds=[NOBODY], personGroupId="Kept"), "BadArgument", "Person group ID is invalid.",
    ),
    "a missing group at identify": (
        "POST", "identify", body(faceIds=[NOBODY], personGroupId="none"),
        "PersonGroupNotFound", "Person group is not found.",
    ),
    "a missing large group at identify": (
        "POST", "identify", body(faceIds=[NOBODY], largePersonGroupId="kept"),
        "LargePersonGroupNotFound", "Large person group is not found.",
    ),
    "an unknown face": (
        "POST", "identify", body(faceIds=[NOBODY], personGroupId="kept"), "FaceNotFound", "Face is not found.",
    ),
    "another model": (
        "POST", "identify", body(faceIds=["{face4}"], personGroupId="kept"),
        "BadArgument", "'recognitionModel' is incompatible.",
    ),
    "a group that was never trained": (
        "POST", "identify", body(faceIds=["{face}"], personGroupId="empty"),
        "PersonGroupNotTrained", "Person group not trained.",
    ),
    "no face id": ("POST", "verify", body(faceId1="x", faceId2=NOBODY), "BadArgument", "Face ID is invalid."),
    "two models at verify": (
        "POST", "verify", body(faceId1="{face}", faceId2="{face4}"),
        "BadArgument", "'recognitionModel' is incompatible.",
    ),
    "a missing group at verify": (
        "POST", "verify", body(faceId="{face}", personId=NOBODY, personGroupId="none"),
        "PersonGroupNotFound", "Person group is not found.",
    ),
    "one face to group": (
        "POST", "group", body(faceIds=[NOBODY]), "BadArgument", "The length of faceIds is not in a valid range.",
    ),
    "an unknown face to group": (
        "POST", "group", body(faceIds=[NOBODY, NOBODY]), "FaceNotFound", "Face is not found.",
    ),
    "a face list": (
        "POST", "findsimilars", body(faceId="{face}", faceListId="any"), "FaceListNotFound", "Face list is not found.",
    ),
    "no picture in json": ("POST", "detect", body(x=1), "BadArgument", "Request body is invalid."),
    "a picture elsewhere": (
        "POST", "detect", body(url="https://example.org/x.jpg"), "InvalidURL",
        "Invalid image URL. This server does not download pictures: send the picture itself.",
    ),
}  # fmt: skip
"""What is sent as JSON and answered 400: method, path, body, code, message."""


@pytest.mark.parametrize("case", BODIES)
def test_bodies_are_refused_in_the_services_words(house: House, case: str) -> None:
    """Each mistake in a JSON body gets its code and its message."""
    method, path, sent, code, message = BODIES[case]

    answer = house.api.call(method, house.filled(path), house.filled(sent), JSON)

    assert answer.error == (400, code, message)


MISSING = {
    "persongroups/none": ("PersonGroupNotFound", "Person group is not found."),
    "largepersongroups/kept": ("LargePersonGroupNotFound", "Large person group is not found."),
    "persongroups/none/training": ("PersonGroupNotFound", "Person group is not found."),
    "persongroups/empty/training": ("PersonGroupNotTrained", "Person group not trained."),
    "persongroups/none/persons": ("PersonGroupNotFound", "Person group is not found."),
    f"{PERSONS}/{NOBODY}": ("PersonNotFound", f"Person {NOBODY} is not found."),
    f"{PERSONS}/anna": ("PersonNotFound", "Person ID is invalid."),
    f"persongroups/none/persons/{NOBODY}": ("PersonGroupNotFound", "Person group is not found."),
    f"{FACES}/{NOBODY}": ("PersistedFaceNotFound", f"Persisted face {NOBODY} is not found."),
    f"{FACES}/face": ("PersistedFaceNotFound", "Persisted face ID is invalid."),
    "persongroups/kept/faces": ("404", "Resource not found"),
    "facelists": ("404", "Resource not found"),
    "/face/v1.0": ("404", "Resource not found"),
    "/face/v9.0/persongroups": ("404", "Resource not found"),
    "/": ("404", "Resource not found"),
}


@pytest.mark.parametrize("path", MISSING)
def test_what_is_not_there_is_told(house: House, path: str) -> None:
    """Each address of nothing gets its code and its message."""
    assert house.api.call("GET", house.filled(path)).error == (404, *MISSING[path])


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"faceId1": "{nobody}", "faceId2": "{face}"}, (404, "FaceNotFound", "Face is not found.")),
        (
            {"faceId": "{face}", "personId": "{bare}", "personGroupId": "kept"},
            (404, "PersistedFaceNotFound", "Persisted face is not found."),
        ),
        (
            {"faceId": "{face}", "personId": "{nobody}", "personGroupId": "kept"},
            (404, "PersonNotFound", f"Person {NOBODY} is not found."),
        ),
    ],
)
def test_verify_says_404_where_others_say_400(
    house: House, sent: Mapping[str, str], expected: tuple[int, str, str]
) -> None:
    """Faces and persons that are not there are not found, not bad arguments."""
    assert house.api.call("POST", "verify", house.filled(json.dumps(sent)), JSON).error == expected


QUERIES = {
    f"{PERSONS}?top=0": "'top' is invalid.",
    f"{PERSONS}?top=1001": "'top' is invalid.",
    f"{PERSONS}?top=many": "'top' is invalid.",
    f"persongroups?start={'x' * 65}": "'start' is too long.",
}


@pytest.mark.parametrize("path", QUERIES)
def test_pages_have_bounds(house: House, path: str) -> None:
    """`start` and `top` beyond them are refused."""
    assert house.api.call("GET", path).error == (400, "BadArgument", QUERIES[path])


PICTURES: dict[str, tuple[str, bytes, str, str]] = {
    "no picture": ("detect", b"x" * 2000, "InvalidImage", "Decoding error, image format unsupported."),
    "half a picture": ("detect", ONE[: len(ONE) // 3], "InvalidImage", "Decoding error, image format unsupported."),
    "another format": (
        "detect", b"RIFF\0\0\0\0WEBP" + bytes(2000), "InvalidImage", "Decoding error, image format unsupported.",
    ),
    "nothing": ("detect", b"", "InvalidImageSize", "Image size is too small."),
    "few bytes": ("detect", ONE[:1023], "InvalidImageSize", "Image size is too small."),
    "few pixels": ("detect", png((8, 8)), "InvalidImageSize", "Image size is too small."),
    "many bytes": ("detect", bytes(6 * 1024 * 1024 + 1), "InvalidImageSize", "Image size is too big."),
    "a bomb": ("detect", png((60_000, 60_000)), "InvalidImageSize", "Image size is too big."),
    "nobody": (FACES, WALL, "InvalidImage", "No face detected in the image."),
    "two people": (FACES, TWO, "InvalidImage", "There is more than 1 face in the image."),
    "two in the target": (
        f"{FACES}?targetFace=0,0,700,350", TWO, "InvalidImage", "There is more than 1 face in the image.",
    ),
    "nobody in the target": (f"{FACES}?targetFace=0,0,20,20", ONE, "InvalidImage", "No face detected in the image."),
    "three numbers": (f"{FACES}?targetFace=1,2,3", ONE, "BadArgument", "Invalid argument targetFace."),
    "no numbers": (f"{FACES}?targetFace=a,b,c,d", ONE, "BadArgument", "Invalid argument targetFace."),
    "outside": (f"{FACES}?targetFace=0,0,9999,20", ONE, "BadArgument", "Argument targetFace out of range."),
    "a detection model": (f"{FACES}?detectionModel=best", ONE, "BadArgument", "'detectionModel' is invalid."),
    "long words": (f"{FACES}?userData={'x' * 1025}", ONE, "BadArgument", "'userData' is too long."),
    "a recognition model": ("detect?recognitionModel=x", ONE, "BadArgument", "'recognitionModel' is invalid."),
    "landmarks by 02": (
        "detect?returnFaceLandmarks=true&detectionModel=detection_02", ONE,
        "BadArgument", "'returnLandmarks' is not supported by detection_02.",
    ),
    "an attribute that is none": (
        "detect?returnFaceAttributes=beauty", ONE, "BadArgument", "Invalid argument returnFaceAttributes.",
    ),
    "an attribute that is not measured": (
        "detect?returnFaceAttributes=blur,HEADPOSE", ONE, "BadArgument", "'headPose' is not supported by detection_01.",
    ),
    "an attribute of another model": (
        "detect?returnFaceAttributes=noise&detectionModel=detection_03", ONE,
        "BadArgument", "'noise' is not supported by detection_03.",
    ),
    "quality by an old model": (
        "detect?returnFaceAttributes=qualityForRecognition", ONE,
        "BadArgument", "'qualityForRecognition' is not supported by recognition_01.",
    ),
    "a life that is too short": ("detect?faceIdTimeToLive=59", ONE, "BadArgument", "'faceIdTimeToLive' is invalid."),
}  # fmt: skip


@pytest.mark.parametrize("case", PICTURES)
def test_pictures_are_refused_in_the_services_words(house: House, case: str) -> None:
    """Each picture that cannot be used, and each wish that cannot be met, gets its code and its message."""
    path, data, code, message = PICTURES[case]

    answer = house.api.picture(house.filled(path), data)

    assert answer.error == (400, code, message)


def test_detect_without_a_face_is_no_error(api: FaceApi) -> None:
    """It finds nothing, and says so."""
    assert (api.picture("detect", WALL).status, api.picture("detect", WALL).data) == (200, [])


def test_closed_attributes_are_refused_like_those_of_the_service(api: FaceApi) -> None:
    """The gate's status, code and inner code."""
    answer = api.picture("detect?returnFaceAttributes=age%2Cgender,blur", ONE)

    assert answer.error == (403, "InvalidRequest", "Invalid request has been sent.")
    assert answer.data["error"]["innererror"]["code"] == "UnsupportedFeature"
    assert "age,gender" in answer.data["error"]["innererror"]["message"]


@pytest.mark.parametrize("kind", ["image/jpeg", "multipart/form-data; boundary=x", "text/plain", ""])
def test_other_media_types_are_refused(api: FaceApi, kind: str) -> None:
    """The body that says so has 64 bytes."""
    answer = api.call("POST", "detect", ONE, {"Content-Type": kind} if kind else {})

    assert answer.error == (415, "BadArgument", "Invalid Media Type.")
    assert len(answer.body) == 64


def test_a_group_is_made_once(house: House) -> None:
    """The second time it exists."""
    answer = house.api.send("PUT", "persongroups/kept", {"name": "again"})

    assert answer.error == (409, "PersonGroupExists", "Person group already exists.")


@pytest.mark.parametrize("key", ["", "wrong", "é", "x" * 4000])
def test_without_the_right_key_there_is_nothing(api: FaceApi, key: str) -> None:
    """Known and unknown addresses give the same 224 bytes."""
    for path in ("persongroups", "nowhere"):
        answer = api.call("GET", path, headers={"Ocp-Apim-Subscription-Key": key})

        assert answer.status == 401
        assert answer.data["error"]["code"] == "401"
        assert len(answer.body) == 224


@pytest.mark.parametrize(
    ("version", "told"),
    [("v1.0", None), ("v1.0-preview", None), ("v1.1-preview.1", "BadArgument"), ("v1.2", "BadArgument")],
)
def test_later_versions_tell_the_code_in_a_header(api: FaceApi, version: str, told: str | None) -> None:
    """`x-ms-error-code` came with v1.1."""
    answer = api.call("GET", f"/face/{version}/persongroups?top=0")

    assert answer.headers.get("x-ms-error-code") == told


@pytest.mark.parametrize("call", [lambda api: api.call("GET", "persongroups"), lambda api: api.call("GET", "none")])
def test_every_answer_has_the_gateways_headers(api: FaceApi, call: Callable[[FaceApi], Any]) -> None:
    """A number for the log, the time it took, what it is billed as; and not what serves it."""
    headers = call(api).headers

    assert uuid.UUID(headers["apim-request-id"]).version == 4
    assert int(headers["x-envoy-upstream-service-time"]) >= 0
    assert headers["CSP-Billing-Usage"] == "CognitiveServices.Face.Transaction=1"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert "Server" not in headers


@pytest.mark.parametrize("rest", [b"zz\r\n", b"5\r\nhello", b"ffffffff\r\nx", b""])
def test_uploads_that_break_off_harm_nobody(api: FaceApi, rest: bytes) -> None:
    """A body whose chunks are none, or which never ends, is refused or let go, and the server goes on."""
    head = f"POST /face/v1.0/detect HTTP/1.1\r\nHost: x\r\nOcp-Apim-Subscription-Key: {api.key}\r\n"
    kind = "Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

    answer = api.raw(f"{head}{kind}".encode() + rest)

    assert answer[9:12] in {b"", b"400"}
    assert api.call("GET", "persongroups").status == 200
    assert not [line for line in api.log if "Traceback" in line]
