"""Nothing that is written about others keeps the name of who was erased."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.storage.samples import DONE, MODEL, enroll, gallery_of
from uSense.core.events import Notice
from uSense.core.models import Person
from uSense.storage import Storage, open_storage

PAIRS = [{"a": "Anna", "b": "Bert", "score": 0.4}, {"a": "Bert", "b": "Cleo", "score": 0.3}]
CASES: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
    ({"name": "Anna", "faces": 3}, None),
    ({"person_id": "ID"}, None),
    ({"person_id": "other", "into": "ID"}, None),
    ({"confusable": PAIRS, "state": "succeeded"}, {"confusable": PAIRS[1:], "state": "succeeded"}),
    ({"names": ["Anna", "Bert", None]}, {"names": ["Bert", None]}),
    ({"by_name": {"Anna": 1, "Bert": 2}}, {"by_name": {"Bert": 2}}),
    ({"message": "anna, Annabel and ID"}, {"message": "(erased), Annabel and (erased)"}),
    ({"message": "nobody", "deep": [[{"name": "Anna"}], 1]}, {"message": "nobody", "deep": [[], 1]}),
]


def spelled(value: Any, person: Person) -> Any:
    """The value with the person's id."""
    return json.loads(json.dumps(value).replace("ID", person.person_id))


@pytest.mark.parametrize(("before", "after"), CASES)
async def test_waiting_notices_forget_the_person(
    storage: Storage, before: dict[str, Any], after: dict[str, Any] | None
) -> None:
    """A notice about them goes, what is about others stays, and in sentences their name is blackened."""
    anna = await enroll(storage.vault, "Anna")
    await storage.journal.append(Notice("other", {"name": "Bert"}, lasting=True))
    await storage.journal.append(Notice("kind", spelled(before, anna), lasting=True))

    erasure = await storage.vault.delete_person(anna.person_id)

    kept = [dict(notice.data) for _, notice in await storage.journal.pending(9)]
    assert kept == [{"name": "Bert"}, *([after] if after is not None else [])]
    assert erasure.notices == 1


@pytest.mark.parametrize("name", ["succeeded", "state", "Training 2"])
async def test_a_name_that_is_a_word_of_ours_breaks_nothing(folder: Path, name: str) -> None:
    """Reports of trainings stay readable whatever a person is called."""
    async with open_storage(folder) as storage:
        anna, bert = await enroll(storage.vault, name), await enroll(storage.vault, "Bert")
        await storage.vault.save_gallery(gallery_of(anna, bert), model=MODEL, report=DONE)
        await storage.journal.append(Notice("train.finished", {"state": "succeeded", "persons": 2}, lasting=True))

        await storage.vault.delete_person(anna.person_id)

        _, report = await storage.vault.load_gallery(MODEL, gallery_of(bert).metric)
        assert report.state == "succeeded"
        ((_, notice),) = await storage.journal.pending(9)
        assert notice.data == {"state": "succeeded", "persons": 2}
