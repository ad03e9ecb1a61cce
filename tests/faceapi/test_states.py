"""What depends on a training's state, on time and on bounds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web as web_server
from aiohttp.test_utils import TestClient, TestServer

from tests.support.faceapi import BLUE, GREEN, RED, Held, client, colored
from uSense.core.errors import StorageError
from uSense.core.groups import GroupKey
from uSense.faceapi.settings import FaceApiSettings, RateLimitSettings
from uSense.storage import open_storage

HOUSE = "/face/v1.0/persongroups/house"
OCTETS = {"Content-Type": "application/octet-stream"}
Client = TestClient[Any, Any]


@pytest.fixture
async def groups(tmp_path: Path) -> AsyncIterator[Any]:
    """Groups on disk."""
    async with open_storage(tmp_path) as storage:
        yield storage.groups


async def person(web: Client, name: str, *colors: tuple[int, int, int]) -> str:
    """A new person with faces of these colors."""
    answer = await web.post(f"{HOUSE}/persons", json={"name": name})
    person_id = str((await answer.json())["personId"])
    for color in colors:
        path = f"{HOUSE}/persons/{person_id}/persistedfaces"
        assert (await web.post(path, data=colored(color), headers=OCTETS)).status == 200
    return person_id


async def identified(web: Client, color: tuple[int, int, int]) -> tuple[int, Any]:
    """Status and answer of an identify of somebody of this color: the first candidate, or the error's code."""
    found = await web.post("/face/v1.0/detect", data=colored(color), headers=OCTETS)
    face_ids = [one["faceId"] for one in await found.json()]
    answer = await web.post("/face/v1.0/identify", json={"faceIds": face_ids, "personGroupId": "house"})
    data = await answer.json()
    if answer.status != 200:
        return answer.status, data["error"]["code"]
    candidates = data[0]["candidates"]
    return answer.status, candidates[0]["personId"] if candidates else None


async def ended(web: Client) -> Any:
    """Poll until the training has ended; its state."""
    while (state := await (await web.get(f"{HOUSE}/training")).json())["status"] == "running":
        pass
    return state


async def trained(web: Client) -> Any:
    """Train until that has ended; the state."""
    assert (await web.post(f"{HOUSE}/train")).status == 202
    return await ended(web)


async def test_the_first_training_lets_identify_wait(groups: Any) -> None:
    """While it runs, identify, another training and changes of the group are answered 409; persons come and go."""
    held = Held(groups)
    async with client(held) as (web, _):
        await web.put(HOUSE, json={"name": "house"})
        red = await person(web, "Red", RED)
        assert (await web.post(f"{HOUSE}/train")).status == 202
        await held.asked.wait()

        assert await identified(web, RED) == (409, "PersonGroupTrainingNotFinished")
        for answer in (
            await web.post(f"{HOUSE}/train"),
            await web.patch(HOUSE, json={"name": "x"}),
            await web.delete(HOUSE),
        ):
            assert (await answer.json())["error"] == {
                "code": "PersonGroupTrainingNotFinished",
                "message": "Person group is under training.",
            }
        state = await (await web.get(f"{HOUSE}/training")).json()
        assert set(state) == {"status", "createdDateTime", "lastActionDateTime"}
        await person(web, "Green", GREEN)

        held.free.set()
        await ended(web)
        assert await identified(web, RED) == (200, red)


async def test_the_old_gallery_serves_during_the_next_training(groups: Any) -> None:
    """Who was known stays known, who is new is known when it has ended."""
    held = Held(groups)
    held.free.set()
    async with client(held) as (web, _):
        await web.put(HOUSE, json={"name": "house"})
        red = await person(web, "Red", RED)
        await trained(web)
        green = await person(web, "Green", GREEN)
        held.free.clear()
        held.asked.clear()
        await web.post(f"{HOUSE}/train")
        await held.asked.wait()

        assert await identified(web, RED) == (200, red)
        assert await identified(web, GREEN) == (200, None)
        held.free.set()
        await ended(web)
        assert await identified(web, GREEN) == (200, green)


async def test_a_training_that_was_interrupted_has_failed(groups: Any) -> None:
    """After a restart in the middle its state is failed, the old gallery serves, and a new training succeeds."""
    held = Held(groups)
    held.free.set()
    async with client(held) as (web, _):
        await web.put(HOUSE, json={"name": "house"})
        red = await person(web, "Red", RED)
        before = await trained(web)
        held.free.clear()
        held.asked.clear()
        await web.post(f"{HOUSE}/train")
        await held.asked.wait()

    async with client(groups) as (web, _):
        state = await (await web.get(f"{HOUSE}/training")).json()
        assert state["status"] == "failed"
        assert state["message"] == "The training was interrupted: train again."
        assert state["lastSuccessfulTrainingDateTime"] == before["lastSuccessfulTrainingDateTime"]
        assert await identified(web, RED) == (200, red)
        assert (await trained(web))["status"] == "succeeded"


async def test_a_first_training_that_was_interrupted_leaves_the_group_untrained(groups: Any) -> None:
    """There is nothing that could serve."""
    held = Held(groups)
    async with client(held) as (web, _):
        await web.put(HOUSE, json={"name": "house"})
        await person(web, "Red", RED)
        await web.post(f"{HOUSE}/train")
        await held.asked.wait()

    async with client(groups) as (web, _):
        assert await identified(web, RED) == (400, "PersonGroupNotTrained")


async def test_a_group_that_is_erased_elsewhere_ends_its_training(groups: Any) -> None:
    """The training has nothing to tell any more, and the id is free again."""
    held = Held(groups)
    async with client(held) as (web, service):
        await web.put(HOUSE, json={"name": "house"})
        await person(web, "Red", RED)
        await web.post(f"{HOUSE}/train")
        await held.asked.wait()
        await groups.delete_group(GroupKey("persongroups", "house"))
        held.free.set()
        while service.galleries._running:
            assert (await web.get(HOUSE)).status == 404

        assert (await web.put(HOUSE, json={"name": "again"})).status == 200
        answer = await web.get(f"{HOUSE}/training")
        assert (await answer.json())["error"]["code"] == "PersonGroupNotTrained"


async def test_another_net_trains_anew_from_the_crops(groups: Any) -> None:
    """The first identify waits, then everybody is known by the new net."""
    async with client(groups) as (web, _):
        await web.put(HOUSE, json={"name": "house"})
        red = await person(web, "Red", RED)
        await trained(web)

    async with client(groups, model="other colors") as (web, _):
        assert await identified(web, RED) == (409, "PersonGroupTrainingNotFinished")
        await ended(web)
        assert await identified(web, RED) == (200, red)


async def test_another_net_without_crops_says_not_trained(groups: Any) -> None:
    """Nothing is left that it could be fed with: the faces must be added again."""
    async with client(groups, keep_crops=False) as (web, _):
        await web.put(HOUSE, json={"name": "house"})
        await person(web, "Red", RED)
        await trained(web)

    async with client(groups, model="other colors") as (web, _):
        assert (await identified(web, RED))[0] == 409
        await ended(web)
        assert await identified(web, RED) == (400, "PersonGroupNotTrained")


class Broken:
    """Groups on a disk that fails."""

    def __init__(self, groups: Any) -> None:
        self._groups = groups

    def __getattr__(self, name: str) -> Any:
        if name in {"templates", "group"}:
            return self._fail
        return getattr(self._groups, name)

    async def _fail(self, *_: Any) -> Any:
        raise StorageError("the disk is gone")


async def test_a_disk_that_fails_is_no_bug(groups: Any) -> None:
    """Calls are answered 503 with a time to wait, and nothing of the inside."""
    async with client(Broken(groups)) as (web, _):
        answer = await web.get(HOUSE)

        assert answer.status == 503
        assert answer.headers["Retry-After"] == "5"
        assert (await answer.json())["error"] == {
            "code": "ServiceUnavailable",
            "message": "The service cannot answer now, please try later.",
        }


async def test_a_key_has_its_rate(groups: Any) -> None:
    """Beyond it calls are refused with the seconds to wait, in the header and in the text, and are counted."""
    limit = RateLimitSettings(tier="own", calls=2, seconds=60)
    async with client(groups, FaceApiSettings(rate_limit=limit)) as (web, service):
        assert [(await web.get("/face/v1.0/persongroups")).status for _ in range(2)] == [200, 200]
        refused = await web.get("/face/v1.0/persongroups")

        assert refused.status == 429
        assert refused.headers["Retry-After"] == "60"
        assert (await refused.json())["error"] == {
            "code": "429",
            "message": "Rate limit is exceeded. Try again in 60 seconds.",
        }
        counters = service.counters()
        assert (counters["face_api_calls"], counters["face_api_refused"]) == (2, 1)


@pytest.mark.parametrize(
    ("tier", "window"), [("none", None), ("F0", (20, 60.0)), ("S0", (10, 1.0)), ("own", (10, 1.0))]
)
def test_tiers_have_the_clouds_windows(tier: Any, window: tuple[int, float] | None) -> None:
    """F0 is 20 calls a minute, S0 10 a second."""
    assert RateLimitSettings(tier=tier).window == window


async def test_the_oldest_face_id_leaves(groups: Any) -> None:
    """Ids beyond the bound are forgotten and counted."""
    async with client(groups, FaceApiSettings(face_ids=10)) as (web, service):
        ids = []
        for _ in range(11):
            found = await web.post("/face/v1.0/detect", data=colored(BLUE), headers=OCTETS)
            ids += [one["faceId"] for one in await found.json()]

        verdicts = [
            (await web.post("/face/v1.0/verify", json={"faceId1": one, "faceId2": ids[-1]})).status for one in ids[:2]
        ]
        assert verdicts == [404, 200]
        assert service.counters()["face_ids_dropped"] == 1


async def test_a_group_of_another_model_refuses_faces(groups: Any) -> None:
    """A face detected as recognition_01 is unknown to a group of recognition_04, though the net is the same."""
    async with client(groups) as (web, _):
        await web.put(HOUSE, json={"name": "house", "recognitionModel": "recognition_04"})
        await person(web, "Red", RED)
        await trained(web)

        assert await identified(web, RED) == (400, "BadArgument")


async def test_pictures_are_fetched_only_where_that_is_allowed(groups: Any) -> None:
    """With `fetch_urls` a picture named by its address is read; one that is not there, or is none, is told."""

    async def shown(request: web_server.Request) -> web_server.Response:
        size = int(request.query.get("more", 0))
        return web_server.Response(body=colored(RED) + bytes(size), content_type="image/png")

    files = web_server.Application()
    files.router.add_get("/red.png", shown)
    async with client(groups, FaceApiSettings(fetch_urls=True)) as (web, _), TestServer(files) as camera:
        picture = str(camera.make_url("/red.png"))
        found = await web.post("/face/v1.0/detect", json={"url": picture})
        assert len(await found.json()) == 1
        large = await web.post("/face/v1.0/detect", json={"url": f"{picture}?more=7000000"})
        assert (await large.json())["error"]["code"] == "InvalidImageSize"
        here = str(web.make_url("/"))
        for url, code in (
            (f"{here}none.jpg", "InvalidURL"),
            ("file:///etc/passwd", "InvalidURL"),
            ("http://127.0.0.1:1/x.jpg", "InvalidURL"),
            ("http://", "InvalidURL"),
        ):
            answer = await web.post("/face/v1.0/detect", json={"url": url})
            assert answer.status == 400
            assert (await answer.json())["error"]["code"] == code
