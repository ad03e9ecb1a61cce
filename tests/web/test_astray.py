"""What is answered where there is nothing, or nothing of that kind."""

from __future__ import annotations

import json

import pytest

from tests.support.site import Browser, Site
from uSense.core.access import Scope


@pytest.mark.parametrize("path", ["/nothing", "/people/1/2/3/4", "/settings/", "/api"])
async def test_an_unknown_page_leads_back(browser: Browser, path: str) -> None:
    """As a page like the others."""
    answer = await browser.get(path)

    assert answer.status == 404
    assert "nothing at this address" in answer.text.lower()
    assert '<header class="top">' in answer.text


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/people/anna/rename", "/people/anna"),
        ("/people/anna/delete", "/people/anna"),
        ("/settings/tokens/remove", "/settings"),
        ("/live/hall/pause", "/live/hall"),
        ("/logout", "/"),
    ],
)
async def test_an_address_of_a_form_leads_to_its_page(browser: Browser, path: str, page: str) -> None:
    """Whoever loads or copies what stands in the address line after a form was refused."""
    answer = await browser.get(path)

    assert (answer.status, answer.headers["Location"]) == (303, page)


async def test_the_address_of_a_live_view_leads_to_the_page(browser: Browser) -> None:
    """It is none itself."""
    assert (await browser.get("/live/hall")).headers["Location"] == "/"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", "/api/v1/commands/nothing", "not_found"),
        ("GET", "/api/v2/states", "not_found"),
        ("GET", "/api/v1/commands/info", "bad_method"),
        ("DELETE", "/api/v1/states", "bad_method"),
        ("PUT", "/people", "bad_method"),
    ],
)
async def test_programs_hear_it_as_every_other_error(site: Site, method: str, path: str, code: str) -> None:
    """As JSON with a code; who sends no token that counts is told nothing of what there is."""
    _, word = await site.access.tokens.make("script", Scope.KIOSK)
    async with site.browser() as browser:
        answer = await browser.send(method, path, headers={"Authorization": f"Bearer {word}"})
        stranger = await browser.send(method, path)

    told = json.loads(answer.text)
    assert (answer.status, told["status"], told["error"]["code"]) == (
        404 if code == "not_found" else 405,
        "error",
        code,
    )
    assert ("Allow" in answer.headers) == (code == "bad_method")
    assert (stranger.status, json.loads(stranger.text)["error"]["code"]) == (401, "log_in")
    assert "Allow" not in stranger.headers


async def test_strangers_are_led_to_the_log_in(site: Site) -> None:
    """Whether there is something or not."""
    async with site.browser() as stranger:
        for path in ("/nothing", "/people/1/rename", "/people"):
            assert (await stranger.get(path)).headers["Location"].startswith("/login?to="), path


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_monitors_may_ask_for_the_head_alone(site: Site, path: str) -> None:
    """As many do to spare the body."""
    async with site.browser() as monitor:
        answer = await monitor.send("HEAD", path)

    assert (answer.status, answer.text) == (200, "")
