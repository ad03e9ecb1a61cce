"""Who is enrolled: everybody, and one of them with their photos."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from aiohttp import web

from uSense.core.access import Scope
from uSense.core.errors import NotFoundError, RequestError
from uSense.core.models import Person
from uSense.core.names import folded_name
from uSense.core.receipts import erasure_data
from uSense.web.people import card, enrolled, overview, said_not_to_be
from uSense.web.visit import Handler, Route, Visit

Deed: TypeAlias = Callable[[Visit, Person], Awaitable[tuple[Person, str]]]
"""Does something; whose page is to be shown then, and what the address says was done."""


async def everybody(visit: Visit) -> web.StreamResponse:
    """A card each."""
    return await _everybody(visit)


async def train(visit: Visit) -> web.StreamResponse:
    """Let all photos count."""
    await visit.house.control.train()
    return visit.lead("/people")


async def somebody(visit: Visit) -> web.StreamResponse:
    """One person."""
    person = await _whose(visit)
    return await _somebody(visit, person, done=visit.done(_words(visit)["done"], name=person.name))


async def photo(visit: Visit) -> web.StreamResponse:
    """A kept photo."""
    album, file = visit.house.control.album, visit.embedded["file"]
    if album is None or not file.endswith(".jpg"):
        raise NotFoundError("photo", file[:50])
    jpeg = await album.jpeg(visit.embedded["person_id"], file.removesuffix(".jpg"))
    return web.Response(body=jpeg, content_type="image/jpeg")


def doing(deed: Deed) -> Handler:
    """The handler of a form of the page of a person: leads back to it with what was done, or shows what hindered it."""

    async def done(visit: Visit) -> web.StreamResponse:
        person = await _whose(visit)
        try:
            person, told = await deed(visit, person)
        except RequestError as error:
            return await _somebody(visit, await _whose(visit), problem=str(error))
        return visit.lead(f"/people/{person.person_id}?done={told}")

    return done


async def rename(visit: Visit, person: Person) -> tuple[Person, str]:
    """Another name."""
    renamed = await visit.house.control.rename_person(person.person_id, (await visit.form()).get("name", ""))
    return renamed, "renamed"


async def note(visit: Visit, person: Person) -> tuple[Person, str]:
    """Another note."""
    text = (await visit.form()).get("note", "").replace("\r\n", "\n")
    return await visit.house.control.annotate(person.person_id, text), "noted"


async def drop(visit: Visit, person: Person) -> tuple[Person, str]:
    """The chosen photos go, and the others are trained."""
    control, chosen = visit.house.control, [one for one in await visit.chosen("face") if one in person.face_ids]
    if not chosen:
        raise RequestError(_words(visit)["choose_photos"], code="bad_payload")
    for face_id in chosen:
        await control.delete_face(person.person_id, face_id)
    await control.train()
    return await control.find(person.person_id), f"dropped&count={len(chosen)}"


async def allow(visit: Visit, person: Person) -> tuple[Person, str]:
    """A face may be this person's after all."""
    control, chosen = visit.house.control, (await visit.form()).get("rejection", "")
    known = {one.rejection_id for one in said_not_to_be(visit.house, person)}
    await control.lift(known & {chosen})
    return person, "allowed"


async def merge(visit: Visit, person: Person) -> tuple[Person, str]:
    """They are somebody else who is enrolled."""
    into = (await visit.form()).get("into", "")
    if not into:
        raise RequestError(_words(visit)["choose_person"], code="bad_payload")
    other = await enrolled(visit.house.control, into)
    merged = await visit.house.control.merge_people(person.person_id, other.person_id)
    return merged, "merged"


async def erase(visit: Visit) -> web.StreamResponse:
    """Forget somebody, if their name was typed, and lead to the receipt."""
    person, form = await _whose(visit), await visit.form()
    if folded_name(form.get("name", "").strip()) != folded_name(person.name):
        return await _somebody(visit, person, problem=_words(visit)["type_name"].format(name=person.name))
    gone, erasure = await visit.house.control.erase_person(person.person_id)
    return visit.lead(f"/people/erased/{visit.house.slips.put(visit.owner, (gone.name, erasure_data(erasure)))}")


async def receipt(visit: Visit) -> web.StreamResponse:
    """What was erased, for who did it and for some minutes: nothing else knows the name any more."""
    slip = visit.house.slips.look(visit.owner, visit.embedded["key"])
    if slip is None:
        raise RequestError(_words(visit)["receipt_gone"], code="not_found")
    name, told = slip
    return visit.page("erased.html", name=name, receipt=told)


async def _whose(visit: Visit) -> Person:
    return await enrolled(visit.house.control, visit.embedded["person_id"])


def _words(visit: Visit) -> Any:
    return visit.house.renderer.texts["person"]


async def _everybody(visit: Visit) -> web.StreamResponse:
    return visit.page("people.html", all=await overview(visit.house))


async def _somebody(visit: Visit, person: Person, *, done: str = "", problem: str = "") -> web.StreamResponse:
    others = [one for one in await visit.house.control.people() if one.person_id != person.person_id]
    return visit.page(
        "person.html",
        status=400 if problem else 200,
        card=await card(visit.house, person),
        others=others,
        rejected=said_not_to_be(visit.house, person),
        done=done,
        problem=problem,
    )


ROUTES = (
    Route(method="GET", path="/people", handler=everybody, scope=Scope.READ, label="people"),
    Route(method="POST", path="/people/train", handler=train, scope=Scope.ENROLL),
    Route(method="GET", path="/people/{person_id}", handler=somebody, scope=Scope.READ),
    Route(method="GET", path="/people/erased/{key}", handler=receipt, scope=Scope.ADMIN),
    Route(method="GET", path="/people/{person_id}/faces/{file}", handler=photo, scope=Scope.READ),
    Route(method="POST", path="/people/{person_id}/rename", handler=doing(rename), scope=Scope.ENROLL),
    Route(method="POST", path="/people/{person_id}/note", handler=doing(note), scope=Scope.ENROLL),
    Route(method="POST", path="/people/{person_id}/drop", handler=doing(drop), scope=Scope.ENROLL),
    Route(method="POST", path="/people/{person_id}/allow", handler=doing(allow), scope=Scope.ENROLL),
    Route(method="POST", path="/people/{person_id}/merge", handler=doing(merge), scope=Scope.ADMIN),
    Route(method="POST", path="/people/{person_id}/delete", handler=erase, scope=Scope.ADMIN),
)
