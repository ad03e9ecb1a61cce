"""Small served groups."""

from __future__ import annotations

from tests.storage.samples import MODEL, vectors
from uSense.core import matching
from uSense.core.groups import Group, GroupKey, GroupPerson, GroupTraining
from uSense.core.matching import Gallery, Metric
from uSense.ports import Groups

USERS = GroupKey("persongroups", "users")
LARGE = GroupKey("largepersongroups", "users")
TRAINED = GroupTraining("succeeded", 1e9, 1e9 + 1, 1e9 + 1)


async def make_group(groups: Groups, key: GroupKey = USERS) -> GroupKey:
    """A group without anybody."""
    await groups.create_group(Group(key, "Users", None, "recognition_04"))
    return key


async def add_person(groups: Groups, name: str, faces: int = 1, key: GroupKey = USERS, *, seed: int = 0) -> GroupPerson:
    """A person with faces of two vectors each."""
    person_id = await groups.create_person(key, name)
    for index in range(faces):
        await groups.add_face(key, person_id, MODEL, list(vectors(seed=seed + index)))
    return await groups.person(key, person_id)


async def train_group(groups: Groups, key: GroupKey = USERS) -> Gallery:
    """Fix a gallery of what is there, as a training does."""
    persons = [(person.person_id, person.name) for person in await groups.persons(key)]
    faces = [(template.person_id, template.vectors) for template in await groups.templates(key, MODEL)]
    gallery = matching.build(Metric.COSINE, persons, faces)
    await groups.save_gallery(key, MODEL, gallery, TRAINED)
    return gallery


async def loaded(groups: Groups, key: GroupKey = USERS) -> Gallery:
    """What identify asks."""
    gallery = await groups.load_gallery(key, MODEL, Metric.COSINE)
    assert gallery is not None
    return gallery
