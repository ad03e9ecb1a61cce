"""Presence as a house hears it from the real service: an arrival, a lost camera, a killed process, an erasure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.peers.household import Household
from tests.peers.mosquitto import Mosquitto
from tests.peers.service import QUICK, Service
from tests.peers.witness import Witness
from tests.support.portraits import GRACE, pose
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(120)


def latest(witness: Witness, topic: str) -> Any:
    """The newest message on a topic; nothing before the first and after it was removed."""
    messages = witness.of(topic)
    return messages[-1].json if messages and messages[-1].payload else {}


async def test_a_day_in_the_house(tmp_path: Path, mosquitto: Mosquitto, household: Household) -> None:
    """One arrival, whatever happens to camera and service; nobody leaves because of them, and the erased vanish."""
    album = tmp_path / "album"
    album.mkdir()
    Image.fromarray(pose(GRACE, 5)).save(album / "0.png")
    camera = {"kind": "folder", "path": str(album), "hold": 1.0}
    service = Service(tmp_path / "s", mosquitto.port, {"hall": camera}, **QUICK)
    await household.moves_in(service, "Grace")
    note = tmp_path / "s" / "data" / "presence.json"

    async with Witness(mosquitto.port) as witness:
        async with service:
            await witness.next("usense/people")
            (who,) = (one["person_id"] for one in latest(witness, "usense/people"))
            topic = f"usense/presence/{who}"
            await witness.until(lambda: latest(witness, topic).get("state") == "present")
            await witness.until(lambda: latest(witness, "usense/house").get("names") == ["Grace"])
            since = latest(witness, topic)["since"]
            album.rename(tmp_path / "away")
            await witness.until(lambda: latest(witness, topic).get("state") == "unknown")
            await witness.until(lambda: latest(witness, "usense/camera/hall/people")["count"] is None)
            (tmp_path / "away").rename(album)
            await witness.until(lambda: latest(witness, topic).get("state") == "present")
            await until(lambda: note.exists() and who in note.read_text())

        async with Witness(mosquitto.port, topic) as late:
            assert (await late.next(topic)).retain

        told = len(witness.of(topic))
        async with service:
            await witness.until(lambda: len(witness.of(topic)) > told + 1)
            states = [one.json["state"] for one in witness.of(topic)[told:]]
            assert (states[0], states[-1]) == ("unknown", "present")
            assert latest(witness, topic)["since"] == since
            await service.done("people", "forget", "Grace", "--yes")
            await witness.until(lambda: not witness.of(topic)[-1].payload)
            await witness.until(lambda: latest(witness, "usense/house")["names"] == [])
            await until(lambda: who not in note.read_text())

    events = [one.json for one in witness.of("usense/event")]
    changes = [(one["type"], one["name"], one["camera"]) for one in events if one["type"].startswith("person.arr")]
    assert changes == [("person.arrived", "Grace", "hall")]
    assert "person.left" not in {one["type"] for one in events}
