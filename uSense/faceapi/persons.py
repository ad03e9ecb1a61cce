"""Persons of a group."""

from __future__ import annotations

from uSense.core.faceapi import arguments, faults
from uSense.core.groups import GroupPerson
from uSense.faceapi.call import Call, Reply, Route


async def create(call: Call) -> Reply:
    """POST: a person without faces."""
    key = call.key
    body = await call.body()
    name = arguments.person_name(body, needed=True) or ""
    user_data = arguments.user_data(arguments.text(body, "userData"))
    return Reply({"personId": await call.service.parts.groups.create_person(key, name, user_data)})


async def show(call: Call) -> Reply:
    """GET: the person."""
    return Reply(_shown(await call.service.parts.groups.person(call.key, call.person_id)))


async def listing(call: Call) -> Reply:
    """GET: the persons behind `start`."""
    key = call.key
    start, top = arguments.page(call.query)
    found = await call.service.parts.groups.persons(key, start, top)
    return Reply([_shown(person) for person in found])


async def update(call: Call) -> Reply:
    """PATCH: name and user data; what is not given stays."""
    key, person_id = call.key, call.person_id
    body = await call.body()
    name = arguments.person_name(body, needed=False)
    user_data = arguments.user_data(arguments.text(body, "userData"))
    if name is None and user_data is None:
        raise faults.nothing_given()
    await call.service.parts.groups.update_person(key, person_id, name=name, user_data=user_data)
    return Reply()


async def delete(call: Call) -> Reply:
    """DELETE: the person with all faces, at once."""
    await call.service.parts.groups.delete_person(call.key, call.person_id)
    return Reply()


def _shown(person: GroupPerson) -> dict[str, object]:
    shown: dict[str, object] = {
        "personId": person.person_id,
        "persistedFaceIds": list(person.face_ids),
        "name": person.name,
    }
    return shown if person.user_data is None else {**shown, "userData": person.user_data}


ROUTES: tuple[Route, ...] = (
    ("POST", "{kind}/{group}/persons", create),
    ("GET", "{kind}/{group}/persons", listing),
    ("GET", "{kind}/{group}/persons/{person}", show),
    ("PATCH", "{kind}/{group}/persons/{person}", update),
    ("DELETE", "{kind}/{group}/persons/{person}", delete),
)
