"""Where faces are found. A detector is one file; naming its settings here registers it."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from uSense.detectors.hog import HogSettings
from uSense.detectors.yunet import YunetSettings

AnyDetector: TypeAlias = Annotated[HogSettings | YunetSettings, Field(discriminator="kind")]
