"""The form in which somebody's own page is chosen."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.site import Browser, Site
from uSense.control import Control
from uSense.core.access import Scope
from uSense.core.mypage import MOST_BLOCKS, Block, Kind, Layout, Page


@pytest.fixture
async def site(control: Control, tmp_path: Path) -> AsyncIterator[Site]:
    """The pages; pictures may lie in one folder."""
    (tmp_path / "pictures" / "summer").mkdir(parents=True)
    async with Site(tmp_path, control, pictures=[tmp_path / "pictures"]) as site:
        yield site


@pytest.fixture
async def anna(control: Control) -> str:
    """Whose page it is."""
    return (await control.find("Anna")).person_id


def fields(*blocks: tuple[str, str, str], **more: str) -> dict[str, str]:
    """The form with these kinds, titles and values."""
    told = {"layout": "columns"}
    for number, (kind, title, value) in enumerate(blocks):
        told |= {f"kind-{number}": kind, f"title-{number}": title, f"value-{number}": value}
    return told | {name.replace("_", "-"): value for name, value in more.items()}


async def test_a_page_is_chosen(site: Site, browser: Browser, anna: str, tmp_path: Path) -> None:
    """Empty parts are left out, the others stand where their number says, and the form shows them again."""
    person = await browser.get(f"/people/{anna}")
    assert f'href="/people/{anna}/page"' in person.text
    form = await browser.get(f"/people/{anna}/page")
    assert str(tmp_path / "pictures") in form.text
    folder = str(tmp_path / "pictures" / "summer")

    kept = await browser.led(
        f"/people/{anna}/page",
        **fields(
            ("pictures", "Summer", folder),
            ("message", "", ""),
            ("web", " Door ", " https://door.lan/x "),
            ("message", "", 'Two\r\n"lines" & </textarea>'),
            trusted_2="on",
            trusted_3="on",
            place_2="1",
            place_0="9",
        ),
    )

    assert kept.status == 200
    assert "It is kept" in kept.text
    expected = (
        Block(Kind.WEB, "https://door.lan/x", "Door", trusted=True),
        Block(Kind.MESSAGE, 'Two\n"lines" & </textarea>'),
        Block(Kind.PICTURES, folder, "Summer"),
    )
    assert await site.server.house.mine.page(anna) == Page(Layout.COLUMNS, expected)
    assert kept.text.count("<textarea") == kept.text.count("</textarea>") == len(expected) + 2
    assert re.search(r'name="trusted-0" checked', kept.text)
    assert 'value="columns" checked' in kept.text

    emptied = await browser.led(f"/people/{anna}/page", **fields(layout="list"))
    assert "It is kept" in emptied.text
    assert await site.server.house.mine.page(anna) == Page()


@pytest.mark.parametrize(
    ("part", "word"),
    [
        (("web", "javascript:alert(1)"), "no address"),
        (("web", "https://anna:secret@door.lan/"), "no address"),
        (("feed", "file:///etc/passwd"), "no address"),
        (("video", "films.m3u"), "no address"),
        (("pictures", "/etc"), "web.pictures"),
        (("pictures", "{allowed}/../.."), "web.pictures"),
        (("pictures", "{allowed}/link"), "web.pictures"),
        (("pictures", "summer"), "web.pictures"),
        (("pictures", "{allowed}/none"), "web.pictures"),
        (("message", "x" * 2001), "2000 characters"),
    ],
)
async def test_what_cannot_be_shown_is_refused(
    browser: Browser, site: Site, anna: str, tmp_path: Path, part: tuple[str, str], word: str
) -> None:
    """It is said why, and what was typed stays in the form; what was kept before stays, too."""
    (tmp_path / "pictures" / "link").symlink_to(tmp_path)
    kind, value = part[0], part[1].format(allowed=tmp_path / "pictures")
    refused = await browser.post(f"/people/{anna}/page", **fields(("message", "", "Hello there"), (kind, "", value)))

    assert refused.status == 400
    assert word in refused.text
    assert "Hello there" in refused.text
    assert value in refused.text
    assert await site.server.house.mine.page(anna) == Page()


async def test_folders_are_named_as_they_are_taken(
    control: Control, anna: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In full, whatever the settings say; as in the settings they are taken, too."""
    (tmp_path / "pictures" / "summer").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    async with Site(tmp_path, control, pictures=["pictures"]) as site, site.browser(logged_in=True) as browser:
        form = await browser.get(f"/people/{anna}/page")
        for value in (str(tmp_path / "pictures"), "pictures/summer"):
            kept = await browser.led(f"/people/{anna}/page", **fields(("pictures", "", value)))
            assert "It is kept" in kept.text
        outside = await browser.post(f"/people/{anna}/page", **fields(("pictures", "", "pictures/..")))

    assert f"<code>{tmp_path / 'pictures'}</code>" in form.text
    assert outside.status == 400


async def test_odd_forms_do_no_harm(browser: Browser, site: Site, anna: str) -> None:
    """Kinds, layouts and places that there are not become the usual ones, and parts are numbered."""
    odd = fields(*[("secret", "", f"{number}") for number in range(MOST_BLOCKS + 5)], layout="x", place_3="²")
    assert (await browser.post(f"/people/{anna}/page", **odd)).status == 303

    page = await site.server.house.mine.page(anna)
    assert page.layout is Layout.LIST
    assert [block.value for block in page.blocks] == [str(number) for number in range(MOST_BLOCKS)]
    full = await browser.get(f"/people/{anna}/page")
    assert full.text.count("<textarea") == MOST_BLOCKS


async def test_not_everybody_chooses(browser: Browser, site: Site, anna: str) -> None:
    """Nobody from another site, without a log-in, or who may only look; and there must be such a person."""
    assert (await browser.get("/people/nobody/page")).status == 404
    assert (await browser.post("/people/nobody/page", **fields())).status == 404
    assert (await browser.post(f"/people/{anna}/page", **fields(), csrf="wrong")).status == 403
    for scope, status in {Scope.KIOSK: 403, Scope.READ: 403, Scope.ENROLL: 303}.items():
        _, word = await site.access.tokens.make("program", scope)
        heads = {"Authorization": f"Bearer {word}"}
        answer = await browser.send("POST", f"/people/{anna}/page", data=fields(), headers=heads)
        assert answer.status == status
    async with site.browser() as stranger:
        assert (await stranger.post(f"/people/{anna}/page", **fields())).status == 401


async def test_the_page_goes_with_its_person(browser: Browser, control: Control, anna: str) -> None:
    """Who is erased has none."""
    await browser.post(f"/people/{anna}/page", **fields(("message", "", "Hello")))
    await control.delete_person(anna)
    assert (await browser.get(f"/people/{anna}/page")).status == 404


async def test_a_backend_that_keeps_nothing_says_so(tmp_path: Path, control: Control, anna: str) -> None:
    """There is no page to choose where people are kept elsewhere."""
    control.pages = None
    async with Site(tmp_path, control) as site, site.browser(logged_in=True) as browser:
        await browser.get(f"/people/{anna}/page")
        refused = await browser.post(f"/people/{anna}/page", **fields(("message", "", "Hello")))
        assert refused.status == 400
        assert "keeps no pages" in refused.text
