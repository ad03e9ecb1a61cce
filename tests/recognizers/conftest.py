"""The default net, loaded once."""

from __future__ import annotations

import pytest

from uSense.recognizers.embedders.base import Embedder
from uSense.recognizers.embedders.dlib import DlibSettings


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The net of dlib on onnxruntime."""
    return DlibSettings().load()
