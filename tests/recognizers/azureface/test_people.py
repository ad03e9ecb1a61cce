"""People in two places while several change them at once, here and there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.peers.azure_faults import AzureFaults, Fault
from tests.peers.faceapi import FaceApi
from tests.recognizers.azureface.clouds import Opening, enrolled, who
from tests.recognizers.probes import eileen, grace
from tests.support.waiting import until
from uSense.core.errors import RecognizerError, RequestError, StorageError
from uSense.core.models import Renewal
from uSense.ports import Recognizer
from uSense.recognizers.azureface.account import RemotePerson
from uSense.recognizers.azureface.recognizer import AzureRecognizer
from uSense.storage import Storage


def ignored(_: Renewal) -> None:
    """For renewals whose progress does not matter."""


def there(face_api: FaceApi, values: dict[str, Any]) -> list[tuple[str, int]]:
    """Names in the group, and how many faces each has."""
    persons = face_api.call("GET", f"largepersongroups/{values['group']}/persons").data
    return [(one["name"], len(one["persistedFaceIds"])) for one in persons]


def meanwhile(azure: Recognizer, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[object]]) -> None:
    """Let something happen between a listing of the group and its use, once."""
    assert isinstance(azure, AzureRecognizer)
    client = azure._azure
    listing = client.persons

    async def persons() -> list[RemotePerson]:
        found = await listing()
        monkeypatch.setattr(client, "persons", listing)
        await act()
        return found

    monkeypatch.setattr(client, "persons", persons)


async def test_two_processes_send_a_face_once(
    opening: Opening, cloud: AzureFaults, face_api: FaceApi, values: dict[str, Any]
) -> None:
    """A command and the service beside it send the same waiting photo: one person with one face, one call."""
    async with opening() as command, opening() as service:
        person = await command.create_person("Grace Hopper")
        cloud.order(Fault.UNAVAILABLE, times=50, on="add face")
        cloud.order(Fault.UNAVAILABLE, times=50, on="create person")
        await command.add_face(person.person_id, grace())
        cloud.obey()
        cloud.calls.clear()

        await asyncio.gather(command.renew(ignored), service.renew(ignored))

    assert there(face_api, values) == [("Grace Hopper", 1)]
    assert (cloud.made["create person"], cloud.made["add face"]) == (1, 1)


async def test_the_service_leaves_a_face_alone_that_a_command_sends(
    opening: Opening, cloud: AzureFaults, face_api: FaceApi, values: dict[str, Any]
) -> None:
    """Kept here and still on its way, it is no face that Azure lacks."""
    async with opening() as command, opening() as service:
        person_id = await enrolled(command)
        cloud.order(Fault.SLOW, on="add face")
        adding = asyncio.create_task(command.add_face(person_id, grace(5)))
        await until(lambda: cloud.made["add face"] == 3)
        renewing = asyncio.create_task(service.renew(ignored))
        asyncio.get_running_loop().call_later(0.3, cloud.release.set)
        await asyncio.gather(adding, renewing)

    assert there(face_api, values) == [("Grace Hopper", 3)]


async def test_who_is_erased_while_being_made_at_azure_leaves_nothing_there(
    opening: Opening, cloud: AzureFaults, face_api: FaceApi, values: dict[str, Any]
) -> None:
    """The person is made there after they were erased here, and deleted as soon as that is known."""
    async with opening() as azure:
        person = await azure.create_person("Grace Hopper")
        cloud.order(Fault.SLOW, on="create person")
        adding = asyncio.create_task(azure.add_face(person.person_id, grace()))
        await until(lambda: cloud.made["create person"] == 1)
        await azure.delete_person(person.person_id)
        cloud.release.set()
        with pytest.raises(RequestError):
            await adding

    assert there(face_api, values) == []
    async with opening() as azure:
        assert await azure.people() == []


async def test_who_was_erased_does_not_come_back_from_azure(
    opening: Opening, cloud: AzureFaults, face_api: FaceApi, values: dict[str, Any], storage: Storage
) -> None:
    """A process was killed before it could note whom it had made there, then that person was erased here."""
    async with opening() as azure:
        assert isinstance(azure, AzureRecognizer)
        person_id = await enrolled(azure)
        await storage.twins.unlink_person(azure._people._account, person_id)
    async with opening() as azure:
        await azure.delete_person(person_id)
    async with opening(lazily=False) as azure:
        await until(lambda: cloud.made["delete person"] == 1)
        assert await azure.people() == []

    assert there(face_api, values) == []


@pytest.mark.parametrize("how", ["delete", "rename"])
async def test_an_old_listing_undoes_nothing(
    how: str, opening: Opening, face_api: FaceApi, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is erased or renamed here and there while the listing is under way stays so."""
    async with opening() as azure:
        person_id = await enrolled(azure)
        deleted = how == "delete"
        meanwhile(
            azure,
            monkeypatch,
            lambda: azure.delete_person(person_id) if deleted else azure.update_person(person_id, name="Amazing Grace"),
        )
        names = [one.name for one in await azure.people()]

    assert names == ([] if deleted else ["Amazing Grace"])
    assert there(face_api, values) == ([] if deleted else [("Amazing Grace", 2)])


async def test_who_is_erased_in_the_midst_of_a_look_around_is_gone(
    opening: Opening, monkeypatch: pytest.MonkeyPatch, storage: Storage
) -> None:
    """Erased here between two steps of taking over what is there: nothing fails."""
    async with opening() as azure:
        assert isinstance(azure, AzureRecognizer)
        follower = azure._people._follower
        person_id = await enrolled(azure)
        follow = follower._follow

        async def followed(*args: Any) -> None:
            await storage.vault.delete_person(person_id)
            await follow(*args)

        monkeypatch.setattr(follower, "_follow", followed)
        assert await azure.people() == []


async def test_the_service_goes_on_when_its_look_around_meets_the_unexpected(
    opening: Opening, monkeypatch: pytest.MonkeyPatch, storage: Storage
) -> None:
    """A database that is busy is a problem in health until it is over, not the end of the service."""

    async def busy(_: str) -> list[object]:
        raise StorageError("the database is busy")

    orphans = storage.twins.orphans
    monkeypatch.setattr(storage.twins, "orphans", busy)
    async with opening(lazily=False, refresh_every=10) as azure:
        assert isinstance(azure, AzureRecognizer)
        await until(lambda: bool(azure.problem))
        said = azure.problem
        monkeypatch.setattr(storage.twins, "orphans", orphans)
        azure._look.set()
        await until(lambda: not azure.problem)

    assert said == "the database is busy"


async def test_health_is_well_again_though_nobody_comes(opening: Opening, cloud: AzureFaults) -> None:
    """A failure while somebody passed by is over as soon as Azure answers, not when the next one comes."""
    async with opening(lazily=False) as azure:
        await enrolled(azure)
        cloud.order(Fault.UNAVAILABLE, times=4, on="identify")
        with pytest.raises(RecognizerError):
            await azure.identify([grace(7)])
        said = azure.problem
        await until(lambda: not azure.problem)

    assert said


async def test_a_group_that_vanished_is_made_anew_by_a_training(
    opening: Opening, cloud: AzureFaults, face_api: FaceApi, values: dict[str, Any]
) -> None:
    """Deleted elsewhere: the service finds out by itself when somebody comes, and training sends everybody again."""
    async with opening() as azure:
        await enrolled(azure)
        face_api.call("DELETE", f"largepersongroups/{values['group']}")

        assert (await azure.train()).faces == 2
        assert who(await azure.identify([grace(7)])) == [["Grace Hopper"]]


async def test_nobody_is_asked_about_in_a_group_that_vanished(
    opening: Opening, cloud: AzureFaults, face_api: FaceApi, values: dict[str, Any]
) -> None:
    """One failed identification is enough to look, and then faces cost nothing."""
    async with opening(lazily=False) as azure:
        await enrolled(azure)
        face_api.call("DELETE", f"largepersongroups/{values['group']}")
        with pytest.raises(RecognizerError):
            await azure.identify([grace(7)])
        assert isinstance(azure, AzureRecognizer)
        await until(lambda: not azure._people.anybody)
        cloud.calls.clear()
        assert who(await azure.identify([grace(7)])) == [[]]

    assert cloud.made["detect"] == 0


async def test_copies_are_deleted_without_approval(
    opening: Opening, cloud: AzureFaults, face_api: FaceApi, values: dict[str, Any]
) -> None:
    """A resource that lost its approval still deletes who was erased here."""
    async with opening() as azure:
        person_id = await enrolled(azure)
        cloud.order(Fault.UNAVAILABLE, times=50, on="delete person")
        await azure.delete_person(person_id)
    cloud.obey()
    cloud.order(Fault.NOT_APPROVED, times=50, on="detect")
    async with opening(lazily=False) as azure:
        await until(lambda: "approv" in azure.problem)

    assert there(face_api, values) == []


async def test_a_copy_that_azure_will_not_delete_stops_no_other(opening: Opening, cloud: AzureFaults) -> None:
    """What is refused is refused for one; the others are deleted, and who asks is told of the right one."""
    async with opening() as azure:
        first, second = await enrolled(azure), await azure.create_person("Eileen Collins")
        await azure.add_face(second.person_id, eileen())
        cloud.order(Fault.NOT_APPROVED, times=2, on="delete person")
        refused = await azure.delete_person(first)
        cloud.obey()
        cloud.order(Fault.NOT_APPROVED, on="delete person")
        gone = await azure.delete_person(second.person_id)

    assert (refused.elsewhere, len(refused.left) > 0) == ((), True)
    assert len(gone.elsewhere) == 1


async def test_an_erasure_takes_effect_before_azure_answers(opening: Opening, cloud: AzureFaults) -> None:
    """The service hears of it while the copy is still being deleted."""
    async with opening() as azure:
        person_id = await enrolled(azure)
        await azure.refresh()
        cloud.order(Fault.SLOW, on="delete person")
        erasing = asyncio.create_task(azure.delete_person(person_id))
        await until(lambda: cloud.made["delete person"] == 1)
        assert await azure.refresh()
        cloud.release.set()
        await erasing


async def test_a_new_face_does_not_hide_the_trained_ones(opening: Opening) -> None:
    """Whether a picture shows somebody can be asked although one of their faces waits for the next training."""
    async with opening() as azure:
        person_id = await enrolled(azure)
        await azure.add_face(person_id, grace(5))

        assert await azure.likeness(grace(7), person_id) > 0.5
        assert await azure.likeness(eileen(), person_id) < 0.5


async def test_a_training_that_failed_is_made_up_for(opening: Opening, cloud: AzureFaults) -> None:
    """Photos that were sent by the service itself, and not trained with yet, are not forgotten."""
    async with opening() as azure:
        person = await azure.create_person("Grace Hopper")
        cloud.order(Fault.UNAVAILABLE, times=50, on="create person")
        await azure.add_face(person.person_id, grace())
        cloud.obey()
        assert (await azure.renew(ignored)).untrained
        assert (await azure.renew(ignored)).untrained
        await azure.train()
        assert not (await azure.renew(ignored)).untrained


async def test_a_second_copy_of_a_person_is_deleted(
    opening: Opening, face_api: FaceApi, values: dict[str, Any]
) -> None:
    """Such as one whose making arrived after it had been given up and made anew; nobody is doubled here."""
    async with opening() as azure:
        assert isinstance(azure, AzureRecognizer)
        person_id = await enrolled(azure)
        await azure._azure.create_person("Grace Hopper", person_id)
    async with opening() as azure:
        assert [one.name for one in await azure.people()] == ["Grace Hopper"]

    assert there(face_api, values) == [("Grace Hopper", 2)]


async def test_what_cannot_be_kept_with_a_person_is_left_out(opening: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    """User data that is no text, which JSON can carry, keeps nobody from being taken over."""
    async with opening() as azure:
        assert isinstance(azure, AzureRecognizer)
        await enrolled(azure)
        strange = RemotePerson("another", "Eileen Collins", "\ud800")

        async def persons() -> list[RemotePerson]:
            return [strange]

        monkeypatch.setattr(azure._azure, "persons", persons)
        assert {one.name: one.user_data for one in await azure.people()}["Eileen Collins"] == ""
