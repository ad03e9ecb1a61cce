"""A real Home Assistant core, headless, on loopback: it is onboarded, connected to a broker, listened to and asked."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.home.rest import Rest, Socket
from tests.support.ports import free_port

CONFIGURATION = """\
homeassistant:
  name: lab
  latitude: 0
  longitude: 0
  elevation: 0
  unit_system: metric
  time_zone: UTC
  country: DE
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
config:
automation: !include automations.yaml
logger:
  default: warning
  logs:
    homeassistant.bootstrap: info
"""
READY = "Home Assistant initialized in"
EXPECTED = (
    "Skipping pip installation of required modules",
    "Support for the running Python version",
    "Error loading libturbojpeg",
)
"""Warnings that have nothing to do with MQTT: of how it is started here."""
LINE = re.compile(r"\S+ \S+ (WARNING|ERROR|CRITICAL) \(.*?\) \[(.*?)\] (.*)")


@dataclass(frozen=True, slots=True)
class State:
    """An entity's state, as the bus told it."""

    entity_id: str
    value: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class HomeAssistant:
    """One installation with a configuration folder of its own, to whose file `more` is added.

    The port and all it stored outlive a restart.
    """

    def __init__(self, folder: Path, python: Sequence[str], blueprints: Path, more: str = "") -> None:
        self.folder = folder
        self.python = tuple(python)
        self.blueprints = blueprints
        self.more = more
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log: list[str] = []
        """What it wrote to stderr, over all its runs."""
        self.states: dict[str, State] = {}
        """By entity; of this run."""
        self.changes: list[State] = []
        """All changes that were heard, over all runs."""
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        """Type and data of every other event of the bus, over all runs."""
        self._rest: Rest | None = None
        self._socket: Socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Condition()
        self._ready = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True)
        configuration = CONFIGURATION.format(port=self.url.rsplit(":", 1)[1]) + self.more
        (self.folder / "configuration.yaml").write_text(configuration, "utf-8")
        (self.folder / "automations.yaml").write_text("[]\n", "utf-8")
        place = self.folder / "blueprints" / "automation"
        place.mkdir(parents=True)
        shutil.copytree(self.blueprints, place / "usense")
        try:
            await self.start()
        except BaseException:
            await self.kill()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    async def start(self) -> None:
        """Start, log in and listen; returns when it says that it runs."""
        self._ready.clear()
        self._process = process = await asyncio.create_subprocess_exec(
            *(*self.python, "-m", "homeassistant", "-c", str(self.folder), "--skip-pip", "--ignore-os-check"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=2**24,
        )
        self._tasks = [asyncio.create_task(self._read(process), name="home assistant log")]
        await asyncio.wait_for(self._ready.wait(), 180)
        assert process.returncode is None, "Home Assistant ended:\n" + "\n".join(self.log[-30:])
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(60))
        self._rest = Rest(session, self.url, self._rest.token if self._rest else "")
        if not self._rest.token:
            await self._rest.onboard()
        self._socket = await self._rest.listen()
        self._tasks.append(asyncio.create_task(self._hear(self._socket), name="home assistant events"))
        await self._socket.ask("subscribe_events")
        self.states = {one["entity_id"]: _state(one) for one in await self._socket.ask("get_states")}
        if (await self._socket.ask("get_config"))["state"] != "RUNNING":
            seen = len(self.events)
            await self.until(lambda: any(kind == "homeassistant_started" for kind, _ in self.events[seen:]), 120)

    async def stop(self) -> None:
        """Let it end as an administrator would."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it at once, if it still runs."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Stop and start it."""
        await self.stop()
        await self.start()

    async def use_broker(self, port: int) -> None:
        """Add the MQTT integration as a user does."""
        await self.rest.add_mqtt(port)

    @property
    def rest(self) -> Rest:
        """Its REST API."""
        assert self._rest is not None, "Home Assistant does not run"
        return self._rest

    async def until(self, test: Callable[[], object], seconds: float = 60.0, what: str = "") -> None:
        """Wait until something is true, looking again at every event; the assertion shows the last changes."""
        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(test)
        except TimeoutError:
            last = [(one.entity_id, one.value) for one in self.changes[-8:]]
            shown = {name: state.value for name, state in self.states.items()}
            raise AssertionError(f"not within {seconds:g} s: {what or test}; last {last}; all {shown}") from None

    async def shows(self, entity_id: str, value: str, seconds: float = 60.0) -> State:
        """Wait until an entity has a state."""
        await self.until(lambda: self.value(entity_id) == value, seconds, f"{entity_id} is {value}")
        return self.states[entity_id]

    def value(self, entity_id: str) -> str | None:
        """State of an entity; None if there is none."""
        state = self.states.get(entity_id)
        return state.value if state else None

    async def call(self, service: str, entity_id: str = "", **data: Any) -> None:
        """Call a service, for an entity if it is named, as a dashboard does."""
        domain, name = service.split(".")
        target = {"entity_id": entity_id} if entity_id else {}
        await self.rest.post(f"/api/services/{domain}/{name}", {**target, **data})

    async def entities(self) -> list[dict[str, Any]]:
        """What the registry has of MQTT's entities."""
        assert self._socket is not None
        found = await self._socket.ask("config/entity_registry/list")
        return [one for one in found if one["platform"] == "mqtt"]

    async def devices(self) -> dict[str, dict[str, Any]]:
        """What the registry has of MQTT's devices, by name."""
        assert self._socket is not None
        found = await self._socket.ask("config/device_registry/list")
        return {one["name"]: one for one in found if any(kind == "mqtt" for kind, *_ in one["identifiers"])}

    async def automate(self, name: str, automation: Mapping[str, Any]) -> None:
        """Add an automation, as its editor does, and wait until it is armed."""
        await self.rest.post(f"/api/config/automation/config/{name}", {"alias": name, **automation})
        await self.shows(f"automation.{name}", "on")

    def told(self, kind: str) -> list[Mapping[str, Any]]:
        """Data of the events of a type, in order."""
        return [data for name, data in self.events if name == kind]

    def complaints(self) -> list[str]:
        """Its own warnings and errors in its log, but those of how it is started here."""
        found = [match.groups() for line in self.log if (match := LINE.match(line))]
        own = [(logger, text) for _, logger, text in found if logger.startswith("homeassistant.")]
        return [f"{logger}: {text}" for logger, text in own if not text.startswith(EXPECTED)]

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.send_signal(number)
            try:
                await asyncio.wait_for(process.wait(), 30)
            except TimeoutError:
                process.kill()
                await process.wait()
        for task in self._tasks:
            await task
        if self._rest is not None:
            await self._rest.session.close()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            text = re.sub(r"\x1b\[\d*(;\d+)*m", "", line.decode(errors="replace")).rstrip()
            self.log.append(text)
            if READY in text:
                self._ready.set()
        self._ready.set()

    async def _hear(self, socket: Socket) -> None:
        with suppress(aiohttp.ClientError):
            async for event in socket.events():
                async with self._news:
                    self._note(event["event_type"], event["data"])
                    self._news.notify_all()

    def _note(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind != "state_changed":
            self.events.append((kind, data))
        elif data["new_state"] is None:
            self.states.pop(data["entity_id"], None)
            self.changes.append(State(data["entity_id"], "removed"))
        else:
            state = _state(data["new_state"])
            self.states[state.entity_id] = state
            self.changes.append(state)


def _state(told: Mapping[str, Any]) -> State:
    return State(told["entity_id"], told["state"], told["attributes"])
