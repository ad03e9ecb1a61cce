from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from uSense import imaging
from uSense.demo import portraits
from uSense.demo.errors import DemoError
from uSense.demo.portraits import EILEEN, GRACE, Portrait


@pytest.mark.parametrize("portrait", [GRACE, EILEEN], ids=["grace", "eileen"])
def test_photo(portrait: Portrait) -> None:
    """The photo has the size for which face and outline were measured."""
    photo = portraits.photo(portrait)
    points = [tuple(map(int, point.split(","))) for point in portrait.outline.split()]
    assert photo.mode == "RGB"
    assert max(x for x, _ in points) <= photo.width
    assert photo.height - 1 <= max(y for _, y in points) <= photo.height


def test_packages_stay_unimported() -> None:
    """The photos are found without importing the heavy packages they lie in."""
    code = (
        "import sys; from uSense.demo import portraits as p; p.photo(p.GRACE); p.photo(p.EILEEN);"
        "sys.exit(bool({'skimage', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("missing", [replace(EILEEN, package="no_such"), replace(EILEEN, file="no_such.png")])
def test_missing(missing: Portrait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing photo is reported with the command that installs it."""
    monkeypatch.setattr(portraits, "PHOTOS", tmp_path)
    with pytest.raises(DemoError, match=r"Eileen Collins is missing.*pip install 'uSense\[demo\]'"):
        portraits.locate(missing)


def test_a_release_brings_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The photo beside the code is taken, whatever packages are installed."""
    monkeypatch.setattr(portraits, "PHOTOS", tmp_path)
    (tmp_path / "astronaut.png").touch()
    assert portraits.locate(replace(EILEEN, package="no_such")) == tmp_path / "astronaut.png"
    assert portraits.locate(GRACE).parent != tmp_path


def test_pictures_differ() -> None:
    """Everybody is enrolled from three or more pictures of which no two are alike."""
    pictures = [imaging.decode(data, "picture") for data in portraits.pictures(GRACE)]
    assert len(pictures) >= 3
    for index, picture in enumerate(pictures):
        for other in pictures[:index]:
            assert abs(picture.astype(float) - other).mean() > 5
