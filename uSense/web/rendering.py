"""Templates, texts and the files beside them, all read once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """A file of the pages."""

    content: bytes
    type: str


@dataclass(slots=True)
class Renderer:
    """Makes pages, once it is loaded. `shared` is what every template knows beside the texts `t`."""

    shared: dict[str, Any] = field(default_factory=dict)
    texts: Mapping[str, Any] = field(default_factory=dict)
    """All words that people read, by page."""
    files: Mapping[str, File] = field(default_factory=dict)
    """The scripts, styles and drawings, by name."""
    mark: str = ""
    """Changes with the content of any of them: scripts find each other beside themselves."""
    _environment: Environment | None = None

    def load(self) -> None:
        """Read everything; blocks."""
        here = files(PACKAGE)
        self.texts = yaml.safe_load(here.joinpath("texts.yaml").read_text("utf-8"))
        self.files = {
            path.name: File(path.read_bytes(), kind)
            for path in sorted(here.joinpath("static").iterdir(), key=lambda path: path.name)
            if (kind := TYPES.get(path.name[path.name.rfind(".") :]))
        }
        self.mark = hashlib.sha256(b"".join(file.content for file in self.files.values())).hexdigest()[:12]
        self._environment = _environment()
        self._environment.globals.update(t=self.texts, static=self.address, **self.shared)

    def render(self, template: str, **values: Any) -> str:
        """A page as text."""
        assert self._environment is not None, "the pages are not loaded"  # noqa: S101 - a bug
        return self._environment.get_template(template).render(**values)

    def address(self, name: str) -> str:
        """Where browsers get a file, and may keep it."""
        assert name in self.files, f"there is no file {name}"  # noqa: S101 - a bug
        return f"/static/{self.mark}/{name}"


def _environment() -> Environment:
    from jinja2 import DictLoader, Environment, StrictUndefined  # noqa: PLC0415 - heavy: paid for by those with pages

    templates = {path.name: path.read_text("utf-8") for path in files(PACKAGE).joinpath("templates").iterdir()}
    return Environment(
        loader=DictLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
