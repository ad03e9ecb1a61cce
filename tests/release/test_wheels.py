"""Whether a Pi can install uSense without a compiler."""

from __future__ import annotations

from dataclasses import replace

import pytest

from release import wheels
from release.pins import PYTHONS, pins

pytestmark = pytest.mark.proof


@pytest.mark.parametrize("python", PYTHONS)
def test_every_package_has_a_wheel(python: str) -> None:
    """What a Pi needs is pinned in wheels for 64-bit ARM or of pure Python, but for what is known to be built."""
    assert wheels.lacking(wheels.wanted(), python) == []


@pytest.mark.parametrize("name", wheels.BUILT)
def test_what_is_built_has_no_wheel(name: str) -> None:
    """The check finds a package without a wheel, and none stays in the list that has got one."""
    (said,) = wheels.lacking([pin for pin in pins("image") if pin.name == name], PYTHONS[-1])
    assert f"{name}==" in said
    assert "no usable wheels" in said


def test_files_that_are_not_pinned_do_not_count() -> None:
    """A wheel that is there, but was not when the requirements were pinned, could not be installed."""
    (pin,) = (pin for pin in pins("run") if pin.name == "pyyaml")
    told = wheels.lacking([replace(pin, hashes=("0" * 64,))], PYTHONS[0])
    assert told == [f"pyyaml {pin.version}: none of its fitting wheels is among the pinned files"]
