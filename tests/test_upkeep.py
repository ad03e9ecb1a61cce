"""What the service does by itself: templates for a new model, and automatic backups."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.nets import looks
from tests.support.portraits import EILEEN, GRACE, pose
from tests.support.stand_ins import Ears
from uSense.control import Control
from uSense.core.errors import RecognizerError, StorageError
from uSense.core.events import Notice
from uSense.core.models import Renewal, Rgb
from uSense.core.quality import QualityRules
from uSense.detectors.hog import HogSettings
from uSense.recognizers.local import LocalSettings
from uSense.storage import Storage, open_storage
from uSense.upkeep import Upkeep, tell_late

DLIB = LocalSettings()


@dataclass
class House:
    """The use cases over one data folder and model, and what they told."""

    control: Control
    ears: Ears
    upkeep: Upkeep
    storage: Storage

    async def enroll(self, *, crops: bool = True, **people: Rgb) -> None:
        """Enroll people from three poses each."""
        self.control.recognizer.keep_crops = crops  # type: ignore[attr-defined] # the local one
        for name, photo in people.items():
            await self.control.create_person(name)
            for number in range(3):
                await self.control.add_picture(name, pose(photo, number), "a photo")

    async def seen(self) -> list[str | None]:
        """Whom other pictures of Grace and Eileen are taken for."""
        return [(await self.control.identify(pose(photo, 7)))[0].name for photo in (GRACE, EILEEN)]


@asynccontextmanager
async def house(folder: Path, settings: LocalSettings = DLIB) -> AsyncIterator[House]:
    """A service's parts, all real."""
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(folder, mend=True))
        recognizer = await stack.enter_async_context(settings.open(storage))
        detector = await stack.enter_async_context(HogSettings().open("detect"))
        ears = Ears()
        control = Control(recognizer, detector, ears, QualityRules(), {}, dict)
        upkeep = Upkeep(control, storage.archive, lambda: None)
        control.on_gallery = upkeep.gallery_changed
        yield House(control, ears, upkeep, storage)


@pytest.fixture
def onnx(tmp_path: Path) -> LocalSettings:
    """Another embedder."""
    path = tmp_path / "looks.onnx"
    path.write_bytes(looks())
    embedder = {"kind": "onnx", "path": path}
    return LocalSettings.model_validate({"embedder": embedder, "rules": {"threshold": 0.75}})


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `folder` keeps what it made for the first test, for the others."""
    return tmp_path_factory.mktemp("enrolled") / "data"


@pytest.fixture
async def folder(tmp_path: Path, enrolled: Path) -> Path:
    """A data folder in which Grace and Eileen are enrolled and trained with dlib's net."""
    if not enrolled.exists():
        async with house(enrolled) as home:
            await home.enroll(Grace=GRACE, Eileen=EILEEN)
            await home.control.train()
            assert await home.seen() == ["Grace", "Eileen"]
    shutil.copytree(enrolled, tmp_path / "data")
    return tmp_path / "data"


def kinds(home: House) -> list[str]:
    """The events told, each once."""
    return list(dict.fromkeys(notice.type for notice in home.ears.notices))


async def test_what_others_did_is_told_late() -> None:
    """Of processes before this one at once; of others only when they had time; a disk that fails is asked again."""
    asked: list[float] = []
    answers: list[list[str] | None] = [None, ["a"], [], ["b"]]

    async def recover(rest: float) -> list[Notice]:
        asked.append(rest)
        answer = answers.pop(0) if answers else []
        if answer is None:
            raise StorageError("the disk failed")
        return [Notice(kind, {}, lasting=True) for kind in answer]

    ears = Ears()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        task = group.create_task(tell_late(recover, ears, rest=0.001))
        await ears.until(lambda heard: len(heard.notices) == 2)
        task.cancel()

    assert [notice.type for notice in ears.notices] == ["a", "b"]
    assert asked[:4] == [0.0, 0.0, 0.001, 0.001]


async def test_another_model_needs_no_new_photos(folder: Path, onnx: LocalSettings) -> None:
    """Nobody is named wrongly meanwhile, then all are named; progress and end are told, health says what goes on."""
    async with house(folder, onnx) as home:
        control = home.control
        assert await home.seen() == [None, None]
        assert [one.trained for one in await control.people()] == [False, False]

        await home.upkeep.look()

        assert await home.seen() == ["Grace", "Eileen"]
        assert [(one.trained, len(one.face_ids)) for one in await control.people()] == [(True, 3), (True, 3)]
        assert home.upkeep.problems == {}
        assert kinds(home) == ["gallery.renewing", "train.started", "train.finished", "gallery.renewed"]
        renewed = home.ears.notices[-1]
        assert renewed.lasting
        assert (renewed.data["faces"], renewed.data["total"], renewed.data["failed"]) == (6, 6, 0)
        assert renewed.data["model"] == control.recognizer.model

        home.ears.events.clear()
        await home.upkeep.look()
        assert home.ears.events == []


async def test_health_says_that_templates_are_being_made(folder: Path, onnx: LocalSettings) -> None:
    """With the model and how far it is, as long as it lasts."""
    async with house(folder, onnx) as home:
        said: list[str] = []
        renew = home.control.recognizer.renew

        async def listened(told: Callable[[Renewal], None], *, pace: float = 1.0) -> Renewal:
            def both(now: Renewal) -> None:
                told(now)
                said.append(home.upkeep.problems["gallery"])

            return await renew(both, pace=pace)

        home.control.recognizer.renew = listened  # type: ignore[method-assign] # to look while it runs
        await home.upkeep.look()

    model = home.control.recognizer.model
    assert said == [
        f"templates for the model {model} are being made ({number} of 6): people are recognized again when that is done"
        for number in range(7)
    ]


async def test_changing_back_is_immediate(folder: Path, onnx: LocalSettings) -> None:
    """The old templates and their gallery are still there; who was enrolled meanwhile is renewed, too."""
    async with house(folder, onnx) as home:
        await home.upkeep.look()
    async with house(folder) as home:
        assert await home.seen() == ["Grace", "Eileen"]
        assert all(one.trained for one in await home.control.people())
        await home.upkeep.look()
        assert home.ears.notices == []


async def test_faces_are_renewed_exactly_as_if_they_were_enrolled_again(folder: Path, onnx: LocalSettings) -> None:
    """The crop that is kept loses nothing."""
    async with house(folder) as home:
        before = [t.vector.tobytes() for t in await home.storage.vault.templates("dlib-resnet-v1")]
        await home.storage.vault._database.write(lambda connection: connection.execute("DELETE FROM templates"))
        await home.control.train()
        assert [t.vector.tobytes() for t in await home.storage.vault.templates("dlib-resnet-v1")] == before


async def test_who_has_no_crops_must_be_enrolled_again(tmp_path: Path, onnx: LocalSettings) -> None:
    """They are named in health and in an event, once; everybody else is recognized, and they never as another."""
    async with house(tmp_path / "data") as home:
        await home.enroll(Grace=GRACE)
        await home.enroll(crops=False, Eileen=EILEEN)
        await home.control.train()
    async with house(tmp_path / "data", onnx) as home:
        for _ in range(2):
            await home.upkeep.look()

        model = home.control.recognizer.model
        assert home.upkeep.problems == {
            "enrollment": f"Eileen must be enrolled again: no crops were kept for the model {model}"
        }
        assert await home.seen() == ["Grace", None]
        told = [notice for notice in home.ears.notices if notice.type == "gallery.enroll_again"]
        assert [[one["name"] for one in notice.data["people"]] for notice in told] == [["Eileen"]]
        assert [one.enroll_again for one in await home.control.people()] == [True, False]

        for number in range(3):
            await home.control.add_picture("Eileen", pose(EILEEN, number), "a photo", force=True)
        await home.control.train()
        await home.upkeep.look()
        assert home.upkeep.problems == {}
        assert await home.seen() == ["Grace", "Eileen"]


async def test_an_interrupted_renewal_goes_on_where_it_was(folder: Path, onnx: LocalSettings) -> None:
    """Also if it was interrupted after the last face and before the training."""
    async with house(folder, onnx) as home:
        vault, recognizer = home.storage.vault, home.control.recognizer
        with pytest.raises(InterruptedError):
            await recognizer.renew(stop_after(4), pace=0.0)
        assert len(await vault.lacking(recognizer.model)) == 2
    async with house(folder, onnx) as home:
        assert (await home.control.recognizer.renew(stop_after(9), pace=0.0)).faces == 2
    async with house(folder, onnx) as home:
        assert await home.seen() == [None, None]
        await home.upkeep.look()
        assert await home.seen() == ["Grace", "Eileen"]


def stop_after(faces: int) -> Callable[[Renewal], None]:
    """Something to tell a renewal's progress, which breaks it off."""

    def told(now: Renewal) -> None:
        if now.faces == faces:
            raise InterruptedError

    return told


async def test_a_crop_that_cannot_be_used_holds_up_nobody(folder: Path, onnx: LocalSettings) -> None:
    """It is counted and said; the others are renewed."""
    async with house(folder, onnx) as home:
        await home.storage.vault._database.write(
            lambda connection: connection.execute("UPDATE faces SET crop = x'00' WHERE number = 1")
        )
        for _ in range(2):
            await home.upkeep.look()
        assert home.upkeep.problems == {"gallery": "1 kept crops cannot be used: enroll again"}
        assert kinds(home).count("gallery.renewed") == 1
        assert await home.seen() == ["Grace", "Eileen"]


async def test_backups_are_made_after_trainings_and_daily(folder: Path) -> None:
    """Two of them stay, and they are not made for nothing."""
    async with house(folder) as home:
        for _ in range(3):
            await home.upkeep.look()
        assert len(os.listdir(folder / "backups")) == 1  # noqa: PTH208 - names suffice
        await home.control.train()
        for _ in range(3):
            await home.upkeep.look()
        assert len(os.listdir(folder / "backups")) == 2  # noqa: PTH208 - names suffice
        assert not await home.storage.archive.due(time.time())


async def test_a_disk_that_fails_is_a_problem_until_it_works(folder: Path) -> None:
    """The service goes on, and says why there is no backup."""
    async with house(folder) as home:
        (folder / "backups").write_text("a file in the way")
        await home.upkeep.look()
        assert "backups is a file where a folder is needed" in home.upkeep.problems["upkeep"]
        (folder / "backups").unlink()
        await home.upkeep.look()
        assert home.upkeep.problems == {}


async def test_a_damaged_database_is_a_problem_until_its_folder_is_gone(folder: Path) -> None:
    """Somebody has to look at the disk."""
    async with house(folder) as home:
        (folder / "damaged-2026").mkdir()
        await home.upkeep.look()
        assert home.upkeep.problems["database"].startswith(
            f"the database was damaged and moved to {folder}/damaged-2026"
        )
        (folder / "damaged-2026").rmdir()
        await home.upkeep.look()
        assert home.upkeep.problems == {}


async def test_a_recognizer_that_is_away_is_asked_again(
    folder: Path, onnx: LocalSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be made or sent is a problem in plain words, and is done when the recognizer answers again."""
    monkeypatch.setattr("uSense.upkeep.AGAIN", 0.001)
    async with house(folder, onnx) as home:
        renew = home.control.recognizer.renew
        said: list[dict[str, str]] = []

        async def away(told: Callable[[Renewal], None], *, pace: float = 1.0) -> Renewal:
            if not said:
                told(Renewal(0, 6, 0))
                said.append(dict(home.upkeep.problems))
                raise RecognizerError("the cloud is away")
            said.append(dict(home.upkeep.problems))
            return await renew(told, pace=pace)

        monkeypatch.setattr(home.control.recognizer, "renew", away)
        task = asyncio.create_task(home.upkeep.run())
        await home.ears.until(lambda heard: "gallery.renewed" in [one.type for one in heard.notices])
        task.cancel()

        assert said[1] == {"upkeep": "the cloud is away"}
        assert await home.seen() == ["Grace", "Eileen"]
