"""What the pages remember: sightings of who people are by now, and nothing of who is gone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.mqtt import sighting
from tests.support.site import Browser, Site
from tests.support.values import portrait
from uSense.core.events import Notice, Sighting, SightingType, State
from uSense.core.models import PersonRef
from uSense.web.hub import SIGHTINGS, Hub

ANNA, BEA, CLEO, DORA = (PersonRef(f"id-of-{name}", name) for name in ("Anna", "Bea", "Cleo", "Dora"))


def heard(*told: Sighting) -> Hub:
    """A hub that heard these, each with a face."""
    hub = Hub()
    for one in told:
        hub.hear(portrait(one.seq))
        hub.hear(one)
    return hub


def people(*there: PersonRef) -> State:
    """The list of everybody."""
    return State("people", [{"person_id": one.person_id, "name": one.name} for one in there])


def merged(person: PersonRef, into: PersonRef) -> Notice:
    """Two persons became one."""
    return Notice("person.merged", {"person_id": person.person_id, "into": into.person_id, "faces": 2})


def erased(person: PersonRef) -> Notice:
    """Somebody was erased."""
    return Notice("person.erased", {"person_id": person.person_id, "erased": {}, "left": []})


def expired(visitor_id: str, reason: str, **more: Any) -> Notice:
    """A visitor is none any more."""
    return Notice("visitor.expired", {"visitor_id": visitor_id, "reason": reason, **more})


def unknown(seq: int, visitor_id: str | None = None) -> Sighting:
    """Of somebody who was here before."""
    return sighting(seq, None, visitor_id=visitor_id)


def named(*event_ids: str) -> Notice:
    """The visitor v became Bea; these were told of them."""
    data = {"visitor_id": "v", "person_id": BEA.person_id, "name": BEA.name, "event_ids": list(event_ids)}
    return Notice("visitor.named", data)


@pytest.mark.parametrize(
    ("told", "notices"),
    [
        (sighting(1), [merged(ANNA, BEA), people(BEA, DORA), erased(BEA)]),
        (sighting(1, "Cleo", previous=ANNA), [merged(ANNA, BEA), erased(BEA)]),
        (sighting(1), [merged(ANNA, CLEO), merged(CLEO, BEA), erased(BEA)]),
        (unknown(1, "v"), [named(), people(BEA, DORA), erased(BEA)]),
        (unknown(1), [named("event-1"), merged(BEA, ANNA), erased(ANNA)]),
        (unknown(1, "v"), [expired("v", "merged", into="w"), expired("w", "deleted")]),
        (unknown(1), [Notice("visitor.new", {"visitor_id": "v", "event_ids": ["event-1"]}), expired("v", "deleted")]),
        (sighting(1), [people(ANNA, DORA), people(DORA)]),
    ],
    ids=["merged", "previous", "twice", "named", "told-before", "visitors-merged", "first-visit", "elsewhere"],
)
def test_who_is_erased_is_gone_whoever_they_were_before(told: Sighting, notices: list[Notice | State]) -> None:
    """Neither sighting nor face stays of who was merged, named or erased by another process."""
    hub = heard(told, sighting(2, "Dora"))

    for notice in notices:
        hub.hear(notice)

    assert [one.name for one in hub.sightings] == ["Dora"]
    assert list(hub.portraits) == [2]


def test_what_was_told_before_a_face_was_known_goes_with_it() -> None:
    """The sighting as unknown of a track that was named later shows the same face."""
    known = sighting(3, track_id="track-1", replaces="event-1")
    hub = heard(sighting(1, None), sighting(2, None), known)

    hub.hear(erased(ANNA))

    assert list(hub.portraits) == [2]
    assert [one.seq for one in hub.sightings] == [2]


def test_what_was_corrected_is_of_the_other_person() -> None:
    """Who was named by mistake takes nothing along, and who was meant takes all."""
    hub = heard(sighting(1), unknown(2, "v"))
    for event_id in ("event-1", "event-2"):
        hub.belongs([event_id], CLEO)

    hub.hear(erased(ANNA))
    kept = [(one.type, one.name, one.visitor_id) for one in hub.sightings]
    hub.hear(erased(CLEO))

    assert kept == [(SightingType.RECOGNIZED, "Cleo", None)] * 2
    assert not hub.sightings
    assert not hub.portraits


def test_people_have_the_names_of_now() -> None:
    """After a rename and a merge, also as those whom a correction took the place of; the numbers stay."""
    hub = heard(sighting(1), sighting(2, "Bea", previous=ANNA), sighting(3, None))
    before = list(hub.sightings)
    antonia = PersonRef(ANNA.person_id, "Antonia")

    hub.hear(people(antonia, BEA))
    renamed = [(one.name, one.previous and one.previous.name) for one in hub.sightings]
    hub.hear(merged(antonia, BEA))
    hub.hear(people(BEA))
    hub.hear(sighting(4, "Bea", previous=ANNA))

    assert renamed == [("Antonia", None), ("Bea", "Antonia"), (None, None)]
    assert [one.name for one in hub.sightings] == ["Bea", "Bea", None, "Bea"]
    assert hub.sightings[0] == replace(before[0], person_id=BEA.person_id, name="Bea")
    assert hub.sightings[-1].previous is None


def test_what_was_said_is_forgotten_with_the_sighting() -> None:
    """So that it has a bound."""
    hub = heard(sighting(0))
    hub.belongs(["event-0", "event-x"], BEA)
    assert hub.said == {"event-0"}

    for seq in range(1, SIGHTINGS + 1):
        hub.hear(sighting(seq))

    assert hub.said == set()


async def test_a_face_is_no_answer_any_more(site: Site, browser: Browser) -> None:
    """Once the visitor, who was named, is erased; until then the row has the name."""
    site.hub.hear(portrait(1))
    site.hub.hear(unknown(1, "v"))
    site.hub.hear(named())
    row = await browser.get("/sightings/event-1/row")
    face = await browser.get("/api/v1/sightings/event-1/face")

    site.hub.hear(erased(BEA))

    assert "Bea" in row.text
    assert face.status == 200
    assert (await browser.get("/api/v1/sightings/event-1/face")).status == 404
