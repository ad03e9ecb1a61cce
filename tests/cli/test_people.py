"""`usense enroll`, `train`, `people`: a verdict for every photo, a summary, and errors that name the file."""

from __future__ import annotations

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from subprocess import PIPE

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


def test_faces_kept_before_count_as_well(terminal: Terminal) -> None:
    """Who adds a photo later is told how many faces there are, and not to give more than is needed."""
    files = photos("grace", GRACE, 3)
    terminal.run("enroll", "Grace", *files[:2])

    added = terminal.run("enroll", "grace", *files)
    nothing_new = terminal.run("enroll", "Grace", *files)

    assert "grace: 1 face kept, 3 in all\n" in added.out
    assert "Grace: 0 faces kept, 3 in all\n" in nothing_new.out
    assert (added.code, nothing_new.code) == (0, 1)


def test_bad_photos_are_skipped_with_their_reason(terminal: Terminal) -> None:
    """A missing file, a text, a wall, a pair, the wrong person: each is named, counted, and the rest goes on."""
    good = photos("grace", GRACE, 2)
    Path("text.jpg").write_text("this is no picture")
    Image.new("RGB", (300, 300), "white").save("wall.png")
    Image.fromarray(side_by_side(pose(GRACE, 1), pose(EILEEN, 1))).save("pair.png")
    terminal.run("enroll", "Eileen", *photos("eileen", EILEEN, 2))

    outcome = terminal.run("enroll", "Grace", *good, "none.jpg", "text.jpg", "wall.png", "pair.png", "eileen/0.png")

    assert outcome.code == 0
    assert outcome.err == ""
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


def test_who_never_had_a_face_is_told_of_once(terminal: Terminal, tmp_path: Path) -> None:
    """An enrollment of which nothing is kept leaves one receipt behind, however many photos were refused."""
    terminal.run("enroll", "Grace", *photos("grace", GRACE, 2))

    terminal.run("enroll", "Eileen", "grace/0.png", "grace/1.png")

    database = next(Path(os.environ["USENSE_DATA_DIR"]).glob("*.sqlite3"))
    with closing(sqlite3.connect(database)) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table} WHERE type = 'person.erased'").fetchone()[0]  # noqa: S608 - names from here
            for table in ("notices", "untold")
        ]
    assert counts == [1, 0]


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
        (["enroll", "a.jpg", "b.jpg"], "whose faces are these? Give a NAME before a.jpg"),
        (["enroll", "empty"], "Give a NAME before empty, or --folder empty with a sub-folder per person"),
        (["enroll", "Grace", "empty"], "there are no pictures in empty (.jpg, .png, ...)"),
        (["enroll", "--folder", "nowhere"], "nowhere is not a folder"),
        (["enroll", "--folder", "a.jpg"], "a.jpg is not a folder"),
        (["enroll", "--folder", "."], "no pictures in sub-folders of . (.jpg, .png, ...); .: 1 picture beside the"),
    ],
)
def test_wrong_usage_says_what_to_give(terminal: Terminal, words: list[str], told: str) -> None:
    """Exit code 2 and a sentence; nothing is created."""
    Path("empty").mkdir()
    Path("a.jpg").touch()

    outcome = terminal.run(*words)

    assert outcome.code == 2
    assert told in " ".join(outcome.err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("x" * 121, "120 characters, not 121"),
        # No file can be called that, which is an error even to ask.
        ("x" * 300, "120 characters, not 300"),
        ("", "visible"),
        ("Unknown", "choose another"),
        ("A\u202e", "U+202E"),
    ],
)
def test_a_bad_name_is_refused_before_any_photo_is_read(terminal: Terminal, name: str, told: str) -> None:
    """One sentence for all photos, and the data folder stays without people."""
    outcome = terminal.run("enroll", name, "none.jpg", "text.jpg")

    assert (outcome.code, outcome.out) == (1, "")
    assert told in outcome.err
    assert outcome.err.count("\n") == 1
    assert terminal.run("people", "list", "--json").out == "[]\n"


def test_what_cannot_be_enrolled_of_a_folder_is_told(terminal: Terminal) -> None:
    """Kinds of pictures that cannot be read, loose pictures, bad names and empty sub-folders; the rest is enrolled."""
    photos("all/Grace", GRACE, 1)
    photos("all/unknown", EILEEN, 2)
    Path("all/Eileen").mkdir()
    for name in ("all/Grace/IMG_1.HEIC", "all/Grace/IMG_2.heic", "all/Grace/._0.png", "all/loose.jpg", "all/notes.txt"):
        Path(name).write_bytes(b"x")

    outcome = terminal.run("enroll", "--folder", "all")
    told = json.loads(terminal.run("enroll", "--folder", "all", "--json").out)

    assert outcome.code == 0
    assert "Grace: 1 face kept" in outcome.out
    assert told["left_out"] == [
        "all: 2 .heic left out: such pictures cannot be read, export them as JPEG",
        "all: 1 picture beside the sub-folders left out: put them into a person's sub-folder",
        "all/Eileen: there are no pictures in it",
        "the sub-folder 'unknown' left out: 'unknown' is what is told where there is no name: choose another one",
    ]
    assert all(reason in outcome.out for reason in told["left_out"])
    assert [photo["photo"] for photo in told["photos"]] == ["all/Grace/0.png"]


def test_an_interrupted_enrollment_says_what_it_leaves(tmp_path: Path) -> None:
    """Ctrl-C ends it with exit code 130; the faces kept until then are counted, and training makes them count."""
    files = photos(str(tmp_path / "grace"), GRACE, 24)
    program = [sys.executable, "-u", "-m", "uSense"]
    # Whoever is started in the background of a script ignores the signal, and so do its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    with subprocess.Popen([*program, "enroll", "Grace", *files], stdout=PIPE, stderr=PIPE, text=True) as enrolling:
        signal.signal(signal.SIGINT, before)
        assert enrolling.stdout is not None
        assert enrolling.stdout.readline().startswith("kept     Grace")
        enrolling.send_signal(signal.SIGINT)
        _, err = enrolling.communicate(timeout=60)
    listed = subprocess.run([*program, "people", "list", "--json"], capture_output=True, check=True, timeout=60)

    (grace,) = json.loads(listed.stdout)
    faces = len(grace["face_ids"])
    assert enrolling.returncode == 130
    assert err.startswith(f"interrupted: {faces} face")
    assert err.endswith("which count after `usense train`\n")
    assert not grace["trained"]


def test_names_are_changed_and_forgotten(terminal: Terminal) -> None:
    """Renaming and forgetting say what they did; afterwards the old name is unknown, exit code 1."""
    terminal.run("enroll", "Grace", *photos("grace", GRACE, 1))

    renamed = terminal.run("people", "rename", "grace", "Amazing Grace")
    refused = terminal.run("people", "rename", "amazing grace", "unknown")
    forgotten = terminal.run("people", "forget", "Amazing Grace", "--yes")
    again = terminal.run("people", "forget", "Amazing Grace", "--yes")

    assert renamed.out == "Grace is now Amazing Grace\n"
    assert (refused.code, "choose another one" in refused.err) == (1, True)
    assert forgotten.out == "Amazing Grace and 1 face are forgotten\n"
    assert (again.code, again.err) == (1, "there is no person 'Amazing Grace'\n")
    assert "nobody is enrolled yet" in terminal.run("people", "list").out


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, []), ("\n", 1, ["Grace"]), ("n\n", 1, ["Grace"])])
def test_forgetting_asks_first(terminal: Terminal, answer: str, code: int, left: list[str]) -> None:
    """The question tells how many faces would go, without a yes none does, and whom nobody knows is not asked about."""
    terminal.run("enroll", "Grace", *photos("grace", GRACE, 2))

    terminal.monkeypatch.setattr(sys, "stdin", Keyboard(answer))
    forgotten = terminal.run("people", "forget", "grace")
    missing = terminal.run("people", "forget", "Eileen")

    assert forgotten.code == code
    assert "Forget Grace and 2 faces for good?" in forgotten.out
    assert (missing.code, missing.out, missing.err) == (1, "", "there is no person 'Eileen'\n")
    assert [person["name"] for person in json.loads(terminal.run("people", "list", "--json").out)] == left


def test_nobody_is_forgotten_where_nobody_can_be_asked(terminal: Terminal) -> None:
    """Without a terminal and without --yes it is bad usage, and says what to add."""
    terminal.run("enroll", "Grace", *photos("grace", GRACE, 1))
    terminal.monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))

    outcome = terminal.run("people", "forget", "Grace")

    assert outcome.code == 2
    assert "forget Grace and 1 face: add --yes" in " ".join(outcome.err.replace("│", " ").split())
    assert "Grace" in terminal.run("people", "list").out


class Keyboard(io.StringIO):
    """Somebody who types, at a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_training_alone_reports_as_json(terminal: Terminal) -> None:
    """`usense train --json` is for programs; an empty gallery is a gallery."""
    told = json.loads(terminal.run("train", "--json").out)

    assert (told["state"], told["persons"], told["faces"], told["gallery"]) == ("succeeded", 0, 0, 1)
