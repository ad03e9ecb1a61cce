"""The kinds of cameras there are; a new one is a file beside this one and its settings' name in `Kinds`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from uSense.cameras.auto import AutoSettings
from uSense.cameras.folder import FolderSettings
from uSense.cameras.picamera import PicameraSettings
from uSense.cameras.stream import StreamSettings

Kinds: TypeAlias = AutoSettings | StreamSettings | PicameraSettings | FolderSettings
AnyCamera: TypeAlias = Annotated[Kinds, Field(discriminator="kind")]
