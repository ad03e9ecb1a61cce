"""The Azure recognizer when Azure misbehaves, when others change the group, and together with the local one."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from tests.peers.azure_faults import AzureFaults, Fault
from tests.peers.faceapi import FaceApi
from tests.recognizers.azureface.clouds import Opening, enrolled, who
from tests.recognizers.probes import eileen, grace
from tests.support.portraits import jpeg
from tests.support.stand_ins import Busy, Ears, Source, Spotter, picture
from tests.support.waiting import until
from uSense import imaging
from uSense.core.breaker import Breaker
from uSense.core.errors import ConflictError, RecognizerError
from uSense.core.models import Box, Face, Picture
from uSense.core.motion import MotionRules
from uSense.core.quality import QualityRules
from uSense.core.scene import Scene, SceneRules
from uSense.core.stats import Stats
from uSense.core.tracking import TrackingRules
from uSense.core.voting import VotingRules
from uSense.imaging import ArrayPicture
from uSense.pipeline import Pipeline, PipelineSettings
from uSense.recognizers.azureface import caller
from uSense.recognizers.azureface.recognizer import AzureRecognizer
from uSense.storage import Storage


async def test_a_batch_costs_one_call_more_than_faces(opening: Opening, cloud: AzureFaults) -> None:
    """Each face is found, all together are identified; while nobody is trained nothing is asked at all."""
    async with opening() as azure:
        assert who(await azure.identify([grace()])) == [[]]
        assert cloud.calls == []
        await enrolled(azure)
        cloud.calls.clear()

        assert who(await azure.identify([grace(number) for number in range(3)])) == [["Grace Hopper"]] * 3

    assert cloud.made == {"detect": 3, "identify": 1}


@pytest.mark.parametrize("moving", [False, True])
async def test_a_still_scene_costs_nothing(*, moving: bool, opening: Opening, cloud: AzureFaults) -> None:
    """Once somebody is named nothing is asked while nothing moves, however often known people would be looked at."""
    stats, ears, camera = Stats(), Ears(), Busy("hall", picture())
    source = Source(lambda _: camera, fps=100)
    source.motion = MotionRules(enabled=not moving)
    rules = SceneRules(voting=VotingRules(needed=1, unknown_needed=2), tracking=TrackingRules(recheck=0.001))
    async with opening() as azure:
        await enrolled(azure)
        scenes = {"hall": Scene("hall", replace(rules, decision=azure.rules), "r")}
        pipeline = Pipeline(PipelineSettings(), QualityRules(min_value=0.0), scenes, azure, ears, stats)
        async with asyncio.TaskGroup() as group:
            work = (pipeline.cameras.watch("hall", source), pipeline.detect(Spotter()), pipeline.identify())
            tasks = [group.create_task(one) for one in work]
            await ears.until(lambda heard: bool(heard.sightings))
            cloud.calls.clear()
            read = camera.read_count
            await until(lambda: camera.read_count > read + 100)
            for task in tasks:
                task.cancel()

    assert bool(cloud.calls) is moving


async def test_the_local_recognizer_stands_in(opening: Opening, cloud: AzureFaults) -> None:
    """While Azure does not answer, on its own scale and under its own name; health says why; then Azure is back."""
    async with opening(fallback="local") as azure:
        await enrolled(azure)
        cloud.order(Fault.NOT_APPROVED, on="detect")
        away = (await azure.identify([grace(7), eileen()]))[0]
        problem = azure.problem
        back = (await azure.identify([grace(7)]))[0]
        assert away.embedding is not None
        again = (await azure.resembling([away.embedding]))[0]

    assert (again.candidates[0].name, back.embedding) == ("Grace Hopper", None)
    assert (away.candidates[0].name, away.judge and away.judge.kind) == ("Grace Hopper", "local")
    assert away.gallery == back.gallery
    assert "approv" in problem
    assert "local recognizer answers meanwhile" in problem
    assert (back.candidates[0].name, back.judge, azure.problem) == ("Grace Hopper", None, "")


@pytest.mark.parametrize("fault", [Fault.NOT_APPROVED, Fault.WRONG_KEY])
async def test_who_is_not_let_in_stops_asking(
    fault: Fault, opening: Opening, cloud: AzureFaults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look would cost a call for nothing: after some in a row Azure is asked ever more seldom; health says why."""
    monkeypatch.setattr(caller, "Breaker", lambda *_: Breaker(caller.RULES))
    async with opening(fallback="local") as azure:
        await enrolled(azure)
        cloud.order(fault, times=100, on="detect")
        cloud.calls.clear()
        for number in range(20):
            assert who(await azure.identify([grace(number % 3)])) == [["Grace Hopper"]]

        assert len(cloud.calls) <= caller.RULES.failures
        assert "asked again in" in azure.problem


async def test_a_fallback_that_was_switched_on_later_learns_from_the_photos(
    opening: Opening, cloud: AzureFaults
) -> None:
    """Until then nobody is called unknown because the local recognizer knows nobody; it needs no Azure to learn."""
    async with opening() as azure:
        await enrolled(azure)
    cloud.order(Fault.NOT_APPROVED, times=100)
    async with opening(fallback="local") as azure:
        with pytest.raises(RecognizerError, match="knows nobody yet"):
            await azure.identify([grace(7)])
        with suppress(RecognizerError):
            await azure.renew(lambda _: None)

        assert who(await azure.identify([grace(7)])) == [["Grace Hopper"]]


async def test_without_a_fallback_the_faces_wait(opening: Opening, cloud: AzureFaults) -> None:
    """The batcher is told, keeps them, and asks again."""
    async with opening() as azure:
        await enrolled(azure)
        cloud.order(Fault.UNAVAILABLE, times=20, on="detect")

        with pytest.raises(RecognizerError):
            await azure.identify([grace(7)])


async def test_azure_gives_a_second_opinion_only_where_the_local_one_is_unsure(
    opening: Opening, cloud: AzureFaults
) -> None:
    """A clear look costs nothing; an unsure one is Azure's to judge, by the rules of now; health tells of agreement."""
    async with opening(second_opinion=True, band=0.0) as sure:
        await enrolled(sure)
        cloud.calls.clear()
        (clear,) = await sure.identify([grace(7)])
    assert cloud.calls == []
    async with opening(second_opinion=True, band=1.0) as unsure:
        (second,) = await unsure.identify([grace(7)])
        quota = unsure.quota() or {}
        calls = dict(cloud.made)
        unsure.rules = replace(unsure.rules, threshold=0.99)
        (stricter,) = await unsure.identify([grace(7)])

    assert stricter.judge is not None
    assert stricter.judge.rules == unsure.rules
    assert (clear.judge and clear.judge.kind, second.judge and second.judge.kind) == ("local", "azure")
    assert calls == {"detect": 1, "identify": 1}
    assert (quota["second_opinions"], quota["agreement"]) == (1, 1.0)


async def test_who_is_forgotten_while_azure_is_away_is_deleted_there_later(
    opening: Opening, cloud: AzureFaults, face_api: FaceApi, values: dict[str, Any]
) -> None:
    """The receipt says that the copy is left; the next process that reaches Azure deletes it."""
    group = f"largepersongroups/{values['group']}"
    async with opening() as azure:
        person_id = await enrolled(azure)
        cloud.order(Fault.UNAVAILABLE, times=50, on="delete person")
        erasure = await azure.delete_person(person_id)
        assert len(face_api.call("GET", f"{group}/persons").data) == 1
        assert await azure.people() == []
    cloud.obey()
    async with opening(lazily=False):
        await until(lambda: any(call.operation == "delete person" and call.status == 200 for call in cloud.calls))

    assert any("copy at Azure" in left for left in erasure.left)
    assert erasure.elsewhere == ()
    assert face_api.call("GET", f"{group}/persons").data == []


async def test_a_receipt_says_that_the_copy_at_azure_is_gone(opening: Opening, face_api: FaceApi) -> None:
    """Erased here and there, with everything that belongs to the person."""
    async with opening() as azure:
        erasure = await azure.delete_person(await enrolled(azure))

    assert "largepersongroups" in erasure.elsewhere[0]


async def test_what_others_change_in_the_group_is_taken_over(
    opening: Opening, face_api: FaceApi, values: dict[str, Any]
) -> None:
    """Renamed, added and deleted elsewhere: the house knows it after a look around."""
    group = f"largepersongroups/{values['group']}"
    async with opening() as azure:
        await enrolled(azure)
        (person,) = await azure.people()
    face_api.send("PATCH", f"{group}/persons/{person.remote_id}", {"name": "Amazing Grace"})
    face_api.send("POST", f"{group}/persons", {"name": "Amazing grace"})
    async with opening() as azure:
        names = [one.name for one in await azure.people()]
        assert who(await azure.identify([grace(7)])) == [["Amazing Grace"]]
    face_api.call("DELETE", f"{group}/persons/{person.remote_id}")
    async with opening() as azure:
        gone = {one.name: (one.remote_id, one.trained) for one in await azure.people()}
        await azure.train()
        again = {one.name: one.trained for one in await azure.people()}

    assert names == ["Amazing Grace", "Amazing grace (2)"]
    assert gone["Amazing Grace"] == ("", False)
    assert again["Amazing Grace"]


async def test_a_resource_without_approval_is_known_at_once(opening: Opening, cloud: AzureFaults) -> None:
    """The service finds out when it starts, before anybody comes; health says it, and that it is over."""
    cloud.order(Fault.NOT_APPROVED, on="detect")
    async with opening(lazily=False) as azure:
        await until(lambda: bool(azure.problem))
        said = azure.problem
        await enrolled(azure)
        cloud.order(Fault.NOT_APPROVED, on="detect")
        with pytest.raises(RecognizerError):
            await azure.identify([grace(7)])
        await azure.identify([grace(7)])
        await until(lambda: not azure.problem)

    assert "approv" in said


async def test_a_group_that_another_program_made_is_taken_over(
    opening: Opening, face_api: FaceApi, values: dict[str, Any]
) -> None:
    """People, faces and training that were there before uSense count; uSense recognizes them at once."""
    group = f"largepersongroups/{values['group']}"
    face_api.send("PUT", group, {"name": "others", "recognitionModel": "recognition_04"})
    face_api.person(group, "Grace", *(imaging.encode_jpeg(grace(number).crop) for number in range(2)))
    face_api.trained(group)
    async with opening() as azure:
        (person,) = await azure.people()

        assert (person.name, len(person.face_ids), person.trained) == ("Grace", 2, True)
        assert who(await azure.identify([grace(7)])) == [["Grace"]]


async def test_a_new_name_reaches_azure_even_later(
    opening: Opening, cloud: AzureFaults, face_api: FaceApi, values: dict[str, Any]
) -> None:
    """A name given here while Azure is away is told there at the next look around, and not taken back."""
    async with opening() as azure:
        person_id = await enrolled(azure)
        cloud.order(Fault.UNAVAILABLE, times=50, on="update person")
        await azure.update_person(person_id, name="Amazing Grace")
    cloud.obey()
    async with opening() as azure:
        assert [one.name for one in await azure.people()] == ["Amazing Grace"]

    persons = face_api.call("GET", f"largepersongroups/{values['group']}/persons").data
    assert [one["name"] for one in persons] == ["Amazing Grace"]


async def test_faces_that_cannot_be_sent_are_sent_with_the_next_training(opening: Opening, cloud: AzureFaults) -> None:
    """With kept photos an enrollment survives Azure's absence: it is kept, said, and made good."""
    async with opening() as azure:
        person_id = await enrolled(azure)
        cloud.order(Fault.UNAVAILABLE, times=50, on="add face")
        added = await azure.add_face(person_id, grace(5))
        (waiting,) = await azure.people()
        cloud.obey()
        report = await azure.train()
        (trained,) = await azure.people()

    assert "not at Azure yet" in added.warning
    assert (waiting.trained, trained.trained, report.faces) == (False, True, 3)


async def test_without_kept_photos_a_face_that_cannot_be_sent_is_refused(opening: Opening, cloud: AzureFaults) -> None:
    """Nothing is left behind that nobody could ever send."""
    async with opening(keep_crops=False) as azure:
        person = await azure.create_person("Grace Hopper")
        cloud.order(Fault.UNAVAILABLE, times=50, on="add face")

        with pytest.raises(RecognizerError):
            await azure.add_face(person.person_id, grace())
        assert [one.face_ids for one in await azure.people()] == [()]


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.BROKEN_LATE, Fault.TRUNCATED])
@pytest.mark.parametrize("on", ["create group", "create person", "add face", "train"])
async def test_a_lost_answer_doubles_nobody(
    fault: Fault, on: str, opening: Opening, cloud: AzureFaults, face_api: FaceApi, values: dict[str, Any]
) -> None:
    """Azure did what it was asked and the answer did not come: one person with two faces, and she is recognized."""
    cloud.order(fault, on=on)
    async with opening() as azure:
        await enrolled(azure)
        assert who(await azure.identify([grace(7)])) == [["Grace Hopper"]]

    persons = face_api.call("GET", f"largepersongroups/{values['group']}/persons").data
    assert [(one["name"], len(one["persistedFaceIds"])) for one in persons] == [("Grace Hopper", 2)]


async def test_whole_pictures_are_searched_by_azure(opening: Opening, cloud: AzureFaults) -> None:
    """With `detect: frame` Azure finds the faces, and their identification costs no second search."""
    probe = grace(7)
    async with opening(detect="frame") as azure:
        await enrolled(azure)
        cloud.calls.clear()
        (face,) = await azure.detector(Blind()).detect(ArrayPicture(probe.crop))
        answers = await azure.identify([imaging.probe(ArrayPicture(probe.crop), face)])

    assert who(answers) == [["Grace Hopper"]]
    assert cloud.made == {"detect": 1, "identify": 1}
    assert abs(face.box.center[0] - probe.box.center[0]) < probe.box.width / 3


async def test_the_local_detector_stands_in(opening: Opening, cloud: AzureFaults) -> None:
    """While Azure finds no faces because it does not answer, those found here keep their tracks."""
    async with opening(detect="frame") as azure:
        cloud.order(Fault.UNAVAILABLE, times=50, on="detect")

        assert await azure.detector(Blind()).detect(ArrayPicture(grace().crop)) == list(Blind.found)


async def test_the_same_picture_is_not_kept_twice(opening: Opening, cloud: AzureFaults) -> None:
    """Neither here nor there, and without a call."""
    async with opening() as azure:
        person_id = await enrolled(azure)
        cloud.calls.clear()

        with pytest.raises(ConflictError, match="has this very face already"):
            await azure.add_face(person_id, grace(1))
        assert cloud.calls == []


async def test_a_face_of_somebody_else_is_refused_by_azure(opening: Opening, cloud: AzureFaults) -> None:
    """Before it is kept, here or there."""
    async with opening() as azure:
        await enrolled(azure)
        other = await azure.create_person("Eileen Collins")
        cloud.calls.clear()

        with pytest.raises(ConflictError, match="looks like Grace Hopper"):
            await azure.add_face(other.person_id, grace(4))
        assert cloud.made["add face"] == 0


class Blind:
    """A detector that finds one face in whatever it is shown."""

    model = "blind"
    found = (Face(Box(1.0, 2.0, 51.0, 52.0), 1.0),)

    async def detect(self, picture: Picture) -> list[Face]:
        return list(self.found)


@pytest.mark.parametrize("forgotten", ["face", "person"])
async def test_what_a_killed_process_sent_is_not_sent_again(
    opening: Opening, cloud: AzureFaults, storage: Storage, forgotten: str
) -> None:
    """Persons and faces that were made at Azure but not noted here are known by their markers."""
    async with opening() as azure:
        assert isinstance(azure, AzureRecognizer)
        person_id, account = await enrolled(azure), azure._people._account
        if forgotten == "person":
            await storage.twins.unlink_person(account, person_id)
        else:
            face, *_ = await storage.twins.faces(account)
            await storage.twins.unlink_face(account, face.face_id)
    cloud.calls.clear()

    async with opening() as azure:
        assert isinstance(azure, AzureRecognizer)
        await azure.train()
        [person] = await azure._azure.persons()
        assert who(await azure.identify([grace(7)])) == [["Grace Hopper"]]

    assert len(person.face_ids) == 2
    assert cloud.made["add face"] == cloud.made["create person"] == 0


async def test_a_second_copy_of_a_face_is_deleted(opening: Opening, storage: Storage) -> None:
    """Such as one that arrived after it had been given up and made anew."""
    async with opening() as azure:
        assert isinstance(azure, AzureRecognizer)
        await enrolled(azure)
        client, account = azure._azure, azure._people._account
        face, *_ = await storage.twins.faces(account)
        [before] = await client.persons()
        await client.add_face(before.person_id, await asyncio.to_thread(jpeg, grace(0).crop), None, face.face_id)
        await storage.vault.add_face(face.person_id, None)

        await azure.train()
        [after] = await client.persons()

    assert after.face_ids == before.face_ids
