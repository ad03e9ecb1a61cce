"""What every recognizer does, for all kinds. A new kind gets settings in `KINDS` and is tested with the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import get_args

import pytest

from tests.recognizers.azureface.accounts import azure
from tests.recognizers.probes import eileen, grace, nobody
from tests.support.vault import MemoryHouse, MemoryVault
from uSense.core.errors import ConflictError, NotFoundError
from uSense.core.models import Answer
from uSense.ports import Recognizer
from uSense.recognizers import AnyRecognizer
from uSense.recognizers.local import LocalSettings
from uSense.storage import open_storage


@asynccontextmanager
async def _local(_: pytest.FixtureRequest, __: Path) -> AsyncIterator[Recognizer]:
    async with LocalSettings().open(MemoryHouse(MemoryVault())) as recognizer:
        yield recognizer


@asynccontextmanager
async def _azure(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Recognizer]:
    """Over the served Face API, with a group of its own."""
    async with open_storage(folder) as storage, azure(request.getfixturevalue("face_api")).open(storage) as recognizer:
        yield recognizer


KINDS: dict[str, Callable[[pytest.FixtureRequest, Path], AbstractAsyncContextManager[Recognizer]]] = {
    "local": _local,
    "azure": _azure,
}


@pytest.fixture(params=sorted(KINDS))
async def recognizer(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Recognizer]:
    """An open recognizer of each kind that knows nobody."""
    async with KINDS[request.param](request, tmp_path) as recognizer:
        assert recognizer.kind == request.param
        yield recognizer


@pytest.fixture
async def grace_id(recognizer: Recognizer) -> str:
    """Grace, enrolled from three renderings and trained."""
    person = await recognizer.create_person("Grace Hopper", "rear admiral")
    for number in range(3):
        await recognizer.add_face(person.person_id, grace(number))
    await recognizer.train()
    return person.person_id


def names(answers: list[Answer]) -> list[list[str]]:
    """Names of all candidates."""
    return [[candidate.name for candidate in answer.candidates] for answer in answers]


def test_every_kind_is_tested() -> None:
    """The registry knows no kind that is missing here."""
    members, _ = get_args(AnyRecognizer)
    kinds = [get_args(member.model_fields["kind"].annotation)[0] for member in get_args(members)]

    assert set(kinds) == set(KINDS)


async def test_nobody_enrolled_nobody_recognized(recognizer: Recognizer) -> None:
    """An answer without candidates for every probe; no probes, no answers."""
    assert names(await recognizer.identify([grace(), eileen()])) == [[], []]
    assert await recognizer.identify([]) == []
    assert await recognizer.people() == []
    assert (await recognizer.training()).state == "never"


async def test_a_person_is_recognized_and_a_stranger_is_not(recognizer: Recognizer, grace_id: str) -> None:
    """By the recognizer's own threshold; one answer a probe, in order."""
    answers = await recognizer.identify([grace(7), eileen(), grace(9), nobody()])
    assert len(answers) == 4
    assert [answers[index].candidates[0].person_id for index in (0, 2)] == [grace_id] * 2
    assert min(answers[index].candidates[0].score for index in (0, 2)) >= recognizer.rules.threshold
    assert all(
        candidate.score < recognizer.rules.threshold for index in (1, 3) for candidate in answers[index].candidates
    )


async def test_two_people_are_told_apart(recognizer: Recognizer, grace_id: str) -> None:
    """The runner-up comes second, with a margin."""
    other = await recognizer.create_person("Eileen Collins")
    await recognizer.add_face(other.person_id, eileen())
    report = await recognizer.train()
    first, second = await recognizer.identify([grace(7), eileen(4)])

    assert [found[0] for found in names([first, second])] == ["Grace Hopper", "Eileen Collins"]
    runners_up = [answer.candidates[1].score if answer.candidates[1:] else answer.floor for answer in (first, second)]
    assert first.candidates[0].score - runners_up[0] > recognizer.rules.margin
    assert second.candidates[0].score - runners_up[1] > recognizer.rules.margin
    assert first.gallery == second.gallery == report.gallery
    assert (report.state, report.persons, report.faces) == ("succeeded", 2, 4)
    assert await recognizer.training() == report


async def test_people_are_listed_with_what_was_given(recognizer: Recognizer, grace_id: str) -> None:
    """By name, with their faces, and whether the gallery in use knows them all."""
    new = await recognizer.create_person("Ada")
    ada, person = await recognizer.people()

    assert ada == new
    assert (ada.trained, ada.face_ids) == (False, ())
    assert (person.person_id, person.name, person.user_data) == (grace_id, "Grace Hopper", "rear admiral")
    assert person.trained
    assert len(person.face_ids) == 3


async def test_a_new_face_waits_for_the_next_training(recognizer: Recognizer, grace_id: str) -> None:
    """Until then the person is not fully trained."""
    added = await recognizer.add_face(grace_id, grace(5))
    (before,) = await recognizer.people()
    await recognizer.train()
    (after,) = await recognizer.people()

    assert added.face_id in before.face_ids
    assert (before.trained, after.trained) == (False, True)


async def test_a_deleted_face_counts_until_the_next_training(recognizer: Recognizer, grace_id: str) -> None:
    """A person without faces is not recognized any more, and is not trained."""
    (person,) = await recognizer.people()
    for face_id in person.face_ids:
        await recognizer.delete_face(grace_id, face_id)

    assert names(await recognizer.identify([grace(7)])) == [["Grace Hopper"]]
    await recognizer.train()
    assert names(await recognizer.identify([grace(7)])) == [[]]
    assert [known.trained for known in await recognizer.people()] == [False]


async def test_a_new_name_shows_at_once(recognizer: Recognizer, grace_id: str) -> None:
    """In the list and in the answers, without a training."""
    changed = await recognizer.update_person(grace_id, name="Amazing Grace", user_data="")

    assert (changed.name, changed.user_data) == ("Amazing Grace", "")
    assert names(await recognizer.identify([grace(7)])) == [["Amazing Grace"]]
    assert [person.name for person in await recognizer.people()] == ["Amazing Grace"]


async def test_a_deleted_person_is_gone_at_once(recognizer: Recognizer, grace_id: str) -> None:
    """Nobody is recognized as them any more."""
    await recognizer.delete_person(grace_id)

    assert names(await recognizer.identify([grace(7)])) == [[]]
    assert await recognizer.people() == []


async def test_names_are_unique(recognizer: Recognizer, grace_id: str) -> None:
    """Whatever their case."""
    with pytest.raises(ConflictError):
        await recognizer.create_person("GRACE hopper")


async def test_what_does_not_exist_is_not_found(recognizer: Recognizer, grace_id: str) -> None:
    """The error says which kind of thing."""
    with pytest.raises(NotFoundError, match="person"):
        await recognizer.add_face("nobody", grace(4))
    with pytest.raises(NotFoundError, match="person"):
        await recognizer.update_person("nobody", name="x")
    with pytest.raises(NotFoundError, match="person"):
        await recognizer.delete_person("nobody")
    with pytest.raises(NotFoundError, match="face"):
        await recognizer.delete_face(grace_id, "nothing")


async def test_somebody_elses_face_is_refused(recognizer: Recognizer, grace_id: str) -> None:
    """Unless it is forced."""
    other = await recognizer.create_person("Eileen Collins")

    with pytest.raises(ConflictError) as caught:
        await recognizer.add_face(other.person_id, grace(4))
    assert caught.value.code == "wrong_person"
    assert (await recognizer.add_face(other.person_id, grace(4), force=True)).face_id


async def test_two_faces_are_compared(recognizer: Recognizer) -> None:
    """On the scale of the threshold."""
    assert await recognizer.compare(grace(), grace(3)) >= recognizer.rules.threshold
    assert await recognizer.compare(grace(), eileen()) < recognizer.rules.threshold


async def test_likeness_is_on_the_same_scale(recognizer: Recognizer, grace_id: str) -> None:
    """The score against one person is that of the candidate."""
    (answer,) = await recognizer.identify([grace(7)])

    assert await recognizer.likeness(grace(7), grace_id) == pytest.approx(answer.candidates[0].score, abs=1e-4)


async def test_many_ask_at_once(recognizer: Recognizer, grace_id: str) -> None:
    """During a training, too; each gets its own answers."""
    answers = await asyncio.gather(
        *(recognizer.identify([grace(7)] * (1 + number % 3)) for number in range(6)), recognizer.train()
    )

    assert [len(found) for found in answers[:6]] == [1, 2, 3, 1, 2, 3]  # type: ignore[arg-type] # the last is a report
    assert (await recognizer.identify([grace(7)]))[0].candidates[0].person_id == grace_id


async def test_nothing_new_needs_no_refresh(recognizer: Recognizer, grace_id: str) -> None:
    """What this recognizer did itself is no news."""
    assert not await recognizer.refresh()
