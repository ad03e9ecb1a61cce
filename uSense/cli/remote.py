"""The running service as commands beside it meet it: at the broker, or not at all."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

from uSense.core.errors import BrokerError, NoAnswerError, RequestError, StorageError

if TYPE_CHECKING:
    from uSense.mqtt.asker import Asker
    from uSense.settings import Settings


async def find(stack: AsyncExitStack, settings: Settings, *topics: str) -> Asker | None:
    """The service that these settings lead to, which is heard on `topics` (without prefix); None if there is none.

    BrokerError if there is one, but it cannot be asked, or the broker lets these settings' user not read the topics.
    """
    from uSense.storage.lock import is_served

    served = False
    with suppress(StorageError):  # another user's folder: the broker knows
        served = await asyncio.to_thread(is_served, settings.data_dir)
    try:
        asker = await meet(stack, settings, "health", *topics)
        info = await introduce(asker, settings)
    except BrokerError as error:
        if served:
            raise BrokerError(f"a service uses {settings.data_dir}, but cannot be asked: {error}") from error
        return None
    if info is None and served:
        raise BrokerError(
            f"a service uses {settings.data_dir}, but is not online at {settings.mqtt.address}: is it starting?"
        )
    if info is not None and topics and not await hears(asker, settings):
        raise BrokerError(unheard(settings))
    return asker if info is not None else None


async def hears(asker: Asker, settings: Settings) -> bool:
    """Whether what the live service tells comes here: `health` is kept by the broker as long as it is online.

    A broker takes subscriptions to what its access list forbids, and then sends nothing.
    """
    from uSense.mqtt.rivals import ALIVE_WITHIN

    return await asker.latest(settings.mqtt.topics.of("health"), ALIVE_WITHIN) is not None


def unheard(settings: Settings) -> str:
    """What to do if nothing of the service is heard."""
    who = f"user {settings.mqtt.username!r}" if settings.mqtt.username else "clients without user name"
    return (
        f"the service is online, but nothing that it tells comes here: let {who} read {settings.mqtt.topics.of('#')} "
        "in the broker's access list"
    )


async def meet(stack: AsyncExitStack, settings: Settings, *topics: str) -> Asker:
    """A client at the broker of these settings; raises BrokerError."""
    from uSense.mqtt.asker import asking

    names, key = settings.mqtt.topics, settings.commands.key
    return await stack.enter_async_context(asking(settings.mqtt, names.status, *map(names.of, topics), key=key))


async def introduce(asker: Asker, settings: Settings, within: float | None = None) -> dict[str, Any] | None:
    """The `info` of the live service, None if it says that it is offline, or nothing; raises NoAnswerError."""
    from uSense.mqtt.rivals import ALIVE_WITHIN, KEPT_WITHIN

    status = await asker.latest(settings.mqtt.topics.status, KEPT_WITHIN)
    if status is None or status.payload != b"online":
        return None
    try:
        answer = await asker.ask("info", within=within or ALIVE_WITHIN)
    except NoAnswerError:
        return None
    except RequestError:
        return {}
    return answer if isinstance(answer, dict) else {}
