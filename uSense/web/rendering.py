"""Templates, texts and the files beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from jinja2 import Environment

PACKAGE = "uSense.web"
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
"""What files in `static` may be."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the pages; `mark` changes with its content."""

    content: bytes
    type: str
    mark: str


@dataclass
class Renderer:
    """Makes pages; everything is read once."""

    shared: dict[str, Any] = field(default_factory=dict)
    """What every template knows beside the texts `t`."""

    @cached_property
    def texts(self) -> Mapping[str, Any]:
        """All words that people read, by page."""
        text = files(PACKAGE).joinpath("texts.yaml").read_text("utf-8")
        texts: Mapping[str, Any] = yaml.safe_load(text)
        return texts

    @cached_property
    def files(self) -> Mapping[str, File]:
        """The scripts, styles and drawings, by name."""
        found = {}
        for path in files(PACKAGE).joinpath("static").iterdir():
            kind = TYPES.get(path.name[path.name.rfind(".") :])
            if kind is not None:
                content = path.read_bytes()
                found[path.name] = File(content, kind, hashlib.sha256(content).hexdigest()[:12])
        return found

    def render(self, template: str, **values: Any) -> str:
        """A page as text."""
        return self._environment.get_template(template).render(**self.shared, **values)

    def address(self, name: str) -> str:
        """Where browsers get a file, and may keep it."""
        return f"/static/{self.files[name].mark}/{name}"

    @cached_property
    def _environment(self) -> Environment:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - paid for by the first visitor

        environment = Environment(
            loader=PackageLoader(PACKAGE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.globals.update(t=self.texts, static=self.address)
        return environment
