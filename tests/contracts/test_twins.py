"""What every `Twins` must do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.storage.samples import DONE, MODEL, enroll, find, vectors
from uSense.core.errors import ConflictError, NotFoundError
from uSense.core.models import Check, ConfusablePair, Person, Training, TriedFace, WeakFace
from uSense.ports import TwinFace, TwinPerson, Twins, Vault
from uSense.storage import Storage

HOUSE = "face.example/persongroups/house"
OTHER = "face.example/persongroups/other"


@pytest.fixture
def vault(storage: Storage) -> Vault:
    """The people whose twins are kept."""
    return storage.vault


async def linked(vault: Vault, twins: Twins, name: str, faces: int = 1, account: str = HOUSE) -> Person:
    """A person with faces, and a twin called `remote NAME` with the faces `remote NAME N`."""
    person = await enroll(vault, name, faces)
    await twins.link_person(account, person.person_id, f"remote {name}", name)
    for number, face_id in enumerate(person.face_ids):
        await twins.link_face(account, person.person_id, face_id, f"remote {name} {number}")
    return person


async def test_nobody_is_known_of_an_account_at_first(twins: Twins) -> None:
    """Every question has an empty answer."""
    for ask in (twins.people, twins.faces, twins.lacking, twins.faceless, twins.orphans):
        assert await ask(HOUSE) == []
    assert await twins.report(HOUSE) is None
    assert await twins.noted(HOUSE, "calls") is None


async def test_links_are_told_in_the_order_of_the_house(vault: Vault, twins: Twins) -> None:
    """Whatever the order they were made in, and each account's apart."""
    anna, bert = await enroll(vault, "Anna", 2), await enroll(vault, "Bert")
    for person in (bert, anna):
        await twins.link_person(HOUSE, person.person_id, f"r-{person.name}", person.name)
        for face_id in reversed(person.face_ids):
            await twins.link_face(HOUSE, person.person_id, face_id, f"r-{face_id}")
    await twins.link_person(OTHER, bert.person_id, "r-Bert", "Bertie")

    assert await twins.people(HOUSE) == [
        TwinPerson(anna.person_id, "r-Anna", "Anna"),
        TwinPerson(bert.person_id, "r-Bert", "Bert"),
    ]
    assert await twins.people(OTHER) == [TwinPerson(bert.person_id, "r-Bert", "Bertie")]
    assert await twins.faces(HOUSE) == [
        TwinFace(person.person_id, face_id, f"r-{face_id}", trained=False)
        for person in (anna, bert)
        for face_id in person.face_ids
    ]
    assert await twins.faces(OTHER) == []


async def test_linking_again_changes_the_name_or_begins_anew(vault: Vault, twins: Twins) -> None:
    """With the same remote id the faces stay; with another one they were those of the former."""
    anna = await linked(vault, twins, "Anna", 2)
    await twins.link_person(HOUSE, anna.person_id, "remote Anna", "Anna at work")

    assert await twins.people(HOUSE) == [TwinPerson(anna.person_id, "remote Anna", "Anna at work")]
    assert len(await twins.faces(HOUSE)) == 2
    await twins.link_person(HOUSE, anna.person_id, "new", "Anna")
    assert await twins.people(HOUSE) == [TwinPerson(anna.person_id, "new", "Anna")]
    assert await twins.faces(HOUSE) == []
    assert await twins.orphans(HOUSE) == []


async def test_a_remote_person_is_the_twin_of_one(vault: Vault, twins: Twins) -> None:
    """`twin_taken` for the second, who keeps what they had."""
    anna, bert = await linked(vault, twins, "Anna"), await linked(vault, twins, "Bert")

    with pytest.raises(ConflictError) as taken:
        await twins.link_person(HOUSE, bert.person_id, "remote Anna", "Bert")

    assert taken.value.code == "twin_taken"
    assert [one.remote_id for one in await twins.people(HOUSE)] == ["remote Anna", "remote Bert"]
    await twins.link_person(OTHER, bert.person_id, "remote Anna", "Bert")
    assert len(await twins.faces(HOUSE)) == len([*anna.face_ids, *bert.face_ids])


async def test_only_what_is_there_can_be_linked(vault: Vault, twins: Twins) -> None:
    """A person of the house; a face of that person, who has a twin."""
    anna, bert = await linked(vault, twins, "Anna"), await enroll(vault, "Bert")

    calls: list[tuple[str, Awaitable[object]]] = [
        ("person", twins.link_person(HOUSE, "nobody", "r", "")),
        ("person", twins.link_person(HOUSE, "\ud800", "r", "")),
        ("person", twins.link_face(HOUSE, "nobody", anna.face_ids[0], "r")),
        ("face", twins.link_face(HOUSE, anna.person_id, bert.face_ids[0], "r")),
        ("face", twins.link_face(HOUSE, anna.person_id, "\udfff", "r")),
        ("twin of the person", twins.link_face(HOUSE, bert.person_id, bert.face_ids[0], "r")),
        ("twin of the person", twins.link_face(OTHER, anna.person_id, anna.face_ids[0], "r")),
    ]
    for kind, call in calls:
        with pytest.raises(NotFoundError) as missing:
            await call
        assert missing.value.kind == kind


async def test_unlinking_leaves_no_orphan(vault: Vault, twins: Twins) -> None:
    """Of a face alone, or of a person with their faces; doing it twice is fine."""
    anna = await linked(vault, twins, "Anna", 2)
    for _ in range(2):
        await twins.unlink_face(HOUSE, anna.face_ids[0])
        assert [face.face_id for face in await twins.faces(HOUSE)] == [anna.face_ids[1]]
    for _ in range(2):
        await twins.unlink_person(HOUSE, anna.person_id)
        assert await twins.people(HOUSE) == []
        assert await twins.faces(HOUSE) == []
    await vault.delete_person(anna.person_id)
    assert await twins.orphans(HOUSE) == []


async def test_faces_without_twin_are_told_by_whether_a_crop_is_kept(vault: Vault, twins: Twins) -> None:
    """Those with one can be moved, the others not; whether their person has a twin does not matter."""
    anna, bert = await linked(vault, twins, "Anna"), await enroll(vault, "Bert")
    seen = await vault.add_face(anna.person_id, b"picture")
    bare = await vault.add_face(anna.person_id, None)
    also = await vault.add_template(bert.person_id, MODEL, list(vectors()), b"picture")

    assert await twins.lacking(HOUSE) == [(anna.person_id, seen), (bert.person_id, also)]
    assert await twins.faceless(HOUSE) == [(anna.person_id, bare), (bert.person_id, bert.face_ids[0])]
    assert (anna.person_id, bare) in await twins.faceless(OTHER)
    await twins.link_face(HOUSE, anna.person_id, seen, "r1")
    await twins.link_face(HOUSE, anna.person_id, bare, "r2")
    assert await twins.lacking(HOUSE) == [(bert.person_id, also)]
    assert await twins.faceless(HOUSE) == [(bert.person_id, bert.face_ids[0])]


async def test_a_training_marks_the_linked_faces(vault: Vault, twins: Twins) -> None:
    """All, or those that it knew; a face that is linked anew waits for the next one."""
    anna = await linked(vault, twins, "Anna", 3)
    first, second, third = anna.face_ids

    async def trained() -> list[str]:
        return [face.face_id for face in await twins.faces(HOUSE) if face.trained]

    await twins.trained(OTHER, 1, DONE)
    assert await trained() == []
    await twins.trained(HOUSE, 1, DONE, [first, "gone meanwhile"])
    assert await trained() == [first]
    await twins.trained(HOUSE, 2, DONE)
    assert await trained() == [first, second, third]
    await twins.link_face(HOUSE, anna.person_id, second, "again")
    await twins.link_person(HOUSE, anna.person_id, "remote Anna", "Anne")
    assert await trained() == [first, third]


async def test_the_report_of_the_last_training_is_kept(twins: Twins) -> None:
    """With its version number, and without what names people."""
    check = Check(3, True, 2, 2, 0, 0, "keep", 0.5, "well apart")
    pair, weak = ConfusablePair("Anna", "Bert", 0.4), WeakFace("Anna", "f1", 0.1)
    report = Training(
        "succeeded", 0, 2, 3, 0.5, 1e9, "fine", (pair,), (weak,), check, (TriedFace("Anna", "f1", right=True),)
    )
    kept = Training("succeeded", 7, 2, 3, 0.5, 1e9, "fine", check=check)

    await twins.trained(HOUSE, 6, DONE)
    assert await twins.trained(HOUSE, 7, report) == kept
    assert await twins.report(HOUSE) == kept
    assert await twins.report(OTHER) is None


async def erase(vault: Vault, person: Person) -> None:
    """Forget the person."""
    await vault.delete_person(person.person_id)


async def merge(vault: Vault, person: Person) -> None:
    """Give the person's faces to somebody else."""
    await vault.merge_people(person.person_id, (await vault.create_person("Zoe")).person_id)


@pytest.mark.parametrize("leave", [erase, merge])
async def test_who_leaves_leaves_an_orphan(
    vault: Vault, twins: Twins, leave: Callable[[Vault, Person], Awaitable[None]]
) -> None:
    """At every account, until it is buried there; the links are gone, also those of faces that somebody else has."""
    anna, bert = await linked(vault, twins, "Anna", 2), await linked(vault, twins, "Bert")
    await twins.link_person(OTHER, anna.person_id, "elsewhere", "Anna")

    await leave(vault, anna)

    assert [one.person_id for one in await twins.people(HOUSE)] == [bert.person_id]
    assert [one.person_id for one in await twins.faces(HOUSE)] == [bert.person_id]
    assert (await twins.orphans(HOUSE), await twins.orphans(OTHER)) == (["remote Anna"], ["elsewhere"])
    await twins.buried(HOUSE, "remote Anna")
    assert await twins.orphans(HOUSE) == []
    assert await twins.orphans(OTHER) == ["elsewhere"]


@pytest.mark.parametrize("leave", [erase, merge])
async def test_a_copy_that_was_never_linked_is_an_orphan_too(
    vault: Vault, twins: Twins, leave: Callable[[Vault, Person], Awaitable[None]]
) -> None:
    """Only of people who were here and have left."""
    anna, bert = await enroll(vault, "Anna"), await enroll(vault, "Bert")
    await leave(vault, anna)

    assert await twins.disown(HOUSE, anna.person_id, "remote Anna")
    assert await twins.disown(HOUSE, anna.person_id, "remote Anna")
    assert not await twins.disown(HOUSE, bert.person_id, "remote Bert")
    assert not await twins.disown(HOUSE, "of another house", "remote Zoe")
    assert await twins.orphans(HOUSE) == ["remote Anna"]


async def test_an_orphan_that_is_linked_again_is_none(vault: Vault, twins: Twins) -> None:
    """It must not be deleted there."""
    anna, bert = await linked(vault, twins, "Anna"), await enroll(vault, "Bert")
    await vault.delete_person(anna.person_id)

    await twins.link_person(HOUSE, bert.person_id, "remote Anna", "Bert")

    assert await twins.orphans(HOUSE) == []


async def test_a_dropped_face_takes_its_twin_along(vault: Vault, twins: Twins) -> None:
    """Only its own."""
    anna = await linked(vault, twins, "Anna", 2)
    await vault.delete_template(anna.person_id, anna.face_ids[0])

    assert [face.face_id for face in await twins.faces(HOUSE)] == [anna.face_ids[1]]
    assert (await find(vault, anna.person_id)).face_ids == anna.face_ids[1:]


async def test_notes_are_kept_by_account_and_key(twins: Twins) -> None:
    """The last value, any text."""
    await twins.note(HOUSE, "calls", "1")
    await twins.note(HOUSE, "calls", "2")
    await twins.note(HOUSE, "month", "")
    await twins.note(OTHER, "calls", "3")

    assert [await twins.noted(HOUSE, key) for key in ("calls", "month", "year")] == ["2", "", None]
    assert await twins.noted(OTHER, "calls") == "3"
