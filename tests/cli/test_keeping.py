"""`backup`, `restore`, `people merge`, `export`, `import` and `drop-crops`."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.support.groups import USERS, add_person, make_group
from tests.support.portraits import EILEEN, GRACE, pose
from tests.support.terminal import Terminal
from uSense.core import models
from uSense.core.models import Rgb
from uSense.storage import moving, open_storage

SECRET = ("--passphrase-file", "secret")


def enroll(terminal: Terminal, name: str, photo: Rgb, count: int = 2) -> None:
    """Enroll somebody from some poses, whoever else looks alike."""
    Path(name).mkdir()
    for number in range(count):
        Image.fromarray(pose(photo, number)).save(Path(name) / f"{number}.png")
    assert terminal.run("enroll", name, name, "--force").code == 0


def names(terminal: Terminal) -> dict[str, bool]:
    """Who is enrolled, and whether the gallery knows them."""
    people = json.loads(terminal.run("people", "list", "--json").out)
    return {person["name"]: person["trained"] for person in people}


class Tty(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `home` keeps what it made for the first test, for the others: models take long to load."""
    return tmp_path_factory.mktemp("enrolled") / "home"


@pytest.fixture
def home(terminal: Terminal, enrolled: Path) -> Terminal:
    """A terminal in a folder with a passphrase, a backup and an own data folder: Grace and Eileen are enrolled."""
    live_in(terminal, "data")
    if not enrolled.exists():
        Path("secret").write_text("correct horse\n")
        enroll(terminal, "Grace", GRACE)
        enroll(terminal, "Eileen", EILEEN)
        assert terminal.run("backup", "good", *SECRET).code == 0
        shutil.copytree(".", enrolled)
    shutil.copytree(enrolled, ".", dirs_exist_ok=True)
    return terminal


def live_in(terminal: Terminal, folder: str) -> None:
    """Use another data folder from now on."""
    terminal.monkeypatch.setenv("USENSE_DATA_DIR", str(Path(folder).absolute()))


def test_a_backup_is_restored(home: Terminal) -> None:
    """Who came later is named as gone, who was erased as left out; what is said fits what is there."""
    made = home.run("backup", "file", *SECRET)
    home.run("people", "rename", "Grace", "Hopper")
    home.run("people", "forget", "Eileen", "--yes")
    enroll(home, "Late", EILEEN)

    back = home.run("restore", "file", *SECRET, "--yes")

    assert (made.code, made.err) == (0, "")
    assert made.out.startswith("file: 2 persons, 0.")
    assert back.code == 0
    assert "1 person: Grace" in back.out
    assert "no longer here: Late; a backup of before is in the data folder" in back.out
    assert "left out, because they were erased: 1 person" in back.out
    assert names(home) == {"Grace": True}


def test_persons_of_served_groups_are_told_of(terminal: Terminal) -> None:
    """A backup and a restore count them, and who is asked hears that they are replaced, too."""
    Path("secret").write_text("correct horse\n")
    live_in(terminal, "data")

    async def serve(count: int) -> None:
        async with open_storage(Path("data")) as storage:
            key = await make_group(storage.groups) if not await storage.groups.groups("persongroups") else USERS
            for _ in range(count):
                await add_person(storage.groups, "Anna", key=key)

    asyncio.run(serve(2))
    made = terminal.run("backup", "file", *SECRET)
    asyncio.run(serve(1))
    terminal.monkeypatch.setattr(sys, "stdin", Tty("n\n"))
    asked = terminal.run("restore", "file", *SECRET)
    back = terminal.run("restore", "file", *SECRET, "--yes", "--json")

    assert made.out.startswith("file: 0 persons, and 2 of served groups, 0.")
    assert "Replace nobody here now and 3 persons of served groups by the people of the backup of 20" in asked.err
    assert asked.err.endswith("nothing was changed\n")
    assert asked.code == 1
    assert json.loads(back.out)["served"] == 2
    assert "0 persons, and 2 of served groups" in terminal.run("restore", "file", *SECRET, "--yes").out


def test_a_backup_without_key_says_what_opens_it(home: Terminal) -> None:
    """Elsewhere only with a copy of the key file."""
    made = home.run("backup", "file", "--without-key")
    live_in(home, "other")
    refused = home.run("restore", "file", "--yes")
    done = home.run("restore", "file", "--yes", "--key-file", "data/key", "--json")

    assert "only the key file" in made.out
    assert (refused.code, refused.out) == (1, "")
    assert "the key file does not open file" in refused.err
    assert json.loads(done.out)["people"] == ["Eileen", "Grace"]
    assert names(home) == {"Eileen": True, "Grace": True}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("backup", "file"), 2, "nobody to ask for the passphrase of the backup: add --passphrase-file"),
        (("backup", "file", "--passphrase-file", "none"), 1, "none cannot be read: No such file"),
        (("backup", "file", "--passphrase-file", "empty"), 1, "empty is empty"),
        (("backup", "file", "--passphrase-file", "short"), 1, "a passphrase needs 8 characters or more"),
        (("backup", "file", "--without-key", *SECRET), 2, "give a passphrase or --without-key"),
        (("backup", ".", *SECRET), 2, "is a folder: name a file in it"),
        (("backup", "no/where", *SECRET), 1, "no/where"),
        (("restore", "none", "--yes"), 1, "none cannot be used (No such file"),
        (("restore", "secret", "--yes"), 1, "secret is not a backup of uSense"),
        (("restore", "good", "--yes"), 2, "nobody to ask for the passphrase of good"),
        (("restore", "good", "--yes", "--passphrase-file", "short"), 1, "the passphrase does not open good"),
        (("restore", "good", *SECRET), 2, "nobody to ask whether to replace all people: add --yes"),
        (("people", "import", "good", *SECRET), 1, "good is not a people of uSense"),
        (("people", "export", "file", "Nobody", *SECRET), 1, "there is no person 'Nobody'"),
        (("people", "merge", "Grace", "Eileen"), 2, "there is nobody to ask: add --yes"),
        (("people", "merge", "Grace", "Nobody", "--yes"), 1, "there is no person 'Nobody'"),
        (("people", "merge", "Grace", "grace", "--yes"), 1, "this is one person: name two"),
        (("people", "drop-crops"), 2, "there is nobody to ask: add --yes"),
        (("people", "drop-crops", "Nobody", "--yes"), 1, "there is no person 'Nobody'"),
    ],
)
def test_what_cannot_be_done_is_said(home: Terminal, words: tuple[str, ...], code: int, said: str) -> None:
    """In one sentence, with the exit code of its kind, and nothing is changed."""
    Path("empty").write_text("")
    Path("short").write_text("short")

    outcome = home.run(*words)

    assert (outcome.code, outcome.out) == (code, "")
    assert said in " ".join(outcome.err.replace("│", " ").split())
    assert names(home) == {"Eileen": True, "Grace": True}


def test_two_names_of_one_person_become_one(home: Terminal) -> None:
    """The faces move, and the gallery is trained with them."""
    enroll(home, "Admiral", GRACE, 1)

    outcome = home.run("people", "merge", "Admiral", "Grace", "--yes")

    assert outcome.out == "Admiral is now part of Grace: 3 faces\n"
    assert names(home) == {"Eileen": True, "Grace": True}


def test_people_move_to_another_machine(home: Terminal) -> None:
    """They are recognized there by the same faces; what is there already is not doubled."""
    sent = home.run("people", "export", "file", "grace", *SECRET)
    live_in(home, "other")
    first = home.run("people", "import", "file", *SECRET)
    again = home.run("people", "import", "file", *SECRET, "--json")
    Image.fromarray(pose(GRACE, 7)).save("probe.png")

    assert sent.out == "file: 1 person with 2 faces\n"
    assert first.out.splitlines()[:2] == ["imported  Grace: 2 new faces", "trained: 1 person, 2 faces, gallery 1"]
    told = json.loads(again.out)
    assert (told["people"][0]["name"], told["people"][0]["faces"], told["training"]) == ("Grace", 0, None)
    assert "Grace" in home.run("identify", "probe.png").out


def test_faces_for_which_there_is_no_room_are_told(home: Terminal) -> None:
    """A file of another machine may bring more than are kept of one person."""
    home.run("people", "export", "file", "grace", *SECRET)
    home.run("people", "forget", "Grace", "--yes")
    home.monkeypatch.setattr(moving, "MOST_FACES", 1)
    home.monkeypatch.setattr(models, "MOST_FACES", 1)

    outcome = home.run("people", "import", "file", "--erased", *SECRET)

    assert "imported  Grace: 1 new face, 1 left out: 1 are the most for one person" in outcome.out


def test_a_name_that_is_taken_is_told_with_the_way_out(home: Terminal) -> None:
    """Somebody else of that name, and the same person under another name."""
    home.run("people", "export", "file", *SECRET)
    live_in(home, "other")
    Path("Grace").rename("away")
    enroll(home, "Grace", GRACE, 1)
    first = home.run("people", "import", "file", *SECRET)
    home.run("people", "rename", "Eileen", "Collins")
    second = home.run("people", "import", "file", *SECRET)

    assert "imported  Grace (2): 2 new faces; another Grace is here" in first.out
    assert "usense people merge 'Grace (2)' 'Grace'" in first.out
    assert "imported  Eileen, who is called Collins here: 0 new faces" in second.out


def test_who_was_erased_is_imported_only_on_demand(home: Terminal) -> None:
    """An older export does not bring back who was erased."""
    home.run("people", "export", "file", *SECRET)
    home.run("people", "forget", "Grace", "--yes")

    kept_out = home.run("people", "import", "file", *SECRET)
    taken_in = home.run("people", "import", "file", *SECRET, "--erased")

    assert "left out  Grace: was erased here; --erased takes them in" in kept_out.out
    assert "imported  Grace: 2 new faces" in taken_in.out


def test_kept_pictures_can_be_erased(home: Terminal) -> None:
    """People stay recognized; an export says what that means."""
    one = home.run("people", "drop-crops", "Grace", "--yes")
    rest = home.run("people", "drop-crops", "--yes")
    sent = home.run("people", "export", "file", *SECRET)

    assert one.out == "2 kept pictures erased; backups made before still hold them\n"
    assert rest.out.startswith("2 kept pictures erased")
    assert "some faces have no kept picture" in sent.out
    assert names(home) == {"Eileen": True, "Grace": True}


def test_no_picture_is_kept_if_the_settings_say_so(home: Terminal) -> None:
    """`gallery.keep_crops: false` counts from the next face on."""
    home.monkeypatch.setenv("USENSE_GALLERY__KEEP_CROPS", "false")
    enroll(home, "Third", EILEEN, 1)

    assert home.run("people", "drop-crops", "Third", "--yes").out.startswith("0 kept pictures")
    assert home.run("people", "drop-crops", "--yes").out.startswith("4 kept pictures")


def test_a_damaged_database_is_restored_over(home: Terminal) -> None:
    """Other commands say what to do, and restoring does it."""
    home.run("backup", "file", *SECRET)
    Path("data/usense.sqlite3").write_bytes(b"this is no database" * 999)

    listed = home.run("people", "list")
    back = home.run("restore", "file", *SECRET, "--yes")

    assert listed.code == 1
    assert "`usense run` and `usense restore FILE` move it aside" in listed.err
    assert "2 persons: Eileen, Grace" in back.out
    assert names(home) == {"Eileen": True, "Grace": True}
    assert len(list(Path("data").glob("damaged-*"))) == 1


def test_who_must_be_enrolled_again_is_listed(home: Terminal) -> None:
    """After a change of the embedder, for those without kept pictures."""
    from tests.support.nets import looks  # noqa: PLC0415 - onnx is heavy

    Path("looks.onnx").write_bytes(looks())
    home.run("people", "drop-crops", "Grace", "--yes")
    home.monkeypatch.setenv("USENSE_RECOGNIZER__EMBEDDER", '{"kind": "onnx", "path": "looks.onnx"}')
    home.run("train")

    lines = home.run("people", "list").out.splitlines()

    assert [line.endswith("must be enrolled again") for line in lines] == [False, True]
    assert names(home) == {"Eileen": True, "Grace": False}
