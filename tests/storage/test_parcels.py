"""Exported people: what a file from elsewhere may hold."""

from __future__ import annotations

import json

import pytest

from uSense.core.errors import RequestError
from uSense.ports import Parcel
from uSense.storage import parcels

ANNA = "4b33f1c2-0000-4000-8000-000000000001"


def file_of(person_id: str) -> bytes:
    """A file with a person of this id."""
    return json.dumps({"people": [{"person_id": person_id, "name": "Anna", "user_data": "", "faces": []}]}).encode()


def test_a_person_comes_with_their_id() -> None:
    """It stays the same in another house."""
    assert parcels.decode(file_of(ANNA), "a file") == [Parcel(ANNA, "Anna", "", ())]


@pytest.mark.parametrize("person_id", ["", "+", "#", "a/b", "../info", "a\0", "x" * 65, "ä", f"{ANNA}\n"])
def test_an_id_that_is_fit_for_no_topic_is_refused(person_id: str) -> None:
    """Topics are made of ids: the service could not tell of the person, or would tell it in a wrong place."""
    with pytest.raises(RequestError) as caught:
        parcels.decode(file_of(person_id), "a file")

    assert caught.value.code == "bad_file"
