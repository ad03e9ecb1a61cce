"""Who identifies faces. A recognizer is one file; naming its settings here registers it."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from uSense.recognizers.azure import AzureSettings
from uSense.recognizers.local import LocalSettings

AnyRecognizer: TypeAlias = Annotated[LocalSettings | AzureSettings, Field(discriminator="kind")]
