"""What a release consists of, as CycloneDX: python -m release.sbom. The same requirements give the same bytes."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from hatchling.builders.utils import get_reproducible_timestamp

import uSense
from release.licenses import Package, extra, packages, requires
from release.pins import Pin


def document() -> dict[str, Any]:
    """What the service needs, and as optional what the extra `pi` adds: versions, licenses, hashes, and who needs whom.

    A package in two versions is there twice: the property `usense:marker` tells for which Pythons each is. What the
    packages of the extra need is not told: they are not installed where releases are made.
    """
    required, optional = packages(), extra()
    refs = {package.name: [_ref(pin) for pin in package.pins] for package in (*required, *optional)}
    root = f"pkg:pypi/usense@{uSense.__version__}"
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(get_reproducible_timestamp(), UTC).isoformat(),
            "component": _component(root, "application", uSense.__name__, uSense.__version__, "MIT"),
        },
        "components": [*_components(required, "required"), *_components(optional, "optional")],
        "dependencies": [
            {
                "ref": root,
                "dependsOn": sorted(ref for name in requires(uSense.__name__) & refs.keys() for ref in refs[name]),
            },
            *(
                {
                    "ref": ref,
                    "dependsOn": sorted(one for need in requires(package.name) & refs.keys() for one in refs[need]),
                }
                for package in required
                for ref in refs[package.name]
            ),
        ],
    }
    bill["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bill, sort_keys=True))}"
    return bill


def text() -> str:
    """The document as it is written."""
    return json.dumps(document(), indent=1, sort_keys=True) + "\n"


def _components(of: tuple[Package, ...], scope: str) -> Iterator[dict[str, Any]]:
    for package in of:
        for pin in package.pins:
            component = _component(_ref(pin), "library", package.name, pin.version, package.license)
            component["scope"] = scope
            # The files of all platforms: an installed one is one of them.
            component["externalReferences"] = [
                {
                    "type": "distribution",
                    "url": _ref(pin),
                    "hashes": [{"alg": "SHA-256", "content": one} for one in sorted(pin.hashes)],
                }
            ]
            if pin.requirement.marker:
                component["properties"] = [{"name": "usense:marker", "value": str(pin.requirement.marker)}]
            if package.libraries:
                component["components"] = [
                    _component(f"{_ref(pin)}#{library.name}", "library", library.name, "", library.license)
                    for library in package.libraries
                ]
            yield component


def _component(ref: str, kind: str, name: str, version: str, terms: str) -> dict[str, Any]:
    one = {"bom-ref": ref, "type": kind, "name": name, "licenses": [{"expression": terms}]}
    return {**one, "purl": ref, "version": version} if version else one


def _ref(pin: Pin) -> str:
    return f"pkg:pypi/{pin.name}@{pin.version}"


if __name__ == "__main__":
    sys.stdout.write(text())
