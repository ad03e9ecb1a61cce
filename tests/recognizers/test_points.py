"""The 68 points lie where people see them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from uSense import imaging
from uSense.core.errors import ModelError
from uSense.core.faceapi import landmarks
from uSense.detectors.hog import HogSettings
from uSense.recognizers import points
from uSense.recognizers.points import open_points


async def test_noses_are_where_people_marked_them(faces: Path) -> None:
    """The tip of the nose is within a tenth of the face's width of the label."""
    folder = faces / "compreface"
    labels = json.loads((folder / "labels.json").read_text("utf-8"))["noses"]
    names = [name for name in sorted(labels) if not name.endswith("_A.jpg")]  # those are photos of many megapixels
    far = []
    async with HogSettings(min_face=40).open() as detector, open_points() as predictor:
        for name in names:
            data = next(folder.rglob(name)).read_bytes()
            pixels, size = imaging.decode_measured(data, name)
            picture, factor = imaging.ArrayPicture(pixels), size[0] / pixels.shape[1]
            for face in await detector.detect(picture):
                probe = imaging.probe(picture, face)
                found = await predictor.find(probe)
                scale = face.box.width / probe.box.width
                placed = (found - (probe.box.x0, probe.box.y0)) * scale + (face.box.x0, face.box.y0)
                tip = landmarks.named(np.asarray(placed, np.float32))["noseTip"]
                nearest = min(math.dist((tip["x"] * factor, tip["y"] * factor), nose) for nose in labels[name])
                far.append(nearest / (face.box.width * factor))

    assert len(far) >= 10
    assert max(far) < 0.1, far


async def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A predictor that is not the one that was measured is not used, and one that is missing is named."""
    file = tmp_path / "predictor.dat"
    monkeypatch.setattr(points, "weights", lambda _: file)
    with pytest.raises(ModelError, match=r"cannot read the model .*predictor\.dat"):
        points._checked()
    file.write_bytes(b"x")
    with pytest.raises(ModelError, match="wrong SHA-256"):
        points._checked()
