"""What turns a face into a vector. An embedder is one file; naming its settings here registers it."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from uSense.recognizers.embedders.dlib import DlibSettings
from uSense.recognizers.embedders.onnx import OnnxSettings

AnyEmbedder: TypeAlias = Annotated[DlibSettings | OnnxSettings, Field(discriminator="kind")]
