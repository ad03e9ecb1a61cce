from __future__ import annotations

from uSense.core.errors import UsenseError


class DemoError(UsenseError):
    """The demo cannot go on; the text says why and what to do."""
