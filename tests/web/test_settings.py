"""The page of settings: what may change at once, what else there is, and who may come in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.site import PASSWORD, Browser, Site
from uSense.control import Control
from uSense.core.access import Scope
from uSense.core.given import Given


@pytest.fixture
async def site(control: Control, tmp_path: Path) -> AsyncIterator[Site]:
    """Its pages."""
    async with Site(tmp_path, control) as site:
        site.given = [Given(("mqtt", "host"), "10.0.0.5", "Where the broker is.", "file", "usense.yaml, line 3")]
        yield site


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[Browser]:
    """Somebody who is logged in and looks at the settings."""
    async with site.browser(logged_in=True) as browser:
        await browser.get("/settings")
        yield browser


def keys(text: str, name: str) -> list[str]:
    """The values of buttons of that name."""
    return re.findall(rf'name="{name}" value="([^"]+)"', text)


async def test_all_settings_say_where_they_come_from(browser: Browser) -> None:
    """Those that may change with their bounds and meaning, all others with their origin."""
    page = (await browser.get("/settings")).text

    assert 'min="2" max="604800" value="2"' in page, "leave_after"
    assert "Lowest score that names a person" in page
    assert "usense.yaml, line 3" in page
    assert keys(page, "back") == [], "nothing differs from the file"


async def test_a_setting_is_changed_and_goes_back(browser: Browser, control: Control) -> None:
    """It counts at once; the way back is a button that is there as long as it differs from the file."""
    fields = {"threshold": "0,62", "margin": "1", "unknown": "visitors"}
    answer = await browser.led("/settings", **fields)

    assert "Changed: Likeness that names somebody, Unknown people who are told." in answer.text
    assert control.runtime is not None
    assert (control.runtime.values["threshold"], control.runtime.values["unknown"]) == (0.62, "visitors")
    assert keys(answer.text, "back") == ["threshold", "unknown"]

    answer = await browser.led("/settings", back="threshold", **fields)
    assert keys(answer.text, "back") == ["unknown"]
    assert "Nothing was to be changed." in (await browser.led("/settings", back="threshold")).text
    assert control.runtime.values["threshold"] == 1.0
    assert "Nothing was to be changed." in (await browser.led("/settings", margin="1")).text


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"threshold": "1.5", "margin": "0.1"}, "from 0 to 1"),
        ({"threshold": "much", "margin": "0.1"}, "threshold must be a number"),
        ({"unknown": "everybody"}, "must be"),
        ({"threshold": "nan"}, "not infinite"),
        ({"back": "password"}, "no such setting"),
    ],
)
async def test_what_does_not_fit_changes_nothing(
    browser: Browser, control: Control, fields: dict[str, str], problem: str
) -> None:
    """It says why, and what was typed is still there."""
    answer = await browser.post("/settings", **fields)

    assert answer.status == 400
    assert problem in answer.text
    if fields.get("threshold") == "1.5":
        assert 'value="1.5"' in answer.text
    assert control.runtime is not None
    assert control.runtime.values == control.runtime.filed


async def test_a_token_is_shown_once(site: Site, browser: Browser) -> None:
    """No address has it, and loading the page again shows and makes none; it works until it is taken back."""
    led = await browser.post("/settings/tokens", name="my script", scope="read")
    answer = await browser.get(led.headers["Location"])
    (word,) = re.findall(r"usense_[\w-]{43}", answer.text)
    with_it = {"headers": {"Authorization": f"Bearer {word}"}}

    page = (await browser.get(led.headers["Location"])).text
    assert page.count("<strong>my script</strong>") == 1
    assert word not in page + led.headers["Location"]
    async with site.browser() as other:
        assert (await other.send("GET", "/api/v1/states", **with_it)).status == 200
        (token_id,) = keys(page, "token")
        answer = await browser.post("/settings/tokens/remove", token=token_id)
        assert answer.headers["Location"] == "/settings?done=taken_back"
        assert (await other.send("GET", "/api/v1/states", **with_it)).status == 401


async def test_tokens_need_a_name_and_a_scope(browser: Browser) -> None:
    """Nothing is made of what is not said; what is gone cannot be taken back twice."""
    assert "what the token may do" in (await browser.post("/settings/tokens", name="x", scope="all")).text
    assert "1 to 60 characters" in (await browser.post("/settings/tokens", name=" ", scope="read")).text
    assert (await browser.post("/settings/tokens/remove", token="gone")).status == 404
    assert keys((await browser.get("/settings")).text, "token") == []


async def test_log_ins_are_shown_and_ended(site: Site, browser: Browser) -> None:
    """Each by its browser, a kiosk by its token; one's own stays."""
    _, word = await site.access.tokens.make("tablet", Scope.KIOSK)
    await site.access.admit_kiosk(word)
    await site.access.log_in(PASSWORD, "10.0.0.9", "Firefox, Android")
    async with site.browser(logged_in=True) as other:
        page = (await browser.get("/settings")).text
        assert "tablet" in page
        assert "Firefox, Android" in page
        assert len(re.findall(r"Since \d\d \w+ \d{4}, \d\d:\d\d, last visit", page)) == 4
        assert len(keys(page, "key")) == 3

        assert (await browser.post("/settings/log-ins", key=keys(page, "key")[0])).status == 303
        assert len(keys((await browser.get("/settings")).text, "key")) == 2
        await browser.post("/settings/log-ins", others="yes")
        assert (await other.get("/settings")).status == 303
        assert keys((await browser.get("/settings?done=ended")).text, "key") == []


async def test_the_password_is_changed(site: Site, browser: Browser) -> None:
    """By who knows the old one, who stays logged in; everybody else has to log in again."""
    fields = {"old": PASSWORD, "new": "battery staple", "again": "battery staple"}
    async with site.browser(logged_in=True) as other:
        assert "not the same" in (await browser.post("/settings/password", **{**fields, "again": "x"})).text
        assert "not the password" in (await browser.post("/settings/password", **{**fields, "old": "x"})).text
        short = {**fields, "new": "short", "again": "short"}
        assert "8 to 1024" in (await browser.post("/settings/password", **short)).text
        assert (await other.get("/settings")).status == 200

        answer = await browser.post("/settings/password", **fields)
        assert (answer.status, answer.headers["Location"]) == (303, "/settings?done=password")
        assert (await browser.get("/settings")).status == 200
        assert (await other.get("/settings")).status == 303
        assert (await other.log_in()).status == 403
        assert (await other.log_in("battery staple")).status == 303


async def test_guessing_the_old_password_is_slowed_down(browser: Browser) -> None:
    """As at the log-in: a browser that was left open is no way to try them all."""
    fields = {"new": "battery staple", "again": "battery staple"}
    answers = [await browser.post("/settings/password", old=f"guess {number}", **fields) for number in range(7)]

    assert "too many wrong passwords" in answers[-1].text


@pytest.mark.parametrize("path", ["/settings", "/settings/password", "/settings/log-ins", "/settings/tokens"])
async def test_settings_are_for_those_who_may_do_everything(site: Site, path: str) -> None:
    """A token that may enroll people is refused."""
    _, word = await site.access.tokens.make("script", Scope.ENROLL)
    heads = {"Authorization": f"Bearer {word}"}
    async with site.browser() as browser:
        method = "GET" if path == "/settings" else "POST"
        assert (await browser.send(method, path, headers=heads)).status == 403
        assert (await browser.send(method, path)).status == 401
