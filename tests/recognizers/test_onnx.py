"""A net of the user's own: what goes in, what comes out, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.recognizers.probes import eileen, grace
from tests.support.nets import net
from uSense.core.errors import ModelError
from uSense.core.matching import Metric
from uSense.core.models import Landmarks
from uSense.recognizers.embedders.onnx import TEMPLATE, THREE_POINTS, OnnxSettings

MEANS = net((None, 3, 112, 112))
"""A net that tells the mean of each color."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of that net."""
    path = tmp_path / "net.onnx"
    path.write_bytes(MEANS)
    return path


def settings(path: Path, **options: Any) -> OnnxSettings:
    """Settings of kind onnx."""
    return OnnxSettings.model_validate({"kind": "onnx", "path": path, **options})


@pytest.mark.parametrize(
    "shape", [(None, 3, 112, 112), (1, 3, 112, 112), (None, 3, None, None), (None, 112, 112, 3), (1, None, None, 3)]
)
def test_all_layouts_give_the_same(tmp_path: Path, path: Path, shape: tuple[int | None, ...]) -> None:
    """Channels first or last, one face at a time or many."""
    other = tmp_path / "other.onnx"
    other.write_bytes(net(shape, (2, 3) if shape[1] == 3 else (1, 2)))
    expected = settings(path).load().embed([grace(), eileen()])

    assert settings(other).load().embed([grace(), eileen()]) == pytest.approx(expected, abs=1e-4)


def test_colors_are_scaled_as_told(path: Path) -> None:
    """Mean, spread and order of the channels."""
    raw = settings(path, metric="euclidean", mean=0.0, std=1.0).load().embed([grace()])
    scaled = settings(path, metric="euclidean", mean=100.0, std=50.0).load().embed([grace()])
    swapped = settings(path, metric="euclidean", mean=0.0, std=1.0, channels="bgr").load().embed([grace()])

    assert scaled == pytest.approx((raw - 100.0) / 50.0, abs=1e-4)
    assert swapped == pytest.approx(raw[:, ::-1], abs=1e-3)
    assert raw.dtype == np.float32


def test_only_the_angle_counts_by_default(path: Path) -> None:
    """Vectors have length one, as ArcFace's are compared."""
    embedder = settings(path).load()

    assert embedder.metric is Metric.COSINE
    assert np.linalg.norm(embedder.embed([grace(), eileen()]), axis=1) == pytest.approx([1.0, 1.0], abs=1e-5)


def test_enrolling_gives_several_vectors(path: Path) -> None:
    """Plain first."""
    embedder = settings(path).load()
    vectors = embedder.enroll(grace())

    assert vectors.shape == (6, 3)
    assert vectors[0] == pytest.approx(embedder.embed([grace()])[0], abs=1e-5)


def test_the_model_is_named_by_everything_that_shapes_its_vectors(tmp_path: Path, path: Path) -> None:
    """Templates of other weights or other colors are never compared with it; threads do not matter."""
    other = tmp_path / "other.onnx"
    other.write_bytes(net((1, 3, 112, 112)))
    names = [
        one.load().model
        for one in (settings(path), settings(path, threads=2), settings(other), settings(path, channels="bgr"))
    ]

    assert names[0] == names[1]
    assert len(set(names)) == 3


def similarity(here: Landmarks, there: Landmarks) -> tuple[complex, complex]:
    """Scale with rotation, and shift, that bring `here` as near to `there` as possible."""
    source, target = here @ (1, 1j), there @ (1, 1j)
    (turn, shift), *_ = np.linalg.lstsq(np.stack((source, np.ones_like(source)), 1), target, rcond=None)
    return complex(turn), complex(shift)


def test_the_template_of_three_points_is_derived() -> None:
    """From dlib's template of its five points, by way of where YuNet's points lie in dlib's chips."""
    corners = np.array(
        (
            (0.8595675, 0.2134982),
            (0.6460605, 0.2289674),
            (0.1205751, 0.2137274),
            (0.3340851, 0.2290642),
            (0.4901123, 0.6277975),
        )
    )
    pixels = (0.25 + corners) / 1.5 * 150
    three = np.stack((pixels[2:4].mean(axis=0), pixels[0:2].mean(axis=0), pixels[4]))
    yunet = np.array(((47.5, 46.4), (101.5, 46.4), (74.5, 77.9), (50.5, 102.1), (98.5, 102.1)))
    turn, shift = similarity(yunet, TEMPLATE)
    expected = three @ (1, 1j) * turn + shift

    found = THREE_POINTS @ (1, 1j)
    assert found == pytest.approx(expected, abs=0.01)


def test_both_ways_of_alignment_agree(path: Path) -> None:
    """The detector's five points or dlib's three lead to nearly the same chip."""
    embedder = settings(path, metric="euclidean", mean=0.0, std=1.0).load()
    aligner = embedder._aligner  # type: ignore[attr-defined] # white box: the chip is what is compared
    place = aligner.fitted(aligner.three(grace()), THREE_POINTS, 112)
    turn, shift = similarity(THREE_POINTS, aligner.three(grace()))
    points = TEMPLATE @ (1, 1j) * turn + shift
    probe = replace(grace(), landmarks=np.stack((points.real, points.imag), 1).astype(np.float32))

    assert place.rect.width() == pytest.approx(embedder._place(probe).rect.width(), rel=0.02)  # type: ignore[attr-defined] # the same
    assert embedder.embed([probe]) == pytest.approx(embedder.embed([grace()]), abs=3)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((None, 3, 160, 160), (2, 3)), ((None, 1, 112, 112), (2, 3)), ((None, 128), (1,)), ((None, 112, 112, 4), (1, 2))],
)
def test_other_nets_are_refused(tmp_path: Path, shape: tuple[int | None, ...], axes: tuple[int, ...]) -> None:
    """The error names the file and what its net takes."""
    path = tmp_path / "wrong.onnx"
    path.write_bytes(net(shape, axes))

    with pytest.raises(ModelError, match=r"wrong\.onnx takes .* not one color picture of 112 x 112"):
        settings(path).load()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """So is one that is no model."""
    with pytest.raises(ModelError, match=r"cannot read the model .*missing\.onnx"):
        settings(tmp_path / "missing.onnx").load()
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(ModelError, match=r"text\.onnx is no ONNX model"):
        settings(tmp_path / "text.onnx").load()


@pytest.mark.parametrize("wrong", [{"std": 0}, {"channels": "gray"}, {"metric": "manhattan"}])
def test_impossible_settings_are_refused(path: Path, wrong: dict[str, object]) -> None:
    """Before anything is loaded."""
    with pytest.raises(ValidationError):
        settings(path, **wrong)
