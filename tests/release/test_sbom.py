"""The bill of materials."""

from __future__ import annotations

import json
import re

import pytest
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation import make_schemabased_validator

import uSense
from release import sbom
from release.pins import PYTHONS, pins


def test_it_is_valid() -> None:
    """The schema of CycloneDX 1.6, read strictly, has nothing to say."""
    validator = make_schemabased_validator(OutputFormat.JSON, SchemaVersion.V1_6)
    assert validator.validate_str(sbom.text()) is None


def test_it_names_what_is_pinned() -> None:
    """Every package that the service needs on Linux is there in its versions, with hashes and license."""
    bill = sbom.document()
    required = [one for one in bill["components"] if one["scope"] == "required"]
    assert {(one["name"], one["version"]) for one in required} == {
        (pin.name, pin.version) for pin in pins("run") if any(map(pin.on_linux, PYTHONS))
    }
    assert all(one["licenses"][0]["expression"] for one in bill["components"])
    assert all(one["externalReferences"][0]["hashes"] for one in bill["components"])
    assert "picamera2" in {one["name"] for one in bill["components"] if one["scope"] == "optional"}
    assert bill["metadata"]["component"]["version"] == uSense.__version__


def test_it_tells_who_needs_whom() -> None:
    """The needs of uSense and of its packages lead to components, in all their versions."""
    bill = sbom.document()
    needs = {one["ref"].split("@")[0]: one["dependsOn"] for one in bill["dependencies"]}
    assert len([one for one in needs["pkg:pypi/usense"] if one.startswith("pkg:pypi/numpy@")]) == 2
    assert any(one.startswith("pkg:pypi/yarl@") for one in needs["pkg:pypi/aiohttp"])
    known = {one["bom-ref"] for one in bill["components"]}
    assert {one for ones in needs.values() for one in ones} <= known


def test_it_is_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same requirements at the same time of the source give the same bytes, which name no place of packages."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    text = sbom.text()
    assert text == sbom.text()
    assert set(re.findall(r"\w+://[^/\"]*", text)) == {"http://cyclonedx.org"}
    assert json.loads(text)["metadata"]["timestamp"] == "2027-01-15T08:00:00+00:00"
