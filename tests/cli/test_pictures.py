"""`usense identify`, `detect`, `verify`: answers for people and programs, and drawn boxes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.portraits import EILEEN, GRACE, pose, side_by_side
from tests.support.terminal import Terminal
from uSense import imaging


@pytest.fixture(autouse=True)
def pictures(tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder of its own, and some pictures in the working folder."""
    monkeypatch.setenv("USENSE_DATA_DIR", str(tmp_path / "data"))
    Image.fromarray(pose(GRACE, 5)).save("grace.png")
    Image.fromarray(pose(GRACE, 6)).save("grace2.png")
    Image.fromarray(pose(EILEEN, 5)).save("eileen.png")
    Image.fromarray(side_by_side(pose(GRACE, 5), pose(EILEEN, 5))).save("pair.png")
    Image.new("RGB", (300, 200), "white").save("wall.png")


def test_people_in_pictures_are_named(terminal: Terminal) -> None:
    """Each face is told with its place, its name or the reason why not, and the nearest person."""
    terminal.run("enroll", "Grace", "grace2.png")

    outcome = terminal.run("identify", "grace.png", "eileen.png", "wall.png")

    lines = outcome.out.splitlines()
    assert lines[0].startswith("grace.png: Grace at ")
    assert lines[1].startswith("eileen.png: unknown (below_threshold) at ")
    assert "nearest Grace" in lines[1]
    assert lines[2] == "wall.png: no face found"
    assert outcome.code == 0


def test_a_bad_picture_does_not_stop_the_others(terminal: Terminal) -> None:
    """The error names the file, the other pictures are answered, the exit code tells."""
    outcome = terminal.run("identify", "none.png", "grace.png")

    assert outcome.code == 1
    assert outcome.err.startswith("none.png: there is no such file")
    assert "grace.png: unknown (nobody_enrolled)" in outcome.out


def test_boxes_are_drawn_where_the_faces_are(terminal: Terminal) -> None:
    """On a picture that is not square, the drawn pixels lie on the told box and nowhere far from it."""
    outcome = terminal.run("detect", "pair.png", "-o", "out.png", "--json")

    faces = json.loads(outcome.out)[0]["faces"]
    before, after = (imaging.read(Path(name)).astype(np.int16) for name in ("pair.png", "out.png"))
    changed = np.abs(after - before).sum(axis=2) > 60
    assert len(faces) == 2
    assert after.shape[1] > 1.5 * after.shape[0]
    for face in faces:
        x, y, w, h = (face["box"][side] for side in "xywh")
        for corner_x, corner_y in ((x, y), (x + w - 1, y), (x, y + h - 1), (x + w - 1, y + h - 1)):
            assert changed[corner_y - 3 : corner_y + 4, corner_x - 3 : corner_x + 4].any()
        inside = changed[y + h // 3 : y + 2 * h // 3, x + w // 3 : x + 2 * w // 3]
        assert not inside.any()


def test_names_are_drawn_too(terminal: Terminal) -> None:
    """`identify -o` writes the picture and says so; several pictures cannot share one output."""
    terminal.run("enroll", "Grace", "grace2.png")

    outcome = terminal.run("identify", "pair.png", "-o", "out.jpg")
    refused = terminal.run("identify", "grace.png", "pair.png", "-o", "out.jpg")
    itself = terminal.run("identify", "pair.png", "-o", "./pair.png")

    assert "wrote out.jpg" in outcome.out
    assert imaging.read(Path("out.jpg")).shape == imaging.read(Path("pair.png")).shape
    assert (refused.code, itself.code) == (2, 2)


def test_folders_are_looked_through(terminal: Terminal) -> None:
    """All pictures of a folder and below are asked about; kinds that cannot be read are counted, hidden files not."""
    Path("photos/more").mkdir(parents=True)
    Path("grace.png").rename("photos/more/grace.png")
    Path("wall.png").rename("photos/wall.png")
    for name in ("photos/a.HEIC", "photos/more/b.tiff", "photos/.hidden.jpg", "photos/notes.txt"):
        Path(name).write_bytes(b"x")

    outcome = terminal.run("detect", "photos", "pair.png")
    no_pictures = terminal.run("identify", "data")
    one_output = terminal.run("detect", "photos", "-o", "out.png")

    assert outcome.code == 0
    assert [line.partition(":")[0] for line in outcome.out.splitlines()] == [
        "photos/more/grace.png",
        "photos/wall.png",
        *["pair.png"] * 2,
    ]
    assert outcome.err == ("photos: 1 .heic and 1 .tiff left out: such pictures cannot be read, export them as JPEG\n")
    assert (no_pictures.code, one_output.code) == (2, 2)
    assert "there are no pictures in data" in no_pictures.err


@pytest.mark.parametrize(
    ("target", "code", "told"),
    [
        ("missing/out.png", 2, "there is no folder missing"),
        ("out.gif", 2, "must end in .jpg, .jpeg, .png, .webp"),
        ("", 2, "must end in"),
        ("link.png", 2, "would overwrite the picture"),
        ("folder.png", 1, "folder.png: cannot be written: Is a directory"),
    ],
)
def test_an_output_that_cannot_be_written_is_an_error(terminal: Terminal, target: str, code: int, told: str) -> None:
    """What can be known is told before any work, as bad usage; the input is safe under another name, too."""
    Path("folder.png").mkdir()
    Path("link.png").hardlink_to("grace.png")

    outcome = terminal.run("detect", "grace.png", "-o", target)

    assert (outcome.code, outcome.out) == (code, "")
    assert told in " ".join(outcome.err.replace("│", " ").split())


def test_two_pictures_are_compared(terminal: Terminal) -> None:
    """Same person: exit code 0; another person: exit code 1; both with the score."""
    same = terminal.run("verify", "grace.png", "grace2.png")
    other = terminal.run("verify", "grace.png", "eileen.png", "--json")

    assert (same.code, other.code) == (0, 1)
    assert same.out.startswith("the same person: score 0.")
    assert json.loads(other.out)["same"] is False


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        ("wall.png", "no face was found"),
        ("none.png", "there is no such file"),
        ("data", "this is not a file"),
        ("pair.png", "2 faces are alike in size"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_no_answer(terminal: Terminal, picture: str, told: str) -> None:
    """A picture that cannot be used is named; exit code 3, so that nobody takes it for another person."""
    Path("data").mkdir(exist_ok=True)

    outcome = terminal.run("verify", "grace.png", picture)

    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err.startswith(f"{picture}: {told}")


def test_a_comparison_without_storage_is_no_answer(terminal: Terminal) -> None:
    """Whatever it is that fails, exit code 1 is kept for different people."""
    Path("data").write_text("a file where the folder should be")

    outcome = terminal.run("verify", "grace.png", "grace2.png")

    assert (outcome.code, outcome.out) == (3, "")
    assert "Traceback" not in outcome.err
