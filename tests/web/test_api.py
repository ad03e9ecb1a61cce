"""The HTTP interface for programs: commands, states, sightings, events, and the document about them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.web import StreamResponse

from tests.support.mqtt import sighting
from tests.support.site import Browser, Site
from tests.support.values import portrait
from tests.support.waiting import until
from uSense.core.access import Scope
from uSense.core.events import Notice, State
from uSense.web.api import OPERATIONS, openapi
from uSense.web.hub import LISTENERS


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The pages."""
    async with Site(tmp_path) as house:
        yield house


@pytest.fixture
async def program(site: Site) -> AsyncIterator[Browser]:
    """A program with a token that may everything."""
    async with site.browser() as browser:
        _, word = await site.access.tokens.make("program", Scope.ADMIN)
        browser.session.headers["Authorization"] = f"Bearer {word}"
        yield browser


async def asked(program: Browser, method: str, path: str, **how: Any) -> tuple[int, Any]:
    """Status and JSON of an answer."""
    answer = await program.send(method, f"/api/v1{path}", **how)
    return answer.status, json.loads(answer.text)


def test_every_operation_is_described() -> None:
    """With an id of its own, a summary, an answer, and schemas all of whose references lead somewhere."""
    described = openapi()
    ids = [one["operationId"] for path in described["paths"].values() for one in path.values()]

    assert len(ids) == len(set(ids)) == len(OPERATIONS)
    assert all(one["summary"] for path in described["paths"].values() for one in path.values())
    names = set(described["components"]["schemas"])
    assert {text.split('"')[0] for text in json.dumps(described).split("#/components/schemas/")[1:]} <= names


async def test_commands_are_those_of_the_broker(site: Site, program: Browser) -> None:
    """The same arguments, replies and errors."""
    status, told = await asked(program, "POST", "/commands/camera/pause", json={"camera": "hall"})
    assert (status, told["status"], told["data"]["camera"]) == (200, "ok", "hall")
    status, told = await asked(program, "POST", "/commands/camera/pause", json={"camera": "attic"})
    assert (status, told["status"], told["error"]["code"]) == (404, "error", "not_found")
    status, told = await asked(program, "POST", "/commands/camera/pause", json={"camra": "hall"})
    assert (status, told["error"]["code"]) == (400, "bad_payload")
    assert "camera" in told["error"]["message"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, "not JSON"),
        ({"data": b"[1]", "headers": {"Content-Type": "application/json"}}, "JSON object"),
        ({"data": b"x", "headers": {"Content-Type": "image/jpeg"}}, "Content-Type must be application/json"),
        ({"data": b"{}"}, "Content-Type must be application/json"),
    ],
)
async def test_what_is_no_request_is_refused(program: Browser, how: Any, words: str) -> None:
    """With what was expected."""
    status, told = await asked(program, "POST", "/commands/info", **how)

    assert status == 400
    assert words in told["error"]["message"]


async def test_tokens_are_held_to_their_scope(site: Site) -> None:
    """For each operation: who may less is refused, before anything is read."""
    async with site.browser() as browser:
        words = {scope: (await site.access.tokens.make(scope.value, scope))[1] for scope in Scope}
        for operation in OPERATIONS:
            path = "/api/v1" + operation.path.replace("{event_id}", "x")
            nobody = await browser.send(operation.method, path)
            assert nobody.status == 401, path
            for scope, lesser in ((Scope.ADMIN, Scope.ENROLL), (Scope.ENROLL, Scope.READ), (Scope.READ, Scope.KIOSK)):
                if operation.scope is scope:
                    headers = {"Authorization": f"Bearer {words[lesser]}"}
                    assert (await browser.send(operation.method, path, headers=headers)).status == 403, path


async def test_sightings_and_their_faces(site: Site, program: Browser) -> None:
    """The newest first, each with the face that decided, as long as it is remembered."""
    for seq in range(3):
        site.hub.hear(portrait(seq))
        site.hub.hear(sighting(seq, event_id=f"e{seq}"))

    _, told = await asked(program, "GET", "/sightings?most=2")
    face = await program.send("GET", "/api/v1/sightings/e1/face")
    gone, missing = await asked(program, "GET", "/sightings/e9/face")
    wrong, why = await asked(program, "GET", "/sightings?most=lots")

    assert [one["event_id"] for one in told["sightings"]] == ["e2", "e1"]
    assert (face.status, face.headers["Content-Type"]) == (200, "image/jpeg")
    assert (gone, missing["error"]["code"]) == (404, "not_found")
    assert wrong == 400
    assert "1 to 1000" in why["error"]["message"]


async def test_states_are_those_that_the_broker_keeps(site: Site, program: Browser) -> None:
    """The last value of each; what is gone is gone, and what belongs to others is not shown."""
    site.hub.hear(State("house", {"names": []}))
    site.hub.hear(State("house", {"names": ["Anna"]}))
    site.hub.hear(State("presence/x", {"state": "present"}))
    site.hub.hear(State("presence/x", None))
    site.hub.hear(State("homeassistant/device/x/config", {}, rooted=True))

    assert await asked(program, "GET", "/states") == (200, {"states": {"house": {"names": ["Anna"]}}})


async def test_health_is_the_latest_report(site: Site, program: Browser) -> None:
    """And before the first one it says so."""
    assert await asked(program, "GET", "/health") == (200, {"state": "ok"})
    site.report = {}
    status, told = await asked(program, "GET", "/health")
    assert (status, told["error"]["code"]) == (503, "unavailable")


async def frames(response: ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    """Events as they come."""
    name = ""
    async for line in response.content:
        text = line.decode().rstrip("\n")
        if text.startswith("event: "):
            name = text.removeprefix("event: ")
        elif text.startswith("data: "):
            yield name, json.loads(text.removeprefix("data: "))


async def test_events_are_heard_as_they_happen(site: Site, program: Browser) -> None:
    """First the states there are, then sightings, notices and states, in their order."""
    site.hub.hear(State("house", {"names": []}))
    async with program.session.get(f"{program.origin}/api/v1/events") as response:
        heard = frames(response)
        assert await anext(heard) == ("state", {"topic": "house", "value": {"names": []}})
        await until(lambda: bool(site.hub._listeners))
        site.hub.hear(sighting(1, event_id="e1"))
        site.hub.hear(Notice("camera.lost", {"camera": "hall", "reason": "unplugged"}))
        names = [await anext(heard), await anext(heard)]

    assert response.headers["Content-Type"] == "text/event-stream"
    assert [name for name, _ in names] == ["sighting", "notice"]
    assert names[0][1]["event_id"] == "e1"
    assert names[1][1]["reason"] == "unplugged"


async def test_states_that_are_new_meanwhile_break_nothing(
    site: Site, program: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a slow listener is told the present ones, others come."""
    written = StreamResponse.write

    async def slowly(self: StreamResponse, data: Any) -> None:
        if len(site.hub.states) < 4:
            site.hub.hear(State(f"new/{len(site.hub.states)}", 1))
        await written(self, data)

    for topic in ("a", "b"):
        site.hub.hear(State(topic, 1))
    monkeypatch.setattr(StreamResponse, "write", slowly)
    async with program.session.get(f"{program.origin}/api/v1/events?kinds=state") as response:
        heard = frames(response)
        assert [(await anext(heard))[1]["topic"] for _ in range(4)] == ["a", "b", "new/2", "new/3"]


async def test_listeners_choose_and_have_a_bound(site: Site, program: Browser) -> None:
    """Kinds that there are not are refused, and so is one listener too many."""
    status, told = await asked(program, "GET", "/events?kinds=smells")
    assert status == 400
    assert "sighting, notice, state" in told["error"]["message"]
    with _many(site):
        status, told = await asked(program, "GET", "/events")
        assert (status, told["error"]["code"]) == (429, "busy")


async def test_a_slow_listener_misses_the_oldest_and_is_told(site: Site) -> None:
    """The bound of its queue; it counts, and nobody else waits."""
    with site.hub.listening() as listener:
        for seq in range(100):
            site.hub.hear(Notice("x", {"seq": seq}))
        first = await listener.next()

    assert isinstance(first, Notice)
    assert (first.data["seq"], listener.missed, site.hub.dropped) == (36, 36, 36)


def _many(site: Site) -> Any:
    stack = ExitStack()
    for _ in range(LISTENERS):
        stack.enter_context(site.hub.listening())
    return stack


async def test_nobody_waits_for_long_in_the_loop(site: Site) -> None:
    """Listening is given up at once."""
    with site.hub.listening() as listener:
        waiting = asyncio.create_task(listener.next(), name="listen")
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
