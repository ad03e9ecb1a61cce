"""Answers in the forms of ten years, and of servers that are none of Azure."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.recognizers.azureface import faults, wire
from uSense.recognizers.azureface.account import RemoteCandidate, RemotePerson, RemoteTraining, marked, unmarked
from uSense.recognizers.azureface.errors import AzureFaceError
from uSense.recognizers.azureface.wire import Fault, Reply

KEY = "0123456789abcdef0123456789abcdef"


def reply(status: int, body: Any = b"", **headers: str) -> Reply:
    """An answer; a body that is no bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"code": "BadArgument", "message": "No."}}, Fault("BadArgument", "No.")),
        ({"error": {"statusCode": 429, "message": "No."}}, Fault("429", "No.")),
        ({"statusCode": 403, "message": "No."}, Fault("403", "No.")),
        ({"code": "BadArgument", "message": "No."}, Fault("BadArgument", "No.")),
        (
            {"error": {"code": "A", "message": "outer", "innererror": {"code": "B", "message": "inner"}}},
            Fault("A", "inner", "B"),
        ),
        ({"error": {"code": "A", "message": "outer", "innererror": None}}, Fault("A", "outer")),
        ({"error": "No."}, Fault(message="No.")),
        ({"error": None}, Fault()),
        ("No.", Fault(message="No.")),
        ([1], Fault()),
        (None, Fault()),
        (b"", Fault()),
        (b"<html><title> Bad\n Gateway </title>", Fault(message="Bad Gateway")),
        (b"busy\x00\x1b[31m", Fault(message="busy [31m")),
        (b'{"error": {"code', Fault(message='{"error": {"code')),
        (b"[" * 100_000, Fault(message="[" * 300)),
    ],
)
def test_errors_of_all_forms_are_read(body: Any, expected: Fault) -> None:
    """Code and message are found where each era put them; what is no JSON is shown in short."""
    assert wire.fault(reply(400, body)) == expected


ERRORS = [
    (400, "BadArgument", "Request body is invalid.", "refused"),
    (400, "BadArgument", "'recognitionModel' is incompatible.", "model_mismatch"),
    (400, "InvalidImage", "No face detected in the image.", "bad_image"),
    (400, "InvalidImageSize", "Image size is too small.", "bad_image"),
    (400, "FaceNotFound", "Face is not found.", "face_missing"),
    (404, "PersistedFaceNotFound", "Persisted face x is not found.", "face_missing"),
    (404, "PersonNotFound", "Person x is not found.", "person_missing"),
    (400, "PersonGroupNotFound", "Person group is not found.", "group_missing"),
    (404, "LargePersonGroupNotFound", "Large person group is not found.", "group_missing"),
    (400, "PersonGroupNotTrained", "Person group not trained.", "not_trained"),
    (404, "LargePersonGroupNotTrained", "Large person group not trained.", "not_trained"),
    (409, "LargePersonGroupTrainingNotFinished", "Large person group is under training.", "training"),
    (409, "PersonGroupExists", "Person group already exists.", "group_exists"),
    (409, "ConcurrentOperationConflict", "There is a conflict operation.", "refused"),
    (401, "401", "Access denied due to invalid subscription key.", "wrong_key"),
    (401, "Unspecified", "Access denied due to invalid subscription key.", "wrong_key"),
    (403, "UnsupportedFeature", "Feature is not supported.", "not_approved"),
    (403, "QuotaExceeded", "Persisted face number reached limit.", "full"),
    (403, "403", "Access denied due to Virtual Network/Firewall rules.", "refused"),
    (404, "404", "Resource not found", "refused"),
    (415, "BadArgument", "Invalid Media Type.", "refused"),
    (408, "OperationTimeOut", "Request Timeout.", "unreachable"),
    (429, "429", "Rate limit is exceeded. Try again later.", "rate_limited"),
    (500, "InternalServerError", "", "unreachable"),
    (503, "", "", "unreachable"),
    (302, "", "", "refused"),
]


@pytest.mark.parametrize(("status", "code", "message", "expected"), ERRORS)
def test_every_error_has_a_code_and_a_sentence(status: int, code: str, message: str, expected: str) -> None:
    """The service's own code decides, and never its text, but where the code says nothing."""
    error = faults.error(
        "detect", reply(status, {"error": {"code": code, "message": message}}, apim_request_id="r"), KEY
    )

    assert error.code == expected
    assert (error.status, error.request_id) == (status, "r")
    assert len(str(error)) > 20


def test_a_gate_is_told_from_a_bug() -> None:
    """The inner error says that the resource is not approved."""
    body = {"error": {"code": "InvalidRequest", "message": "x", "innererror": {"code": "UnsupportedFeature"}}}

    assert faults.error("identify", reply(403, body), KEY).code == "not_approved"


@given(st.integers(300, 599), st.binary(max_size=200))
def test_any_answer_becomes_an_error_without_the_key(status: int, body: bytes) -> None:
    """Whatever a server says, the key is not repeated."""
    error = faults.error("detect", reply(status, body + KEY.encode()), KEY)

    assert isinstance(error, AzureFaceError)
    assert KEY not in str(error)


@pytest.mark.parametrize(
    ("header", "message", "seconds"),
    [
        ("7", "", 7.0),
        ("0", "Try again in 26 seconds.", 0.0),
        ("", "Rate limit is exceeded. Try again in 26 seconds.", 26.0),
        ("", "have exceeded rate limit of your current Face F0 pricing tier. Please retry after 1 second. To", 1.0),
        ("soon", "retry after 3 seconds", 3.0),
        ("-5", "", None),
        ("nan", "", None),
        ("", "Try again later.", None),
        ("", "Try again in 99999999999 seconds", None),
        ("Sun, 22 Nov 2026 12:00:30 GMT", "", 30.0),
    ],
)
def test_the_pause_of_a_refusal_is_its_headers_or_else_its_texts(
    header: str, message: str, seconds: float | None
) -> None:
    """Whole seconds, a date, the text of either era, or nothing."""
    told = reply(429, Retry_After=header, Date="Sun, 22 Nov 2026 12:00:00 GMT")

    assert wire.pause(told, message) == seconds


@pytest.mark.parametrize(
    ("message", "days"),
    [
        ("Out of call volume quota. Quota will be replenished in 2.12 days.", 2.12),
        ("Out of call volume quota. Quota will be replenished in 13:30:00.", 13.5 / 24),
        ("Out of call volume quota. Quota will be replenished in 4.12:00:00.", 4.5),
        ("Out of call volume quota.", None),
    ],
)
def test_a_used_up_month_tells_its_end(message: str, days: float | None) -> None:
    """As days or as a span."""
    assert wire.is_empty(message)
    assert wire.replenished(message) == days


@pytest.mark.parametrize(("text", "seconds"), [("137", 0.137), ("", 0.0), ("-1", 0.0), ("1.5", 0.0), ("9" * 12, 0.0)])
def test_the_service_time_is_read_with_care(text: str, seconds: float) -> None:
    """Whole milliseconds or nothing."""
    assert reply(200, x_envoy_upstream_service_time=text).service == seconds


def test_identities_are_sorted_by_the_faces_asked() -> None:
    """Whatever the order of the answer; a face that is left out has no candidates; unknown keys are ignored."""
    value = [
        {"faceId": "b", "candidates": [{"personId": "p", "confidence": 1, "new": 1}], "more": {}},
        {"faceId": "a", "candidates": None},
    ]

    assert wire.candidates(value, ["a", "b", "c"]) == [[], [RemoteCandidate("p", 1.0)], []]


@pytest.mark.parametrize("extra", [{}, {"userData": None}, {"persistedFaceIds": None}, {"persistedFaceIds": []}])
def test_a_person_may_lack_fields(extra: dict[str, Any]) -> None:
    """Missing and null mean the same."""
    assert wire.person({"personId": "p", "name": "Anna", **extra}) == RemotePerson("p", "Anna")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"status": "Succeeded"}, RemoteTraining("succeeded")),
        ({"status": "notStarted"}, RemoteTraining("running")),
        ({"status": "nonstarted", "message": None}, RemoteTraining("running")),
        ({"status": "failed", "message": "no faces"}, RemoteTraining("failed", None, "no faces")),
    ],
)
def test_trainings_are_read_in_all_spellings(value: dict[str, Any], expected: RemoteTraining) -> None:
    """The case does not count, and missing fields are none."""
    assert wire.training(value) == expected


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-09-03T15:55:58.8061602Z", datetime(2024, 9, 3, 15, 55, 58, 806160, UTC).timestamp()),
        ("2024-09-03T15:55:58Z", datetime(2024, 9, 3, 15, 55, 58, 0, UTC).timestamp()),
        ("10/15/2016 3:20:34 PM", datetime(2016, 10, 15, 15, 20, 34, 0, UTC).timestamp()),
        ("yesterday", None),
        (17, None),
    ],
)
def test_moments_are_read_in_both_forms(text: Any, moment: float | None) -> None:
    """Seven digits as today, and the American form of 2016."""
    value = {"status": "running", "lastSuccessfulTrainingDateTime": text}

    assert wire.training(value).last_success == moment


SHAPES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(string.ascii_letters, max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["faceId", "faceRectangle", "candidates", "personId", "confidence", "persistedFaceIds"]),
            inner,
        )
    ),
    max_leaves=8,
)


@given(SHAPES)
def test_other_shapes_are_refused(value: Any) -> None:
    """A reader gives values or ValueError, never anything else."""
    for read in (wire.faces, wire.confidence, wire.group, wire.persons, wire.person, wire.marker, wire.training):
        try:
            read(value)
        except ValueError:
            continue
    try:
        wire.candidates(value, ["a"])
    except ValueError:
        return


@given(st.text(string.ascii_letters + string.digits + "-", min_size=1), st.text())
def test_a_marker_and_user_data_travel_together(marker: str, user_data: str) -> None:
    """What was put into one text is taken out of it."""
    assert unmarked(marked(marker, user_data)) == (marker, user_data)


def test_user_data_of_others_is_left_alone() -> None:
    """Without a marker it is all theirs."""
    assert unmarked("likes tea") == ("", "likes tea")
