"""What every Vault must do with crops, with a change of the model, and with people who become one or move."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from tests.storage.samples import DONE, MODEL, enroll, find, gallery_of, vectors
from tests.support.vault import MemoryVault
from uSense.core.errors import ConflictError, NotFoundError
from uSense.core.matching import Metric
from uSense.core.models import MOST_FACES, Erasure, Person
from uSense.ports import Arrival, Parcel, Vault

OTHER = "other-net"


async def add(vault: Vault, person: Person, crop: bytes | None = None, model: str = MODEL, *, seed: int = 0) -> str:
    """One more face of a person."""
    return await vault.add_template(person.person_id, model, list(vectors(seed=seed)), crop)


async def test_a_crop_comes_back_as_it_was_kept(vault: Vault) -> None:
    """Byte by byte, and only where one was kept."""
    anna = await vault.create_person("Anna")
    with_crop, without = await add(vault, anna, b"picture"), await add(vault, anna)

    assert await vault.crop(anna.person_id, with_crop) == b"picture"
    for face in (without, "nothing"):
        with pytest.raises(NotFoundError):
            await vault.crop(anna.person_id, face)
    with pytest.raises(NotFoundError):
        await vault.crop("nobody", with_crop)


async def test_crops_are_dropped_alone(vault: Vault) -> None:
    """Of one person or of all; faces and templates stay."""
    anna, bert = [await vault.create_person(name) for name in ("Anna", "Bert")]
    for person in (anna, anna, bert):
        await add(vault, person, b"picture")
    before = len(await vault.templates(MODEL))

    assert await vault.drop_crops(anna.person_id) == 2
    assert await vault.lacking(OTHER) == [(bert.person_id, (await find(vault, bert.person_id)).face_ids[0])]
    assert [await vault.drop_crops(), await vault.drop_crops()] == [1, 0]
    assert len(await vault.templates(MODEL)) == before
    with pytest.raises(NotFoundError):
        await vault.drop_crops("nobody")


async def test_when_a_face_was_added_is_known_and_goes_along(vault: Vault) -> None:
    """Of each face of a person, with whether it has a crop; who gets the faces of another gets that, too."""
    anna, bert = [await vault.create_person(name) for name in ("Anna", "Bert")]
    before = int(time.time())
    first, second = await add(vault, anna, b"a"), await add(vault, anna)

    snaps = await vault.snaps(anna.person_id)

    assert [(snap.face_id, snap.pictured) for snap in snaps] == [(first, True), (second, False)]
    assert all(snap.added_at is not None and before <= snap.added_at <= time.time() for snap in snaps)
    await vault.merge_people(anna.person_id, bert.person_id)
    assert [snap.added_at for snap in await vault.snaps(bert.person_id)] == [snap.added_at for snap in snaps]
    with pytest.raises(NotFoundError):
        await vault.snaps(anna.person_id)


async def test_what_a_model_lacks_can_be_renewed(vault: Vault) -> None:
    """Faces with a crop and without a template of the model, in order; each renewed one is a template like others."""
    anna, bert = [await vault.create_person(name) for name in ("Anna", "Bert")]
    second = await add(vault, bert, b"b")
    first = await add(vault, anna, b"a")
    await add(vault, anna)
    await add(vault, bert, b"c", OTHER)
    assert await vault.lacking(OTHER) == [(anna.person_id, first), (bert.person_id, second)]
    assert not await vault.renewed(OTHER)

    await vault.renew_template(anna.person_id, first, OTHER, list(vectors(3, 4)))

    assert await vault.lacking(OTHER) == [(bert.person_id, second)]
    assert [t.vector.tolist() for t in await vault.templates(OTHER) if t.face_id == first] == vectors(3, 4).tolist()
    assert len((await find(vault, anna.person_id)).face_ids) == 2
    assert await vault.renewed(OTHER)
    assert not await vault.renewed(MODEL)
    await vault.save_gallery(gallery_of(anna), model=OTHER, report=DONE)
    assert not await vault.renewed(OTHER)
    with pytest.raises(NotFoundError):
        await vault.renew_template(anna.person_id, second, OTHER, list(vectors()))


async def test_people_are_told_for_the_model_in_use(vault: Vault) -> None:
    """Who is trained, and who must be enrolled again because neither template nor crop is there for it."""
    anna, bert, cleo = [await vault.create_person(name) for name in ("Anna", "Bert", "Cleo")]
    await add(vault, anna, b"picture")
    await add(vault, bert)
    await vault.save_gallery(gallery_of(anna, bert), model=MODEL, report=DONE)

    async def told() -> list[tuple[str, bool, bool]]:
        return [(one.name, one.trained, one.enroll_again) for one in await vault.people()]

    assert await told() == [("Anna", True, False), ("Bert", True, False), ("Cleo", False, False)]
    await vault.use(OTHER)
    assert await told() == [("Anna", False, False), ("Bert", False, True), ("Cleo", False, False)]
    await vault.renew_template(anna.person_id, (await vault.lacking(OTHER))[0][1], OTHER, list(vectors()))
    await vault.save_gallery(gallery_of(anna), model=OTHER, report=DONE)
    assert await told() == [("Anna", True, False), ("Bert", False, True), ("Cleo", False, False)]
    await vault.use(MODEL)
    assert await told() == [("Anna", True, False), ("Bert", True, False), ("Cleo", False, False)]
    gallery, _ = await vault.load_gallery(MODEL, Metric.EUCLIDEAN)
    assert gallery.names == ("Anna", "Bert")
    await add(vault, cleo, b"picture", OTHER)
    assert await told() == [("Anna", True, False), ("Bert", True, False), ("Cleo", False, False)]


async def test_an_erasure_counts_what_went(vault: Vault) -> None:
    """Faces, templates, crops, and the gallery versions that knew the person."""
    anna, bert = [await vault.create_person(name) for name in ("Anna", "Bert")]
    face = await add(vault, anna, b"picture")
    await add(vault, anna)
    await vault.renew_template(anna.person_id, face, OTHER, list(vectors()))
    for model in (MODEL, OTHER):
        await vault.save_gallery(gallery_of(anna, bert), model=model, report=DONE)

    assert await vault.delete_person(anna.person_id) == Erasure(faces=2, templates=3, crops=1, galleries=2)
    assert await vault.delete_person(bert.person_id) == Erasure(galleries=2)


async def test_two_persons_become_one(vault: Vault) -> None:
    """All faces are the second's, with crops and templates; the first is gone, also from the galleries."""
    anna = await vault.create_person("Anna", "data")
    annie = await vault.create_person("Annie")
    moved, own = await add(vault, anna, b"picture"), await add(vault, annie, seed=1)
    await vault.renew_template(anna.person_id, moved, OTHER, list(vectors(3, 4)))
    await vault.save_gallery(gallery_of(anna, annie), model=MODEL, report=DONE)

    merged = await vault.merge_people(anna.person_id, annie.person_id)

    assert [merged] == await vault.people()
    assert (merged.person_id, merged.name, merged.user_data) == (annie.person_id, "Annie", "data")
    assert set(merged.face_ids) == {own, moved}
    assert await vault.crop(annie.person_id, moved) == b"picture"
    assert {t.face_id: t.person_id for t in await vault.templates(MODEL)} == dict.fromkeys(
        (own, moved), annie.person_id
    )
    assert len(await vault.templates(OTHER)) == 3
    gallery, _ = await vault.load_gallery(MODEL, Metric.EUCLIDEAN)
    assert gallery.names == ("Annie",)
    assert not merged.trained


async def test_who_is_no_two_persons_cannot_be_merged(vault: Vault) -> None:
    """Nobody is lost by merging a person with themselves or with nobody."""
    anna = await enroll(vault, "Anna")

    with pytest.raises(ConflictError) as same:
        await vault.merge_people(anna.person_id, anna.person_id)
    for pair in ((anna.person_id, "nobody"), ("nobody", anna.person_id)):
        with pytest.raises(NotFoundError):
            await vault.merge_people(*pair)

    assert same.value.code == "same_person"
    assert await vault.people() == [anna]


async def packed(vault: Vault, name: str = "Anna") -> tuple[Person, Parcel]:
    """A person with two faces, and their parcel."""
    person = await vault.create_person(name, "data")
    face = await add(vault, person, b"picture")
    await vault.renew_template(person.person_id, face, OTHER, list(vectors(3, 4)))
    await add(vault, person, seed=1)
    (parcel,) = await vault.pack([person.person_id])
    return await find(vault, person.person_id), parcel


async def test_a_person_moves_with_everything(vault: Vault) -> None:
    """Id, name, user data, faces, crops and templates of all models arrive in an empty vault as they were."""
    anna, parcel = await packed(vault)
    other = MemoryVault()

    arrival = await other.unpack(parcel)

    assert arrival.faces == 2
    assert (await other.people())[0].face_ids == anna.face_ids
    assert (await other.people())[0].user_data == "data"
    for model in (MODEL, OTHER):
        here, there = await vault.templates(model), await other.templates(model)
        assert [t.vector.tobytes() for t in here] == [t.vector.tobytes() for t in there]
        assert [t.face_id for t in here] == [t.face_id for t in there]
    assert await other.crop(anna.person_id, anna.face_ids[0]) == b"picture"
    with pytest.raises(NotFoundError):
        await vault.pack(["nobody"])


async def test_a_parcel_from_elsewhere_is_taken_in(vault: Vault) -> None:
    """Of a kind of vault that is perhaps another one, and once only: a second time no face is new."""
    _, parcel = await packed(MemoryVault())

    first, second = await vault.unpack(parcel), await vault.unpack(parcel)

    assert (first.faces, second.faces) == (2, 0)
    (anna,) = await vault.people()
    assert (anna.name, anna.person_id, len(anna.face_ids)) == ("Anna", parcel.person_id, 2)
    assert [t.vector.tolist() for t in await vault.templates(OTHER)] == vectors(3, 4).tolist()


async def test_a_person_who_is_there_gets_only_new_faces(vault: Vault) -> None:
    """Their name and user data stay as they are here."""
    anna, parcel = await packed(vault)
    await vault.delete_template(anna.person_id, anna.face_ids[0])
    await vault.update_person(anna.person_id, name="Anna Maria", user_data="new")

    arrival = await vault.unpack(parcel)

    assert arrival.person is not None
    assert (arrival.faces, arrival.person.name, arrival.person.user_data) == (1, "Anna Maria", "new")
    assert set(arrival.person.face_ids) == set(anna.face_ids)


async def test_a_person_has_room_for_so_many_faces(vault: Vault) -> None:
    """Those that are here come first, then the first of the parcel; the others are counted."""
    anna, parcel = await packed(vault)
    more = [replace(parcel.faces[0], face_id=f"face-{number}") for number in range(MOST_FACES)]

    arrival = await vault.unpack(replace(parcel, faces=(*parcel.faces, *more)))
    again = await vault.unpack(replace(parcel, faces=(*parcel.faces, *more)))

    assert arrival.person is not None
    assert (arrival.faces, arrival.refused) == (MOST_FACES - 2, 2)
    assert arrival.person.face_ids == (*anna.face_ids, *(f"face-{number}" for number in range(MOST_FACES - 2)))
    assert (again.faces, again.refused) == (0, 2)


async def test_a_name_that_is_taken_gets_a_number(vault: Vault) -> None:
    """Nobody guesses whether two Annas are the same: that is what merging is for."""
    await vault.create_person("ANNA")
    await vault.create_person("Anna (2)")
    _, parcel = await packed(MemoryVault())

    arrival = await vault.unpack(parcel)

    assert arrival.person is not None
    assert arrival.person.name == "Anna (3)"


@pytest.mark.parametrize("merged", [False, True])
async def test_who_was_erased_comes_back_only_as_somebody_new(vault: Vault, *, merged: bool) -> None:
    """Also if they had become part of another person before that one was erased."""
    anna, parcel = await packed(vault)
    if merged:
        bert = await vault.create_person("Bert")
        await vault.merge_people(anna.person_id, bert.person_id)
        await vault.delete_person(bert.person_id)
    else:
        await vault.delete_person(anna.person_id)

    assert await vault.unpack(parcel) == Arrival(None, 0)
    assert await vault.people() == []
    arrival = await vault.unpack(parcel, erased=True)
    assert arrival.person is not None
    assert (arrival.faces, arrival.person.name) == (2, "Anna")
    assert arrival.person.person_id != anna.person_id
    assert len(np.unique([t.face_id for t in await vault.templates(MODEL)])) == 2
