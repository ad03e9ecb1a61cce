"""A face as it is kept for models to come: the crop, with where the face is in it.

One line of JSON, then the picture as WebP without loss. It is the probe that was enrolled: every embedder can align it
in its own way, and its templates are the same as if the face were enrolled again.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np

from uSense import imaging
from uSense.core.errors import BadImageError
from uSense.core.models import Box, Probe, Quality

_FORMAT = 1


def pack(probe: Probe) -> bytes:
    """The probe as bytes; blocks."""
    head = {
        "format": _FORMAT,
        "box": asdict(probe.box),
        "quality": {name: _plain(value) for name, value in asdict(probe.quality).items()},
        "landmarks": None if probe.landmarks is None else probe.landmarks.tolist(),
    }
    return json.dumps(head).encode() + b"\n" + imaging.encode_exactly(probe.crop)


def unpack(data: bytes) -> Probe:
    """The probe that `pack` was given; BadImageError for anything else; blocks."""
    source = "the kept crop"
    head, _, picture = data.partition(b"\n")
    try:
        told = json.loads(head)
        box, quality = Box(**told["box"]), Quality(**told["quality"])
        landmarks = None if told["landmarks"] is None else np.asarray(told["landmarks"], np.float32).reshape(5, 2)
    except (ValueError, KeyError, TypeError) as error:
        raise BadImageError(source, "it is not what uSense keeps", code="not_a_crop") from error
    return Probe(imaging.decode(picture, source), box, quality, landmarks)


def _plain(value: Any) -> float | None:
    return None if value is None else float(value)
