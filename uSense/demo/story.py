"""The demo's plot: who is enrolled when, and what is said about the messages that come."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import TypeAlias

from uSense.demo import portraits
from uSense.demo.client import PREFIX, Client, Received
from uSense.demo.portraits import EILEEN, GRACE, Portrait

CAMERA = "room"
Say: TypeAlias = Callable[[str], None]

OPENING = (
    "This is no camera: two public-domain portraits are moved around in a drawn room, under changing light.",
    f"  {GRACE.name}: {GRACE.credit}",
    f"  {EILEEN.name}: {EILEEN.credit}",
    "All else is real: a video stream, the service as `usense run` starts it, an MQTT broker, and this MQTT client.",
)
OWN_CAMERA = (
    "This is your own camera. Nobody is enrolled, so everybody is unknown at first. To enroll somebody meanwhile:",
)
WHY = {
    "nobody_enrolled": "nobody is enrolled yet",
    "unlike_anybody": "like nobody who is enrolled",
    "below_threshold": "not enough like anybody who is enrolled",
    "unclear": "seen too unclearly to be sure",
    "between_two": "like two people alike",
    "rejected_before": "like a face of which was said that it is somebody else's",
    "disagreeing_looks": "the looks disagree",
}
"""Why somebody is unknown, by the reason of the decision."""


async def ready(client: Client, *, cameras: bool) -> None:
    """Wait until the service says that it is there, and its camera too if that is wanted."""
    await client.until(lambda got: (got.topic, got.payload) == (f"{PREFIX}/status", "online"))
    if cameras:
        await client.until(lambda got: (got.topic, got.payload) == (f"{PREFIX}/camera/{CAMERA}/status", "online"))


async def prologue(client: Client, say: Say) -> None:
    """Enroll the one whom the service shall know from the start."""
    await enroll(client, GRACE)
    say(f"{GRACE.name} is enrolled from {len(portraits.POSES)} pictures. Now the scene begins.")


async def plot(client: Client, say: Say) -> None:
    """Wait for the stranger and make her acquaintance."""
    await client.until(_is_unknown)
    say(f"The demo now enrolls {EILEEN.name} over MQTT: person/create, face/add, train.")
    await enroll(client, EILEEN)
    say(f"{EILEEN.name} is enrolled, while the service runs: from now on she is known.")


async def enroll(client: Client, portrait: Portrait) -> None:
    """Enroll a person as any MQTT client can."""
    pictures = await asyncio.to_thread(portraits.pictures, portrait)
    person = await client.request("person/create", {"name": portrait.name})
    for picture in pictures:
        image = base64.b64encode(picture).decode()
        await client.request("face/add", {"person_id": person["person_id"], "image": image})
    await client.request("train", {})


def remark(received: Received) -> str | None:
    """What there is to say about a message, if anything."""
    match received.topic.removeprefix(f"{PREFIX}/"), received.payload:
        case "identity", {"type": "recognized", "name": name}:
            return f"{name} is in the picture."
        case "identity", {"type": "unknown", "decision": {"reason": reason}}:
            return f"Somebody unknown is in the picture: {WHY.get(reason, reason)}."
        case "identity", {"type": "changed", "name": name}:
            return f"A correction: it is {name or 'somebody unknown'}."
        case "event", {"type": "camera.lost", "reason": reason}:
            return f"The camera is lost: {reason}"
    return None


def _is_unknown(received: Received) -> bool:
    return received.topic == f"{PREFIX}/identity" and received.payload["type"] == "unknown"
