"""What every Vault must do."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from tests.storage.samples import DONE, MODEL, assert_same, enroll, find, gallery_of, vectors
from uSense.core.errors import ConflictError, GalleryChangedError, NotFoundError, RequestError
from uSense.core.matching import Gallery, Metric
from uSense.core.models import Person, Training
from uSense.ports import Template, Vault


def seen(templates: list[Template]) -> list[tuple[str, str, str, list[float]]]:
    """What can be compared."""
    return [(t.person_id, t.face_id, t.model, t.vector.tolist()) for t in templates]


async def test_an_empty_vault_is_usable(vault: Vault) -> None:
    """Nobody, nothing, no training, no change."""
    gallery, report = await vault.load_gallery(MODEL, Metric.COSINE)

    assert await vault.people() == []
    assert await vault.templates(MODEL) == []
    assert_same(Gallery.empty(Metric.COSINE), gallery)
    assert report == Training("never")
    assert gallery.metric is Metric.COSINE
    assert not await vault.changed()


async def test_people_are_listed_by_name(vault: Vault) -> None:
    """Without regard to case, and as `create_person` returned them."""
    created = [await vault.create_person(name, f"data of {name}") for name in ("Cleo", "anna", "Bert")]

    assert [created[1], created[2], created[0]] == await vault.people()
    assert created[1] == Person(created[1].person_id, "anna", "data of anna")
    assert len({person.person_id for person in created}) == 3


async def test_names_are_cleaned(vault: Vault) -> None:
    """Space around a name goes and accents are composed, at creation and at a rename."""
    person = await vault.create_person("  Zoe\u0308 ")
    renamed = await vault.update_person(person.person_id, name="\tRene\u0301e\u00a0")

    assert (person.name, renamed.name) == ("Zo\u00eb", "Ren\u00e9e")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0b", "\u200b", "x" * 121, "\ud800"])
async def test_unusable_names_are_refused(vault: Vault, name: str) -> None:
    """`bad_name`, at creation and at a rename, which leaves the old name."""
    anna = await vault.create_person("Anna")

    with pytest.raises(RequestError) as creating:
        await vault.create_person(name)
    with pytest.raises(RequestError) as renaming:
        await vault.update_person(anna.person_id, name=name)

    assert (creating.value.code, renaming.value.code) == ("bad_name", "bad_name")
    assert await vault.people() == [anna]


async def test_a_name_is_taken_in_every_spelling(vault: Vault) -> None:
    """`name_taken` for the same name in another case or encoding; a person may change the case of their own."""
    zoe = await vault.create_person("Zo\u00eb")
    bert = await vault.create_person("Bert")

    with pytest.raises(ConflictError) as creating:
        await vault.create_person("ZOE\u0308")
    with pytest.raises(ConflictError) as renaming:
        await vault.update_person(bert.person_id, name="zo\u00eb")

    assert (creating.value.code, renaming.value.code) == ("name_taken", "name_taken")
    assert (await vault.update_person(zoe.person_id, name="ZO\u00cb")).name == "ZO\u00cb"
    await vault.delete_person(zoe.person_id)
    assert (await vault.create_person("zo\u00eb")).person_id != zoe.person_id


async def test_update_changes_what_is_given(vault: Vault) -> None:
    """Name and user data apart, together, or nothing at all."""
    anna = await vault.create_person("Anna", "old")

    assert await vault.update_person(anna.person_id) == anna
    assert (await vault.update_person(anna.person_id, user_data="new")).user_data == "new"
    assert (await vault.update_person(anna.person_id, name="Bea")).user_data == "new"
    both = await vault.update_person(anna.person_id, name="Cleo", user_data="")
    assert (both.name, both.user_data) == ("Cleo", "")
    assert await vault.people() == [both]


async def test_user_data_is_limited(vault: Vault) -> None:
    """`bad_user_data` beyond 16 KiB; nothing is changed."""
    anna = await vault.create_person("Anna", "x" * 16384)

    for attempt in (
        vault.create_person("Bert", "x" * 16385),
        vault.update_person(anna.person_id, name="Bea", user_data="x" * 16385),
    ):
        with pytest.raises(RequestError) as caught:
            await attempt
        assert caught.value.code == "bad_user_data"
    assert await vault.people() == [anna]


async def test_who_does_not_exist_is_not_found(vault: Vault) -> None:
    """Every request that names a missing person or face says so, also a face of somebody else."""
    anna = await enroll(vault, "Anna")
    bert = await enroll(vault, "Bert")

    for attempt in (
        vault.update_person("nobody", name="Anna"),
        vault.delete_person("nobody"),
        vault.add_template("nobody", MODEL, list(vectors())),
        vault.delete_template("nobody", anna.face_ids[0]),
        vault.delete_template(anna.person_id, "nothing"),
        vault.delete_template(anna.person_id, bert.face_ids[0]),
    ):
        with pytest.raises(NotFoundError):
            await attempt
    assert await vault.people() == [anna, bert]


async def test_templates_come_back_as_they_were_added(vault: Vault) -> None:
    """Each face's vectors in their order, faces in theirs, only of the model asked for."""
    anna = await vault.create_person("Anna")
    rows = vectors(5)
    first = await vault.add_template(anna.person_id, MODEL, list(rows[:3]))
    other = await vault.add_template(anna.person_id, "other-net", list(vectors(1, 4)))
    second = await vault.add_template(anna.person_id, MODEL, list(rows[3:]))

    expected = [(anna.person_id, first, MODEL, row.tolist()) for row in rows[:3]]
    expected += [(anna.person_id, second, MODEL, row.tolist()) for row in rows[3:]]
    assert expected == seen(await vault.templates(MODEL))
    assert [t.face_id for t in await vault.templates("other-net")] == [other]
    assert (await find(vault, anna.person_id)).face_ids == (first, other, second)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    rows=arrays.arrays(
        np.float32, st.tuples(st.integers(1, 4), st.integers(1, 20)), elements=st.floats(width=32, allow_nan=False)
    )
)
async def test_any_vectors_come_back(vault: Vault, rows: NDArray[np.float32]) -> None:
    """Vectors of any length and value come back as float32 with the same bits."""
    person = await vault.create_person("Anna")
    await vault.add_template(person.person_id, MODEL, list(rows))

    templates = await vault.templates(MODEL)
    await vault.delete_person(person.person_id)

    assert [row.tobytes() for row in rows] == [template.vector.tobytes() for template in templates]
    assert all(template.vector.dtype == np.float32 for template in templates)


async def test_a_dropped_face_is_gone(vault: Vault) -> None:
    """Its vectors are no longer among the templates, and it cannot be dropped twice."""
    anna = await enroll(vault, "Anna", faces=2)

    await vault.delete_template(anna.person_id, anna.face_ids[0])

    assert (await find(vault, anna.person_id)).face_ids == anna.face_ids[1:]
    assert {t.face_id for t in await vault.templates(MODEL)} == {anna.face_ids[1]}
    with pytest.raises(NotFoundError):
        await vault.delete_template(anna.person_id, anna.face_ids[0])


async def test_a_face_may_be_without_vectors(vault: Vault) -> None:
    """It counts as a face of its person, in the order of addition, and leaves like any other."""
    anna = await enroll(vault, "Anna")
    seen = await vault.add_face(anna.person_id, b"a crop")
    bare = await vault.add_face(anna.person_id, None)
    with pytest.raises(NotFoundError):
        await vault.add_face("nobody", None)

    assert (await find(vault, anna.person_id)).face_ids == (*anna.face_ids, seen, bare)
    assert await vault.crop(anna.person_id, seen) == b"a crop"
    assert await vault.lacking(MODEL) == [(anna.person_id, seen)]
    (parcel,) = await vault.pack([anna.person_id])
    assert [face.templates for face in parcel.faces[1:]] == [{}, {}]
    await vault.delete_template(anna.person_id, bare)
    assert (await find(vault, anna.person_id)).face_ids == (*anna.face_ids, seen)


async def test_a_gallery_comes_back_as_it_was_saved(vault: Vault) -> None:
    """Persons, names, vectors, owners and report are the same, under the new version number."""
    anna, bert = await enroll(vault, "Anna"), await enroll(vault, "Bert")
    gallery = gallery_of(bert, anna)

    saved = await vault.save_gallery(gallery, model=MODEL, report=DONE)
    loaded, report = await vault.load_gallery(MODEL, Metric.EUCLIDEAN)

    assert saved.gallery == 1
    assert (DONE.persons, DONE.message, DONE.finished_at) == (saved.persons, saved.message, saved.finished_at)
    assert saved == report
    assert_same(gallery.numbered(1), loaded)


async def test_the_newest_gallery_is_current(vault: Vault) -> None:
    """Each training gets a higher version; models do not disturb each other; an empty one is a version too."""
    anna = await enroll(vault, "Anna")
    versions = [
        (await vault.save_gallery(gallery_of(anna, seed=seed), model=MODEL, report=DONE)).gallery for seed in range(5)
    ]
    other = await vault.save_gallery(gallery_of(anna, seed=9), model="other-net", report=DONE)

    current, _ = await vault.load_gallery(MODEL, Metric.EUCLIDEAN)
    assert versions == sorted(set(versions))
    assert other.gallery > versions[-1]
    assert_same(gallery_of(anna, seed=4).numbered(versions[-1]), current)

    last = await vault.save_gallery(Gallery.empty(Metric.EUCLIDEAN), model=MODEL, report=DONE)
    current, report = await vault.load_gallery(MODEL, Metric.EUCLIDEAN)
    assert_same(Gallery.empty(Metric.EUCLIDEAN, last.gallery), current)
    assert report.gallery == last.gallery > other.gallery


async def test_a_rename_shows_in_the_gallery_at_once(vault: Vault) -> None:
    """Without a training, the gallery carries the new name."""
    anna, bert = await enroll(vault, "Anna"), await enroll(vault, "Bert")
    await vault.save_gallery(gallery_of(anna, bert), model=MODEL, report=DONE)

    await vault.update_person(anna.person_id, name="Zoe")

    gallery, _ = await vault.load_gallery(MODEL, Metric.EUCLIDEAN)
    assert gallery.names == ("Zoe", "Bert")


async def test_a_deleted_person_is_gone_from_everywhere(vault: Vault) -> None:
    """From people, templates and the gallery of every model; the others stay as they were."""
    anna, bert, cleo = [await enroll(vault, name, faces=2) for name in ("Anna", "Bert", "Cleo")]
    gallery = gallery_of(anna, bert, cleo)
    for model in (MODEL, "other-net"):
        await vault.save_gallery(gallery, model=model, report=DONE)

    await vault.delete_person(bert.person_id)

    assert [person.name for person in await vault.people()] == ["Anna", "Cleo"]
    assert {t.person_id for t in await vault.templates(MODEL)} == {anna.person_id, cleo.person_id}
    for model in (MODEL, "other-net"):
        loaded, _ = await vault.load_gallery(model, Metric.EUCLIDEAN)
        assert loaded.names == ("Anna", "Cleo")
        assert np.array_equal(np.delete(gallery.vectors, [3, 4, 5], axis=0), loaded.vectors)
        assert loaded.owners.tolist() == [0, 0, 0, 1, 1, 1]
    with pytest.raises(NotFoundError):
        await vault.delete_person(bert.person_id)


async def test_the_last_person_leaves_an_empty_gallery(vault: Vault) -> None:
    """The version stays, nobody is in it."""
    anna = await enroll(vault, "Anna")
    await vault.save_gallery(gallery_of(anna), model=MODEL, report=DONE)

    await vault.delete_person(anna.person_id)

    gallery, report = await vault.load_gallery(MODEL, Metric.EUCLIDEAN)
    assert (gallery.version, gallery.person_ids, len(gallery.vectors), len(gallery.owners)) == (1, (), 0, 0)
    assert report.gallery == 1


async def test_somebody_deleted_during_a_training_does_not_come_back(vault: Vault) -> None:
    """A gallery that still holds them is stored without them."""
    anna, bert = await enroll(vault, "Anna"), await enroll(vault, "Bert")
    gallery = gallery_of(anna, bert)
    await vault.delete_person(anna.person_id)

    await vault.save_gallery(gallery, model=MODEL, report=DONE)

    loaded, _ = await vault.load_gallery(MODEL, Metric.EUCLIDEAN)
    assert loaded.names == ("Bert",)
    assert np.array_equal(gallery.vectors[3:], loaded.vectors)
    assert loaded.owners.tolist() == [0, 0, 0]


async def test_trained_means_that_the_gallery_knows_all_faces(vault: Vault) -> None:
    """False before the training, after a new face and after a dropped one; True right after a training."""
    anna, bert = await enroll(vault, "Anna", faces=2), await enroll(vault, "Bert")
    empty = await vault.create_person("Cleo")

    async def trained() -> list[str]:
        return [person.name for person in await vault.people() if person.trained]

    assert await trained() == []
    await vault.save_gallery(gallery_of(anna, bert), model=MODEL, report=DONE)
    assert await trained() == ["Anna", "Bert"]
    assert not (await find(vault, empty.person_id)).trained
    await vault.add_template(anna.person_id, MODEL, list(vectors()))
    assert await trained() == ["Bert"]
    await vault.delete_template(bert.person_id, bert.face_ids[0])
    assert await trained() == []
    await vault.save_gallery(gallery_of(anna), model=MODEL, report=DONE)
    assert await trained() == ["Anna"]


@pytest.mark.parametrize("change", ["face added", "face dropped", "person deleted", "face exchanged"])
async def test_a_gallery_of_other_faces_than_those_kept_is_refused(vault: Vault, change: str) -> None:
    """What changed while it was built must not be undone: the current gallery stays, and a new attempt succeeds."""
    anna, bert = [await enroll(vault, name, faces=2) for name in ("Anna", "Bert")]
    await vault.save_gallery(gallery_of(anna), model=MODEL, report=DONE)
    read = await vault.templates(MODEL)
    if change == "person deleted":
        await vault.delete_person(bert.person_id)
    if change in {"face dropped", "face exchanged"}:
        await vault.delete_template(bert.person_id, bert.face_ids[1])
    if change in {"face added", "face exchanged"}:
        await vault.add_template(anna.person_id, MODEL, list(vectors()))

    with pytest.raises(GalleryChangedError) as caught:
        await vault.save_gallery(gallery_of(anna, bert), model=MODEL, report=DONE, built_from=read)
    current, report = await vault.load_gallery(MODEL, Metric.EUCLIDEAN)
    assert caught.value.code == "gallery_changed"
    assert_same(gallery_of(anna).numbered(1), current)
    assert report.gallery == 1
    again = await vault.templates(MODEL)
    saved = await vault.save_gallery(gallery_of(anna), model=MODEL, report=DONE, built_from=again)
    assert saved.gallery == 2
    assert (await find(vault, anna.person_id)).trained


async def test_changes_that_a_gallery_does_not_show_do_not_refuse_it(vault: Vault) -> None:
    """A rename, a person without faces, and a face of another model."""
    anna = await enroll(vault, "Anna")
    read = await vault.templates(MODEL)
    await vault.update_person(anna.person_id, name="Zoe")
    await vault.create_person("Bert")
    await vault.add_template(anna.person_id, "other-net", list(vectors()))

    await vault.save_gallery(gallery_of(anna), model=MODEL, report=DONE, built_from=read)

    assert (await find(vault, anna.person_id)).trained


async def test_nobody_is_trained_without_a_face(vault: Vault) -> None:
    """Also not when the gallery still holds what their dropped faces gave."""
    anna = await enroll(vault, "Anna")
    await vault.delete_template(anna.person_id, anna.face_ids[0])

    await vault.save_gallery(gallery_of(anna), model=MODEL, report=DONE)

    assert not (await find(vault, anna.person_id)).trained


async def test_a_face_of_another_model_does_not_make_untrained(vault: Vault) -> None:
    """`trained` looks at the faces of the gallery's own model."""
    anna = await enroll(vault, "Anna")
    await vault.save_gallery(gallery_of(anna), model=MODEL, report=DONE)

    await vault.add_template(anna.person_id, "other-net", list(vectors()))

    assert (await find(vault, anna.person_id)).trained


async def test_calls_may_overlap(vault: Vault) -> None:
    """Of many requests at once for the same name one wins; all others are answered."""
    results = await asyncio.gather(*(vault.create_person("Anna") for _ in range(10)), return_exceptions=True)

    assert sum(isinstance(result, Person) for result in results) == 1
    assert sum(isinstance(result, ConflictError) for result in results) == 9
    assert not await vault.changed()
