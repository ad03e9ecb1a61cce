"""`person/*`: who is enrolled."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from uSense.commands.base import Command, Example
from uSense.control import Control, person_data
from uSense.core.models import Person
from uSense.core.receipts import erasure_data
from uSense.payloads.people import Erasure, PersonDetails
from uSense.schema import Branch


class Create(Branch):
    """A new person."""

    name: str
    """Name, 1 to 120 characters, at least one of them visible; two persons cannot have the same."""
    user_data: str = Field(default="", max_length=16_384)
    """Anything that should be kept with the person."""


class Who(Branch):
    """A person that exists."""

    person_id: str = Field(max_length=512)
    """Id or name of the person."""


class Rename(Who):
    """A person's new name."""

    name: str
    """The new name."""


class Merge(Who):
    """Two persons who are one."""

    into: str = Field(max_length=512)
    """Id or name of the person who gets all faces and stays."""


class Nothing(Branch):
    """No arguments."""


def full_data(person: Person) -> dict[str, Any]:
    """A person with all that is kept, as JSON."""
    elsewhere = {"remote_id": person.remote_id} if person.remote_id else {}
    return {**person_data(person), "user_data": person.user_data, "face_ids": list(person.face_ids), **elsewhere}


async def create(control: Control, asked: Create) -> dict[str, Any]:
    """Add a person without faces."""
    return full_data(await control.create_person(asked.name, asked.user_data))


async def rename(control: Control, asked: Rename) -> dict[str, Any]:
    """Give a person another name, at once."""
    return full_data(await control.rename_person(asked.person_id, asked.name))


async def delete(control: Control, asked: Who) -> dict[str, Any]:
    """Forget a person with all faces, at once."""
    person, erasure = await control.erase_person(asked.person_id)
    told = {"person_id": person.person_id, "name": person.name, "faces": len(person.face_ids)}
    return {**told, **erasure_data(erasure)}


async def merge(control: Control, asked: Merge) -> dict[str, Any]:
    """Make two persons one, and train."""
    return full_data(await control.merge_people(asked.person_id, asked.into))


async def listing(control: Control, _: Nothing) -> list[dict[str, Any]]:
    """All persons with their faces."""
    return [full_data(person) for person in await control.people()]


CREATE = Command(
    name="person/create",
    payload=Create,
    run=create,
    scalar="name",
    about="Add a person without faces.",
    reply=PersonDetails,
    examples=(
        Example("Carl"),
        Example({"name": "Carl", "user_data": "since 1998"}),
        Example({}, code="bad_payload"),
        Example({"nam": "Carl"}, code="bad_payload"),
        Example('{"name": "Carl"', code="bad_json"),
        Example({"name": ""}, code="bad_name"),
        Example("anna", code="name_taken"),
    ),
)
RENAME = Command(
    name="person/rename",
    payload=Rename,
    run=rename,
    about="Give a person another name, at once.",
    reply=PersonDetails,
    examples=(
        Example({"person_id": "Anna", "name": "Anna Maria"}),
        Example("Anna", code="bad_json"),
        Example({"person_id": "Anna"}, code="bad_payload"),
        Example({"person_id": "Anna", "name": "bea"}, code="name_taken"),
        Example({"person_id": "Carl", "name": "Carla"}, code="not_found"),
    ),
)
DELETE = Command(
    name="person/delete",
    payload=Who,
    run=delete,
    scalar="person_id",
    about="Forget a person with all faces, at once.",
    reply=Erasure,
    examples=(
        Example("Anna"),
        Example({"person_id": "Anna"}),
        Example("", code="bad_payload"),
        Example({"person_id": 4}, code="bad_payload"),
        Example("Carl", code="not_found"),
    ),
)
MERGE = Command(
    name="person/merge",
    payload=Merge,
    run=merge,
    about="Make two persons one: the second gets all faces and stays, the first is gone; then train.",
    reply=PersonDetails,
    examples=(
        Example({"person_id": "Bea", "into": "Anna"}),
        Example({"person_id": "Bea"}, code="bad_payload"),
        Example({"person_id": "Bea", "into": "Carl"}, code="not_found"),
        Example({"person_id": "Bea", "into": "Bea"}, code="same_person"),
    ),
)
LIST = Command(
    name="person/list",
    payload=Nothing,
    run=listing,
    about="All persons with their faces.",
    reply=list[PersonDetails],
    examples=(Example(), Example({"name": "Anna"}, code="bad_payload")),
)
