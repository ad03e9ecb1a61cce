"""Whatever is sent, nothing breaks."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.peers.faceapi import FaceApi
from uSense.faceapi.gateway import ROUTES

SOME = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
NAMES = [
    "name", "userData", "recognitionModel", "faceIds", "faceId", "faceId1", "faceId2", "personId", "personGroupId",
    "largePersonGroupId", "maxNumOfCandidatesReturned", "confidenceThreshold", "mode", "url", "faceListId",
]  # fmt: skip
QUERY = [
    "start", "top", "targetFace", "userData", "detectionModel", "recognitionModel", "returnFaceId", "faceIdTimeToLive",
    "returnFaceLandmarks", "returnFaceAttributes", "returnRecognitionModel", "personGroupId", "personId",
]  # fmt: skip
UUID = "00000000-0000-4000-8000-000000000000"
words = st.text(max_size=12) | st.sampled_from(
    ["persongroups", "g", UUID, "true", "1", ".5", "detection_03", "1,2,3,4"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from(NAMES), values, max_size=5)
bodies = (
    st.binary(max_size=64)
    | objects.map(lambda value: json.dumps(value).encode())
    | objects.map(lambda value: str(value).encode(errors="replace"))
)
kinds = st.sampled_from(["application/json", "application/octet-stream", "text/plain"])
queries = st.dictionaries(st.sampled_from(QUERY), words, max_size=4)
routes = st.sampled_from(sorted({(method, pattern) for method, pattern, _ in ROUTES}))


def sent(api: FaceApi, method: str, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
    """Status and body of a call."""
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=60)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in (("Ocp-Apim-Subscription-Key", api.key), ("Content-Type", kind)):
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def check(status: int, data: bytes) -> None:
    """It is a success, or a refusal in the service's form."""
    assert 200 <= status < 500
    if status >= 400:
        error: dict[str, Any] = json.loads(data)["error"]
        assert isinstance(error["code"], str)
        assert isinstance(error["message"], str)


@SOME
@given(routes, st.dictionaries(st.sampled_from(["kind", "group", "person", "face"]), words), queries, bodies, kinds)
def test_any_body_and_any_query_is_answered(
    api: FaceApi, route: tuple[str, str], ids: dict[str, str], query: dict[str, str], body: bytes, kind: str
) -> None:
    """Every call answers 2xx, or 4xx in the service's form."""
    method, pattern = route
    usual = {"kind": "persongroups", "group": "g", "person": UUID, "face": UUID}
    path = pattern
    for name, value in (usual | ids).items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    asked = "&".join(f"{name}={quote(value)}" for name, value in query.items())

    check(*sent(api, method, f"/face/v1.0/{path}?{asked}", body, kind))


@SOME
@given(
    st.sampled_from(["GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"]), st.text("/{}%.?=&:azAZ09ü_-", max_size=60)
)
@example("GET", "\n")
def test_any_address_is_answered(api: FaceApi, method: str, path: str) -> None:
    """Paths of any signs, escaped or not, are answered in the service's form."""
    for target in (f"/face/v1.0/{quote(path, safe='/{}%.?=&:')}", f"/{quote(path, safe='/?=&')}"):
        check(*sent(api, method, target, b"", "application/json"))


def test_nothing_was_told_as_a_bug(api: FaceApi) -> None:
    """After all that the log has no traceback and the server lives."""
    assert api.call("GET", "persongroups").status == 200
    assert not [line for line in api.log if "Traceback" in line or '"level": "error"' in line]
