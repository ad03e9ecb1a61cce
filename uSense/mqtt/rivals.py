"""One live uSense a prefix: two of them would tell different things on the same topics."""

from __future__ import annotations

from typing import Any

import structlog

from uSense.core.errors import BrokerRefusedError, InstanceError, NoAnswerError, RequestError
from uSense.mqtt.asker import asking, parsed
from uSense.mqtt.settings import MqttSettings

log = structlog.get_logger()

KEPT_WITHIN = 0.3
"""Seconds in which brokers send what they keep."""
ALIVE_WITHIN = 2.0
"""Seconds in which a live service answers; one that does not left its `online` behind when it died."""


async def require_alone(settings: MqttSettings) -> None:
    """InstanceError if a live service tells below this prefix; raises BrokerError.

    Asked by a client of another name: one of the same name would throw the live one out. Where the access list does not
    let us look, nobody is found.
    """
    topics = settings.topics
    try:
        async with asking(settings, topics.status) as asker:
            status = await asker.latest(topics.status, KEPT_WITHIN)
            if status is None or status.payload != b"online":
                return
            info = await asker.ask("info", within=ALIVE_WITHIN)
    except NoAnswerError:
        log.info("the broker kept the word `online` of a service that is no more", topic=topics.status)
        return
    except BrokerRefusedError as refusal:
        log.debug("no look for another uSense", reason=str(refusal))
        return
    except RequestError as error:
        if error.code == "stopping":
            return
        info = None
    raise InstanceError(
        f"another uSense, {_described(info)}, is alive below the prefix {settings.prefix!r} at {settings.address}: "
        "stop it, or give this one a prefix of its own (mqtt.prefix)"
    )


def is_foreign(info: bytes, instance: str) -> bool:
    """Whether an `info` is another instance's."""
    told = parsed(info)
    return isinstance(told, dict) and told.get("instance") not in {None, instance}


def conflict(info: bytes, settings: MqttSettings) -> str:
    """What is wrong when another instance tells its `info` below our prefix."""
    return (
        f"another uSense, {_described(parsed(info))}, tells below the same prefix {settings.prefix!r}: "
        "stop one of them, or give one another mqtt.prefix"
    )


def _described(info: Any) -> str:
    if not isinstance(info, dict):
        return "whose name is not known"
    cameras = info.get("cameras")
    seen = f" with {', '.join(map(str, cameras[:5]))}" if isinstance(cameras, list) and cameras else ""
    return f"instance {str(info.get('instance'))[:40]!r}{seen}"
