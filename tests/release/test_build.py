"""What `make release` makes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import uv

import uSense
from release import build, contents
from release.pins import PYTHONS, ROOT, pins
from tests.support import needs


def interpreters() -> list[Path]:
    """This Python, and the other supported ones that are installed."""
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    others = [version for version in PYTHONS if version != f"{sys.version_info.major}.{sys.version_info.minor}"]
    found = {version: shutil.which(f"python{version}") for version in others if not kept.is_dir()}
    managed = {version: next(kept.glob(f"{version}.*/bin/python{version}"), None) for version in others}
    return [Path(sys.executable), *(Path(path) for path in {**found, **managed}.values() if path)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A draft of this tree, by the end of the file names."""
    files = build.build(tmp_path_factory.mktemp("dist"))
    return {re.split(r"\d+\.\d+\.\d+", file.name)[-1]: file for file in files}


@pytest.mark.parametrize(
    ("changelog", "ready"),
    [
        ("## [Unreleased]\n\n## [1.2.0] - 2027-01-15\n\n### Added\n\n- X.\n\n## [1.1.0] - 2026-01-15\n", True),
        ("## [1.2.0] - 2027-01-15\n\nFirst.\n", True),
        ("## [Unreleased]\n\n### Added\n\n- X.\n", False),
        ("## [1.2.0]\n\n### Added\n\n- X.\n", False),
        ("## [1.2.0] - soon\n\n### Added\n\n- X.\n", False),
        ("## [1.2.0] - 2027-01-15\n\n## [1.1.0] - 2026-01-15\n\n- Y.\n", False),
        ("## [1.3.0] - 2027-02-15\n\n- Z.\n\n## [1.2.0] - 2027-01-15\n\n- X.\n", False),
        ("", False),
    ],
)
def test_only_what_the_changelog_tells_is_released(changelog: str, *, ready: bool) -> None:
    """The newest version of the changelog has its day, some words, and the number of the module."""
    assert build.released("1.2.0", changelog) is ready


def test_the_version_is_told_once() -> None:
    """No other file repeats the number that stands in uSense/__init__.py, but for the changelog."""
    listed = [file for folder in ("uSense", "docker", "config", "docs") for file in (ROOT / folder).rglob("*.*")]
    texts = {".md", ".py", ".toml", ".yaml", ".json", ".service", ".conf"}
    files = [
        file for file in (*listed, *ROOT.glob("*.*"), ROOT / "docker" / "Dockerfile") if file.suffix in {*texts, ""}
    ]
    told = re.compile(rf"(?<![\w.=]){re.escape(uSense.__version__)}(?![\w.])")
    found = {
        file.relative_to(ROOT).as_posix() for file in files if file.is_file() and told.search(file.read_text("utf-8"))
    }
    assert found - {"CHANGELOG.md"} == {"uSense/__init__.py"}


@pytest.mark.proof
def test_what_is_made(made: dict[str, Path]) -> None:
    """A release is source distribution, wheel, the unit for systemd, the bill of materials and the sums of these."""
    beside = {file.name for file in build.BESIDE}
    assert set(made) == {".tar.gz", "-py3-none-any.whl", ".cdx.json", "SHA256SUMS", *beside}
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=made["SHA256SUMS"].parent, check=True)


@pytest.mark.proof
def test_the_source_distribution_is_the_repository(made: dict[str, Path]) -> None:
    """It has what git has, the portraits and its metadata; so its tests run as in a clone."""
    if not (ROOT / ".git").exists():
        needs.missing("this is no clone")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    with tarfile.open(made[".tar.gz"]) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames() if archive.getmember(name).isfile()}
    assert packed == {*listed.splitlines(), *contents.PORTRAITS, "PKG-INFO"}


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("python", interpreters(), ids=lambda path: path.name)
def test_the_wheel_alone_shows_the_demo(made: dict[str, Path], tmp_path: Path, python: Path) -> None:
    """Installed into an empty environment, with nothing else named, `usense demo` runs and tells a name."""
    tested = tmp_path / "tested.txt"
    tested.write_text("".join(f"{pin.requirement}\n" for pin in pins("run")), "utf-8")
    venv = tmp_path / "venv"
    command = (uv.find_uv_bin(), "pip", "install", "--quiet", "--python", venv)
    subprocess.run([uv.find_uv_bin(), "venv", "--quiet", "--python", python, venv], check=True)
    subprocess.run([*command, made["-py3-none-any.whl"], "--constraint", tested], check=True)

    done = subprocess.run(
        [venv / "bin" / "usense", "demo", "--seconds", "8", "--json", "--broker", "amqtt"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    heard = [json.loads(line) for line in done.stdout.splitlines()]
    assert "Grace Hopper" in {one["payload"]["name"] for one in heard if one["topic"] == "usense/identity"}
