"""The local recognizer: what it keeps, refuses and swaps, with the real net and a vault in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from tests.recognizers.probes import eileen, grace
from tests.support.vault import MemoryHouse, MemoryVault
from uSense.aio import Lane
from uSense.core.errors import ConflictError, GalleryChangedError, ModelError, NotFoundError, RequestError, StorageError
from uSense.core.judging import DecisionRules
from uSense.core.matching import Gallery
from uSense.core.models import MOST_FACES, Training
from uSense.ports import Template
from uSense.recognizers.embedders.base import Embedder
from uSense.recognizers.local import LocalRecognizer, LocalSettings


class Vault(MemoryVault):
    """A vault in memory that can be held up or broken while it stores a gallery."""

    def __init__(self) -> None:
        super().__init__()
        self.saving = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.broken = False

    async def save_gallery(
        self, gallery: Gallery, *, model: str, report: Training, built_from: Sequence[Template] | None = None
    ) -> Training:
        self.saving.set()
        await self.go_on.wait()
        if self.broken:
            raise StorageError("the disk is full: make room")
        return await super().save_gallery(gallery, model=model, report=report, built_from=built_from)


@pytest.fixture
def vault() -> Vault:
    """An empty vault."""
    return Vault()


@pytest.fixture
async def recognizer(embedder: Embedder, vault: Vault) -> AsyncIterator[LocalRecognizer]:
    """A recognizer that knows nobody."""
    async with Lane("embed") as lane:
        recognizer = LocalRecognizer(lane, lambda: embedder, vault, DecisionRules())
        await recognizer.load()
        yield recognizer


async def enrolled(recognizer: LocalRecognizer, name: str = "Grace", faces: int = 1) -> str:
    """Id of a new person with some of Grace's faces, not trained."""
    person = await recognizer.create_person(name)
    for number in range(faces):
        await recognizer.add_face(person.person_id, grace(number))
    return person.person_id


async def best(recognizer: LocalRecognizer) -> tuple[str | None, int]:
    """Who another rendering of Grace resembles most, and by which gallery."""
    (answer,) = await recognizer.identify([grace(7)])
    return (answer.candidates[0].name if answer.candidates else None), answer.gallery


async def test_somebody_elses_face_is_refused(recognizer: LocalRecognizer) -> None:
    """The message says whom it looks like; `force` keeps it, with that as a warning."""
    await enrolled(recognizer)
    other = (await recognizer.create_person("Eileen")).person_id

    with pytest.raises(ConflictError, match=r"this looks like Grace \(score 0\.\d\d\), not like Eileen") as caught:
        await recognizer.add_face(other, grace(1))
    assert caught.value.code == "wrong_person"
    assert (await recognizer.add_face(other, grace(1), force=True)).warning.startswith("this looks like Grace")


async def test_a_face_unlike_the_others_is_kept_with_a_warning(recognizer: LocalRecognizer) -> None:
    """It may be the same person in another light; nobody else resembles it."""
    person_id = await enrolled(recognizer)
    added = await recognizer.add_face(person_id, eileen())

    assert added.warning.startswith("this does not look like the other faces of Grace (score 0.")
    assert (await recognizer.add_face(person_id, grace(3))).warning == ""


async def test_the_same_picture_twice_is_refused(recognizer: LocalRecognizer) -> None:
    """It would teach nothing; `force` keeps it."""
    person_id = await enrolled(recognizer)

    with pytest.raises(ConflictError, match="Grace has this very face already") as caught:
        await recognizer.add_face(person_id, grace())
    assert caught.value.code == "duplicate_face"
    assert (await recognizer.add_face(person_id, grace(), force=True)).face_id


async def test_a_person_has_a_bounded_number_of_faces(recognizer: LocalRecognizer, vault: Vault) -> None:
    """The message says what to do; deleting one makes room."""
    person_id = await enrolled(recognizer)
    template = vault.kept[0]
    for _ in range(MOST_FACES - 1):
        await vault.add_template(person_id, recognizer.model, [template.vector])

    with pytest.raises(ConflictError, match=f"Grace has {MOST_FACES} faces already: delete some first") as caught:
        await recognizer.add_face(person_id, grace(1), force=True)
    assert caught.value.code == "too_many_faces"
    await recognizer.delete_face(person_id, template.face_id)
    assert (await recognizer.add_face(person_id, grace(1))).face_id


async def test_a_face_is_kept_in_several_renderings(recognizer: LocalRecognizer, vault: Vault) -> None:
    """All under one face id and the model's name, plain first."""
    await enrolled(recognizer)

    assert len({template.face_id for template in vault.kept}) == 1
    assert {template.model for template in vault.kept} == {"dlib-resnet-v1"}
    assert len(vault.kept) == 6


async def test_identify_serves_the_old_gallery_during_a_training(recognizer: LocalRecognizer, vault: Vault) -> None:
    """The new one is used from one moment to the next."""
    await enrolled(recognizer)
    vault.go_on.clear()
    training = asyncio.create_task(recognizer.train(), name="train")
    await vault.saving.wait()

    assert await best(recognizer) == (None, 0)
    assert (await recognizer.training()).state == "running"
    vault.go_on.set()
    assert (await training).state == "succeeded"
    assert await best(recognizer) == ("Grace", 1)


async def test_trainings_follow_each_other(recognizer: LocalRecognizer) -> None:
    """Two at a time make two versions, one after the other."""
    await enrolled(recognizer)
    first, second = await asyncio.gather(recognizer.train(), recognizer.train())

    assert (first.gallery, second.gallery) == (1, 2)
    assert await best(recognizer) == ("Grace", 2)


async def test_a_failed_training_leaves_the_old_gallery(recognizer: LocalRecognizer, vault: Vault) -> None:
    """Its report says why, and the number of the gallery that is still in use."""
    await enrolled(recognizer)
    await recognizer.train()
    vault.broken = True

    with pytest.raises(StorageError, match="disk is full"):
        await recognizer.train()
    report = await recognizer.training()
    assert (report.state, report.gallery, report.message) == ("failed", 1, "the disk is full: make room")
    assert await best(recognizer) == ("Grace", 1)


async def test_an_interrupted_training_is_as_if_it_never_began(recognizer: LocalRecognizer, vault: Vault) -> None:
    """The report is the earlier one; what the vault may have stored is looked up at the next refresh."""
    await enrolled(recognizer)
    vault.go_on.clear()
    training = asyncio.create_task(recognizer.train(), name="train")
    await vault.saving.wait()
    training.cancel()
    await asyncio.wait([training])

    assert (await recognizer.training()).state == "never"
    assert await recognizer.refresh()
    assert not await recognizer.refresh()


async def test_a_training_does_not_undo_what_another_process_did(recognizer: LocalRecognizer, vault: Vault) -> None:
    """Somebody who was enrolled elsewhere while the gallery was built is in it."""
    await enrolled(recognizer)
    vault.go_on.clear()
    training = asyncio.create_task(recognizer.train(), name="train")
    await vault.saving.wait()
    bob = await vault.create_person("Bob")
    await vault.add_template(bob.person_id, recognizer.model, [vault.kept[0].vector])
    vault.go_on.set()

    report = await training
    assert (report.gallery, report.persons, report.faces) == (1, 2, 2)
    assert all(person.trained for person in await recognizer.people())


async def test_a_training_gives_up_while_others_go_on_changing_people(
    recognizer: LocalRecognizer, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three attempts it fails with a report that says so, and the old gallery stays."""
    person_id = await enrolled(recognizer)
    await recognizer.train()
    read, attempts = vault.templates, 0

    async def disturbed(model: str) -> list[Template]:
        nonlocal attempts
        attempts += 1
        found = await read(model)
        vault.kept.append(replace(found[0], face_id=f"face {attempts}", person_id=person_id))
        return found

    monkeypatch.setattr(vault, "templates", disturbed)
    with pytest.raises(GalleryChangedError, match="train again"):
        await recognizer.train()
    report = await recognizer.training()
    assert (report.state, report.gallery) == ("failed", 1)
    assert await best(recognizer) == ("Grace", 1)


async def test_training_nobody_is_no_failure(recognizer: LocalRecognizer) -> None:
    """Neither without people nor without faces."""
    assert (await recognizer.train()).persons == 0
    await recognizer.create_person("Grace")
    report = await recognizer.train()

    assert (report.state, report.persons, report.faces) == ("succeeded", 0, 0)
    assert await best(recognizer) == (None, 2)


async def test_the_report_names_confusable_people(recognizer: LocalRecognizer) -> None:
    """The pair whose faces are most alike, with the score."""
    await enrolled(recognizer, "Grace")
    twin = (await recognizer.create_person("Twin")).person_id
    await recognizer.add_face(twin, grace(1), force=True)
    other = (await recognizer.create_person("Eileen")).person_id
    await recognizer.add_face(other, eileen())
    report = await recognizer.train()

    assert (report.persons, report.faces) == (3, 3)
    assert {report.confusable[0].a, report.confusable[0].b} == {"Grace", "Twin"}
    assert report.confusable[0].score > 0.6 > report.confusable[1].score


async def test_the_report_says_what_leaving_out_each_face_showed(recognizer: LocalRecognizer) -> None:
    """How many are recognized by the others, and which face is not like them; a rename shows there, too."""
    person_id = await enrolled(recognizer, "Grace", faces=3)
    odd = (await recognizer.add_face(person_id, eileen())).face_id
    report = await recognizer.train()

    assert report.check is not None
    assert (report.check.faces, report.check.known, report.check.right, report.check.complete) == (4, 4, 3, True)
    assert [(face.name, face.face_id) for face in report.weak] == [("Grace", odd)]
    assert report.weak[0].score < 0.4

    await recognizer.update_person(person_id, name="Hopper")
    assert [face.name for face in (await recognizer.training()).weak] == ["Hopper"]


async def test_the_report_knows_present_names_only(recognizer: LocalRecognizer) -> None:
    """A new name replaces the old one in the pairs of the last training, and nobody erased is named any more."""
    admiral = await enrolled(recognizer, "Grace")
    twin = (await recognizer.create_person("Twin")).person_id
    await recognizer.add_face(twin, grace(1), force=True)
    await recognizer.add_face((await recognizer.create_person("Eileen")).person_id, eileen())
    trained = await recognizer.train()

    await recognizer.update_person(admiral, name="Hopper")
    renamed = await recognizer.training()
    await recognizer.delete_person(twin)
    erased = await recognizer.training()

    assert {renamed.confusable[0].a, renamed.confusable[0].b} == {"Hopper", "Twin"}
    assert [pair.score for pair in renamed.confusable] == [pair.score for pair in trained.confusable]
    assert [{pair.a, pair.b} for pair in erased.confusable] == [{"Hopper", "Eileen"}]
    assert (erased.state, erased.gallery) == ("succeeded", trained.gallery)


async def test_a_rename_shows_at_once(recognizer: LocalRecognizer) -> None:
    """Without a training, in answers and in the list."""
    person_id = await enrolled(recognizer)
    await recognizer.train()
    await recognizer.update_person(person_id, name="Admiral Hopper")

    assert await best(recognizer) == ("Admiral Hopper", 1)
    assert [person.name for person in await recognizer.people()] == ["Admiral Hopper"]


async def test_a_deleted_person_is_gone_at_once(recognizer: LocalRecognizer, vault: Vault) -> None:
    """From the answers and from the vault."""
    person_id = await enrolled(recognizer)
    await recognizer.train()
    await recognizer.delete_person(person_id)

    assert await best(recognizer) == (None, 1)
    assert vault.kept == []


async def test_likeness_is_the_score_against_one_person(recognizer: LocalRecognizer) -> None:
    """By the gallery in use; somebody who is not in it cannot be compared."""
    person_id = await enrolled(recognizer)
    with pytest.raises(RequestError, match="not trained yet") as caught:
        await recognizer.likeness(grace(1), person_id)
    await recognizer.train()

    assert caught.value.code == "not_trained"
    assert await recognizer.likeness(grace(1), person_id) > 0.6
    assert await recognizer.likeness(eileen(), person_id) < 0.4


async def test_what_another_process_did_is_noticed(
    recognizer: LocalRecognizer, embedder: Embedder, vault: Vault
) -> None:
    """People and gallery of the command line are used after a refresh."""
    async with Lane("other") as lane:
        other = LocalRecognizer(lane, lambda: embedder, vault, DecisionRules())
        await enrolled(other)
        await other.train()
    assert await best(recognizer) == (None, 0)
    vault.touched = True

    assert await recognizer.refresh()
    assert not await recognizer.refresh()
    assert await best(recognizer) == ("Grace", 1)
    assert (await recognizer.training()).faces == 1


async def test_a_refresh_that_failed_is_tried_again(
    recognizer: LocalRecognizer, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vault tells of a change only once."""

    async def broken(*_: object) -> tuple[Gallery, Training]:
        raise StorageError("locked")

    vault.touched = True
    with monkeypatch.context() as patched:
        patched.setattr(vault, "load_gallery", broken)
        with pytest.raises(StorageError):
            await recognizer.refresh()

    assert await recognizer.refresh()


async def test_templates_of_another_model_are_left_alone(recognizer: LocalRecognizer, vault: Vault) -> None:
    """They are neither compared nor trained."""
    person_id = await enrolled(recognizer, faces=0)
    await vault.add_template(person_id, "another-net", list((await recognizer.load()).embed([grace()])[:, :3]))

    assert (await recognizer.add_face(person_id, grace())).warning == ""
    assert (await recognizer.train()).faces == 1


async def test_opening_uses_the_gallery_of_the_last_training(embedder: Embedder, vault: Vault) -> None:
    """A restart needs no training; the settings' rules are the recognizer's."""
    settings = LocalSettings.model_validate({"rules": {"threshold": 0.55}})
    async with settings.open(MemoryHouse(vault)) as first:
        person = await first.create_person("Grace")
        await first.add_face(person.person_id, grace())
        await first.train()
    async with settings.open(MemoryHouse(vault)) as second:
        (answer,) = await second.identify([grace(2)])
        assert (await second.training()).state == "succeeded"
        assert second.rules.threshold == 0.55

    assert (answer.candidates[0].name, answer.gallery) == ("Grace", 1)


async def test_a_net_that_cannot_be_loaded_is_an_error_at_once(vault: Vault) -> None:
    """Not at the first face."""
    settings = LocalSettings.model_validate({"embedder": {"kind": "onnx", "path": "/nowhere/net.onnx"}})

    with pytest.raises(ModelError, match="cannot read the model /nowhere"):
        async with settings.open(MemoryHouse(vault)):
            pass


async def test_opened_lazily_it_loads_what_is_asked_for(embedder: Embedder, vault: Vault) -> None:
    """People are cared for without the net; the first face loads it, with the gallery in which they are changed."""
    async with Lane("embed") as lane:
        first = LocalRecognizer(lane, lambda: embedder, vault, DecisionRules())
        person_id = await enrolled(first)
        await first.train()
    async with LocalSettings().open(MemoryHouse(vault), lazily=True) as second:
        await second.update_person(person_id, name="Hopper")
        assert second.model == ""
        (answer,) = await second.identify([grace(7)])

        assert answer.candidates[0].name == "Hopper"
        assert second.model == embedder.model


async def test_unknown_people_are_not_found(recognizer: LocalRecognizer) -> None:
    """Before anything is kept."""
    with pytest.raises(NotFoundError, match="there is no person 'nobody'"):
        await recognizer.add_face("nobody", grace())
