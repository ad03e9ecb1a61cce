"""The pages of the people: who is enrolled, what is known of them, and how they are cared for."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.support.examples import somebody
from tests.support.site import Browser, Site
from tests.support.stand_ins import picture
from uSense.control import Control
from uSense.core.access import Scope
from uSense.core.events import Notice, State
from uSense.core.models import ConfusablePair, Training, WeakFace


@pytest.fixture
async def anna(control: Control) -> str:
    """Where Anna's page is."""
    return f"/people/{(await control.find('Anna')).person_id}"


async def test_everybody_has_a_card(browser: Browser, site: Site, anna: str) -> None:
    """With photo or initials, where they are, and what would help most."""
    presence = {"state": "present", "cameras": ["hall"], "since": "2026-11-23T09:00:00Z"}
    site.hub.hear(State(anna.replace("/people/", "presence/"), presence))

    page = (await browser.get("/people")).text

    assert f'href="{anna}"' in page
    assert f"{anna}/faces/" in page
    assert "here: hall" in page
    assert "not seen lately" in page
    assert "More photos of Anna would help" in page
    assert "Bea cannot be recognized yet: add a photo." in page


async def test_only_who_was_seen_was_last_here(browser: Browser, site: Site, control: Control, anna: str) -> None:
    """Since when somebody is absent says only since when cameras look for them."""
    for person in await control.people():
        value = {"state": "absent", "cameras": [], "since": "2026-11-23T09:00:00Z"}
        site.hub.hear(State(f"presence/{person.person_id}", value))
    never = (await browser.get(anna)).text
    site.chronicle.hear(Notice("person.left", {"person_id": anna.removeprefix("/people/"), "reason": "not_seen"}))

    assert "last here" not in never
    assert "not seen lately" in never
    assert (await browser.get("/people")).text.count("last here") == 1


async def test_a_photo_is_for_those_who_are_logged_in_and_for_no_cache(site: Site, browser: Browser, anna: str) -> None:
    """Nobody else gets it, and no one that is not there is shown."""
    (photo,) = set(re.findall(r'src="(/people/[^"]+\.jpg)"', (await browser.get(anna)).text))

    shown = await browser.get(photo)

    assert (shown.status, shown.headers["Content-Type"]) == (200, "image/jpeg")
    assert shown.headers["Cache-Control"] == "no-store"
    assert (await browser.get(f"{anna}/faces/1.jpg")).status == 404
    assert (await browser.get(photo.removesuffix(".jpg"))).status == 404
    assert (await browser.get("/people/1")).status == 404
    async with site.browser() as stranger:
        assert (await stranger.get(photo)).headers["Location"].startswith("/login")


async def test_how_well_somebody_is_told_apart(browser: Browser, control: Control, anna: str) -> None:
    """The overview names the two who are hardest to tell apart, and each page who is nearest."""
    bea = await control.find("Bea")
    probe = await control.one_face(somebody(), "bea.jpg")
    await control.recognizer.add_face(bea.person_id, probe)
    await control.train()

    everybody = (await browser.get("/people")).text
    page = (await browser.get(anna)).text

    (pair,) = (await control.training()).confusable
    assert "Hardest to tell apart" in everybody
    assert f"likeness {pair.score:.2f}" in everybody
    assert f"Bea, and well apart (likeness {pair.score:.2f})" in page


async def test_how_well_somebody_is_known_by_their_own_photos(browser: Browser, control: Control, anna: str) -> None:
    """Each card says how many photos the others were enough for; of a single one nothing can be said, and it is."""
    alone = (await browser.get("/people")).text
    again = (picture().rgb() * 0.9).astype("uint8")
    await control.add_picture("Anna", again, "again.jpg")
    await control.train()

    assert alone.count("not measured, there is only one") == 1
    for path in ("/people", anna):
        page = (await browser.get(path)).text
        assert "Own photos recognized: 2 of 2" in page
        assert "left out each photo of Anna" in page


async def test_a_photo_that_may_be_somebody_elses(
    browser: Browser, control: Control, anna: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stands for nobody if there is another, and the page says where to look before it says anything else."""
    added = await control.add_picture("Anna", somebody(), "bea.jpg", force=True)
    await control.add_picture("Bea", somebody(0.9), "bea.jpg", force=True)
    pictures = set(re.findall(rf'src="({anna}/faces/[^"]+)"', (await browser.get(anna)).text))
    assert len(pictures) == 2
    trained = replace(await control.training(), confusable=(ConfusablePair("Anna", "Bea", 0.9),))
    for odd in (await control.find("Anna")).face_ids:
        report = replace(trained, weak=(WeakFace("Anna", odd, 0.1),))

        async def training(report: Training = report) -> Training:
            return report

        monkeypatch.setattr(control, "training", training)
        page = (await browser.get("/people")).text

        (shown,) = set(re.findall(rf'src="({anna}/faces/[^"]+)"', page))
        assert odd not in shown
        assert "A photo among those of Anna looks like Bea: look whether it is." in page
        assert f'<a href="{anna}">See the photos of Anna</a>' in page
    assert added.face_id in (await control.find("Anna")).face_ids


async def test_name_and_note_change(browser: Browser, control: Control, anna: str) -> None:
    """At once; a name that somebody else has is refused and everything stays."""
    await browser.get(anna)

    renamed = await browser.led(f"{anna}/rename", name="Anna Maria")
    noted = await browser.led(f"{anna}/note", note="since 1998\r\nand on")
    taken = await browser.post(f"{anna}/rename", name="bea")

    assert "The name is Anna Maria now." in renamed.text
    assert "The note was kept." in noted.text
    assert taken.status == 400
    assert (await control.find("Anna Maria")).user_data == "since 1998\nand on"


async def test_photos_are_deleted_and_the_rest_is_trained(browser: Browser, control: Control, anna: str) -> None:
    """Only those that were chosen, and there must be one; it counts at once."""
    await browser.get(anna)
    (face_id,) = (await control.find("Anna")).face_ids

    nothing = await browser.post(f"{anna}/drop", face="somebody else's")
    answer = await browser.led(f"{anna}/drop", face=face_id)

    assert nothing.status == 400
    assert "Deleted photos: 1." in answer.text
    assert "There are no photos yet." in answer.text
    assert (await control.training()).faces == 0


async def test_two_become_one(browser: Browser, control: Control, anna: str) -> None:
    """The other gets the photos, with the day they were added, and their page is shown."""
    await browser.get(anna)
    bea = await control.find("Bea")
    assert control.album is not None
    (before,) = await control.album.photos(await control.find("Anna"))

    nobody = await browser.post(f"{anna}/merge", into="")
    answer = await browser.led(f"{anna}/merge", into=bea.person_id)

    assert nobody.status == 400
    assert "They are one now: Bea." in answer.text
    assert (await browser.get(anna)).status == 404
    (after,) = await control.album.photos(await control.find("Bea"))
    assert (after.added_at, after.quality) == (before.added_at, before.quality)


async def test_who_is_deleted_is_named_first(site: Site, browser: Browser, control: Control, anna: str) -> None:
    """The page says what goes where; without the name nothing does, and then there is a receipt, for who did it."""
    page = (await browser.get(anna)).text
    assert "backups in the data folder" in page

    unsure = await browser.post(f"{anna}/delete", name="Bea")
    answer = await browser.post(f"{anna}/delete", name=" anna ")
    receipt, again = [await browser.get(answer.headers["Location"]) for _ in range(2)]

    assert "Type Anna to be sure" in unsure.text
    assert unsure.status == 400
    assert "Anna was erased" in receipt.text
    assert "copies outside of the data folder" in receipt.text
    assert "Anna was erased" in again.text, "it may be loaded again"
    async with site.browser(logged_in=True) as other:
        assert (await other.get(answer.headers["Location"])).status == 404
    assert [person.name for person in await control.people()] == ["Bea"]


async def test_only_who_may_is_offered_to_change_anything(site: Site, anna: str) -> None:
    """A token that reads sees no forms; one that enrolls may neither delete nor merge, and is not offered it."""
    offered: dict[Scope, str] = {}
    async with site.browser() as browser:
        for scope in (Scope.READ, Scope.ENROLL, Scope.ADMIN):
            _, word = await site.access.tokens.make("tv", scope)
            heads = {"Authorization": f"Bearer {word}", "Accept": "text/html"}
            offered[scope] = (await browser.send("GET", anna, headers=heads)).text
            if scope is Scope.READ:
                assert (await browser.send("POST", f"{anna}/rename", headers=heads, data={"name": "x"})).status == 403
            if scope is Scope.ENROLL:
                for deed in ("delete", "merge"):
                    assert (await browser.send("POST", f"{anna}/{deed}", headers=heads)).status == 403

    assert f"{anna}/" not in offered[Scope.READ].replace(f"{anna}/faces/", "")
    assert f"{anna}/rename" in offered[Scope.ENROLL]
    for deed in ("delete", "merge"):
        assert [f"{anna}/{deed}" in page for page in offered.values()] == [False, False, True]


async def test_all_can_be_trained_from_the_page(browser: Browser, control: Control) -> None:
    """When photos do not count yet, it says so and offers it."""
    await control.delete_face("Anna", (await control.find("Anna")).face_ids[0])
    visitors = control.visiting
    assert visitors is not None
    (probe,) = await visitors.probes(visitors.everybody()[0].visitor_id)
    await control.recognizer.add_face((await control.find("Bea")).person_id, probe)
    before = await browser.get("/people")

    answer = await browser.post("/people/train")

    assert "There are photos that do not count yet." in before.text
    assert (answer.status, answer.headers["Location"]) == (303, "/people")
    assert "do not count yet" not in (await browser.get("/people")).text
