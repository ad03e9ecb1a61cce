from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from uSense.demo import scene
from uSense.demo.portraits import EILEEN, GRACE
from uSense.demo.scene import PERIOD, VISITS, WALK, Scene

MIN_FACE = 100


@pytest.fixture(scope="module")
def built() -> Scene:
    """The scene."""
    return Scene.build()


@pytest.mark.parametrize("t", [-1.0, 0.0, 3.0, 9.5, 20.0])
def test_deterministic(built: Scene, t: float) -> None:
    """A moment of the scene always gives the same picture, also from a scene built anew."""
    picture = built.render(t)
    assert picture.shape == (480, 640, 3)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, built.render(t))
    assert np.array_equal(picture, Scene.build().render(t))


def test_empty_before_the_beginning(built: Scene) -> None:
    """Before second 0 nothing but the noise changes."""
    early, late = built.render(-50.0).astype(int), built.render(-0.5).astype(int)
    assert not np.array_equal(early, late)
    assert abs(early - late).mean() < 10
    assert abs(built.render(2.5).astype(int) - late).mean() > 20


def test_lively(built: Scene) -> None:
    """People move, their faces change in size, and the light on the wall changes."""
    seconds = [2.0, 2.5, 3.0, 3.5, 4.0]
    poses = [scene.pose(VISITS[0], second) for second in seconds]
    assert all(a and b and abs(a.x - b.x) > 1 and abs(a.height - b.height) > 0.5 for a, b in pairwise(poses))
    corners = [built.render(second)[5:40, 5:30].mean() for second in np.arange(0, PERIOD, 2.0)]
    assert max(corners) - min(corners) > 20


@pytest.mark.parametrize("visit", VISITS, ids=lambda visit: f"{visit.who.package}-{visit.enters:.0f}")
def test_visit(visit: scene.Visit) -> None:
    """Everybody comes from outside the picture, stands in it with a large face, and goes outside again."""
    before, after = scene.pose(visit, visit.enters + 0.01), scene.pose(visit, visit.leaves - 0.01)
    assert before is not None
    assert after is not None
    assert not -100 < before.x < 740
    assert not -100 < after.x < 740
    assert scene.pose(visit, visit.enters) is scene.pose(visit, visit.leaves) is None
    for now in np.arange(visit.enters + WALK, visit.leaves - WALK, 0.1):
        at = scene.pose(visit, float(now))
        assert at is not None
        assert at.height >= MIN_FACE
        assert at.height / 2 < at.x < 640 - at.height / 2
        assert at.height / 2 < at.y < 480 - at.height / 2


def test_plot_fits_twenty_seconds() -> None:
    """Within 20 s the known person stands there alone, then the stranger twice: before and after her enrollment."""
    stays = sorted((visit.enters + WALK, visit.who.name) for visit in VISITS if visit.enters + WALK < 17)
    assert [name for _, name in stays] == [GRACE.name, EILEEN.name, EILEEN.name]
    assert VISITS[0].leaves < VISITS[1].enters
    assert max(visit.leaves for visit in VISITS) < PERIOD
