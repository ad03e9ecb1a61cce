"""How much every `Groups` takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.storage.samples import MODEL, vectors
from tests.support.groups import LARGE, add_person, make_group
from uSense.core.errors import ConflictError
from uSense.core.groups import FullError, GroupKey
from uSense.ports import Groups
from uSense.storage import Storage, served, servedfaces


async def _third_group(groups: Groups) -> None:
    await make_group(groups, LARGE)
    for number in range(3):
        await make_group(groups, GroupKey("persongroups", f"g{number}"))


async def _third_person(groups: Groups) -> None:
    for key in (await make_group(groups), await make_group(groups, LARGE)):
        for number in range(2 + (key is LARGE)):
            await groups.create_person(key, f"P{number}")


async def _third_face_of_a_person(groups: Groups) -> None:
    key = await make_group(groups)
    await add_person(groups, "Anna", 2, key)
    await add_person(groups, "Bert", 3, key)


BOUNDS: list[tuple[object, str, Callable[[Groups], Awaitable[None]], str]] = [
    (served, "MOST_GROUPS", _third_group, "too_many_groups"),
    (served, "MOST_PERSONS", _third_person, "too_many_persons"),
    (servedfaces, "MOST_FACES_OF_PERSON", _third_face_of_a_person, "too_many_faces"),
]


@pytest.mark.parametrize(("module", "bound", "fill", "code"), BOUNDS)
async def test_what_is_over_a_bound_is_refused(
    groups: Groups,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    bound: str,
    fill: Callable[[Groups], Awaitable[None]],
    code: str,
) -> None:
    """Groups of a kind, persons of a group, faces of a person."""
    monkeypatch.setattr(module, bound, 2)

    with pytest.raises(FullError) as full:
        await fill(groups)

    assert isinstance(full.value, ConflictError)
    assert full.value.code == code


async def test_groups_leave_room_for_the_people_of_the_house(
    groups: Groups, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a size of the database, neither persons nor faces come; what is erased makes room, and the house goes on."""
    monkeypatch.setattr(served, "MOST_BYTES", 600_000)
    key = await make_group(groups)
    anna = await add_person(groups, "Anna", 1, key)

    async def fill() -> None:
        while True:
            await groups.add_face(key, anna.person_id, MODEL, list(vectors()), crop=bytes(50_000))

    with pytest.raises(FullError) as full:
        await fill()
    with pytest.raises(FullError) as also:
        await groups.create_person(key, "Bert")
    await storage.vault.add_face((await storage.vault.create_person("Zoe")).person_id, bytes(50_000))

    assert (full.value.code, also.value.code) == ("too_many_faces", "too_many_persons")
    face_ids = (await groups.person(key, anna.person_id)).face_ids
    assert 2 < len(face_ids) < 15
    for face_id in face_ids[-3:]:
        await groups.delete_face(key, anna.person_id, face_id)
    await groups.create_person(key, "Bert")
