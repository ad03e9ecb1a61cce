"""End to end on photos of ten people: the right names, and no name for strangers."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from pathlib import Path

import pytest

from tests.peers.mosquitto import Mosquitto
from tests.peers.service import Service
from tests.peers.witness import Witness
from tests.recognizers.azureface.accounts import account

ENROLLED = 3
FOR_ENROLLMENT = 3

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.mark.parametrize("kind", ["local", "azure"])
async def test_photos_of_known_people_and_strangers(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, mosquitto: Mosquitto, faces: Path
) -> None:
    """Three people are enrolled from three photos each; their other photos and three strangers' photos are shown.

    One folder camera a person tells whose photos a sighting comes from. Every person is named, no stranger and nobody
    else ever gets a wrong name, and nearly all photos of known people are recognized.
    """
    persons = json.loads((faces / "lfw10" / "labels.json").read_text())["persons"]
    people = sorted(persons)[: 2 * ENROLLED]
    known, strangers = people[:ENROLLED], people[ENROLLED:]
    for person in known:
        (tmp_path / "photos" / person).mkdir(parents=True)
        for photo in persons[person][:FOR_ENROLLMENT]:
            shutil.copy(faces / "lfw10" / photo, tmp_path / "photos" / person)
    cameras = {}
    for person in people:
        folder = tmp_path / "shown" / person
        folder.mkdir(parents=True)
        for photo in persons[person][FOR_ENROLLMENT:]:
            shutil.copy(faces / "lfw10" / photo, folder)
        cameras[person.lower()] = {"kind": "folder", "path": str(folder), "hold": 2.0, "loop": False}
    recognizer = account(request.getfixturevalue("face_api")) if kind == "azure" else {}
    service = Service(tmp_path / "s", mosquitto.port, cameras, announce={"repeat_after": 0.0}, recognizer=recognizer)
    await service.done("enroll", "--folder", str(tmp_path / "photos"))

    async with Witness(mosquitto.port, "usense/identity", "usense/camera/+/status") as witness, service:
        shown = {f"usense/camera/{camera}/status" for camera in cameras}
        await witness.until(
            lambda: all([one.text for one in witness.of(topic)][-2:] == ["online", "offline"] for topic in shown), 120
        )

    assert {one.json["decision"]["recognizer"] for one in witness.of("usense/identity")} == {kind}
    names: defaultdict[str, list[str | None]] = defaultdict(list)
    for message in witness.of("usense/identity"):
        names[message.json["camera"]].append(message.json["name"])
    for person in known:
        assert set(names[person.lower()]) <= {person, None}
        assert names[person.lower()].count(person) >= 5
    for person in strangers:
        assert set(names[person.lower()]) == {None}
