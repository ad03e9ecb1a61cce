"""The use cases, with the real recognizer, detector and storage, on the two portraits that come with packages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.portraits import EILEEN, GRACE, jpeg, pose, side_by_side
from tests.support.stand_ins import Ears
from uSense import imaging
from uSense.aio import Switch
from uSense.control import Control
from uSense.core.errors import BadImageError, ConflictError, NotFoundError, RequestError
from uSense.core.models import Rgb
from uSense.core.quality import QualityRules
from uSense.detectors.hog import HogSettings
from uSense.recognizers.local import LocalSettings
from uSense.storage import open_storage


@dataclass
class House:
    """The use cases and what they told."""

    control: Control
    ears: Ears
    switch: Switch

    async def enroll(self, name: str, photo: Rgb, count: int = 3) -> None:
        """Enroll a person from some poses of one photo."""
        await self.control.create_person(name)
        for number in range(count):
            await self.control.add_face(name, jpeg(pose(photo, number)), f"{name}-{number}.jpg")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Everything real, nobody enrolled."""
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(tmp_path / "data"))
        recognizer = await stack.enter_async_context(LocalSettings().open(storage))
        detector = await stack.enter_async_context(HogSettings().open("detect"))
        ears, switch = Ears(), Switch()
        control = Control(recognizer, detector, ears, QualityRules(), {"hall": switch}, lambda: {"version": "1"})
        yield House(control, ears, switch)


async def test_enrolled_and_trained_people_are_identified(house: House) -> None:
    """A person enrolled from a few pictures is named in another one; a stranger is not."""
    await house.enroll("Grace", GRACE)
    report = await house.control.train()

    (found,) = await house.control.identify(pose(GRACE, 7))
    (stranger,) = await house.control.identify(pose(EILEEN, 7))

    assert (report.state, report.persons, report.faces) == ("succeeded", 1, 3)
    assert (found.name, found.reason) == ("Grace", "agreed")
    assert (stranger.name, stranger.reason) == (None, "below_threshold")


async def test_nobody_is_identified_before_a_training(house: House) -> None:
    """Faces count from the next training on, and until then the list says so."""
    await house.enroll("Grace", GRACE)

    (found,) = await house.control.identify(pose(GRACE, 7))

    assert found.name is None
    assert [person["trained"] for person in as_list(house)] == [False]


def as_list(house: House) -> list[dict[str, object]]:
    """The people as last published."""
    value = house.ears.states["people"]
    assert isinstance(value, list)
    return value


async def test_progress_and_training_are_told(house: House) -> None:
    """Every face kept and every training are events, the result of a training a lasting one."""
    await house.enroll("Grace", GRACE, count=2)

    await house.control.train()

    kinds = [notice.type for notice in house.ears.notices]
    assert kinds == ["enroll.progress", "enroll.progress", "train.started", "train.finished"]
    finished = house.ears.notices[-1]
    assert finished.lasting
    assert (finished.data["persons"], finished.data["faces"]) == (1, 2)
    assert as_list(house)[0]["trained"] is True


async def test_two_people_in_one_picture_are_both_identified(house: House) -> None:
    """Every face of a picture is answered, largest first."""
    await house.enroll("Grace", GRACE)
    await house.enroll("Eileen", EILEEN)
    await house.control.train()

    found = await house.control.identify(side_by_side(pose(GRACE, 5), pose(EILEEN, 5)))

    assert {one.name for one in found} == {"Grace", "Eileen"}


async def test_a_face_of_somebody_else_is_refused_unless_forced(house: House) -> None:
    """A photo of Eileen among Grace's is refused with both names; `force` keeps it."""
    await house.enroll("Grace", GRACE)
    await house.enroll("Eileen", EILEEN)

    with pytest.raises(ConflictError, match="Eileen") as caught:
        await house.control.add_face("Grace", jpeg(pose(EILEEN, 6)), "wrong.jpg")
    await house.control.add_face("Grace", jpeg(pose(EILEEN, 6)), "wrong.jpg", force=True)

    assert caught.value.code == "wrong_person"


async def test_a_picture_without_a_face_is_refused(house: House) -> None:
    """The refusal names the picture and says what to do."""
    await house.control.create_person("Grace")
    wall = jpeg(imaging.ArrayPicture(pose(GRACE, 0)).rgb()[:20, :20].repeat(20, 0).repeat(20, 1))

    with pytest.raises(BadImageError, match=r"wall\.jpg: no face was found") as caught:
        await house.control.add_face("Grace", wall, "wall.jpg")

    assert caught.value.code == "no_face"


async def test_a_picture_of_two_people_alike_in_size_is_refused(house: House) -> None:
    """Nobody guesses whose face is meant."""
    await house.control.create_person("Grace")

    with pytest.raises(BadImageError, match="2 faces are alike in size") as caught:
        await house.control.add_face("Grace", jpeg(side_by_side(pose(GRACE, 1), pose(EILEEN, 1))), "pair.jpg")

    assert caught.value.code == "many_faces"


async def test_a_tiny_face_is_refused(house: House) -> None:
    """A face below the smallest useful size is refused with its size, before it can spoil the gallery."""
    house.control.quality = QualityRules(min_size=300.0)
    await house.control.create_person("Grace")

    with pytest.raises(BadImageError, match="too small") as caught:
        await house.control.add_face("Grace", jpeg(pose(GRACE, 0)), "tiny.jpg")

    assert caught.value.code == "too_small"


async def test_an_unknown_person_is_said_to_be_unknown(house: House) -> None:
    """Whoever does not exist is named in the error; nothing is created by accident."""
    control = house.control
    photo = jpeg(pose(GRACE, 0))
    for call in (
        lambda: control.add_face("Nobody", photo, "x"),
        lambda: control.rename_person("Nobody", "Somebody"),
        lambda: control.delete_person("Nobody"),
        lambda: control.delete_face("Nobody", "x"),
    ):
        with pytest.raises(NotFoundError, match="there is no person 'Nobody'"):
            await call()

    assert await house.control.people() == []


async def test_renaming_takes_effect_at_once(house: House) -> None:
    """A new name shows in the next answer without a training; any letter case finds the person."""
    await house.enroll("Grace", GRACE)
    await house.control.train()

    await house.control.rename_person("gRACE", "Amazing Grace")

    (found,) = await house.control.identify(pose(GRACE, 7))
    assert found.name == "Amazing Grace"
    assert as_list(house)[0]["name"] == "Amazing Grace"


@pytest.mark.parametrize("asked", ["Jos\u00e9", "Jose\u0301", " JOSE\u0301 "])
async def test_people_are_found_however_their_name_is_encoded(house: House, asked: str) -> None:
    """Folders copied from a Mac spell accents as signs of their own; names count as the same wherever they are kept."""
    created = await house.control.create_person("Jose\u0301")

    assert (await house.control.find(asked)).person_id == created.person_id
    with pytest.raises(ConflictError, match="there is already a person"):
        await house.control.create_person(asked)


async def test_a_forgotten_person_is_forgotten_at_once(house: House) -> None:
    """Deleting needs no training, is told as a lasting event, and asks again about everybody in sight."""
    asked: list[bool] = []
    house.control.on_gallery = lambda: asked.append(True)
    await house.enroll("Grace", GRACE)
    await house.control.train()

    await house.control.delete_person("Grace")

    (found,) = await house.control.identify(pose(GRACE, 7))
    assert (found.name, found.reason) == (None, "nobody_enrolled")
    assert as_list(house) == []
    assert house.ears.notices[-1].type == "person.erased"
    assert house.ears.notices[-1].lasting
    assert len(asked) == 2


async def test_a_deleted_face_counts_until_the_next_training(house: House) -> None:
    """Faces come and go with trainings only: the gallery in use never changes underhand."""
    await house.enroll("Grace", GRACE, count=1)
    await house.control.train()
    (person,) = await house.control.people()

    await house.control.delete_face("Grace", person.face_ids[0])
    (before,) = await house.control.identify(pose(GRACE, 7))
    await house.control.train()
    (after,) = await house.control.identify(pose(GRACE, 7))

    assert (before.name, after.name) == ("Grace", None)


async def test_trainings_do_not_overlap(house: House) -> None:
    """Two trainings asked at once run one after the other and both succeed."""
    await house.enroll("Grace", GRACE, count=1)

    first, second = await asyncio.gather(house.control.train(), house.control.train())

    assert (await house.control.training()).state == "succeeded"
    assert second.gallery > first.gallery


async def test_pictures_are_compared_with_pictures_and_people(house: House) -> None:
    """Two pictures, or a picture and a person, are the same person or not, with the score."""
    await house.enroll("Grace", GRACE)
    with pytest.raises(RequestError, match="not trained"):
        await house.control.verify_person(pose(GRACE, 7), "Grace", "a.jpg")
    await house.control.train()

    same, high = await house.control.verify(pose(GRACE, 1), pose(GRACE, 6))
    other, low = await house.control.verify(pose(GRACE, 1), pose(EILEEN, 6))

    assert (same, other) == (True, False)
    assert low < 0.5 <= high
    assert (await house.control.verify_person(pose(GRACE, 7), "Grace", "a.jpg"))[0]
    assert not (await house.control.verify_person(pose(EILEEN, 7), "Grace", "b.jpg"))[0]


async def test_cameras_are_paused_and_resumed(house: House) -> None:
    """Pausing turns the camera's switch and tells it; an unknown camera is an error."""
    told = []
    for paused in (True, False):
        house.control.pause("hall", paused=paused)
        assert (house.switch.off if paused else house.switch.on).is_set()
        told.append(house.ears.states["camera/hall/paused"])

    assert told == ["ON", "OFF"]
    with pytest.raises(NotFoundError, match="there is no camera 'attic'"):
        house.control.pause("attic", paused=True)
