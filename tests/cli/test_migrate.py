"""`usense migrate`, `people` and `doctor` with Azure as the recognizer."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from tests.peers.faceapi import FaceApi
from tests.recognizers.azureface.accounts import account
from tests.support.portraits import GRACE, pose
from tests.support.shapes import check
from tests.support.terminal import Terminal


@pytest.fixture(autouse=True)
def data(tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder of its own for every test, and photos to enroll."""
    monkeypatch.setenv("USENSE_DATA_DIR", str(tmp_path / "data"))
    for number in range(2):
        Image.fromarray(pose(GRACE, number)).save(f"grace{number}.png")


@pytest.fixture
def values(face_api: FaceApi) -> dict[str, Any]:
    """The recognizer's settings, with a group of their own."""
    return account(face_api)


@pytest.fixture
def config(values: dict[str, Any]) -> Callable[..., str]:
    """Writes a settings file; returns its name."""

    def written(**others: Any) -> str:
        Path("usense.yaml").write_text(yaml.safe_dump({"recognizer": values, **others}), "utf-8")
        return "usense.yaml"

    return written


def test_people_move_either_way(terminal: Terminal, config: Callable[..., str], values: dict[str, Any]) -> None:
    """Who was enrolled locally is known to Azure afterwards, and the other way round, with what was moved."""
    terminal.run("enroll", "Grace", "grace0.png", "grace1.png")
    there = terminal.run("-c", config(), "migrate", "local", "azure")
    known = terminal.run("-c", config(), "identify", "grace0.png", "--json")
    listed = terminal.run("-c", config(), "people", "list", "--json")
    terminal.run("-c", config(), "enroll", "Grace", "grace1.png", "--force")
    back = terminal.run("-c", config(), "migrate", "azure", "local", "--json")

    assert there.code == 0
    assert "Grace: 2 faces moved, 2 of 2 known there" in there.out
    assert "azure is trained: 1 person, 2 faces" in there.out
    assert json.loads(known.out)[0]["faces"][0]["name"] == "Grace"
    check("people list", listed.out)
    assert json.loads(listed.out)[0]["remote_id"]
    check("migrate", back.out)
    assert [(row["faces"], row["known"], row["moved"]) for row in json.loads(back.out)["people"]] == [(3, 3, 1)]


def test_who_cannot_be_moved_is_named(terminal: Terminal, config: Callable[..., str]) -> None:
    """Without kept photos nothing can be moved: said for each person, with exit code 1."""
    forgetful = {"gallery": {"keep_crops": False}}
    terminal.run("-c", config(**forgetful), "enroll", "Grace", "grace0.png")

    outcome = terminal.run("-c", config(**forgetful), "migrate", "azure", "local")

    assert outcome.code == 1
    assert "Grace: 0 faces moved, 0 of 1 known there" in outcome.out
    assert "no photo of it was kept" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("azure", "azure"), "name two different ones"),
        (("azure", "cloud"), "'local', 'azure'"),
        (("azure", "local"), "put `kind: azure` with its endpoint and key into the settings"),
    ],
)
def test_a_wrong_move_is_refused(terminal: Terminal, arguments: tuple[str, str], words: str) -> None:
    """With what to do instead, before anything is touched."""
    outcome = terminal.run("migrate", *arguments)

    assert outcome.code == 2
    assert words in " ".join(outcome.err.replace("│", " ").split())


def test_doctor_finds_azure_well(terminal: Terminal, config: Callable[..., str]) -> None:
    """Key, group, training and approval have a line each."""
    before = terminal.run("-c", config(), "doctor").out
    terminal.run("-c", config(), "enroll", "Grace", "grace0.png")
    after = terminal.run("-c", config(), "doctor").out

    assert "does not exist yet: it is made with the first face" in before
    assert "is trained" in after
    assert "ok       azure approval" in after


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key": "wrong"}, "Azure does not know this key at this address"),
        ({"endpoint": "http://127.0.0.1:9"}, "is not reachable"),
        ({"recognition_model": "recognition_03"}, "was made with recognition_04, not recognition_03"),
    ],
)
def test_doctor_says_what_is_wrong_with_azure(
    terminal: Terminal, config: Callable[..., str], values: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    """Wrong key or region, unreachable, another model than the group's, a tier that cannot identify."""
    terminal.run("-c", config(), "enroll", "Grace", "grace0.png")
    values |= change

    assert words in terminal.run("-c", config(), "doctor").out


def test_doctor_says_whom_the_fallback_does_not_know(
    terminal: Terminal, config: Callable[..., str], values: dict[str, Any]
) -> None:
    """Who was enrolled before the local recognizer was to stand in would be unknown to it."""
    terminal.run("-c", config(), "enroll", "Grace", "grace0.png")
    values["fallback"] = "local"
    before = terminal.run("-c", config(), "doctor").out
    terminal.run("-c", config(), "migrate", "azure", "local")
    after = terminal.run("-c", config(), "doctor").out

    assert "beware   local: the local recognizer knows 0 of 1 person" in before
    assert "usense migrate azure local" in before
    assert "ok       local: the local recognizer knows everybody, too" in after


def test_an_unknown_host_is_told_in_plain_words(
    terminal: Terminal, config: Callable[..., str], values: dict[str, Any]
) -> None:
    """Without the number that the system has for it."""
    values["endpoint"] = "https://name.invalid"

    assert (
        "Azure at name.invalid is not reachable: no machine of this name" in terminal.run("-c", config(), "doctor").out
    )


def test_who_is_left_at_azure_is_told_and_deleted_with_a_training(
    terminal: Terminal, config: Callable[..., str], values: dict[str, Any], tmp_path: Path
) -> None:
    """Also where no service runs: who was forgotten while Azure was away."""
    with FaceApi(tmp_path / "away") as azure:
        values |= account(azure)
        persons = f"largepersongroups/{values['group']}/persons"
        terminal.run("-c", config(), "enroll", "Grace", "grace0.png")
        azure.stop(signal.SIGTERM)
        forgotten = terminal.run("-c", config(), "people", "forget", "Grace", "--yes").out
        away = terminal.run("-c", config(), "doctor").out
        azure.start()
        before = len(azure.call("GET", persons).data)
        terminal.run("-c", config(), "train")
        after = azure.call("GET", persons).data

    assert "a running service tries again, and so does `usense train`" in forgotten
    assert "1 person erased here could not be deleted at Azure yet" in away
    assert (before, after) == (1, [])


def test_doctor_says_what_the_free_tier_cannot_do(
    terminal: Terminal, config: Callable[..., str], values: dict[str, Any]
) -> None:
    """F0 finds faces; identification is not offered there."""
    values["tier"] = "F0"

    assert "Microsoft offers identification only on S0" in terminal.run("-c", config(), "doctor").out


def test_a_key_must_be_given(terminal: Terminal, config: Callable[..., str], values: dict[str, Any]) -> None:
    """Before anything is asked, with where it may stand."""
    del values["key"]

    for words in (["people", "list"], ["config", "check"]):
        outcome = terminal.run("-c", config(), *words)

        assert outcome.code == 2
        assert "recognizer.key_file, or set USENSE_RECOGNIZER__KEY" in outcome.err
