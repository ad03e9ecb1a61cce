"""Format 1 of parcels: people with crops and templates as JSON, before it is encrypted.

{"people": [{"person_id": "...", "name": "Anna", "user_data": "", "page": "", "faces": [{"face_id": "...", "crop":
 "<base64>" or null, "templates": {"<model>": {"width": 128, "vectors": "<base64 of little-endian float32>"}}}]}]}

`page` is the person's own page at a kiosk as text; files written before there were such pages have none.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from uSense.core import mypage
from uSense.core.errors import RequestError
from uSense.core.models import Vector
from uSense.ports import Parcel, ParcelFace

KIND = "people"
FORMAT = 1
_PERSON_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""An id is part of topics."""


def encode(parcels: Sequence[Parcel]) -> bytes:
    """The parcels as bytes."""
    people = [
        {
            "person_id": parcel.person_id,
            "name": parcel.name,
            "user_data": parcel.user_data,
            "page": parcel.page,
            "faces": [_face(face) for face in parcel.faces],
        }
        for parcel in parcels
    ]
    return json.dumps({"people": people}).encode()


def decode(data: bytes, source: str) -> list[Parcel]:
    """The parcels that `encode` was given; RequestError for anything else."""
    try:
        return [
            Parcel(
                _person_id(person["person_id"]),
                str(person["name"]),
                str(person["user_data"]),
                tuple(_unpacked(face) for face in person["faces"]),
                _page(person.get("page", "")),
            )
            for person in json.loads(data)["people"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise RequestError(
            f"what is in {source} is not what uSense writes: export it again", code="bad_file"
        ) from error


def _person_id(value: object) -> str:
    if not isinstance(value, str) or not _PERSON_ID.fullmatch(value):
        raise ValueError("not an id")
    return value


def _page(value: object) -> str:
    return mypage.encoded(mypage.decoded(value)) if isinstance(value, str) and value else ""


def _face(face: ParcelFace) -> dict[str, Any]:
    return {
        "face_id": face.face_id,
        "crop": None if face.crop is None else base64.b64encode(face.crop).decode(),
        "templates": {
            model: {
                "width": len(vectors[0]),
                "vectors": base64.b64encode(np.stack(vectors).astype("<f4").tobytes()).decode(),
            }
            for model, vectors in face.templates.items()
        },
    }


def _unpacked(face: dict[str, Any]) -> ParcelFace:
    crop = face["crop"]
    return ParcelFace(
        str(face["face_id"]),
        None if crop is None else base64.b64decode(crop, validate=True),
        {str(model): _vectors(template) for model, template in face["templates"].items()},
    )


def _vectors(template: dict[str, Any]) -> list[Vector]:
    data = base64.b64decode(template["vectors"], validate=True)
    return list(np.frombuffer(data, "<f4").reshape(-1, int(template["width"])).astype(np.float32))
