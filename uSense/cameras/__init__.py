"""The kinds of cameras there are; a new one is a file beside this one and its settings' name in `AnyCamera`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from uSense.cameras.folder import FolderSettings
from uSense.cameras.stream import StreamSettings

AnyCamera: TypeAlias = Annotated[StreamSettings | FolderSettings, Field(discriminator="kind")]
