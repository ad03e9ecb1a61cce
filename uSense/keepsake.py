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
from uSense.core.models import Box, Landmarks, Probe, Quality

_FORMAT = 1
_SOURCE = "the kept crop"


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
    box, quality, landmarks, picture = _read(data)
    return Probe(imaging.decode(picture, _SOURCE), box, quality, landmarks)


def quality(data: bytes) -> Quality:
    """The quality of the face, without a look at the picture; BadImageError for what `pack` did not write."""
    return _read(data)[1]


def _read(data: bytes) -> tuple[Box, Quality, Landmarks | None, bytes]:
    head, _, picture = data.partition(b"\n")
    try:
        told = json.loads(head)
        box, quality = Box(**told["box"]), Quality(**told["quality"])
        landmarks = None if told["landmarks"] is None else np.asarray(told["landmarks"], np.float32).reshape(5, 2)
    except (ValueError, KeyError, TypeError) as error:
        raise BadImageError(_SOURCE, "it is not what uSense keeps", code="not_a_crop") from error
    return box, quality, landmarks, picture


def _plain(value: Any) -> float | None:
    return None if value is None else float(value)
