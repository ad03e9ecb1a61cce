"""What is kept of presence over restarts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.hall import Hall, begun, working
from tests.support.household import MemoryNotebook
from tests.support.waiting import until
from uSense import presence as module
from uSense.core.errors import StorageError
from uSense.presence import FILE
from uSense.storage import notebook


async def test_after_a_restart_nobody_arrives_or_leaves_who_stayed(tmp_path: Path) -> None:
    """Who is there is in a small file, without names; the next run finds them where they were."""
    hall = Hall(notebook.Notebook(tmp_path / FILE))
    async with working(hall):
        hall.there = {100.0: "a", 300.0: "b"}
        hall.wait(10)
        await until(lambda: (tmp_path / FILE).exists() and '"b"' in (tmp_path / FILE).read_text())
    assert "Anna" not in (tmp_path / FILE).read_text()
    since = hall.states["presence/a"]["since"]

    hall.wall += 1800
    hall.start()
    async with working(hall):
        assert hall.states["presence/a"]["state"] == "unknown"
        hall.there = {200.0: "a"}
        hall.wait(100)
        assert hall.states["presence/a"]["state"] == "present"
        assert hall.states["presence/a"]["since"] == since
        assert hall.notices[2:] == [("person.left", "Bea")]
        hall.enrolled({"b": "Bea"})
        await until(lambda: '"a"' not in (tmp_path / FILE).read_text())


@pytest.mark.parametrize(("away", "told"), [(3601.0, True), (3599.0, False), (-1e7, False)])
async def test_after_hours_of_absence_they_have_left(*, away: float, told: bool) -> None:
    """The wall clock says how long the service was away; one that went back counts as short."""
    keeper = MemoryNotebook()
    hall = Hall(keeper)
    async with working(hall):
        hall.there = {100.0: "a"}
        hall.wait(3)
        await until(lambda: bool(keeper.values))
    hall.wall += away
    hall.start()
    await hall.attending.begin()
    assert (("person.left", "Anna") in hall.notices) is told


async def test_a_disk_that_is_full_is_a_problem_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said until the next note succeeds."""
    monkeypatch.setattr(module, "AGAIN", 0.01)
    keeper = MemoryNotebook()
    hall = Hall(keeper)
    async with working(hall):
        keeper.error = StorageError("the disk is full")
        hall.there = {100.0: "a"}
        hall.wait(3)
        await until(lambda: "the disk is full" in hall.attending.problems.get("presence", ""))
        keeper.error = None
        hall.wait(1)
        await until(lambda: not hall.attending.problems)
    assert keeper.saves


@pytest.mark.parametrize("text", ["{", '{"at": 1}', '{"at": 1e400, "people": {}}', '{"people": [], "at": 0}'])
async def test_a_file_that_is_not_ours_is_a_problem_and_no_end(tmp_path: Path, text: str) -> None:
    """Nobody is known to have been there then, and it is said."""
    (tmp_path / FILE).write_text(text)
    hall = await begun(Hall(notebook.Notebook(tmp_path / FILE)))
    assert "presence.json" in hall.attending.problems["presence"]
    assert hall.notices == []


async def test_nothing_is_written_while_nothing_changes() -> None:
    """A house without people never writes, and one with people writes when they come and go."""
    keeper = MemoryNotebook()
    hall = Hall(keeper)
    async with working(hall):
        hall.wait(100)
        assert keeper.saves == 0
        hall.there = {100.0: "a"}
        hall.wait(3)
        await until(lambda: keeper.saves == 1)
        hall.wait(300)
        await asyncio.sleep(0)
        assert keeper.saves == 1


async def test_a_restart_finds_people_where_they_had_gone() -> None:
    """Who went to another room is looked for there, also if its camera opens late; going to and fro is written once."""
    keeper = MemoryNotebook()
    hall = Hall(keeper, ("hall", "attic"))
    async with working(hall):
        hall.there = {100.0: "a"}
        hall.wait(3)
        await until(lambda: keeper.saves == 1)
        for hall.where in ("attic", "hall", "attic"):
            hall.wait(100)
            await until(lambda: keeper.saves == 2)
        since = hall.states["presence/a"]["since"]

    hall.start()
    hall.blind = {"attic"}
    async with working(hall):
        hall.wait(100)
        hall.blind, hall.there = set(), {100.0: "a"}
        hall.wait(3)

    assert hall.notices == [("person.arrived", "Anna")]
    assert hall.states["presence/a"]["since"] == since
