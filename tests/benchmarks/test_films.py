"""The films that the cameras of the measurements show."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import av
import numpy as np

from benchmarks.measures import films
from uSense.demo.scene import Scene


def test_a_film_has_what_was_put_in(tmp_path: Path) -> None:
    """As many frames as pictures, in their size, at the films' rate, and none that needs a later one."""
    path = tmp_path / "wide.mp4"
    films.write(path, islice(films.wide(Scene.build()), 5))

    with av.open(path) as film:
        stream = film.streams.video[0]
        frames = list(film.decode(stream))
        assert (stream.width, stream.height) == films.WIDE
        assert stream.average_rate == films.FPS
    assert [frame.pts for frame in frames] == sorted(frame.pts or 0 for frame in frames)
    assert len(frames) == 5


def test_nothing_but_noise_moves_in_a_still_film() -> None:
    """Two pictures of a still film differ, but their means over patches hardly do."""
    first, second = (picture.astype(float) for picture in islice(films.still(Scene.build(), person=True), 2))

    assert np.abs(first - second).mean() > 1
    assert np.abs((first - second).reshape(60, 8, 80, 8, 3).mean(axis=(1, 3))).max() < 5


def test_people_come_and_go_in_the_busy_film() -> None:
    """The frames alternate between both people and the empty room."""
    pictures = list(islice(films.busy(Scene.build()), 2 * (films.HERE + films.AWAY)))
    here = [float(np.abs(picture.astype(float) - pictures[films.HERE]).mean()) > 10 for picture in pictures]

    assert here == 2 * [*films.HERE * [True], *films.AWAY * [False]]
