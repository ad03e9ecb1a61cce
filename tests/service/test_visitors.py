"""Unknown people before the real service: they get ids, a name, and the name is taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.peers.mosquitto import Mosquitto
from tests.peers.service import QUICK, Service
from tests.peers.witness import Witness, publish
from tests.support import contract
from tests.support.portraits import EILEEN, GRACE, pose

pytestmark = pytest.mark.timeout(180)


async def asked(witness: Witness, port: int, command: str, **arguments: Any) -> Any:
    """The data of the reply to a command."""
    topic = f"usense/response/{command}"
    count = len(witness.of(topic)) + 1
    await publish(port, f"usense/command/{command}", json.dumps(arguments))
    reply = (await witness.next(topic, count)).json
    assert reply["status"] == "ok", reply
    return reply["data"]


def identities(witness: Witness) -> list[Any]:
    """What was told of tracks."""
    return [one.json for one in witness.of("usense/identity")]


def reasons(witness: Witness, since: int) -> set[str]:
    """Why was told what was told since so many identities."""
    return {one["decision"]["reason"] for one in identities(witness)[since:]}


def notices(witness: Witness, kind: str) -> list[Any]:
    """What was told of this kind on `usense/event`."""
    return [one.json for one in witness.of("usense/event") if one.json["type"] == kind]


async def test_two_strangers_come_and_go(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Both get ids, one gets a name with the events so far, which is taken back; the other is known after a restart."""
    album = tmp_path / "album"
    album.mkdir()
    for number, portrait in enumerate((GRACE, EILEEN)):
        Image.fromarray(pose(portrait, 5)).save(album / f"{number}.png")
    camera = {"kind": "folder", "path": str(album), "hold": 1.0}
    rules = {"visitors": {"apart": 0.5}, "announce": {"repeat_after": 0.0}}
    service = Service(tmp_path / "s", mosquitto.port, {"hall": camera}, **{**QUICK, **rules})
    async with Witness(mosquitto.port) as witness:
        async with service:
            await witness.until(lambda: len(notices(witness, "visitor.new")) == 2)
            listed = await asked(witness, mosquitto.port, "visitor/list", images=True)
            first, second = (one["visitor_id"] for one in notices(witness, "visitor.new"))
            named = await asked(witness, mosquitto.port, "visitor/name", visitor_id=first, name="Zoe")
            await witness.until(lambda: any(one["name"] == "Zoe" for one in identities(witness)))
            wrong = next(one for one in identities(witness) if one["name"] == "Zoe")
            rejected = await asked(witness, mosquitto.port, "sighting/reject", event_id=wrong["event_id"])
            before = len(identities(witness))
            await witness.until(lambda: "rejected_before" in reasons(witness, before))
            after = identities(witness)[before:]
            await witness.until(lambda: bool(notices(witness, "visitor.named")))
        restarted = len(identities(witness))
        async with service:
            await witness.until(lambda: second in {one["visitor_id"] for one in identities(witness)[restarted:]})

    assert {one["visitor_id"] for one in listed} == {first, second}
    assert all(one["image"] and one["faces"] for one in listed)
    told = [one["event_id"] for one in identities(witness) if one["visitor_id"] == first]
    (notice,) = notices(witness, "visitor.named")
    assert (notice["name"], notice["visitor_id"]) == ("Zoe", first)
    assert set(told) < set(notice["event_ids"]) == set(named["event_ids"])
    assert (rejected["name"], rejected["rejected"]) == ("Zoe", True)
    assert not [one for one in after if one["type"] == "recognized"]
    assert {"identity", "visitor.new", "visitor.named"} <= contract.check_seen(witness.seen)
