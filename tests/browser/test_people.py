"""What people do on the pages, in a real browser, with the real service and somebody before its camera."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.house import House
from tests.browser.window import Chromium
from tests.peers.household import Household

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


async def test_who_is_enrolled_by_upload_is_named(tmp_path: Path, household: Household, chromium: Chromium) -> None:
    """Somebody is unknown, three photos with a name are dropped on the page, and they are called by it from then on."""
    async with House(tmp_path, household) as house, chromium.window(house.origin) as window:
        await window.log_in(house.password)
        await window.look("live-nobody")
        house.hall.seen = "Grace"
        await window.row("Somebody unknown").wait_for()
        await window.follow("People")
        await window.look("people-nobody")
        await window.follow("Add somebody")
        await window.look("adding")
        photos = house.photos("Grace")
        await window.drop(".drop", photos)
        assert await window.page.locator(".verdicts li").count() == 0, "a name must be typed first"
        await window.page.get_by_label("Name").fill("Grace")
        await window.drop(".drop", photos)
        await window.sees("Photos kept: 3 of 3. They count from now on.")
        await window.look("added")
        await window.follow("Show the person")
        await window.page.get_by_role("heading", name="Grace", level=1).wait_for()
        await window.look("person")

        await window.follow("Live")
        await house.visited_by("Grace")
        await window.row("Grace").wait_for()
        sure = (await window.row("Grace").locator(".small").inner_text()).rsplit(", ", 1)[-1]
        assert sure.endswith("%"), sure
        await window.page.locator(".box.known", has_text=f"Grace {sure}").wait_for()
        await window.page.locator(".who", has_text=f"Grace {sure}").wait_for()
        await window.look("live")
        await window.follow("People")
        await window.sees("here: hall")
        await window.look("people")
        house.hall.seen = None
        await window.sees("last here")


async def test_a_visitor_gets_a_name(tmp_path: Path, household: Household, chromium: Chromium) -> None:
    """An unknown face is found among the visitors, named there, and called so at the next sighting."""
    often = {"visitors": {"apart": 0.5}}
    async with House(tmp_path, household, "Grace", **often) as house, chromium.window(house.origin) as window:
        await window.log_in(house.password)
        await window.open("/visitors")
        await window.look("visitors-nobody")
        await window.follow("Live")
        for visit in range(2):
            await house.visited_by("Eileen")
            await window.row("Somebody unknown", visit).wait_for()
        await window.follow("Visitors")
        await window.look("visitors")
        await window.page.get_by_label("Choose").first.check()
        await window.sees("1 chosen")
        await window.press("Delete")
        await window.sees("Delete these visitors?")
        await window.look("visitors-deleting")
        await window.follow("Cancel")
        await window.page.get_by_role("link", name="Who is this?").first.click()
        await window.look("visitor")
        await window.page.get_by_label("It is").select_option("new")
        await window.page.get_by_label("Name").fill("Eileen")
        await window.press("Keep it")
        await window.page.get_by_role("heading", name="Eileen", level=1).wait_for()

        await window.follow("Live")
        await house.visited_by("Eileen")
        await window.row("Eileen").wait_for()


async def test_a_wrong_name_is_corrected(tmp_path: Path, household: Household, chromium: Chromium) -> None:
    """Eileen is taken for Grace, whose photos are much like her, and called by her own name once that was corrected."""
    async with House(tmp_path, household) as house, chromium.window(house.origin) as window:
        await window.log_in(house.password)
        await window.open("/people/add")
        await window.page.get_by_label("Name").fill("Grace")
        await window.page.get_by_label("Photos", exact=True).set_input_files(house.photos("Grace", like="Eileen"))
        await window.press("Add the photos")
        await window.sees("They count from now on.")
        await window.follow("Live")
        house.hall.seen = "Eileen"
        await window.row("Grace").get_by_role("link").click()
        await window.sees("Is that right?")
        await window.page.get_by_text("The numbers").click()
        await window.look("sighting")
        await window.page.get_by_label("Wrong, it is").select_option("new")
        await window.page.get_by_label("Name").fill("Eileen")
        await window.look("sighting-new")
        await window.press("Correct it")
        await window.sees("Done: this face is Eileen's from now on.")
        await window.look("corrected")
        assert await window.page.get_by_role("button", name="Correct it").count() == 0, "it is said already"

        await window.follow("Live")
        await house.visited_by("Eileen")
        await window.row("Eileen").wait_for()


async def test_a_wrong_photo_is_found(tmp_path: Path, household: Household, chromium: Chromium) -> None:
    """Whoever has photos of somebody else stays like them after a correction; the page says so, and whose they are."""
    async with House(tmp_path, household, "Eileen") as house, chromium.window(house.origin) as window:
        await window.log_in(house.password)
        house.hall.seen = "Eileen"
        await window.row("Eileen").get_by_role("link").click()
        await window.page.get_by_label("Wrong, it is").select_option("new")
        await window.page.get_by_label("Name").fill("Zoe")
        await window.press("Correct it")
        await window.sees("Are there photos of Zoe among those of Eileen?")
        await window.look("corrected-mixed")
        await window.follow("See the photos of Eileen")
        await window.page.get_by_role("heading", name="Eileen", level=1).wait_for()


async def test_somebody_is_deleted(tmp_path: Path, household: Household, chromium: Chromium) -> None:
    """Their name must be typed, the receipt says what was erased, and they are unknown from then on."""
    async with House(tmp_path, household, "Grace", "Eileen") as house, chromium.window(house.origin) as window:
        await window.log_in(house.password)
        house.hall.seen = "Grace"
        await window.row("Grace").wait_for()
        await window.follow("People")
        await window.look("people-two")
        await window.page.get_by_role("link", name="Grace").click()
        await window.page.get_by_text("Delete this person").click()
        await window.page.get_by_text("This is somebody else").first.click()
        await window.look("person-deleting")
        await window.page.get_by_label("Type Grace to be sure").fill("Eileen")
        await window.press("Delete Grace")
        await window.page.get_by_role("alert").wait_for()
        await window.look("person-refused")
        await window.page.get_by_text("Delete this person").click()
        await window.page.get_by_label("Type Grace to be sure").fill("Grace")
        await window.press("Delete Grace")
        await window.page.get_by_role("heading", name="Grace was erased").wait_for()
        await window.look("erased")

        await window.follow("Live")
        await house.visited_by("Grace")
        await window.row("Somebody unknown").wait_for()
        await window.follow("People")
        assert await window.page.get_by_role("link", name="Grace").count() == 0


async def test_somebody_is_enrolled_at_a_camera(tmp_path: Path, household: Household, chromium: Chromium) -> None:
    """The browser's own camera sees no face and says so; the hall's guides Grace until she is enrolled."""
    async with House(tmp_path, household) as house, chromium.window(house.origin) as window:
        await window.log_in(house.password)
        await window.open("/people/add")
        await window.page.get_by_label("Name").fill("Grace")
        own = window.page.locator("#own-camera")
        await own.get_by_role("button", name="Start").click()
        await own.get_by_text("No face was found").wait_for()
        await window.look("adding-own-camera")
        await own.get_by_role("button", name="Stop").click()

        guided = window.page.locator("#guided-camera")
        house.hall.seen, house.hall.poses = "Grace", 13
        await guided.get_by_role("button", name="Start").click()
        await guided.get_by_role("button", name="Stop").wait_for()
        await window.look("adding-guided")
        await guided.get_by_role("link", name="Show the person").click(timeout=90_000)
        await window.page.get_by_role("heading", name="Grace", level=1).wait_for()
        assert await window.page.locator(".photos li").count() == 6


async def test_somebody_is_enrolled_by_the_browsers_camera(
    tmp_path: Path, household: Household, booth: Chromium
) -> None:
    """Eileen looks into it until six pictures of her are kept, and is called by her name when she comes."""
    async with House(tmp_path, household) as house, booth.window(house.origin) as window:
        await window.log_in(house.password)
        await window.open("/people/add")
        await window.page.get_by_label("Name").fill("Eileen")
        own = window.page.locator("#own-camera")
        await own.get_by_role("button", name="Start").click()
        await own.get_by_text("They count from now on.").wait_for(timeout=90_000)
        await window.look("added-own-camera")
        await own.get_by_role("link", name="Show the person").click()
        await window.page.get_by_role("heading", name="Eileen", level=1).wait_for()
        assert await window.page.locator(".photos li").count() == 6
        await window.follow("Live")
        house.hall.seen = "Eileen"
        await window.row("Eileen").wait_for()
