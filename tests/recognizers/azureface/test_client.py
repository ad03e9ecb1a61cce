"""The client's calls, as the service sees them, and what comes back."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from tests.peers.azure_faults import KEY, AzureFaults, Fault
from tests.recognizers.azureface.conftest import NOBODY, House, grace, no_pauses, trained
from tests.support import portraits
from tests.support.ports import free_port
from uSense.core.breaker import Circuit
from uSense.core.models import Box
from uSense.recognizers.azureface import caller
from uSense.recognizers.azureface import client as module
from uSense.recognizers.azureface.account import Account, RemoteGroup, RemotePerson
from uSense.recognizers.azureface.client import connect
from uSense.recognizers.azureface.errors import AzureFaceError, PictureError, QuotaGoneError, UnreachableError
from uSense.recognizers.azureface.limiter import Limiter


async def test_a_person_is_enrolled_and_identified(house: House) -> None:
    """The whole way, with two persons, one of whom is picked from a photo with both."""
    anna = await house.client.create_person("Anna", "m-1")
    bea = await house.client.create_person("Bea", "m-2")
    both = portraits.jpeg(
        portraits.side_by_side(portraits.pose(portraits.GRACE, 0), portraits.pose(portraits.EILEEN, 0))
    )
    left, right = sorted(await house.client.detect(both), key=lambda face: face.left)
    box = Box(right.left - 0.4, right.top, right.left + right.width + 0.4, right.top + right.height)
    await house.client.add_face(anna, grace(0), None, "f-1")
    await house.client.add_face(bea, both, box, "f-2")
    assert (await house.client.training()).state == "never"
    assert await trained(house.client) == "succeeded"
    assert (await house.client.training()).last_success is not None

    candidates = await house.client.identify([left.face_id, right.face_id])

    assert [each[0].person_id for each in candidates] == [anna, bea]
    assert all(each[0].confidence > 0.7 for each in candidates)
    assert await house.client.verify(left.face_id, person_id=anna) > 0.7
    assert await house.client.verify(left.face_id, right.face_id) < 0.5


async def test_people_are_read_changed_and_deleted(house: House) -> None:
    """What was given comes back; who is gone is no error."""
    anna = await house.client.create_person("Anna", "m-1", "likes tea\nand cake")
    face = await house.client.add_face(anna, grace(0), None, "f-1")
    expected = RemotePerson(anna, "Anna", "likes tea\nand cake", (face,), "m-1")

    assert await house.client.persons() == [expected]
    assert await house.client.person(anna) == expected
    assert await house.client.find_person("m-1") == expected
    assert await house.client.find_person("m-2") is None
    assert await house.client.face(anna, face) == "f-1"
    assert await house.client.find_faces(anna, "f-1", known=[face]) == []

    await house.client.update_person(anna, name="Anne")
    assert await house.client.person(anna) == replace(expected, name="Anne")
    await house.client.update_person(anna, marker="m-3", user_data="")
    assert await house.client.person(anna) == replace(expected, name="Anne", marker="m-3", user_data="")
    await house.client.update_person(anna)

    for _ in range(2):
        await house.client.delete_face(anna, face)
    assert await house.client.face(anna, face) is None
    for _ in range(2):
        await house.client.delete_person(anna)
    assert await house.client.person(anna) is None
    assert await house.client.face(anna, face) is None


async def test_the_group_is_looked_at_made_and_deleted(house: House) -> None:
    """Its model is the account's."""
    assert await house.client.group() == RemoteGroup("Users", "recognition_04")
    for _ in range(2):
        await house.client.delete_group()
    assert await house.client.group() is None
    with pytest.raises(AzureFaceError) as raised:
        await house.client.train()
    assert raised.value.code == "group_missing"


async def test_more_than_a_page_of_people_is_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages follow each other until one is not full."""
    monkeypatch.setattr(module, "PAGE", 3)
    made = {await house.client.create_person(f"P{number}", f"m-{number}") for number in range(6)}

    assert {person.person_id for person in await house.client.persons()} == made
    assert house.azure.made["list persons"] == 3


async def test_faces_are_identified_ten_at_a_time(house: House) -> None:
    """More than ten take several calls, none takes none."""
    anna = await house.client.create_person("Anna", "m-1")
    await house.client.add_face(anna, grace(0), None, "f-1")
    await trained(house.client)
    face_ids = [(await house.client.detect(grace(number % 3)))[0].face_id for number in range(23)]

    assert await house.client.identify([]) == []
    assert [each[0].person_id for each in await house.client.identify(face_ids)] == [anna] * 23
    assert house.azure.made["identify"] == 3


async def test_every_call_has_the_key_and_an_id_of_its_own(house: House) -> None:
    """The key travels in its header only."""
    await house.client.detect(grace(0))
    await house.client.group()

    headers = [call.headers for call in house.azure.calls]
    assert [each["Ocp-Apim-Subscription-Key"] for each in headers] == [KEY, KEY]
    assert len({each["client-request-id"] for each in headers}) == 2
    assert headers[0]["Content-Type"] == "application/octet-stream"
    assert "Content-Type" not in headers[1]
    assert all(KEY not in call.path for call in house.azure.calls)


async def test_a_client_that_is_not_asked_asks_nothing(azure: AzureFaults) -> None:
    """A still scene costs no call."""
    account = Account(endpoint=azure.url, key=KEY, group_id="users")
    async with connect(account, Limiter(account.tier)) as client:
        figures = client.state()

    assert azure.calls == []
    assert figures.usage.left_today is not None
    assert figures.usage.left_today > 900
    assert figures.circuit is Circuit.CLOSED


async def test_the_figures_tell_the_quota_and_the_clock(house: House) -> None:
    """Calls made, those who wait, and how far the clocks are apart."""
    house.azure.order(Fault.NOT_APPROVED)
    with pytest.raises(AzureFaceError):
        await house.client.detect(grace(0))
    figures = house.client.state()

    assert figures.usage.month == figures.usage.today == 2
    assert figures.usage.left_month is None
    assert figures.request_id == "id-403"
    assert figures.skew is not None
    assert abs(figures.skew) < 5


async def test_a_picture_without_a_face_is_its_own_error(house: House) -> None:
    """Others may be fine, so it says which kind of error it is."""
    anna = await house.client.create_person("Anna", "m-1")

    with pytest.raises(PictureError, match="No face detected"):
        await house.client.add_face(anna, NOBODY, None, "f-1")
    assert await house.client.detect(NOBODY) == []


async def test_a_failure_is_one_line_in_the_log(house: House) -> None:
    """With what support asks for and without the key; the same again is for those who debug."""
    house.azure.order(Fault.NOT_APPROVED, times=2)
    house.azure.order(Fault.BROKEN, times=2)

    with capture_logs() as logs:
        for _ in range(2):
            with pytest.raises(AzureFaceError):
                await house.client.detect(grace(0))
        await house.client.detect(grace(0))

    assert [
        (entry["log_level"], entry["operation"], entry["request_id"]) for entry in logs if "operation" in entry
    ] == [
        ("warning", "detect", "id-403"),
        ("debug", "detect", "id-403"),
    ]
    assert KEY not in str(logs)


async def test_a_wrong_key_is_said(house: House) -> None:
    """With what to look at."""
    account = replace(house.client._account, key="wrong")
    async with connect(account, house.limiter) as client:
        with pytest.raises(AzureFaceError, match="see that the key is one of the resource's two") as raised:
            await client.group()

    assert raised.value.code == "wrong_key"


async def test_nobody_listening_is_said() -> None:
    """After some tries, with the address."""
    port = free_port()
    account = Account(endpoint=f"http://127.0.0.1:{port}", key=KEY, group_id="users")
    async with connect(account, Limiter(account.tier), pauses=no_pauses) as client:
        client._caller.limiter.tier = replace(account.tier, calls=100, seconds=0.1)
        with pytest.raises(UnreachableError, match=f"127.0.0.1:{port} is not reachable"):
            await client.create_person("Anna", "m-1")


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (web.Response(status=302, headers={"Location": "https://elsewhere.invalid/"}), "refused", "points elsewhere"),
        (web.Response(status=200, text="<html>Please log in</html>"), "unreachable", "something else than its own"),
        (web.Response(status=200, text='{"faces": []}'), "unreachable", "something else than its own"),
        (
            web.Response(status=404, text='{"error":{"code":"404","message":"Resource not found"}}'),
            "refused",
            "no Azure",
        ),
    ],
)
async def test_a_server_that_is_not_azure_is_said(answer: web.Response, code: str, words: str) -> None:
    """A proxy's page, a log-in, another service: and no redirection takes the key elsewhere."""

    async def answered(_: web.Request) -> web.Response:
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answered)
    async with AzureFaults(app) as server:
        account = Account(endpoint=server.url, key=KEY, group_id="users")
        limiter = Limiter(replace(account.tier, calls=100, seconds=0.1))
        async with connect(account, limiter, pauses=no_pauses) as client:
            with pytest.raises(AzureFaceError, match=words) as raised:
                await client.detect(grace(0))

    assert raised.value.code == code


async def test_an_answer_without_an_end_is_cut_short(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server fills the memory."""
    monkeypatch.setattr(caller, "MOST_BYTES", 10)

    with pytest.raises(UnreachableError, match="without an end"):
        await house.client.group()


async def test_a_used_up_month_is_believed(house: House) -> None:
    """A month that Azure says is used up stops all calls until it is over, without asking again."""
    house.azure.order(Fault.USED_UP)
    for _ in range(2):
        with pytest.raises(QuotaGoneError, match="no calls left") as raised:
            await house.client.detect(grace(0))

    assert len(house.azure.calls) == 1
    assert 2 * 86_400 < raised.value.until - time.time() < 3 * 86_400
    assert house.client.state().usage.again_at == raised.value.until


def test_those_who_do_not_use_azure_do_not_pay_for_it() -> None:
    """The library for HTTP is loaded by the first client."""
    code = "import sys, uSense.recognizers.azureface.client; sys.exit('aiohttp' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
