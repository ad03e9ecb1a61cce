"""The check after a training: what it finds, and that it ends."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from uSense.core import matching
from uSense.core.judging import DecisionRules
from uSense.core.matching import Gallery, Metric
from uSense.core.trials import KeptFace
from uSense.recognizers import checking

PERSONS = [("a", "Anna"), ("b", "Bert"), ("c", "Cleo")]


def gallery(faces: list[KeptFace], persons: list[tuple[str, str]] = PERSONS) -> Gallery:
    """What a training makes of the faces."""
    return matching.build(Metric.EUCLIDEAN, persons, [(person, rows) for person, _, rows in faces])


def face(person: str, face_id: str, x: float, y: float = 0.0) -> KeptFace:
    """A face with one vector."""
    return person, face_id, np.asarray([[x, y]], np.float32)


def test_everything_worth_knowing_is_found() -> None:
    """Numbers, the most confusable people and the face that is not like the others, however the persons mix."""
    faces = [
        face("a", "a1", 0.0),
        face("a", "a2", 0.1),
        face("a", "a3", 0.9),
        face("b", "b1", 1.0),
        face("b", "b2", 1.1),
    ]

    check, pairs, weak, tried = checking.check(gallery(faces), faces, DecisionRules())

    assert asdict(check) | {"text": ""} == {
        "faces": 5,
        "complete": True,
        "known": 5,
        "right": 4,
        "wrong": 1,
        "strangers_named": 1,
        "advice": "none",
        "threshold": 0.5,
        "text": "",
    }
    assert [(pair.a, pair.b, round(pair.score, 3)) for pair in pairs] == [("Anna", "Bert", 0.85)]
    assert [(one.name, one.face_id) for one in weak] == [("Anna", "a3")]
    assert {(one.name, one.face_id): one.right for one in tried} == {
        ("Anna", "a1"): True,
        ("Anna", "a2"): True,
        ("Anna", "a3"): False,
        ("Bert", "b1"): True,
        ("Bert", "b2"): True,
    }


@pytest.mark.parametrize("faces", [[], [face("gone", "g1", 0.0)], [face("a", "a1", 0.0)]])
def test_there_may_be_nothing_to_compare(faces: list[KeptFace]) -> None:
    """Nobody, somebody who was deleted meanwhile, a single face: no numbers, and no advice."""
    check, pairs, weak, tried = checking.check(gallery(faces), faces, DecisionRules())

    assert (check.known, check.advice, pairs, weak, tried) == (0, "none", (), (), ())
    assert check.complete == all(person != "gone" for person, _, _ in faces) or check.faces == 0


def test_a_large_gallery_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound of faces about as many are looked at, beyond that of time at least one; the report says so."""
    generator = np.random.default_rng(0)
    persons = [(f"p{number}", f"Name {number}") for number in range(50)]
    faces: list[KeptFace] = [
        (person, f"{person}-{number}", generator.standard_normal((1, 8)).astype(np.float32))
        for person, _ in persons
        for number in range(4)
    ]
    known = gallery(faces, persons)

    monkeypatch.setattr(checking, "MOST_FACES", 50)
    few, *_ = checking.check(known, faces, DecisionRules())
    monkeypatch.setattr(checking, "SECONDS", 0.0)
    fewer, *_ = checking.check(known, faces, DecisionRules())

    assert 20 < few.faces < 90
    assert 1 <= fewer.faces <= 4
    assert (few.complete, fewer.complete) == (False, False)
