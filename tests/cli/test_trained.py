"""What a training tells people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.support.portraits import EILEEN, GRACE, pose
from tests.support.terminal import Terminal
from uSense.cli.trained import report_lines
from uSense.core.models import Check, ConfusablePair, Training, WeakFace

CHECK = Check(9, True, 9, 9, 0, 0, "keep", 0.5, "the threshold of 0.50 suits these people")
REPORT = Training("succeeded", 4, 3, 9, check=CHECK)


def lines(report: Training, photos: dict[str, str] | None = None) -> list[str]:
    """What is told."""
    return list(report_lines(report, 0.5, photos or {}))


def test_a_good_gallery_is_told_in_two_lines() -> None:
    """No advice where there is nothing to mend."""
    pairs = (ConfusablePair("Anna", "Bert", 0.44),)

    assert lines(replace(REPORT, confusable=pairs)) == [
        "trained: 3 persons, 9 faces, gallery 4",
        "  checked by leaving out each face once: 9 of 9 get the right name",
    ]


def test_what_to_mend_is_told() -> None:
    """Photos by their path where it is known, pairs near the threshold, and the advice."""
    check = replace(
        CHECK, right=7, wrong=1, complete=False, advice="raise", text="raise the threshold from 0.50 to 0.56"
    )
    weak = tuple(WeakFace("Anna", f"f{number}", 0.2) for number in range(5))
    report = replace(REPORT, check=check, weak=weak, confusable=(ConfusablePair("Anna", "Bert", 0.47),))

    assert lines(report, {"f0": "anna/1.jpg"})[1:] == [
        "  checked by leaving out each face once (a random sample): 7 of 9 get the right name, 1 another person's",
        "  advice for recognizer.rules.threshold: raise the threshold from 0.50 to 0.56",
        "  one photo of Anna does not look like the others: anna/1.jpg (score 0.20)",
        "  one photo of Anna does not look like the others: face f1 (score 0.20)",
        "  one photo of Anna does not look like the others: face f2 (score 0.20)",
        "  nor do 2 more of Anna: is everybody on the photos Anna?",
        "  hard to tell apart: Anna and Bert (score 0.47); add more different photos of both",
    ]


def test_without_a_check_nothing_is_claimed() -> None:
    """Reports of earlier versions have none, and single faces cannot be checked."""
    assert lines(replace(REPORT, check=None)) == ["trained: 3 persons, 9 faces, gallery 4"]
    assert lines(replace(REPORT, check=replace(CHECK, known=0))) == ["trained: 3 persons, 9 faces, gallery 4"]


def test_enrolling_names_the_photo_that_does_not_fit(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its path, so that it can be looked at."""
    monkeypatch.setenv("USENSE_DATA_DIR", str(tmp_path / "data"))
    for number in range(3):
        Image.fromarray(pose(GRACE, number)).save(f"{number}.png")
    Image.fromarray(pose(EILEEN, 0)).save("odd.png")

    enrolled = terminal.run("enroll", "Grace", "0.png", "1.png", "2.png", "odd.png")

    assert "checked by leaving out each face once: 3 of 4 get the right name" in enrolled.out
    assert "one photo of Grace does not look like the others: odd.png (score 0." in enrolled.out
