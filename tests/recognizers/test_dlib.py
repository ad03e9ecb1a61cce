"""dlib's net on onnxruntime against dlib itself, and its weights."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import dlib
import numpy as np
import pytest

from tests.recognizers.probes import eileen, grace, nobody
from uSense.core import matching
from uSense.core.errors import ModelError
from uSense.core.matching import Metric
from uSense.core.models import Box, Rgb
from uSense.recognizers.embedders import chips
from uSense.recognizers.embedders.base import Embedder
from uSense.recognizers.embedders.chips import Aligner, weights
from uSense.recognizers.embedders.dlib import DlibEmbedder, DlibSettings

NET = "dlib_face_recognition_resnet_model_v1.dat"


@pytest.fixture(scope="module")
def original() -> Any:
    """The net as dlib computes it."""
    return dlib.face_recognition_model_v1(str(weights(NET)))


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    """An aligner of its own."""
    return Aligner()


def test_the_numbers_are_those_of_dlib(original: Any, embedder: Embedder) -> None:
    """Faces and noise alike, each value within 1e-5."""
    assert isinstance(embedder, DlibEmbedder)
    noise = [np.random.default_rng(seed).integers(0, 255, (150, 150, 3), np.uint8) for seed in range(3)]
    edges = [np.full((150, 150, 3), value, np.uint8) for value in (0, 255)]
    pictures: list[Rgb] = [*noise, *edges]

    expected = np.array([original.compute_face_descriptor(chip) for chip in pictures])
    assert np.abs(expected - embedder._vectors(pictures)).max() < 1e-5


def test_a_probe_is_embedded_as_dlib_would(original: Any, embedder: Embedder, aligner: Aligner) -> None:
    """From the crop and the box, over landmarks and chip, to the vector."""
    for probe in (grace(1), eileen(2)):
        chip = dlib.get_face_chip(probe.crop, aligner.points(probe), size=150, padding=0.25)
        expected = np.array(original.compute_face_descriptor(chip))

        assert np.abs(expected - embedder.embed([probe])[0]).max() < 1e-5


def test_a_batch_gives_the_same_as_single_faces(embedder: Embedder) -> None:
    """In order, and whatever else is in it."""
    probes = [grace(), eileen(), nobody(), grace(3)]
    batch = embedder.embed(probes)

    assert batch.shape == (4, 128)
    assert batch.dtype == np.float32
    for probe, vector in zip(probes, batch, strict=True):
        assert np.abs(vector - embedder.embed([probe])[0]).max() < 1e-5


def test_the_same_person_is_near_and_others_are_far(embedder: Embedder) -> None:
    """By the threshold that the rules use."""
    one, again, other = embedder.embed([grace(0), grace(5), eileen(0)])

    assert matching.score(one, again, Metric.EUCLIDEAN) > 0.6
    assert matching.score(one, other, Metric.EUCLIDEAN) < 0.4


def test_enrolling_gives_the_plain_vector_first(embedder: Embedder) -> None:
    """Then its mirror image and moved renderings, all a little different, the same every time."""
    vectors = embedder.enroll(grace())

    assert vectors.shape == (6, 128)
    assert np.abs(vectors[0] - embedder.embed([grace()])[0]).max() < 1e-5
    assert np.array_equal(vectors, embedder.enroll(grace()))
    for vector in vectors[1:]:
        assert 0.5 < matching.score(vectors[0], vector, Metric.EUCLIDEAN) < 0.99


def test_a_mirrored_face_is_the_same_person(aligner: Aligner) -> None:
    """The renderings come in pairs that mirror each other."""
    views = aligner.renderings(grace(), aligner.standard(grace(), 150, 0.25))

    assert [view.shape for view in views] == [(150, 150, 3)] * 6
    for plain, mirrored in zip(views[::2], views[1::2], strict=True):
        assert np.array_equal(plain, mirrored[:, ::-1])


def test_tall_boxes_are_squared_for_the_landmarks(aligner: Aligner) -> None:
    """A box as other detectors draw it leads to the same points as dlib's own; a square stays."""
    x0, y0, x1, y1 = chips.squared(grace().box)
    assert (x0, y0, x1, y1) == pytest.approx((grace().box.x0, grace().box.y0, grace().box.x1, grace().box.y1), abs=1)

    box = Box(100, 80, 200, 220)
    x0, y0, x1, y1 = chips.squared(box)
    assert x1 - x0 == pytest.approx(y1 - y0)
    assert (x1 - x0) * (y1 - y0) == pytest.approx(box.area)
    assert (y0 + y1) / 2 > box.center[1]


def test_eyes_and_nose_are_where_they_are(aligner: Aligner) -> None:
    """Right eye, left eye, nose: the person's own right is on the picture's left."""
    right, left, nose = aligner.three(grace()).tolist()

    assert right[0] < nose[0] < left[0]
    assert max(right[1], left[1]) < nose[1]


def test_loading_needs_neither_the_package_nor_the_other_landmarks() -> None:
    """The package of the weights is not imported, and its 68-point file (not free for commerce) is never opened."""
    code = (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None)\n"
        "from uSense.recognizers.embedders.dlib import DlibSettings\n"
        "assert 'onnxruntime' not in sys.modules and 'dlib' not in sys.modules, 'imported too early'\n"
        "DlibSettings().load()\n"
        "assert 'face_recognition_models' not in sys.modules\n"
        "assert 'onnx' not in sys.modules, 'the library stays in memory'\n"
        "assert not [name for name in opened if '68_face' in name]\n"
        "print('fine')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)

    assert (done.stdout, done.stderr) == ("fine\n", "")


def test_wrong_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not what it should be is not parsed."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / NET).write_bytes(b"something else")
    spec = importlib.util.find_spec("face_recognition_models")
    assert spec is not None
    monkeypatch.setattr(spec, "submodule_search_locations", [str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)

    with pytest.raises(ModelError, match=r"resnet_model_v1\.dat is not the file it should be"):
        DlibSettings().load()


def test_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs them."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(ModelError, match="pip install face_recognition_models"):
        DlibSettings().load()


def test_the_weights_are_those_that_were_measured() -> None:
    """The figures in the docs are of these files."""
    assert hashlib.sha256(weights(NET).read_bytes()).hexdigest().startswith("55533b28a95800a5")
