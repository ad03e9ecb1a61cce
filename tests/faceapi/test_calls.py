"""What the calls do, and how their answers look."""

from __future__ import annotations

import io
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.peers.faceapi import JSON, OCTETS, FaceApi
from tests.support.portraits import EILEEN, GRACE, jpeg, pose, side_by_side
from uSense.core.faceapi import landmarks

GRACES = [jpeg(pose(GRACE, number)) for number in range(6)]
EILEENS = [jpeg(pose(EILEEN, number)) for number in range(6)]
BOTH = jpeg(side_by_side(pose(GRACE, 0), pose(EILEEN, 0)))


@pytest.mark.parametrize("family", ["persongroups", "largepersongroups"])
def test_groups_are_made_shown_changed_listed_and_deleted(api: FaceApi, family: str) -> None:
    """Both families do the same under names of their own; what was never given is not there."""
    field = {"persongroups": "personGroupId", "largepersongroups": "largePersonGroupId"}[family]
    made = api.send("PUT", f"{family}/a", {"name": "A", "userData": None, "recognitionModel": None})
    api.send("PUT", f"{family}/b", {"name": "B", "userData": "b", "recognitionModel": "recognition_04"})
    api.send("PUT", f"{family}/c_-9", {"name": "C"})

    assert (made.status, made.body) == (200, b"")
    assert made.headers["Content-Length"] == "0"
    assert "Content-Type" not in made.headers
    assert api.call("GET", f"{family}/a").body == f'{{"{field}":"a","name":"A"}}'.encode()
    assert api.call("GET", f"{family}/b?returnRecognitionModel=TRUE").data == {
        field: "b", "name": "B", "userData": "b", "recognitionModel": "recognition_04",
    }  # fmt: skip
    assert api.send("PATCH", f"{family}/a", {"userData": "häuser"}).status == 200
    assert api.call("GET", f"{family}/a").data == {field: "a", "name": "A", "userData": "häuser"}
    listed = api.call("GET", f"{family}?start=a&top=1").data
    assert [group[field] for group in listed] == ["b"]
    for group in ("a", "b", "c_-9"):
        assert api.call("DELETE", f"{family}/{group}").status == 200
    assert api.call("GET", family).data == []


def test_persons_are_listed_page_by_page(api: FaceApi) -> None:
    """Pages of two by exclusive start give everybody once, in the order of their ids."""
    api.send("PUT", "persongroups/pages", {"name": "pages"})
    made = {api.person("persongroups/pages", f"Person {number}") for number in range(5)}

    found: list[dict[str, Any]] = []
    while page := api.call(
        "GET", f"persongroups/pages/persons?top=2&start={found[-1]['personId'] if found else ''}"
    ).data:
        found += page

    assert [person["personId"] for person in found] == sorted(made)
    assert all(person["persistedFaceIds"] == [] and "userData" not in person for person in found)


def test_faces_of_a_person_carry_user_data(api: FaceApi) -> None:
    """It comes with the upload, can be changed, and goes with the face."""
    api.send("PUT", "persongroups/data", {"name": "data"})
    person = api.person("persongroups/data", "Grace")
    path = f"persongroups/data/persons/{person}/persistedFaces"
    face = api.picture(f"{path}?userData=face%20one&detectionModel=detection_03", GRACES[0]).data["persistedFaceId"]

    assert api.call("GET", f"{path}/{face}").data == {"persistedFaceId": face, "userData": "face one"}
    assert api.send("PATCH", f"{path}/{face}", {"userData": "two"}).status == 200
    assert api.send("PATCH", f"{path}/{face}", {"userData": None}).status == 200
    assert api.call("GET", f"{path}/{face}").data["userData"] == "two"
    assert api.call("GET", f"persongroups/data/persons/{person}").data["persistedFaceIds"] == [face]
    assert api.call("DELETE", f"{path}/{face}").status == 200
    assert api.call("GET", f"{path}/{face}").status == 404


def test_a_target_picks_one_of_two_faces(api: FaceApi) -> None:
    """The rectangle that detect gave makes a photo of two a photo of one."""
    api.send("PUT", "persongroups/target", {"name": "target"})
    left, right = sorted(
        (face["faceRectangle"] for face in api.picture("detect?returnFaceId=false", BOTH).data),
        key=lambda rectangle: rectangle["left"],
    )
    for name, box in (("Grace", left), ("Eileen", right)):
        person = api.person("persongroups/target", name)
        target = f"{box['left']},{box['top']},{box['width']},{box['height']}"
        assert (
            api.picture(f"persongroups/target/persons/{person}/persistedfaces?targetFace={target}", BOTH).status == 200
        )
    api.trained("persongroups/target")

    for name, picture in (("Grace", GRACES[3]), ("Eileen", EILEENS[3])):
        body = {"faceIds": [api.face(picture)], "personGroupId": "target"}
        (candidate,) = api.send("POST", "identify", body).data[0]["candidates"]
        assert api.call("GET", f"persongroups/target/persons/{candidate['personId']}").data["name"] == name


def test_two_groups_know_nothing_of_each_other(api: FaceApi) -> None:
    """Each names its own people only, also under the same id in the other family."""
    for family, name, pictures in (("persongroups", "Grace", GRACES), ("largepersongroups", "Eileen", EILEENS)):
        api.send("PUT", f"{family}/twin", {"name": name})
        api.person(f"{family}/twin", name, *pictures[:3])
        assert api.trained(f"{family}/twin")["status"] == "succeeded"
    grace, eileen = api.face(GRACES[4]), api.face(EILEENS[4])

    plain = api.send("POST", "identify", {"faceIds": [grace, eileen], "personGroupId": "twin"}).data
    large = api.send("POST", "identify", {"faceIds": [grace, eileen], "largePersonGroupId": "twin"}).data

    assert [bool(result["candidates"]) for result in plain] == [True, False]
    assert [bool(result["candidates"]) for result in large] == [False, True]


def test_identify_gives_one_candidate_to_old_clients_and_ten_to_new_ones(api: FaceApi) -> None:
    """The default changed with v1.1; the threshold may be text, and 0 lets everybody in."""
    api.send("PUT", "persongroups/candidates", {"name": "candidates"})
    api.person("persongroups/candidates", "Grace", GRACES[0])
    api.person("persongroups/candidates", "Eileen", EILEENS[0])
    api.trained("persongroups/candidates")
    sent = f"{{'faceIds': ['{api.face(GRACES[2])}'], 'personGroupId': 'candidates', 'confidenceThreshold': '.0'}}"

    old = api.call("POST", "/face/v1.0/identify", sent, JSON).data[0]["candidates"]
    new = api.call("POST", "/face/v1.2/identify", sent, JSON).data[0]["candidates"]

    assert len(old) == 1
    assert len(new) == 2
    assert new[0] == old[0]
    assert new[0]["confidence"] > 0.7
    assert new[1]["confidence"] < 0.5


def test_training_tells_its_moments_and_serves_what_it_found(api: FaceApi) -> None:
    """The gallery stays as trained until the next training; a person who is deleted is gone at once."""
    api.send("PUT", "persongroups/frozen", {"name": "frozen"})
    assert api.trained("persongroups/frozen") | {"createdDateTime": "", "lastActionDateTime": ""} == {
        "status": "failed", "createdDateTime": "", "lastActionDateTime": "",
        "message": "There is no person with a face in the group.",
    }  # fmt: skip
    grace = api.person("persongroups/frozen", "Grace", GRACES[0])
    state = api.trained("persongroups/frozen")
    eileen = api.person("persongroups/frozen", "Eileen", EILEENS[0])
    faces = {"faceIds": [api.face(GRACES[2]), api.face(EILEENS[2])], "personGroupId": "frozen"}

    assert state["status"] == "succeeded"
    moments = [state[name] for name in ("createdDateTime", "lastActionDateTime", "lastSuccessfulTrainingDateTime")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", moment) for moment in moments)
    before = api.send("POST", "identify", faces).data
    assert [[one["personId"] for one in result["candidates"]] for result in before] == [[grace], []]
    person = {"faceId": faces["faceIds"][1], "personId": eileen, "personGroupId": "frozen"}
    assert api.send("POST", "verify", person).data["isIdentical"] is True
    api.trained("persongroups/frozen")
    after = api.send("POST", "identify", faces).data
    assert [[one["personId"] for one in result["candidates"]] for result in after] == [[grace], [eileen]]
    assert api.call("DELETE", f"persongroups/frozen/persons/{grace}").status == 200
    gone = api.send("POST", "identify", faces).data
    assert [[one["personId"] for one in result["candidates"]] for result in gone] == [[], [eileen]]


def test_training_says_where_to_ask(api: FaceApi) -> None:
    """An absolute address made of the host and the version that the client used, also behind a proxy with TLS."""
    api.send("PUT", "largepersongroups/where", {"name": "where"})
    headers = {"Host": "hall-pi:5055", "X-Forwarded-Proto": "https"}

    answer = api.call("POST", "/face/v1.2/LargePersonGroups/where/train", "{body}", headers)

    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers["Operation-Location"] == "https://hall-pi:5055/face/v1.2/largepersongroups/where/training"
    assert answer.headers["Access-Control-Expose-Headers"] == "Operation-Location"


def test_alike_faces_are_found_and_sorted(api: FaceApi) -> None:
    """Verify, find similar and group agree about five faces of two people and who sits alone."""
    grace, *graces = [api.face(picture) for picture in GRACES[:3]]
    eileen, *eileens = [api.face(picture) for picture in EILEENS[:2]]
    everybody = [*graces, eileen, *eileens]

    same = api.send("POST", "verify", {"faceId1": grace, "faceId2": graces[0]}).data
    other = api.send("POST", "verify", {"faceId1": grace, "faceId2": eileen}).data
    similar = api.send("POST", "findsimilars", {"faceId": grace, "faceIds": everybody}).data
    ranked = api.send("POST", "findsimilars", {"faceId": grace, "faceIds": everybody, "mode": "matchFace"}).data
    sorted_out = api.send("POST", "group", {"faceIds": [eileen, *eileens, grace, *graces]}).data
    lonely = api.send("POST", "group", {"faceIds": [eileen, grace]}).data

    assert same["isIdentical"] is True
    assert other["isIdentical"] is False
    assert same["confidence"] > 0.7 > other["confidence"]
    assert {one["faceId"] for one in similar} == set(graces)
    assert len(ranked) == 4
    assert [one["confidence"] for one in ranked] == sorted((one["confidence"] for one in ranked), reverse=True)
    assert sorted_out == {"groups": [[grace, *graces], [eileen, *eileens]], "messyGroup": []}
    assert lonely == {"groups": [], "messyGroup": [eileen, grace]}


def test_detect_tells_what_is_asked_and_nothing_else(api: FaceApi) -> None:
    """Keys in the service's order; the largest face first; ids, models, landmarks and attributes only if asked for."""
    query = "returnFaceAttributes=BLUR%2Cexposure&returnRecognitionModel=true&recognitionModel=recognition_03"
    (face, smaller) = api.picture(f"detect?{query}&returnFaceLandmarks=True&faceIdTimeToLive=60", BOTH).data
    (bare, _) = api.picture("//face/v1.2/DETECT?returnFaceId=false&returnRecognitionModel=true&surplus=1", BOTH).data

    assert list(face) == ["faceId", "faceRectangle", "faceLandmarks", "faceAttributes", "recognitionModel"]
    assert list(bare) == ["faceRectangle"]
    areas = [one["faceRectangle"]["width"] * one["faceRectangle"]["height"] for one in (face, smaller)]
    assert areas == sorted(areas, reverse=True)
    assert list(face["faceAttributes"]) == ["blur", "exposure"]
    assert face["faceAttributes"]["exposure"]["exposureLevel"] == "goodExposure"
    assert set(face["faceLandmarks"]) == landmarks.MEASURED | landmarks.BETWEEN | landmarks.INTERPOLATED
    assert len(face["faceLandmarks"]) == 27


def test_landmarks_lie_where_the_names_say(api: FaceApi) -> None:
    """Left of the picture is left, up is up, and all lie in and around the rectangle."""
    (face,) = api.picture("detect?returnFaceLandmarks=true", GRACES[0]).data
    box, points = face["faceRectangle"], face["faceLandmarks"]

    rows = [
        ["eyebrowLeftOuter", "eyebrowLeftInner", "eyebrowRightInner", "eyebrowRightOuter"],
        ["eyeLeftOuter", "pupilLeft", "eyeLeftInner", "noseRootLeft", "noseRootRight", "eyeRightInner", "pupilRight",
         "eyeRightOuter"],
        ["noseLeftAlarOutTip", "noseLeftAlarTop", "noseTip", "noseRightAlarTop", "noseRightAlarOutTip"],
        ["mouthLeft", "upperLipTop", "mouthRight"],
    ]  # fmt: skip
    for row in rows:
        places = [points[name]["x"] for name in row]
        assert places == sorted(places), row
    for name in ("eyeLeft", "eyeRight"):
        assert points[f"{name}Top"]["y"] < points[f"{name}Bottom"]["y"]
    column = ["noseTip", "upperLipTop", "upperLipBottom", "underLipTop", "underLipBottom"]
    heights = [points[name]["y"] for name in column]
    assert heights == sorted(heights)
    for point in points.values():
        assert abs(point["x"] - box["left"] - box["width"] / 2) < 0.6 * box["width"]
        assert abs(point["y"] - box["top"] - box["height"] / 2) < 0.7 * box["height"]


def test_rectangles_are_of_the_picture_as_it_is_shown(api: FaceApi) -> None:
    """A large photo that was turned by EXIF gives the same face as the small upright one, in its own pixels."""
    picture = Image.fromarray(pose(GRACE, 2))
    (small,) = api.picture("detect", GRACES[2]).data
    turned = picture.resize((picture.width * 8, picture.height * 8)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = io.BytesIO()
    turned.save(data, "JPEG", quality=80, exif=exif)

    (large,) = api.picture("detect?returnFaceLandmarks=true", data.getvalue()).data

    for side in ("left", "top", "width", "height"):
        assert large["faceRectangle"][side] / 8 == pytest.approx(small["faceRectangle"][side], abs=12)
    center = large["faceRectangle"]["left"] + large["faceRectangle"]["width"] / 2
    assert large["faceLandmarks"]["noseTip"]["x"] == pytest.approx(center, rel=0.2)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "JPEG"])
def test_every_format_is_read(api: FaceApi, kind: str) -> None:
    """JPEG, PNG, the first picture of a GIF, and BMP, in chunks or in one piece."""
    data = io.BytesIO()
    Image.fromarray(np.asarray(pose(GRACE, 1))).save(data, kind)
    data.seek(0)

    whole = api.picture("detect", data.getvalue())
    chunked = api.call("POST", "detect", data, OCTETS)

    assert len(whole.data) == 1
    assert chunked.data[0]["faceRectangle"] == whole.data[0]["faceRectangle"]


def test_a_restart_keeps_groups_and_forgets_face_ids(tmp_path: Path) -> None:
    """Groups, faces, trainings and the key are on disk; faces that were only detected are not."""
    with FaceApi(tmp_path) as api:
        api.send("PUT", "persongroups/house", {"name": "Häuser", "userData": "x"})
        grace = api.person("persongroups/house", "Grace", *GRACES[:2])
        state = api.trained("persongroups/house")
        key, detected = api.key, api.face(GRACES[3])

        assert api.stop(signal.SIGTERM) == 0
        api.start()

        assert api.key == key
        assert (api.data_dir / "face-api.key").stat().st_mode & 0o777 == 0o600
        assert api.call("GET", "persongroups").data == [{"personGroupId": "house", "name": "Häuser", "userData": "x"}]
        assert api.call("GET", "persongroups/house/training").data == state
        body = {"faceIds": [detected], "personGroupId": "house"}
        assert api.send("POST", "identify", body).error == (400, "FaceNotFound", "Face is not found.")
        body["faceIds"] = [api.face(GRACES[3])]
        assert api.send("POST", "identify", body).data[0]["candidates"][0]["personId"] == grace
        assert api.stop(signal.SIGTERM) == 0
        assert not [line for line in api.log if key in line or "Häuser" in line or "Grace" in line or grace in line]
        assert [line for line in api.log if '"call": "POST identify"' in line]
        api.start()
