"""The motion gate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.core.models import Gray
from uSense.core.motion import MotionGate, MotionRules

STEP = 0.1
"""Seconds between two pictures: 10 a second."""
NEVER = 1e9
FACE = 10
"""A face of 40 pixels in a picture 640 pixels wide, seen in the small one."""


def room(shape: tuple[int, int] = (120, 160)) -> Gray:
    """A scene with some structure, from dark at the left to bright at the right."""
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    return np.asarray(40 + columns * 150 // shape[1] + (rows // 20 % 2) * 20, np.uint8)


def settled(rules: MotionRules, scene: Gray) -> tuple[MotionGate, float]:
    """A gate that has seen the scene for ten seconds, and the time of the next picture."""
    gate = MotionGate(rules)
    for index in range(100):
        gate.see(scene, index * STEP)
    return gate, 100 * STEP


def noisy(scene: Gray, sigma: float, seed: int) -> Gray:
    """The scene with the noise of a sensor."""
    noise = np.random.default_rng(seed).normal(0.0, sigma, scene.shape)
    return np.asarray(np.clip(scene + noise, 0, 255), np.uint8)


def test_first_picture_is_looked_at() -> None:
    """There is no background to compare the first picture with."""
    assert MotionGate(MotionRules()).see(room(), 0.0)


def test_switched_off_lets_everything_through() -> None:
    """Without the gate every picture is worth a look."""
    gate = MotionGate(MotionRules(enabled=False))
    assert all(gate.see(room(), index * STEP) for index in range(100))


@pytest.mark.parametrize("sigma", [2.0, 5.0, 8.0])
def test_noise_is_no_motion(sigma: float) -> None:
    """The noise of a sensor, even of a poor one at night, does not open the gate."""
    gate = MotionGate(MotionRules(keep_alive=NEVER))
    looks = [gate.see(noisy(room(), sigma, index), index * STEP) for index in range(200)]
    assert looks == [True] + [False] * 199


@given(st.integers(0, 150), st.integers(0, 110), st.integers(26, 60), st.sampled_from([-1, 1]), st.floats(0.0, 3.0))
def test_face_that_appears_is_motion(x: int, y: int, contrast: int, sign: int, sigma: float) -> None:
    """A square of a face's size opens the gate wherever it is, if it differs somewhat from what is behind it."""
    scene = np.full((120, 160), 120, np.uint8)
    gate, now = settled(MotionRules(keep_alive=NEVER), scene)
    scene[y : y + FACE, x : x + FACE] = 120 + sign * contrast
    assert gate.see(noisy(scene, sigma, 1), now)


def test_moving_face_keeps_the_gate_open() -> None:
    """While somebody walks through the picture every picture is looked at."""
    gate, now = settled(MotionRules(keep_alive=NEVER), room())
    looks = []
    for index in range(60):
        scene = room()
        scene[50 : 50 + FACE, 10 + 2 * index : 10 + 2 * index + FACE] = 230
        looks.append(gate.see(scene, now + index * STEP))
    assert all(looks)


@pytest.mark.parametrize("per_second", [-10.0, -1.0, 1.0, 10.0])
def test_gradual_light_is_no_motion(per_second: float) -> None:
    """Clouds and dusk change all of the picture slowly."""
    gate = MotionGate(MotionRules(keep_alive=NEVER))
    start = np.full((120, 160), 128.0) + np.linspace(-30, 30, 160)
    looks = [gate.see(np.asarray(start + per_second * index * STEP, np.uint8), index * STEP) for index in range(80)]
    assert looks == [True] + [False] * 79


@pytest.mark.parametrize("jump", [-25, 25])
def test_exposure_step_is_no_motion(jump: int) -> None:
    """A step of the automatic exposure changes all of the picture by the same amount."""
    gate, now = settled(MotionRules(keep_alive=NEVER), np.full((120, 160), 128, np.uint8))
    assert not gate.see(np.full((120, 160), 128 + jump, np.uint8), now)


@given(st.floats(0.5, 20.0), st.floats(0.01, 1.0))
def test_still_scene_costs_one_look_a_keep_alive(keep_alive: float, step: float) -> None:
    """A still scene is looked at as soon as the keep-alive time has passed, and never earlier."""
    gate, scene, looked = MotionGate(MotionRules(keep_alive=keep_alive)), room((24, 32)), [0.0]
    for index in range(60):
        now = index * step
        if gate.see(scene, now):
            assert index == 0 or now - looked[-1] >= keep_alive
            looked.append(now)
        else:
            assert now - looked[-1] < keep_alive


def test_lingers_after_motion() -> None:
    """After the last motion the gate stays open for the set time, then closes."""
    gate, now = settled(MotionRules(keep_alive=NEVER, linger=0.55, adapt=0.01), room())
    scene = room()
    scene[50:70, 50:70] = 240
    assert gate.see(scene, now)
    assert [gate.see(scene, now + index * STEP) for index in range(1, 10)] == [True] * 5 + [False] * 4


def test_what_came_to_rest_becomes_background() -> None:
    """A chair that was moved opens the gate for some seconds, not for ever."""
    gate, now = settled(MotionRules(keep_alive=NEVER, linger=0.0), room())
    scene = room()
    scene[20:60, 40:80] += 30
    looks = [gate.see(scene, now + index * STEP) for index in range(100)]
    assert looks[0]
    assert not any(looks[50:])


def test_other_size_starts_afresh() -> None:
    """A picture of another size is looked at and becomes the new background."""
    gate, now = settled(MotionRules(keep_alive=NEVER), room())
    assert gate.see(room((90, 160)), now)
    assert not gate.see(room((90, 160)), now + STEP)


@pytest.mark.parametrize("shape", [(1, 1), (3, 160), (120, 5), (90, 160), (7, 7), (160, 90)])
def test_any_size_will_do(shape: tuple[int, int]) -> None:
    """Pictures smaller than a patch and sizes that patches do not divide are compared too."""
    gate, now = settled(MotionRules(keep_alive=NEVER), np.full(shape, 100, np.uint8))
    assert not gate.see(np.full(shape, 100, np.uint8), now)


@pytest.mark.parametrize("wrong", [{"keep_alive": 0.0}, {"change": 0.0}, {"adapt": -1.0}, {"linger": -0.1}])
def test_impossible_rules_are_refused(wrong: dict[str, float]) -> None:
    """Rules that cannot work are refused when they are made."""
    with pytest.raises(ValueError, match="must be above 0"):
        MotionRules(**wrong)  # type: ignore[arg-type]  # the keys are all of fields with floats
