"""The pure parts of the Face contract."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.core.faceapi import arguments, attributes, faults, landmarks, routing
from uSense.core.faceapi.clusters import clusters
from uSense.core.faceapi.faceids import Detected, FaceIds
from uSense.core.faceapi.faults import Fault
from uSense.core.faceapi.window import Window
from uSense.core.models import Quality

FACE = Detected(np.zeros(3, np.float32), "recognition_01")


def test_a_face_id_lives_as_long_as_was_asked() -> None:
    """Until its last second it is known; the others stay."""
    known = FaceIds(10)
    known.add("short", FACE, 100.0, 60.0)
    known.add("long", FACE, 100.0, 90.0)

    assert known.find("short", 159.9) is FACE
    assert known.find("short", 160.0) is None
    known.expire(170.0)
    assert len(known) == 1
    assert known.find("long", 170.0) is FACE
    assert known.dropped == 0


@given(st.lists(st.tuples(st.floats(0, 50), st.integers(60, 86_400)), max_size=60), st.integers(1, 8))
def test_face_ids_have_a_bound(added: list[tuple[float, int]], bound: int) -> None:
    """There are never more than fit, nothing is kept beside them, and the newest is always known."""
    known, now = FaceIds(bound), 0.0
    for number, (pause, lifetime) in enumerate(added):
        now += pause
        known.add(str(number), FACE, now, lifetime)
        assert known.find(str(number), now) is FACE
        assert len(known) <= bound
        assert len(known._ends) <= 2 * bound + 1


@given(st.lists(st.floats(0, 1), max_size=60), st.integers(1, 5))
def test_no_window_has_more_calls_than_allowed(pauses: list[float], calls: int) -> None:
    """Whenever calls come, any second has at most so many; who waits as told is let in."""
    window, now, taken = Window(calls, 1.0), 0.0, []
    for pause in pauses:
        now += pause
        if wait := window.take(now):
            assert 0 < wait <= 1.0 + 1e-9
            now = math.nextafter(now + wait, math.inf)
            assert window.take(now) <= 1e-9
        taken.append(now)
    for index, moment in enumerate(taken[calls:]):
        assert moment - taken[index] >= 1.0 - 1e-9


def test_one_face_between_two_people_does_not_join_them() -> None:
    """The mean between two groups decides, the nearest first."""
    alike = np.full((5, 5), 0.1, np.float32)
    for a, b, score in ((0, 1, 0.9), (2, 3, 0.9), (1, 2, 0.55)):
        alike[a, b] = alike[b, a] = score

    assert clusters(alike, 0.5) == ([[0, 1], [2, 3]], [4])


@given(st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_every_face_is_in_one_place(count: int, seed: int) -> None:
    """Groups have two or more, biggest first, and nobody is lost or doubled."""
    alike = np.random.default_rng(seed).random((count, count)).astype(np.float32)
    found, messy = clusters(alike + alike.T, 1.2)

    assert sorted(index for group in [*found, messy] for index in group) == list(range(count))
    sizes = [len(group) for group in found]
    assert sizes == sorted(sizes, reverse=True)
    assert all(size > 1 for size in sizes)


def test_landmarks_are_all_there_in_order() -> None:
    """27, each a mean of points, each told as measured, between or interpolated."""
    points = np.stack((np.full(68, 10.0), np.full(68, 20.0)), axis=1).astype(np.float32)
    named = landmarks.named(points)

    assert len(named) == 27
    assert list(named)[:3] == ["pupilLeft", "pupilRight", "noseTip"]
    assert all(place == {"x": 10.0, "y": 20.0} for place in named.values())
    assert {
        "pupilLeft", "pupilRight", "noseRootLeft", "noseRootRight", "noseLeftAlarTop", "noseRightAlarTop",
    } == landmarks.INTERPOLATED  # fmt: skip
    assert not landmarks.MEASURED & landmarks.BETWEEN


@pytest.mark.parametrize(
    ("quality", "expected"),
    [
        (Quality(0.9, 100, 0.2, 0.5, noise=1.0), ("low", "goodExposure", "low", "high")),
        (Quality(0.4, 100, 0.05, 0.1, noise=8.0), ("medium", "underExposure", "medium", "medium")),
        (Quality(0.1, 100, 0.0, 0.9, noise=30.0), ("high", "overExposure", "high", "low")),
    ],
)
def test_attributes_have_the_services_words(quality: Quality, expected: tuple[str, ...]) -> None:
    """Levels and values between 0 and 1."""
    names = attributes.asked("Blur, exposure,NOISE,qualityForRecognition,", "detection_01", "recognition_04")
    found = attributes.measured(quality, names)

    shown = (found["blur"], found["exposure"], found["noise"])
    levels = [one[key] for one, key in zip(shown, ("blurLevel", "exposureLevel", "noiseLevel"), strict=True)]  # type: ignore[index] # objects
    assert (*levels, found["qualityForRecognition"]) == expected
    assert all(0 <= one["value"] <= 1 for one in shown)  # type: ignore[index] # the same


@pytest.mark.parametrize(
    ("path", "version", "ids"),
    [
        ("/face/v1.0/persongroups/g/persons", "v1.0", {"kind": "persongroups", "group": "g"}),
        ("//Face//V1.2/LARGEPersonGroups/G/persons/", "v1.2", {"kind": "largepersongroups", "group": "G"}),
        ("/face/v1.0/persongroups/%7Bemployees%7D/persons", "v1.0", {"kind": "persongroups", "group": "{employees}"}),
        ("/face/v1.0/persongroups/g", "v1.0", None),
        ("/face/v1.0/facelists/g/persons", "v1.0", None),
        ("/face/v2.0/persongroups/g/persons", None, {"kind": "persongroups", "group": "g"}),
        ("/", None, None),
    ],
)
def test_addresses_are_read_as_clients_write_them(path: str, version: str | None, ids: dict[str, str] | None) -> None:
    """Words in any case, ids as they are, slashes doubled or not."""
    parts = routing.parts(path)

    assert routing.version(parts) == version
    assert routing.match("{kind}/{group}/persons", parts[2:]) == ids


def test_ids_of_the_query_replace_those_of_the_path() -> None:
    """Each by the name of its family; empty ones do not."""
    ids = {"kind": "largepersongroups", "group": "{g}", "person": "p", "face": "f"}
    query = {"largepersongroupid": "g", "persongroupid": "other", "personid": "", "persistedfaceid": "x"}

    assert routing.by_query(ids, query) == {"kind": "largepersongroups", "group": "g", "person": "p", "face": "x"}


@given(st.text())
def test_text_can_always_be_written_down(text: str) -> None:
    """Halves of surrogate pairs become a sign that says so, and the rest stays."""
    arguments.plain(text + "\ud83d").encode()
    assert arguments.plain("ä\ud83d\ude00") == "ä😀"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("too_many_groups", "Large person group number reached subscription level limit."),
        ("too_many_persons", "Person number reached large person group level limit."),
        ("too_many_faces", "Persisted face number reached limit."),
    ],
)
def test_full_containers_are_told_as_quota(code: str, text: str) -> None:
    """403 QuotaExceeded with the service's words."""
    fault = faults.FAMILIES["largepersongroups"].full(code)

    assert (fault.status, fault.code, fault.message) == (403, "QuotaExceeded", text)


@pytest.mark.parametrize("value", ["", "x", "1e400", "nan", "-0.1", True, [], {}])
def test_a_share_is_a_number_from_0_to_1(value: object) -> None:
    """Everything else is refused."""
    with pytest.raises(Fault):
        arguments.share(value, "confidenceThreshold")
