"""A broker for households without one: the installed mosquitto as a child, with passwords and rules of its own."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog
from pydantic import SecretStr

from uSense import leash
from uSense.core.errors import BrokerError, SettingsError
from uSense.core.pacing import backoff
from uSense.mqtt import login
from uSense.mqtt.settings import MqttSettings

log = structlog.get_logger()

READY = " running"
"""End of the line by which mosquitto says that it serves."""
READY_WITHIN = 10.0
STOPPED_WITHIN = 2.0
TRIES = 5
PAUSE = 0.4
"""Seconds between two tries at the start: the broker of an earlier run may be about to end."""
STEADY = 30.0
"""Seconds that a broker must have run before its end counts as the first one."""
_TAKEN = "Address already in use"
_LONGEST_LINE = 2**20


def reached(settings: MqttSettings, data_dir: Path) -> MqttSettings:
    """The settings that lead to the broker: of an embedded one the login is known once it ran."""
    if not settings.embedded:
        return settings
    password = login.passwords(data_dir).get(login.SERVICE)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.embedded_listen, settings.embedded_listen)  # noqa: S104 - nothing is bound here
    secret = SecretStr(password) if password else None
    return settings.model_copy(update={"host": host, "username": login.SERVICE, "password": secret})


@asynccontextmanager
async def embedded(settings: MqttSettings, data_dir: Path) -> AsyncIterator[EmbeddedBroker]:
    """The running broker in an existing data folder; raises SettingsError with what to do if it cannot run."""
    program = await asyncio.to_thread(leash.find, "mosquitto")
    if program is None:
        raise SettingsError(
            "mqtt.embedded is true, but mosquitto is not installed: `apt install mosquitto`, or name a broker that "
            "runs elsewhere with mqtt.host and set mqtt.embedded to false"
        )
    config = await asyncio.to_thread(login.write, settings, data_dir)
    broker = EmbeddedBroker((program, "-c", config), f"{settings.embedded_listen}:{settings.effective_port}")
    try:
        await broker.begin()
        yield broker
    finally:
        await broker.stop()


class EmbeddedBroker:
    """mosquitto as a child that dies with this process; `keep` starts it again whenever it ends."""

    def __init__(self, command: Sequence[str | Path], where: str) -> None:
        self.problem: str | None = None
        """Why there is no broker at the moment, in plain words."""
        self._command = command
        self._where = where
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._words: deque[str] = deque(maxlen=5)
        self._ready = asyncio.Event()

    async def begin(self) -> None:
        """Start it; SettingsError if it does not."""
        for number in range(1, TRIES + 1):
            try:
                await self._start()
            except BrokerError as error:
                if number == TRIES or _TAKEN not in str(error):
                    raise SettingsError(str(error)) from error
                await asyncio.sleep(PAUSE)
            else:
                log.info("embedded broker", listens=self._where, hint="`usense broker` tells how to connect")
                return

    async def keep(self) -> None:
        """Start it again whenever it ends, until canceled."""
        pauses = backoff(0.2, 30.0, random.random)
        while True:
            begun = asyncio.get_running_loop().time()
            code = await self._ended()
            if asyncio.get_running_loop().time() - begun > STEADY:
                pauses = backoff(0.2, 30.0, random.random)
            self.problem = f"mosquitto ended with code {code}{self._last_words()}"
            log.warning("embedded broker", problem=self.problem)
            while self.problem:
                await asyncio.sleep(next(pauses))
                try:
                    await self._start()
                except BrokerError as error:
                    self.problem = str(error)
                    log.warning("embedded broker", problem=self.problem)
                else:
                    self.problem = None
            log.info("embedded broker is back")

    async def stop(self) -> None:
        """End it, by force if it does not obey; it saves what it keeps before."""
        process = self._process
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOPPED_WITHIN):
                await self._ended()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await self._ended()
        self._process = None

    async def _start(self) -> None:
        """Start it and wait until it serves; BrokerError with its last words if it does not."""
        self._ready.clear()
        self._words.clear()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *self._command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
            # Ctrl-C is for this process alone, which then ends its child in order.
            start_new_session=True,
        )
        self._reader = asyncio.create_task(self._read(self._process), name="embedded broker log")
        try:
            async with asyncio.timeout(READY_WITHIN):
                await self._ready.wait()
        except TimeoutError:
            self._process.kill()
        if not self._serves:
            await self._ended()
            raise BrokerError(self._failure())

    @property
    def _serves(self) -> bool:
        return bool(self._words) and self._words[-1].endswith(READY)

    async def _ended(self) -> int:
        """Wait for its end and for its last words; the exit code."""
        assert self._process is not None  # noqa: S101 - only asked after a start
        assert self._reader is not None  # noqa: S101 - the same
        await asyncio.wait((self._reader,))
        self._reader.result()
        return await self._process.wait()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Pass its log on, and notice when it serves."""
        assert process.stderr is not None  # noqa: S101 - it is a pipe
        async for line in process.stderr:
            text = line.decode(errors="replace").rstrip()
            self._words.append(text)
            serious = text.startswith(("Error", "Warning"))
            (log.warning if serious and self._ready.is_set() else log.debug)("mosquitto", said=text[:300])
            if self._serves:
                self._ready.set()
        self._ready.set()

    def _failure(self) -> str:
        if any(_TAKEN in word for word in self._words):
            return (
                f"the embedded broker cannot listen at {self._where}: {_TAKEN}. After `apt install mosquitto` that is "
                "mostly the system's own broker: use it (mqtt.embedded: false), or end it "
                "(`systemctl disable --now mosquitto`), or set another mqtt.port"
            )
        return f"the embedded broker does not start at {self._where}{self._last_words()}"

    def _last_words(self) -> str:
        return f"; mosquitto said: {' / '.join(self._words)[-300:]}" if self._words else ""
