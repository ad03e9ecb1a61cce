"""What is installed: pinned, checked, from wherever the machine gets its packages."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import uSense
from release.pins import pins
from tests.support.needs import ROOT

REQUIREMENTS = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
FILES = ("build", "dev", "run", "pi", "image", "browser")


def versions(name: str) -> dict[str, set[str]]:
    """The pinned versions of each package."""
    found: dict[str, set[str]] = {}
    for pin in pins(name):
        found.setdefault(pin.name, set()).add(str(pin.requirement.specifier))
    return found


@pytest.mark.parametrize("name", FILES)
def test_everything_is_pinned_and_hashed(name: str) -> None:
    """Each package has one version for a given machine and at least one hash."""
    for pin in pins(name):
        assert re.fullmatch(r"==[^,*]+", str(pin.requirement.specifier)), pin
        assert pin.hashes, pin


@pytest.mark.parametrize("name", FILES)
def test_no_source_is_named(name: str) -> None:
    """No registry, index or path stands in the pinned requirements: the machine decides where packages come from."""
    text = (REQUIREMENTS / f"{name}.txt").read_text("utf-8")
    assert not re.search(r"://|^-|^\s*--(?!hash=)| @ |#", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("run", PROJECT["project"]["dependencies"]),
        (
            "dev",
            [
                *PROJECT["project"]["dependencies"],
                *PROJECT["project"]["optional-dependencies"]["demo"],
                *PROJECT["project"]["optional-dependencies"]["evaluate"],
                *PROJECT["dependency-groups"]["dev"],
            ],
        ),
        (
            "pi",
            [
                *PROJECT["project"]["dependencies"],
                *PROJECT["project"]["optional-dependencies"]["pi"],
                *PROJECT["dependency-groups"]["lab"],
            ],
        ),
        ("image", [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["pi"]]),
        ("build", [*PROJECT["dependency-groups"]["build"], *PROJECT["build-system"]["requires"]]),
    ],
)
def test_pins_fit_the_project(name: str, wanted: list[str]) -> None:
    """Every dependency of pyproject.toml is pinned to a version it allows; if not, run `make requirements`."""
    pinned = versions(name)
    for requirement in map(Requirement, wanted):
        found = pinned[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version.removeprefix("==")) for version in found), requirement


def test_run_is_what_was_tested() -> None:
    """What runs has the versions that the tests ran with."""
    tested = versions("dev")
    assert all(tested[name] == found for name, found in versions("run").items())


def test_version_is_told_once() -> None:
    """The package's version is that of the module, and it has a place in the changelog."""
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", uSense.__version__)
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_old_python_is_told_plainly(tmp_path: Path) -> None:
    """Where Python is too old the reader is told what is needed and how to name another."""
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.18" && exit 0\nexit 1\n', "utf-8")
    old.chmod(0o755)
    done = subprocess.run(
        [REQUIREMENTS / "install", tmp_path / "venv"],
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(old)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "uSense needs Python 3.11 or newer (Python 3.9.18). "
        "Install one and name it: make PYTHON=/path/to/python3.11 ...\n"
    )
    assert not (tmp_path / "venv").exists()
