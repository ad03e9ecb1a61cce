"""What every `Groups` must do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from tests.storage.samples import MODEL, assert_same, vectors
from tests.support.groups import LARGE, TRAINED, USERS, add_person, loaded, make_group, train_group
from uSense.core.errors import NotFoundError
from uSense.core.groups import (
    Group,
    GroupExistsError,
    GroupFace,
    GroupKey,
    GroupPerson,
    GroupPlace,
    GroupTemplate,
    GroupTraining,
)
from uSense.core.matching import Gallery, Metric
from uSense.ports import Groups


async def test_a_group_comes_back_as_it_was_made(groups: Groups) -> None:
    """Under its key, with what was given and what was not; the two families share no ids."""
    plain = Group(USERS, "Users", None, "recognition_01")
    large = Group(LARGE, "Würde\0\n", "", "recognition_04")
    for group in (plain, large):
        await groups.create_group(group)

    assert [await groups.group(key) for key in (USERS, LARGE)] == [plain, large]
    assert [await groups.groups(kind) for kind in ("persongroups", "largepersongroups")] == [[plain], [large]]
    with pytest.raises(GroupExistsError) as taken:
        await groups.create_group(plain)
    assert taken.value.code == "group_exists"


async def test_update_changes_what_is_given(groups: Groups) -> None:
    """Of groups, persons and faces; an empty text is a value, None is none."""
    key = await make_group(groups)
    person_id = await groups.create_person(key, "Anna", "old")
    face_id = await groups.add_face(key, person_id, MODEL, list(vectors()), user_data="old")

    await groups.update_group(key, user_data="new")
    await groups.update_group(key, name="Staff")
    await groups.update_person(key, person_id, name="Anne")
    await groups.update_person(key, person_id, user_data="")
    await groups.update_face(key, person_id, face_id, "new")

    assert await groups.group(key) == Group(key, "Staff", "new", "recognition_04")
    assert await groups.person(key, person_id) == GroupPerson(person_id, "Anne", "", (face_id,))
    assert await groups.face(key, person_id, face_id) == GroupFace(face_id, "new")
    await groups.update_face(key, person_id, face_id, None)
    assert (await groups.face(key, person_id, face_id)).user_data is None


async def test_ids_are_random_uuids(groups: Groups) -> None:
    """In lower case with dashes, of version 4."""
    person = await add_person(groups, "Anna", key=await make_group(groups))

    for one in (person.person_id, *person.face_ids):
        assert (str(UUID(one)), UUID(one).version) == (one, 4)


IDS = st.text("abcz019-_", min_size=1, max_size=6)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.sets(IDS, max_size=9), start=st.one_of(st.just(""), IDS, st.text(max_size=3)), top=st.integers(1, 5))
async def test_groups_are_listed_by_id_behind_the_start(groups: Groups, ids: set[str], start: str, top: int) -> None:
    """Ascending as plain strings, the start excluded, at most `top`; of one kind."""
    for one in ids:
        await groups.create_group(Group(GroupKey("persongroups", one), one, None, "m"))
        await groups.create_group(Group(GroupKey("largepersongroups", one + "0"), one, None, "m"))

    listed = [group.key.group_id for group in await groups.groups("persongroups", start, top)]

    assert listed == sorted(one for one in ids if one > start)[:top]
    for kind in ("persongroups", "largepersongroups"):
        for group in await groups.groups(kind):
            await groups.delete_group(group.key)


@pytest.mark.parametrize("top", [1, 3, 7, 8])
async def test_pages_of_persons_are_whole(groups: Groups, top: int) -> None:
    """Page by page with the last id as start, everybody comes once, with their own faces in order of addition."""
    key, other = await make_group(groups), await make_group(groups, LARGE)
    there = [await add_person(groups, f"P{index}", index % 3, key) for index in range(7)]
    await add_person(groups, "Stranger", 2, other)

    pages, start = list[list[GroupPerson]](), ""
    while page := await groups.persons(key, start, top):
        pages.append(page)
        start = page[-1].person_id

    assert [len(page) for page in pages[:-1]] == [top] * (len(pages) - 1)
    assert [person for page in pages for person in page] == sorted(there, key=lambda person: person.person_id)


GONE: list[Callable[[Groups, GroupKey], Awaitable[object]]] = [
    lambda groups, key: groups.group(key),
    lambda groups, key: groups.update_group(key, name="x"),
    lambda groups, key: groups.delete_group(key),
    lambda groups, key: groups.create_person(key, "x"),
    lambda groups, key: groups.person(key, "x"),
    lambda groups, key: groups.persons(key),
    lambda groups, key: groups.update_person(key, "x", name="y"),
    lambda groups, key: groups.delete_person(key, "x"),
    lambda groups, key: groups.add_face(key, "x", MODEL, list(vectors())),
    lambda groups, key: groups.face(key, "x", "y"),
    lambda groups, key: groups.update_face(key, "x", "y", ""),
    lambda groups, key: groups.delete_face(key, "x", "y"),
    lambda groups, key: groups.templates(key, MODEL),
    lambda groups, key: groups.training(key),
    lambda groups, key: groups.set_training(key, GroupTraining()),
    lambda groups, key: groups.save_gallery(key, MODEL, Gallery.empty(Metric.COSINE), TRAINED),
    lambda groups, key: groups.load_gallery(key, MODEL, Metric.COSINE),
    lambda groups, key: groups.mark(key, MODEL),
    lambda groups, key: groups.lacking(MODEL, key),
    lambda groups, key: groups.crop(GroupPlace(key, "x", "y")),
    lambda groups, key: groups.renew(GroupPlace(key, "x", "y"), MODEL, list(vectors())),
]


@pytest.mark.parametrize("call", GONE)
@pytest.mark.parametrize("group_id", ["nobody's", "\ud800", "USERS", "users"])
async def test_a_group_that_is_not_there_is_not_found(
    groups: Groups, call: Callable[[Groups, GroupKey], Awaitable[object]], group_id: str
) -> None:
    """By any call, also under broken Unicode, another case, or the id of a group of the other kind."""
    await make_group(groups)

    with pytest.raises(NotFoundError) as missing:
        await call(groups, GroupKey("largepersongroups", group_id))

    assert (missing.value.kind, missing.value.name) == ("group", group_id)


async def test_persons_and_faces_are_found_only_where_they_are(groups: Groups) -> None:
    """Not in another group, nor under another person."""
    key, other = await make_group(groups), await make_group(groups, LARGE)
    anna, bert = await add_person(groups, "Anna", key=key), await add_person(groups, "Bert", key=key)
    (face_id,) = anna.face_ids

    calls: list[tuple[str, Awaitable[object]]] = [
        ("person", groups.person(other, anna.person_id)),
        ("person", groups.delete_person(other, anna.person_id)),
        ("person", groups.templates(other, MODEL, anna.person_id)),
        ("person", groups.add_face(key, "\ud800", MODEL, list(vectors()))),
        ("face", groups.face(key, bert.person_id, face_id)),
        ("face", groups.delete_face(key, bert.person_id, face_id)),
        ("face", groups.update_face(key, anna.person_id, "\udfff", "x")),
        ("crop of the face", groups.crop(GroupPlace(key, anna.person_id, face_id))),
    ]
    for kind, call in calls:
        with pytest.raises(NotFoundError) as missing:
            await call
        assert missing.value.kind == kind

    assert await groups.persons(key) == sorted((anna, bert), key=lambda person: person.person_id)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(1, 9)),
        elements=st.floats(width=32, allow_nan=False),
    )
)
async def test_any_vectors_come_back(groups: Groups, rows: NDArray[np.float32]) -> None:
    """Bit by bit, with the face they were added with."""
    key = GroupKey("persongroups", "any")
    await make_group(groups, key)
    person_id = await groups.create_person(key, "Anna")
    face_id = await groups.add_face(key, person_id, MODEL, list(rows))

    (template,) = await groups.templates(key, MODEL)
    await groups.delete_group(key)

    assert (template.person_id, template.face_id) == (person_id, face_id)
    assert template.vectors.tobytes() == rows.tobytes()
    assert template.vectors.shape == rows.shape


async def test_templates_are_of_one_group_one_model_or_one_person(groups: Groups) -> None:
    """In the order of addition, person by person."""
    key, other = await make_group(groups), await make_group(groups, LARGE)
    anna, bert = await add_person(groups, "Anna", 2, key), await add_person(groups, "Bert", 1, key)
    await add_person(groups, "Cleo", 1, other)
    late = await groups.add_face(key, anna.person_id, MODEL, list(vectors()))
    await groups.add_face(key, anna.person_id, "other net", list(vectors()))

    def faces(templates: list[GroupTemplate]) -> list[str]:
        return [template.face_id for template in templates]

    assert faces(await groups.templates(key, MODEL)) == [*anna.face_ids, late, *bert.face_ids]
    assert faces(await groups.templates(key, MODEL, bert.person_id)) == list(bert.face_ids)
    assert len(await groups.templates(key, "other net")) == 1


async def test_a_training_freezes_the_gallery(groups: Groups) -> None:
    """Faces that come or go show only at the next training; renames at once, and who is erased leaves at once."""
    key = await make_group(groups)
    anna, bert = await add_person(groups, "Anna", 2, key), await add_person(groups, "Bert", 1, key, seed=7)
    assert await groups.load_gallery(key, MODEL, Metric.COSINE) is None
    assert await groups.training(key) == GroupTraining()
    fixed = await train_group(groups, key)

    await groups.delete_face(key, anna.person_id, anna.face_ids[0])
    await groups.add_face(key, bert.person_id, MODEL, list(vectors(seed=9)))
    cleo = await add_person(groups, "Cleo", 1, key, seed=5)
    await groups.update_person(key, anna.person_id, name="Anne")

    frozen = await loaded(groups, key)
    assert_same(fixed.renamed(anna.person_id, "Anne").numbered(frozen.version), frozen)
    assert (frozen.metric, await groups.training(key)) == (Metric.COSINE, TRAINED)
    await groups.delete_person(key, anna.person_id)
    assert_same(fixed.without(anna.person_id).numbered(frozen.version), await loaded(groups, key))
    await train_group(groups, key)
    assert set((await loaded(groups, key)).person_ids) == {bert.person_id, cleo.person_id}


async def test_the_state_of_a_training_is_kept_apart_from_the_gallery(groups: Groups) -> None:
    """A running or failed one leaves the gallery of the last success in use."""
    key = await make_group(groups)
    await add_person(groups, "Anna", key=key)
    fixed = await train_group(groups, key)
    for state in (GroupTraining("running", 2e9, 2e9, 1e9), GroupTraining("failed", 2e9, 2e9, 1e9, "too dark")):
        await groups.set_training(key, state)
        assert await groups.training(key) == state
        assert (await loaded(groups, key)).person_ids == fixed.person_ids


async def test_who_is_erased_during_a_training_does_not_come_back(groups: Groups) -> None:
    """The gallery was built with them and is saved without; an empty one is a gallery, too."""
    key = await make_group(groups)
    anna, bert = await add_person(groups, "Anna", 1, key), await add_person(groups, "Bert", 1, key)
    built = await train_group(groups, key)
    await groups.delete_person(key, anna.person_id)

    await groups.save_gallery(key, MODEL, built, TRAINED)
    assert (await loaded(groups, key)).person_ids == (bert.person_id,)
    await groups.delete_person(key, bert.person_id)
    assert (await loaded(groups, key)).person_ids == ()


async def test_the_mark_tells_when_a_gallery_in_memory_is_old(groups: Groups) -> None:
    """It changes by a training and by the erasure of somebody in the gallery, and by nothing else."""
    key = await make_group(groups)
    anna, _ = await add_person(groups, "Anna", 1, key), await add_person(groups, "Bert", 1, key)
    marks = [await groups.mark(key, MODEL)]
    for step in (
        lambda: train_group(groups, key),
        lambda: train_group(groups, key),
        lambda: groups.delete_person(key, anna.person_id),
    ):
        await step()
        await add_person(groups, "late", 1, key)
        marks += [await groups.mark(key, MODEL), await groups.mark(key, MODEL)]

    assert marks[0] == await groups.mark(key, "other net") == ""
    assert marks[1::2] == marks[2::2]
    assert len(set(marks)) == 4


async def test_a_deleted_group_is_gone_whole(groups: Groups) -> None:
    """With everybody in it; another group under its id begins empty."""
    key = await make_group(groups)
    for name in ("Anna", "Bert", "Cleo"):
        await add_person(groups, name, 2, key)
    await train_group(groups, key)

    assert await groups.delete_group(key) == 3
    with pytest.raises(NotFoundError):
        await groups.group(key)
    await make_group(groups, key)

    assert await groups.persons(key) == []
    assert await groups.templates(key, MODEL) == []
    assert (await groups.training(key)).state == "never"
    assert await groups.load_gallery(key, MODEL, Metric.COSINE) is None


async def test_faces_with_crops_get_templates_of_another_model(groups: Groups) -> None:
    """Those that lack one are told with where they are, until they have one; without crop nobody is."""
    key, other = await make_group(groups), await make_group(groups, LARGE)
    anna = await add_person(groups, "Anna", 1, key)
    kept = await groups.add_face(key, anna.person_id, MODEL, list(vectors()), crop=b"picture")
    cleo = await add_person(groups, "Cleo", 0, other)
    there = await groups.add_face(other, cleo.person_id, MODEL, list(vectors()), crop=b"another")
    places = [GroupPlace(key, anna.person_id, kept), GroupPlace(other, cleo.person_id, there)]
    await train_group(groups, key)

    assert await groups.lacking(MODEL) == []
    assert await groups.lacking("new net") == places
    assert await groups.lacking("new net", other) == places[1:]
    assert [await groups.crop(place) for place in places] == [b"picture", b"another"]
    await groups.renew(places[0], "new net", list(vectors(seed=3)))

    assert await groups.lacking("new net") == places[1:]
    (template,) = await groups.templates(key, "new net")
    assert (template.face_id, template.vectors.tobytes()) == (kept, vectors(seed=3).tobytes())
    assert await groups.load_gallery(key, "new net", Metric.COSINE) is None
    assert len(await groups.templates(key, MODEL)) == 2
