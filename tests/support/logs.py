"""Logging that leaves no trace in the tests that come after."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def undone() -> Iterator[None]:
    """Logging is configured within; afterwards it is as it was before."""
    root, own = logging.getLogger(), logging.getLogger("uSense")
    before = list(root.handlers), root.level, own.level
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.handlers, root.level, own.level = before
        structlog.reset_defaults()
