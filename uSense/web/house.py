"""The seam between the pages and the service: what a handler can ask, put together by `app.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from uSense.chronicle import Chronicle
from uSense.control import Control
from uSense.core.addresses import Network
from uSense.core.given import Given
from uSense.entities.payload import Context
from uSense.web.access import Access
from uSense.web.hub import Hub
from uSense.web.kiosks import Kiosks
from uSense.web.live import Live
from uSense.web.mine import Mine
from uSense.web.passes import Passes
from uSense.web.rendering import Renderer
from uSense.web.report import Evidence
from uSense.web.slips import Slips


@dataclass(frozen=True, slots=True)
class House:
    """Everything that the pages show and do."""

    control: Control
    access: Access
    hub: Hub
    chronicle: Chronicle
    live: Live
    kiosks: Kiosks
    mine: Mine
    passes: Passes
    cameras: Callable[[], Mapping[str, bool]]
    """Which there are, and whether they are looked through: False for a paused one."""
    context: Context
    """What surrounds sightings that are told."""
    health: Callable[[], Mapping[str, Any]]
    """The latest report for `usense/health`."""
    given: Callable[[], Sequence[Given]]
    """All settings in effect, without secrets; blocks for a moment."""
    evidence: Evidence
    """What a report of a bug tells."""
    ready: Callable[[], bool]
    """Whether the service is at work."""
    metrics_from: Sequence[Network]
    """Who may read the metrics without a token."""
    renderer: Renderer
    slips: Slips = field(default_factory=Slips)
    """What is shown after a form was answered."""

    def render(self, template: str, **values: Any) -> str:
        """A page as text."""
        return self.renderer.render(template, **values)
