"""Names that were wrong: said so, kept, weighed and taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.porch import Porch, stranger
from uSense.core.errors import NotFoundError, RequestError
from uSense.storage import Storage


async def enroll(storage: Storage) -> str:
    """Anna."""
    person = await storage.vault.create_person("Anna")
    return person.person_id


async def test_a_rejected_face_is_not_named_so_again(porch: Porch, storage: Storage) -> None:
    """The name is taken back at once, the face is unknown from now on, also after a restart; Anna is still Anna."""
    anna = await enroll(storage)
    (wrong,) = porch.show(stranger(0), (anna, 0.55))

    done = await porch.visiting.rejecting.reject(wrong.event_id)

    correction = porch.told[-1]
    assert done.corrected
    assert (correction.type, correction.person_id, correction.replaces) == ("changed", None, wrong.event_id)
    assert correction.previous is not None
    assert correction.previous.person_id == anna
    assert (correction.decision.reason, correction.decision.rejected) == ("rejected_before", anna)
    assert porch.show(stranger(1), (anna, 0.9), looks=8) == []
    porch.leave()
    again = Porch(storage.visitors)
    await again.visiting.load()
    for there in (porch, again):
        (unknown,) = there.visit(stranger(0), (anna, 0.55))
        assert (unknown.type, unknown.decision.reason) == ("unknown", "rejected_before")
        assert unknown.decision.rejected == anna
        (right,) = there.visit(stranger(2), (anna, 0.9))
        assert (right.person_id, right.decision.rejected) == (anna, None)


async def test_a_rejection_of_somebody_who_left_corrects_nothing(porch: Porch, storage: Storage) -> None:
    """The face counts as wrong, but there is nobody whose name could be taken back."""
    anna = await enroll(storage)
    (wrong,) = porch.visit(stranger(0), (anna, 0.55))

    done = await porch.visiting.rejecting.reject(wrong.event_id)
    twice = await porch.visiting.rejecting.reject(wrong.event_id)

    assert not done.corrected
    assert done == twice
    assert len(await storage.visitors.rejections()) == 1
    await porch.visiting.rejecting.allow(wrong.event_id)
    assert await storage.visitors.rejections() == []
    (right,) = porch.visit(stranger(0), (anna, 0.55))
    assert right.person_id == anna


async def test_a_rejection_that_is_taken_back_names_the_person_again(porch: Porch, storage: Storage) -> None:
    """Also while they stand there: the correction is corrected."""
    anna = await enroll(storage)
    (right,) = porch.show(stranger(0), (anna, 0.55))
    await porch.visiting.rejecting.reject(right.event_id)
    correction = porch.told[-1]

    await porch.visiting.rejecting.allow(right.event_id)

    (again,) = porch.show(stranger(0), (anna, 0.55), looks=12)
    assert (again.type, again.person_id, again.replaces) == ("recognized", anna, correction.event_id)


async def test_rejections_go_with_their_person(porch: Porch, storage: Storage) -> None:
    """Erasing Anna erases the faces that were not hers."""
    anna = await enroll(storage)
    (wrong,), (another,) = porch.visit(stranger(0), (anna, 0.55)), porch.visit(stranger(1), (anna, 0.55))
    await porch.visiting.rejecting.reject(wrong.event_id)

    await storage.vault.delete_person(anna)
    porch.visiting.gallery_changed()
    await porch.visiting.work()

    assert await storage.visitors.rejections() == []
    assert porch.visiting.rejecting.rejections.kept == {}
    with pytest.raises(NotFoundError):
        await porch.visiting.rejecting.reject(another.event_id)


async def test_what_cannot_be_rejected_is_said(porch: Porch) -> None:
    """Sightings of long ago, of nobody, and of Azure, each with the reason."""
    (unknown,) = porch.visit(stranger(0))
    (azure,) = porch.visit(None, ("anna", 0.9))

    codes = {"e77": "not_found", unknown.event_id: "not_recognized", azure.event_id: "no_embedding"}
    for event_id, code in codes.items():
        with pytest.raises(RequestError) as caught:
            await porch.visiting.rejecting.reject(event_id)
        assert caught.value.code == code


async def test_only_the_latest_sightings_are_remembered(porch: Porch) -> None:
    """256 of them."""
    (first,) = porch.visit(stranger(0), ("anna", 0.8))
    for number in range(256):
        porch.visiting.rejecting.note(replace(first, event_id=f"x{number}"))

    with pytest.raises(RequestError, match="256"):
        await porch.visiting.rejecting.reject(first.event_id)
