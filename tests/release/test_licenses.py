"""Whose licenses come with uSense."""

from __future__ import annotations

import pytest

from release import licenses, terms
from release.pins import PYTHONS, pins


def test_everything_that_comes_with_usense_may() -> None:
    """Each package of the service and of the Pi's camera, and each library in it, has a known license that fits."""
    assert list(licenses.problems()) == []


def test_the_document_is_up_to_date() -> None:
    """docs/licenses.md names what requirements/ pins; if not, run `make docs`."""
    text = licenses.FILE.read_text("utf-8")
    assert licenses.render(text) == text
    told = {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")}
    assert {pin.name for pin in pins("run") if any(map(pin.on_linux, PYTHONS))} <= told


@pytest.mark.parametrize(
    ("expression", "permissive", "allowed"),
    [
        ("MIT", True, True),
        ("Apache-2.0 AND MIT", True, True),
        ("EPL-2.0 OR BSD-3-Clause", True, True),
        ("FTL OR GPL-2.0-or-later", True, True),
        ("MPL-2.0 AND MIT", False, True),
        ("GPL-2.0-or-later", False, True),
        ("GPL-2.0-only", False, False),
        ("EPL-2.0", False, False),
        ("CC-BY-NC-4.0", False, False),
        ("MIT AND LicenseRef-Proprietary", False, False),
        ("AGPL-3.0-or-later OR GPL-2.0-only AND MIT", False, False),
        ("", False, False),
    ],
)
def test_which_licenses_fit(expression: str, *, permissive: bool, allowed: bool) -> None:
    """Of alternatives one must fit, of what applies together everything; what is not listed does not fit."""
    assert terms.allowed(expression, terms.PERMISSIVE) is permissive
    assert terms.allowed(expression, terms.PERMISSIVE | terms.COPYLEFT) is allowed


@pytest.mark.parametrize(
    ("table", "entry", "said"),
    [
        ("STATED", {"aiomqtt": ("", "")}, "aiomqtt: its license is not known"),
        ("STATED", {"aiomqtt": ("SSPL-1.0", "")}, "aiomqtt: must not come with uSense: SSPL-1.0"),
        ("STATED", {"aiomqtt": ("GPL-3.0-or-later", "")}, "aiomqtt: needs a reason"),
        ("STATED", {"gone": ("MIT", "")}, "gone: is in release/terms.py, but nothing needs it"),
        ("BUNDLED", {"pillow": ()}, "pillow: libtiff is not in release/terms.py"),
        ("REASONS", {"av": ""}, "numpy: needs a reason"),
    ],
)
def test_what_does_not_fit_is_told(
    table: str, entry: dict[str, object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown, forbidden or unreasoned license, an unknown library and an entry for nothing are each named."""
    monkeypatch.setattr(terms, table, entry)
    licenses.packages.cache_clear()
    licenses.extra.cache_clear()

    told = list(licenses.problems())

    licenses.packages.cache_clear()
    licenses.extra.cache_clear()
    assert any(one.startswith(said) for one in told), told
