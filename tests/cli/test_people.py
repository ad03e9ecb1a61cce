"""`usense enroll`, `train`, `people`: a verdict for every photo, a summary, and errors that name the file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.support.portraits import EILEEN, GRACE, pose, side_by_side
from tests.support.terminal import Terminal
from uSense.core.models import Rgb


@pytest.fixture(autouse=True)
def data(tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder of its own for every test."""
    monkeypatch.setenv("USENSE_DATA_DIR", str(tmp_path / "data"))


def photos(folder: str, photo: Rgb, count: int = 3) -> list[str]:
    """Some poses of a person as files in the working folder."""
    Path(folder).mkdir(parents=True)
    files = [f"{folder}/{number}.png" for number in range(count)]
    for number, file in enumerate(files):
        Image.fromarray(pose(photo, number)).save(file)
    return files


def test_photos_are_enrolled_and_trained_in_one_command(terminal: Terminal) -> None:
    """Every photo gets its line, the summary counts, and the person is known afterwards."""
    enrolled = terminal.run("enroll", "Grace", *photos("grace", GRACE))
    listed = terminal.run("people", "list")

    assert enrolled.code == 0
    assert enrolled.out.count("kept     Grace  grace/") == 3
    assert "Grace: 3 faces kept" in enrolled.out
    assert "trained: 1 person, 3 faces, gallery 1" in enrolled.out
    assert enrolled.err == ""
    assert "Grace" in listed.out
    assert "3 faces" in listed.out
    assert "not trained" not in listed.out


def test_a_folder_of_people_is_enrolled_at_once(terminal: Terminal) -> None:
    """One sub-folder a person; two people who look alike would be named."""
    photos("all/Grace", GRACE, 2)
    photos("all/Eileen", EILEEN, 2)

    outcome = terminal.run("enroll", "--folder", "all", "--json")

    told = json.loads(outcome.out)
    assert [(one["name"], one["kept"]) for one in told["photos"]] == [("Eileen", True)] * 2 + [("Grace", True)] * 2
    assert (told["training"]["persons"], told["training"]["faces"]) == (2, 4)


def test_bad_photos_are_skipped_with_their_reason(terminal: Terminal) -> None:
    """A missing file, a text, a wall, a pair, the wrong person: each is named, counted, and the rest goes on."""
    good = photos("grace", GRACE, 2)
    Path("text.jpg").write_text("this is no picture")
    Image.new("RGB", (300, 300), "white").save("wall.png")
    Image.fromarray(side_by_side(pose(GRACE, 1), pose(EILEEN, 1))).save("pair.png")
    terminal.run("enroll", "Eileen", *photos("eileen", EILEEN, 2))

    outcome = terminal.run("enroll", "Grace", *good, "none.jpg", "text.jpg", "wall.png", "pair.png", "eileen/0.png")

    assert outcome.code == 0
    for name, code in (
        ("none.jpg", "not_found"),
        ("text.jpg", "not_an_image"),
        ("wall.png", "no_face"),
        ("pair.png", "many_faces"),
        ("eileen/0.png", "wrong_person"),
    ):
        assert f"skipped  Grace  {name}: " in outcome.out
        assert f"1 {code}" in outcome.out
    assert "5 of 7 photos skipped" in outcome.out
    assert "Grace: 2 faces kept; three or more are better" in outcome.out


def test_nothing_kept_is_a_failure(terminal: Terminal) -> None:
    """When no photo could be used the exit code says so, nobody is created, and nothing is trained."""
    Image.new("RGB", (300, 300), "white").save("wall.png")

    outcome = terminal.run("enroll", "Grace", "none.jpg", "wall.png")
    told = json.loads(terminal.run("enroll", "Grace", "none.jpg", "--json").out)

    assert outcome.code == 1
    assert "2 of 2 photos skipped" in outcome.out
    assert "trained" not in outcome.out
    assert told["training"] is None
    assert terminal.run("people", "list", "--json").out == "[]\n"


def test_a_name_is_not_kept_for_somebody_elses_face(terminal: Terminal) -> None:
    """A photo refused as the wrong person leaves nobody behind; the next good photo creates the person."""
    terminal.run("enroll", "Grace", *photos("grace", GRACE, 2))

    refused = terminal.run("enroll", "Eileen", "grace/0.png")
    listed = terminal.run("people", "list").out
    enrolled = terminal.run("enroll", "Eileen", "grace/0.png", *photos("eileen", EILEEN, 1))

    assert (refused.code, "1 wrong_person" in refused.out) == (1, True)
    assert "Eileen" not in listed
    assert (enrolled.code, "Eileen: 1 face kept" in enrolled.out) == (0, True)


def test_file_names_that_are_no_text_are_shown_all_the_same(terminal: Terminal) -> None:
    """Bytes that are not UTF-8, as old cameras write them, appear as escapes, for people and in JSON."""
    photos("photos", GRACE, 1)
    odd = os.fsdecode(b"photos/caf\xe9.png")
    Path("photos/0.png").rename(odd)

    told = json.loads(terminal.run("enroll", "Grace", odd, "--json").out)
    skipped = terminal.run("enroll", "Grace", odd)
    looked = terminal.run("detect", odd, os.fsdecode(b"none\xe9.png"))

    assert [(photo["photo"], photo["kept"]) for photo in told["photos"]] == [(odd, True)]
    assert r"photos/caf\udce9.png: Grace has this very face already" in skipped.out
    assert r"photos/caf\udce9.png: face at " in looked.out
    assert looked.err.startswith(r"none\udce9.png: there is no such file")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["enroll"], "give a NAME with pictures, or --folder DIR"),
        (["enroll", "Grace"], "give the pictures that show Grace"),
        (["enroll", "Grace", "--folder", "."], "give a NAME with pictures, or --folder DIR"),
        (["enroll", "--folder", "nowhere"], "nowhere is not a folder"),
        (["enroll", "--folder", "."], "there are no pictures there"),
    ],
)
def test_wrong_usage_says_what_to_give(terminal: Terminal, words: list[str], told: str) -> None:
    """Exit code 2 and a sentence; nothing is created."""
    outcome = terminal.run(*words)

    assert outcome.code == 2
    assert told in " ".join(outcome.err.replace("│", " ").split())


def test_names_are_changed_and_forgotten(terminal: Terminal) -> None:
    """Renaming and forgetting say what they did; afterwards the old name is unknown, exit code 1."""
    terminal.run("enroll", "Grace", *photos("grace", GRACE, 1))

    renamed = terminal.run("people", "rename", "grace", "Amazing Grace")
    forgotten = terminal.run("people", "forget", "Amazing Grace", "--yes")
    again = terminal.run("people", "forget", "Amazing Grace", "--yes")

    assert renamed.out == "Grace is now Amazing Grace\n"
    assert forgotten.out == "Amazing Grace and 1 face are forgotten\n"
    assert (again.code, again.err) == (1, "there is no person 'Amazing Grace'\n")
    assert "nobody is enrolled yet" in terminal.run("people", "list").out


def test_forgetting_asks_first(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a yes nobody is forgotten."""
    terminal.run("enroll", "Grace", *photos("grace", GRACE, 1))
    monkeypatch.setattr("typer.confirm", _refuse)

    terminal.run("people", "forget", "Grace")

    assert json.loads(terminal.run("people", "list", "--json").out)[0]["name"] == "Grace"


def _refuse(text: str, *, abort: bool) -> bool:
    assert "Grace" in text
    raise SystemExit(1)


def test_training_alone_reports_as_json(terminal: Terminal) -> None:
    """`usense train --json` is for programs; an empty gallery is a gallery."""
    told = json.loads(terminal.run("train", "--json").out)

    assert (told["state"], told["persons"], told["faces"], told["gallery"]) == ("succeeded", 0, 0, 1)
