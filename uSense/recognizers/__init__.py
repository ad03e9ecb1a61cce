"""Who identifies faces. A recognizer is one file; naming its settings here registers it."""

from __future__ import annotations

from typing import TypeAlias

from uSense.recognizers.local import LocalSettings

AnyRecognizer: TypeAlias = LocalSettings
