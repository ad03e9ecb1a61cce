"""A folder of pictures as a camera."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import structlog
from pydantic import ValidationError

from tests.support.films import number_of, write_pictures
from uSense.cameras.folder import FolderCamera, FolderSettings
from uSense.core.errors import CameraError, CameraFinished
from uSense.core.models import Frame


def fast(path: Path, *, loop: bool = True) -> FolderSettings:
    """Settings with which every frame is another picture."""
    return FolderSettings(path=path, fps=100, hold=0.001, loop=loop)


async def refusal(path: Path) -> CameraError:
    """The error with which a folder cannot be opened."""
    with pytest.raises(CameraError) as caught:
        await FolderSettings(path=path).open("hall").__aenter__()
    return caught.value


async def collect(settings: FolderSettings, frames: list[Frame]) -> None:
    """Read until the camera ends."""
    async with settings.open("hall") as camera:
        while True:
            frames.append(await camera.read())


async def shown(path: Path) -> list[int]:
    """The numbers of all pictures, in the order in which they are shown."""
    frames: list[Frame] = []
    with pytest.raises(CameraFinished, match="all pictures"):
        await collect(fast(path, loop=False), frames)
    return [number_of(frame.picture.gray()) for frame in frames]


async def test_pictures_come_in_natural_order(tmp_path: Path) -> None:
    """2 comes before 10, whatever the letter case; sub-folders come in their place."""
    names = ["IMG_2.png", "img_10.PNG", "img_11.jpg", "party/1.webp", "party/Zoë 2.bmp", "party/zoë 10.gif", "z.jpeg"]
    assert await shown(write_pictures(tmp_path, names)) == list(range(len(names)))


async def test_other_files_are_no_pictures(tmp_path: Path) -> None:
    """Texts, hidden files and files without an ending are passed over in silence."""
    write_pictures(tmp_path, ["a.png", ".hidden.png", ".trash/b.png"])
    (tmp_path / "labels.json").write_text("{}")
    (tmp_path / "README").touch()
    async with fast(tmp_path, loop=False).open("hall") as camera:
        assert number_of((await camera.read()).picture.gray()) == 0
        with pytest.raises(CameraFinished):
            await camera.read()
        assert isinstance(camera, FolderCamera)
        assert not camera.refused


async def test_each_picture_is_held(tmp_path: Path) -> None:
    """A picture is shown for its time at the set rate: same picture, same scene, new stamps; then comes the next."""
    write_pictures(tmp_path, ["a.png", "b.png"])
    frames: list[Frame] = []
    with pytest.raises(CameraFinished):
        await collect(FolderSettings(path=tmp_path, fps=20, hold=1.5, loop=False), frames)
    scenes = [frame.scene for frame in frames]
    assert scenes == sorted(scenes)
    first = [frame for frame in frames if frame.scene == scenes[0]]
    assert 1 < len(first) <= 30
    assert len({id(frame.picture) for frame in first}) == 1
    assert {number_of(frame.picture.gray()) for frame in first} == {0}
    assert len(set(scenes)) == 2


async def test_slow_reader_misses_frames_but_no_picture(tmp_path: Path) -> None:
    """Whoever takes longer over a picture than it is held still gets to see the next one."""
    write_pictures(tmp_path, ["a.png", "b.png", "c.png"])
    async with FolderSettings(path=tmp_path, fps=100, hold=0.01).open("hall") as camera:
        numbers = []
        for _ in range(6):
            numbers.append(number_of((await camera.read()).picture.gray()))
            await asyncio.sleep(0.05)
        assert numbers == [0, 1, 2, 0, 1, 2]
        assert camera.skipped >= 15


async def test_new_pictures_are_seen_in_the_next_round(tmp_path: Path) -> None:
    """What is put into the folder or taken out of it counts when the round begins again."""
    write_pictures(tmp_path, ["a.png", "b.png"])
    async with fast(tmp_path).open("hall") as camera:
        await camera.read()
        write_pictures(tmp_path / "new", ["0.png", "1.png", "2.png"])
        (tmp_path / "new" / "1.png").unlink()
        numbers = [number_of((await camera.read()).picture.gray()) for _ in range(5)]
    assert numbers == [1, 0, 1, 0, 2]


async def test_unreadable_pictures_are_passed_over(tmp_path: Path) -> None:
    """A broken picture is left out, with the reason; the others are shown, and it is named once."""
    write_pictures(tmp_path, ["a.png", "c.png"])
    (tmp_path / "b.png").write_bytes(b"broken")
    (tmp_path / "d.jpg").touch()
    async with fast(tmp_path).open("hall") as camera:
        numbers = [number_of((await camera.read()).picture.gray()) for _ in range(7)]
        assert numbers == [0, 1, 0, 1, 0, 1, 0]
        assert isinstance(camera, FolderCamera)
        assert [text.removeprefix(str(tmp_path)).split(":")[0] for text in camera.refused] == ["/b.png", "/d.jpg"]


async def test_picture_that_vanished_is_passed_over(tmp_path: Path) -> None:
    """A picture that was deleted meanwhile is no reason to end."""
    write_pictures(tmp_path, ["a.png", "b.png", "c.png"])
    async with fast(tmp_path).open("hall") as camera:
        await camera.read()
        (tmp_path / "b.png").unlink()
        assert number_of((await camera.read()).picture.gray()) == 2


async def test_folder_of_broken_pictures_is_lost(tmp_path: Path) -> None:
    """If no picture at all can be read, the camera says so with an example instead of searching for ever."""
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"broken")
    async with FolderSettings(path=tmp_path).open("hall") as camera:
        with pytest.raises(CameraError, match=r"no picture in .* can be read, such as .*b\.png: not a picture"):
            await camera.read()


async def test_folder_that_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    """A missing folder, a file and an empty folder are told apart, with what to do."""
    (tmp_path / "file.png").touch()
    (tmp_path / "empty").mkdir()
    assert "there is no folder" in (await refusal(tmp_path / "missing")).reason
    assert "there is no folder" in (await refusal(tmp_path / "file.png")).reason
    assert "put some there" in (await refusal(tmp_path / "empty")).reason
    assert "cannot be opened" in (await refusal(tmp_path / ("x" * 300))).reason


async def test_cancelled_read_loses_no_picture(tmp_path: Path) -> None:
    """A read that is given up while its picture is being decoded leaves the picture for the next one."""
    write_pictures(tmp_path, ["a.png", "b.png"])
    async with fast(tmp_path).open("hall") as camera:
        for _ in range(3):
            reading = asyncio.create_task(camera.read(), name="read")
            await asyncio.sleep(0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        assert number_of((await camera.read()).picture.gray()) == 0


@pytest.mark.parametrize("wrong", [{"hold": 0}, {"fps": -1}, {"paht": "x"}, {"loop": "maybe"}])
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    """Settings that cannot work are refused."""
    with pytest.raises(ValidationError):
        FolderSettings.model_validate({"path": "photos", **wrong})


async def test_pictures_of_a_kind_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """A phone's HEIC photos are not passed over without a word, neither beside others nor alone."""
    (tmp_path / "phone.heic").touch()
    assert "1 .heic left out" in (await refusal(tmp_path)).reason

    write_pictures(tmp_path, ["a.png"])
    with structlog.testing.capture_logs() as logged:
        assert await shown(tmp_path) == [0]

    assert [line["problem"] for line in logged if line["event"] == "pictures skipped"] == [
        "1 .heic left out: such pictures cannot be read, export them as JPEG"
    ]
