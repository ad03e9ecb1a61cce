"""In and out, and everything that must not come in."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.site import PASSWORD, Browser, Site
from tests.support.waiting import until
from uSense.core.access import FREE, Scope
from uSense.core.errors import RequestError
from uSense.web import pages
from uSense.web.server import elsewhere
from uSense.web.visit import Route, Visit


async def secret(visit: Visit) -> web.StreamResponse:
    """Something for those who are logged in."""
    return visit.json({"secret": 1})


ROUTES = (
    *pages.ROUTES,
    Route(method="GET", path="/secret", handler=secret, scope=Scope.READ),
    Route(method="POST", path="/change", handler=secret, scope=Scope.ADMIN),
)


def site(folder: Path, **settings: Any) -> Site:
    """The pages, one more to see and one to change something."""
    return Site(folder, routes=ROUTES, **settings)


def cookies(browser: Browser) -> dict[str, str]:
    """What the browser keeps."""
    return {one.key: one.value for one in browser.session.cookie_jar}


async def test_nothing_is_shown_without_a_log_in(tmp_path: Path) -> None:
    """A browser is led to the form and back to where it wanted to go; a program is told what it lacks."""
    async with site(tmp_path) as house, house.browser() as browser:
        led = await browser.get("/secret?a=b")
        told = await browser.send("GET", "/secret")
        assert (led.status, led.headers["Location"]) == (303, "/login?to=%2Fsecret%3Fa%3Db")
        assert told.status == 401
        assert "log in" in told.text

        form = await browser.get(led.headers["Location"])
        assert 'value="/secret?a=b"' in form.text
        entered = await browser.post("/login", password=PASSWORD, to="/secret?a=b")
        assert (entered.status, entered.headers["Location"]) == (303, "/secret?a=b")
        assert (await browser.get("/secret")).status == 200


async def test_log_out(tmp_path: Path) -> None:
    """The cookie counts no more, wherever it was copied to."""
    async with site(tmp_path) as house, house.browser(logged_in=True) as browser:
        kept = cookies(browser)
        assert (await browser.get("/secret")).status == 200

        assert (await browser.post("/logout")).status == 303

        assert (await browser.get("/secret")).status == 303
        assert (await browser.send("GET", "/secret", cookies=kept)).status == 401


async def test_a_log_in_is_a_new_one(tmp_path: Path) -> None:
    """Whatever cookie an attacker set before, the log-in gets another word, and an earlier one is worth nothing."""
    async with site(tmp_path) as house, house.browser() as browser:
        browser.session.cookie_jar.update_cookies({"usense": "planted"})
        answer = await browser.log_in()
        first = cookies(browser)
        await browser.log_in()
        browser.session.cookie_jar.clear()

        assert "planted" not in answer.headers["Set-Cookie"]
        assert "HttpOnly" in answer.headers["Set-Cookie"]
        assert "SameSite=Lax" in answer.headers["Set-Cookie"]
        for old in ({"usense": "planted"}, first):
            assert (await browser.send("GET", "/secret", cookies=old)).status == 401


async def test_wrong_passwords_are_slowed_down(tmp_path: Path) -> None:
    """A few are told so; then also the right one has to wait, and hears how long."""
    async with site(tmp_path) as house, house.browser() as browser:
        wrong = [await browser.post("/login", password="wrong") for _ in range(FREE)]
        for _ in range(8):  # the wait becomes longer than any machine is slow
            house.access.gate.attempt("127.0.0.1", time.monotonic())
        late = await browser.post("/login", password=PASSWORD)

    assert [answer.status for answer in wrong] == [403] * FREE
    assert all("not the password" in answer.text for answer in wrong)
    assert late.status == 429
    assert re.search(r"wait [45]\d\d s", late.text)


async def test_nobody_is_led_elsewhere(tmp_path: Path) -> None:
    """Only to pages of this server."""
    async with site(tmp_path) as house, house.browser() as browser:
        for to in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "/\t/evil"):
            assert (await browser.post("/login", password=PASSWORD, to=to)).headers["Location"] == "/"


async def test_forms_of_others_are_refused(tmp_path: Path) -> None:
    """Without the page's word, with a wrong one, from another site; with it, all is well."""
    async with site(tmp_path) as house, house.browser(logged_in=True) as browser:
        good = await browser.post("/change")
        by_script = await browser.send("POST", "/change", json={}, headers={"X-CSRF-Token": browser.csrf})
        refused = [await browser.post("/change", csrf=word) for word in ("", "0" * 64)]
        refused.append(await browser.send("POST", "/change"))
        foreign: list[dict[str, str]] = [
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ]
        form = {"csrf": browser.csrf}
        refused += [await browser.send("POST", "/change", data=form, headers=headers) for headers in foreign]
        entering = await browser.send("POST", "/login", data={"password": PASSWORD}, headers=foreign[0])

    assert good.status == by_script.status == 200
    assert [answer.status for answer in refused] == [403] * 7
    assert entering.status == 403, "somebody could be logged in as somebody else"


async def test_answers_make_browsers_careful(tmp_path: Path) -> None:
    """On pages, refusals and what is not there."""
    async with site(tmp_path) as house, house.browser() as browser:
        for path in ("/login", "/secret", "/healthz", "/nowhere"):
            headers = (await browser.get(path)).headers
            assert "script-src 'self'" in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"] == "no-store"
            assert "Server" not in headers


async def test_a_new_password_logs_everybody_out(tmp_path: Path) -> None:
    """Those who knew the old one have to know the new one."""
    async with site(tmp_path) as house, house.browser(logged_in=True) as browser:
        await house.access.passwords.set("another one")

        assert (await browser.get("/secret")).status == 303
        assert (await browser.log_in()).status == 403
        assert (await browser.log_in("another one")).status == 303
        with pytest.raises(RequestError, match="8 to 1024"):
            await house.access.passwords.set("short")


async def test_log_ins_outlive_a_restart(tmp_path: Path) -> None:
    """A cookie of before counts after it, and is nowhere on the disk."""
    async with site(tmp_path) as house, house.browser(logged_in=True) as browser:
        kept = cookies(browser)
    async with site(tmp_path, password="") as house, house.browser() as browser:
        assert (await browser.send("GET", "/secret", cookies=kept)).status == 200
    assert kept["usense"] not in (tmp_path / "sessions.json").read_text("utf-8")


async def test_without_a_password_nobody_logs_in(tmp_path: Path) -> None:
    """The page says how to set one, nothing fits, and it listens at this machine only until there is one."""
    async with site(tmp_path, password="", host="0.0.0.0") as house, house.browser() as browser:  # noqa: S104 - on purpose
        assert "usense passwd" in (await browser.get("/login")).text
        assert (await browser.post("/login", password="")).status == 403
        assert house.server.origin.startswith("http://127.0.0.1:")
        assert "usense passwd" in house.server.problem


async def test_tokens_have_scopes(tmp_path: Path) -> None:
    """A token does what its scope allows, needs no form's word, and nothing once it is taken back."""
    async with site(tmp_path) as house, house.browser() as browser:
        reader, word = await house.access.tokens.make("panel", Scope.READ)
        _, strong = await house.access.tokens.make("mine", Scope.ADMIN)

        async def status(method: str, path: str, word: str) -> int:
            return (await browser.send(method, path, headers={"Authorization": f"Bearer {word}"})).status

        assert await status("GET", "/secret", word) == 200
        assert await status("POST", "/change", word) == 403
        assert await status("POST", "/change", strong) == 200
        assert await status("GET", "/secret", "usense_wrong") == 401
        await house.access.tokens.take_back(reader.token_id)
        assert await status("GET", "/secret", word) == 401
    assert word not in (tmp_path / "tokens.json").read_text("utf-8")


async def test_proxies_that_are_trusted_are_believed(tmp_path: Path) -> None:
    """Behind them the visitor's own address is slowed down, and https makes the cookie secure; others are not."""
    behind = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "home.example"}
    guesser = {**behind, "X-Forwarded-For": "6.6.6.6, 203.0.113.7"}
    owner = {**behind, "X-Forwarded-For": "203.0.113.8", "Origin": "https://home.example"}
    for trusted in (["127.0.0.1"], []):
        async with site(tmp_path, trusted_proxies=trusted) as house, house.browser() as browser:
            for _ in range(FREE):
                await browser.send("POST", "/login", data={"password": "wrong"}, headers=guesser)
            slowed = {one for one in ("203.0.113.7", "6.6.6.6", "127.0.0.1") if house.access.gate.wait(one, 0.0)}
            entered = await browser.send("POST", "/login", data={"password": PASSWORD}, headers=owner)

            assert slowed == ({"203.0.113.7"} if trusted else {"127.0.0.1"})
            assert entered.status == (303 if trusted else 403)
            assert ("Secure" in entered.headers.get("Set-Cookie", "")) == bool(trusted)


async def test_large_forms_are_refused(tmp_path: Path) -> None:
    """Before they fill the memory."""
    async with site(tmp_path) as house, house.browser() as browser:
        assert (await browser.send("POST", "/login", data={"password": "x" * 100_000})).status == 413


async def test_files_are_those_of_the_pages(tmp_path: Path) -> None:
    """By their whole address, which changes with their content, so they may be kept; no others of the disk."""
    async with site(tmp_path) as house, house.browser() as browser:
        found = await browser.get(house.server.house.renderer.address("style.css"))
        assert found.status == 200
        assert "immutable" in found.headers["Cache-Control"]
        assert found.headers["Content-Type"] == "text/css; charset=utf-8"
        for path in ("/static/x/../../settings.py", "/static/x/%2e%2e%2fsettings.py", "/static/x/style.css"):
            answer = await browser.get(path)
            assert answer.status == 404 or answer.headers["Location"].startswith("/login"), path


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("0.0.0.0", f"https://{socket.gethostname()}:5050"),  # noqa: S104 - nothing is bound
        ("127.0.0.1", None),
        ("192.168.1.7", "https://192.168.1.7:5050"),
    ],
)
def test_the_log_says_what_to_type_elsewhere(host: str, told: str | None) -> None:
    """By the name of this machine, unless one address alone is served."""
    here = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - the same
    assert elsewhere(host, f"https://{here}:5050") == told


async def test_a_port_that_is_taken_is_tried_again(tmp_path: Path) -> None:
    """The service goes on without pages, says so, and serves them once the port is free."""
    for name in "ab":
        (tmp_path / name).mkdir()
    second = site(tmp_path / "b")
    async with site(tmp_path / "a") as first:
        port = int(first.server.origin.rpartition(":")[2])
        second.settings = second.settings.model_copy(update={"port": port})
        opening = asyncio.create_task(second.__aenter__(), name="second")
        await until(lambda: hasattr(second, "server") and "Address already in use" in second.server.problem)
    await opening
    assert second.server.problem == ""
    await second.__aexit__()
