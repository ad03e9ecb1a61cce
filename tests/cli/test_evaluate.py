"""`usense evaluate`: the figures of a folder of people, for people, for programs, and as a page."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import accuracy, photos
from tests.support.needs import SHARED, folder
from tests.support.portraits import EILEEN, GRACE, pose, side_by_side
from tests.support.terminal import Terminal
from uSense.cli.evaluation import plots
from uSense.core.evaluation import Tally
from uSense.core.models import Rgb
from uSense.recognizers.local import LocalSettings

KEYS = {
    "schema": (),
    "folder": (),
    "detector": (),
    "model": (),
    "rules": ("threshold", "margin", "clear", "doubt", "strangers", "min_size", "min_value"),
    "protocol": ("enrolled", "splits", "seed"),
    "people": (),
    "strangers": (),
    "photos": ("usable", "problems"),
    "identification": ("looks", "right", "wrong", "missed", "misses"),
    "unknown": ("looks", "named"),
    "verification": ("threshold", "same", "other", "fnmr", "fmr", "equal_error"),
    "advice": ("kind", "threshold", "text"),
    "per_person": (),
    "confusable": (),
    "weak_photos": (),
    "curve": (),
    "histogram": ("from", "step", "same", "other"),
    "problems": (),
    "left_out": (),
}
"""What programs may rely on; docs/evaluation.md says what it is."""


@pytest.fixture(autouse=True)
def people(tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people with three photos each, a data folder of its own, and nothing enrolled."""
    monkeypatch.setenv("USENSE_DATA_DIR", str(tmp_path / "data"))
    save("people/Grace", GRACE, 3)
    save("people/Eileen", EILEEN, 3)


def save(place: str, photo: Rgb, count: int) -> None:
    """Some poses of a person as files in the working folder."""
    Path(place).mkdir(parents=True)
    for number in range(count):
        Image.fromarray(pose(photo, number)).save(f"{place}/{number}.png")


def test_one_person_alone_proves_little(terminal: Terminal) -> None:
    """That nobody was mistaken for another is said to mean nothing."""
    save("alone/Grace", GRACE, 3)
    outcome = terminal.run("evaluate", "alone", "--splits", "2")

    assert outcome.out.splitlines()[1:3] == [
        "1 person, 3 usable photos",
        "beware: where there is one person, nobody can be taken for another; add photos of others",
    ]


def test_people_who_are_told_apart_are_told_so(terminal: Terminal) -> None:
    """Text with figures, per-person lines and an advice; nobody is enrolled by it."""
    outcome = terminal.run("evaluate", "people", "--splits", "5")

    assert outcome.code == 0
    assert "2 people, 6 usable photos" in outcome.out
    assert re.search(r"^right name +100\.00%.* of 10 looks at enrolled people$", outcome.out, re.MULTILINE)
    assert re.search(r"^stranger named +0\.00%.* of 10 looks", outcome.out, re.MULTILINE)
    assert re.search(r"^Grace +3 +100\.0%", outcome.out, re.MULTILINE)
    assert "most alike: Eileen and Grace, score 0." in outcome.out
    assert outcome.out.rstrip().splitlines()[-1].startswith("advice: the threshold of 0.50 suits these people")
    assert terminal.run("people", "list", "--json").out == "[]\n"


def test_programs_get_every_figure(terminal: Terminal) -> None:
    """One JSON value with stable names, and nothing else on stdout."""
    found = json.loads(terminal.run("evaluate", "people", "--json", "--splits", "2", "--enroll", "1").out)

    assert {key: tuple(found[key]) if names else () for key, names in KEYS.items()} == KEYS
    assert list(found) == list(KEYS)
    assert (found["schema"], found["people"], found["protocol"]) == (1, 2, {"enrolled": 1, "splits": 2, "seed": 2026})
    assert found["identification"]["right"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert found["per_person"][0] == {
        "name": "Eileen",
        "photos": 3,
        "looks": 4,
        "right": 4,
        "wrong": 0,
        "missed": 0,
        "unknown_looks": 4,
        "named": 0,
    }
    assert sum(found["histogram"]["same"]) == found["verification"]["same"] == 8
    assert set(found["curve"][0]) == {"threshold", "fmr", "fnmr", "right", "wrong", "strangers_named"}


def test_problems_are_counted_and_the_rest_goes_on(terminal: Terminal) -> None:
    """No picture, no face, several faces; single photos and other folders count as strangers."""
    Path("people/Grace/text.jpg").write_text("this is no picture")
    Image.new("RGB", (300, 300), "white").save("people/Grace/wall.png")
    Image.fromarray(side_by_side(pose(GRACE, 5), pose(EILEEN, 5))).save("people/Grace/pair.png")
    Path("people/Grace/raw.heic").write_bytes(b"x")
    save("people/Once", EILEEN, 1)
    save("others/Twice", EILEEN, 2)
    Image.fromarray(pose(EILEEN, 6)).save("others/alone.png")

    outcome = terminal.run("evaluate", "people", "--strangers", "others", "--splits", "2")
    found = json.loads(terminal.run("evaluate", "people", "--strangers", "others", "--splits", "2", "--json").out)

    assert "people/Grace/text.jpg: not a picture" in outcome.out
    assert "people/Grace/wall.png: no face was found" in outcome.out
    assert "3 photos with a problem: 1 many_faces, 1 no_face, 1 not_an_image" in outcome.out
    assert "1 .heic left out" in outcome.out
    assert "2 people and 3 strangers" in outcome.out
    assert (found["people"], found["strangers"], found["photos"]) == (2, 3, {"usable": 11, "problems": 3})
    assert [problem["code"] for problem in found["problems"]] == ["many_faces", "not_an_image", "no_face"]
    assert found["unknown"]["named"]["value"] > 0.3


def test_nobody_to_enroll_is_a_failure(terminal: Terminal) -> None:
    """One usable photo a person is not enough, and the reason is told."""
    for number in (1, 2):
        Path(f"people/Grace/{number}.png").unlink()
    shutil.rmtree("people/Eileen")

    outcome = terminal.run("evaluate", "people")

    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "nobody in people has 2 usable photos, one to enroll and one to ask about\n"


@pytest.mark.parametrize("bad", ["size", "alone"])
def test_little_to_compare_is_no_bug(terminal: Terminal, bad: str) -> None:
    """Faces that are all too small, or a single person: there are fewer figures, and a page all the same."""
    if bad == "size":
        terminal.monkeypatch.setenv("USENSE_QUALITY__MIN_SIZE", "4000")
    else:
        shutil.rmtree("people/Eileen")

    outcome = terminal.run("evaluate", "people", "--html", "page.html", "--plots", "plots", "--splits", "1")

    assert (outcome.code, outcome.err) == (0, "")
    assert "advice: there are too few photos to judge the threshold by" in outcome.out
    assert ("too_small" in outcome.out) == (bad == "size")
    assert "How well are people recognized?" in Path("page.html").read_text("utf-8")


def test_the_page_holds_everything(terminal: Terminal) -> None:
    """One file without links to others; names cannot break it."""
    Path("people/Eileen").rename("people/<b>Eileen & co")

    outcome = terminal.run("evaluate", "people", "--html", "page.html", "--plots", "plots", "--splits", "2")

    page = Path("page.html").read_text("utf-8")
    assert outcome.out.endswith(
        "wrote page.html\nwrote plots/scores.png\nwrote plots/det.png\nwrote plots/thresholds.png\n"
    )
    assert "&lt;b&gt;Eileen &amp; co" in page
    assert "<b>Eileen" not in page
    assert "$" not in page
    assert not re.search(r"""(src|href|srcset)=["'](?!data:)""", page)
    assert page.count("data:image/png;base64,") == 6
    for name in plots.NAMES:
        with Image.open(f"plots/{name}.png") as picture:
            assert np.asarray(picture.convert("L")).std() > 5


def test_what_cannot_be_written_does_not_cost_the_figures(terminal: Terminal) -> None:
    """They are told first; then the error names the file, exit code 1."""
    Path("plots").mkdir()
    Path("plots/scores.png").mkdir()

    outcome = terminal.run("evaluate", "people", "--plots", "plots", "--splits", "1")

    assert outcome.code == 1
    assert "advice: " in outcome.out
    assert outcome.err == "plots/scores.png: cannot be written: Is a directory\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["evaluate", "nowhere"], "nowhere is not a folder"),
        (["evaluate", "people", "--strangers", "nowhere"], "nowhere is not a folder"),
        (["evaluate", "people", "--html", "people"], "people is not a file in an existing folder"),
        (["evaluate", "people", "--html", "none/page.html"], "none/page.html is not a file in an existing folder"),
        (["evaluate", "people", "--plots", "people/Grace/0.png"], "people/Grace/0.png is not a folder"),
        (["evaluate", "people", "--splits", "0"], "Invalid value for '--splits'"),
    ],
)
def test_wrong_usage_is_told_before_any_work(terminal: Terminal, words: list[str], told: str) -> None:
    """Exit code 2 and a sentence."""
    outcome = terminal.run(*words)

    assert (outcome.code, outcome.out) == (2, "")
    assert told in " ".join(outcome.err.replace("│", " ").split())


def test_without_matplotlib_only_pictures_are_missing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence says what to install; text and JSON work."""
    find = importlib.util.find_spec
    monkeypatch.setattr(plots, "find_spec", lambda name: None if name == "matplotlib" else find(name))

    refused = terminal.run("evaluate", "people", "--html", "page.html")
    text = terminal.run("evaluate", "people", "--splits", "1")

    assert refused.code == 2
    assert "pip install 'uSense[evaluate]'" in " ".join(refused.err.replace("│", " ").split())
    assert text.code == 0


@pytest.mark.slow
def test_the_figures_are_those_of_the_accuracy_benchmark(terminal: Terminal) -> None:
    """The same photos, splits and rules give the same numbers to the last digit."""
    place = folder(SHARED / "faces" / "lfw10")

    found = json.loads(terminal.run("evaluate", str(place), "--json").out)
    tally = asyncio.run(benchmark())

    assert (found["people"], found["identification"]["looks"]) == (10, tally.probes.total())
    assert found["identification"]["misses"] == dict(tally.misses)
    for ours, theirs in (
        (found["identification"]["right"], tally.rate(tally.right, tally.probes)),
        (found["identification"]["wrong"], tally.rate(tally.wrong, tally.probes)),
        (found["unknown"]["named"], tally.rate(tally.named, tally.strangers)),
    ):
        assert list(ours.values()) == [round(value, 5) for value in accuracy.interval(theirs)]


async def benchmark() -> Tally:
    """What benchmarks/accuracy.py counts on the clean photos of lfw10."""
    people = {person: files for person, files in photos.persons().items() if files[0].startswith("lfw10")}
    embedder = await asyncio.to_thread(LocalSettings().embedder.load)
    clean = accuracy.Seen()
    async with accuracy.DETECTORS["hog"].open("hog") as detector:
        for file in [file for files in people.values() for file in files]:
            pixels = await asyncio.to_thread(photos.read, file)
            clean.looks[file] = await accuracy.looked(detector, embedder, pixels, file)
    return accuracy.identify(people, {"clean": clean}, embedder.metric)["clean"]
