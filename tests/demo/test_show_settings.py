"""The settings of the demo's service."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from uSense.demo import show
from uSense.demo.pages import Pages
from uSense.demo.portraits import EILEEN, GRACE, Portrait
from uSense.demo.scene import PERIOD, VISITS


@pytest.mark.parametrize("pace", [1.0, 0.25])
@pytest.mark.parametrize("who", [GRACE, EILEEN])
def test_who_is_forgotten_becomes_a_visitor(tmp_path: Path, who: Portrait, pace: float) -> None:
    """Whoever is unknown is away long enough, at least once a round of the scene, to come as another visit."""
    file = show._write_settings(tmp_path, 1883, {}, Pages(8080, "word"), pace)

    apart = yaml.safe_load(file.read_text())["visitors"]["apart"]

    stays = [visit for visit in VISITS if visit.who is who]
    returns = [*(visit.enters for visit in stays[1:]), PERIOD + stays[0].enters]
    assert apart < max(back - visit.leaves for visit, back in zip(stays, returns, strict=True)) / pace
