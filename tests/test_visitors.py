"""Unknown people while the service runs: who gets an id, what is kept, and who is told."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.porch import Porch, ids, probe, stranger
from tests.support.stand_ins import Oracle
from tests.support.values import answer
from tests.support.waiting import until
from uSense.core.announcing import Telling
from uSense.core.errors import NotFoundError, RequestError, StorageError
from uSense.core.visitors import Glimpse, VisitorRules
from uSense.storage import Storage
from uSense.visitors import WAITING


async def test_who_comes_again_gets_an_id_and_keeps_it(porch: Porch) -> None:
    """The second visit mints the id and tells it; the third has the same; somebody else has none."""
    first, second, third, other = (
        porch.visit(stranger(0)),
        porch.visit(stranger(0)),
        porch.visit(stranger(0)),
        porch.visit(stranger(1)),
    )

    (visitor,) = porch.visiting.everybody()
    assert ids(first) == [None] == ids(other)
    assert ids(second) == [visitor.visitor_id] == ids(third)
    assert visitor.sightings == 3
    (new,) = porch.notices
    assert new.type == "visitor.new"
    assert (new.data["visitor_id"], new.data["sightings"]) == (visitor.visitor_id, 2)
    assert new.data["event_ids"] == [first[0].event_id, second[0].event_id]


async def test_a_track_that_breaks_is_no_second_visit(porch: Porch) -> None:
    """Who is back within a minute was never away: no id."""
    porch.show(stranger(0))
    porch.leave(5.0)

    assert ids(porch.visit(stranger(0))) == [None]
    assert ids(porch.visit(stranger(0))) != [None]


async def test_a_visitor_is_known_after_a_restart(storage: Storage) -> None:
    """Faces, crops and numbers are kept over restarts, also of a track that went on when the service stopped."""
    before = Porch(storage.visitors)
    before.visit(stranger(0))
    before.show(stranger(0))
    await before.visiting.finish()
    (visitor,) = before.visiting.everybody()

    after = Porch(storage.visitors)
    after.wall = before.wall + before.now + 86_400
    await after.visiting.load()
    sightings = after.visit(stranger(0))

    assert ids(sightings) == [visitor.visitor_id]
    (again,) = after.visiting.everybody()
    assert again.sightings == 3
    assert again.event_ids == (*visitor.event_ids, sightings[0].event_id)
    probes = await after.visiting.probes(visitor.visitor_id)
    assert (probes[0].crop == probe(0).crop).all()


async def test_what_is_kept_is_written_by_itself(porch: Porch, storage: Storage) -> None:
    """A track that ended is on the disk soon after, as a candidate."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(porch.visiting.run())
        porch.visit(stranger(0))
        await until(lambda: not any(face.probe for face in faces(porch)))
        task.cancel()

    (kept,) = await storage.visitors.load()
    assert not kept.minted


def faces(porch: Porch) -> list[Glimpse]:
    """The faces of everybody in the book."""
    return [face for visitor in porch.visiting.book.visitors.values() for face in visitor.faces.values()]


@pytest.mark.parametrize(
    ("candidates", "why"),
    [
        ((("anna", 0.45), ("bea", 0.1)), "a little below the threshold"),
        ((("anna", 0.60), ("bea", 0.59)), "between two"),
    ],
)
async def test_who_may_be_enrolled_is_no_visitor(
    porch: Porch, candidates: tuple[tuple[str, float], ...], why: str
) -> None:
    """Doubtful matches to enrolled people never mint and are not kept."""
    for _ in range(3):
        assert ids(porch.visit(stranger(0), *candidates)) == [None], why

    assert porch.visiting.book.visitors == {}


async def test_a_recognized_track_takes_back_what_it_gave(porch: Porch) -> None:
    """Somebody who got an id and is recognized then was no visitor: the id expires, and nothing of it is kept."""
    porch.visit(stranger(0))
    told = porch.show(stranger(0))
    named = porch.show(stranger(0), ("anna", 0.8), looks=12)
    await porch.visiting.work()

    assert (told[0].visitor_id, named[0].name, named[0].replaces) == (
        porch.notices[0].data["visitor_id"],
        "anna",
        told[0].event_id,
    )
    assert [(notice.type, notice.data.get("reason")) for notice in porch.notices] == [
        ("visitor.new", None),
        ("visitor.expired", "recognized"),
    ]
    assert porch.visiting.everybody() == []


async def test_an_ignored_visitor_is_not_told(porch: Porch) -> None:
    """Their sightings are counted only, but when they turn out to be somebody that is told, correcting nothing."""
    porch.visit(stranger(0))
    porch.visit(stranger(0))
    (visitor,) = porch.visiting.everybody()
    await porch.visiting.ignore(visitor.visitor_id, ignored=True)

    assert porch.show(stranger(0)) == []
    assert [track for track in porch.scene.tracker.tracks if porch.visiting.ignored(track)]
    assert porch.visiting.counters() == {"visitors": 1, "visitors_to_be": 0}
    (named,) = porch.show(stranger(0), ("anna", 0.8), looks=12)
    assert (named.type, named.replaces) == ("recognized", None)
    porch.leave()
    await porch.visiting.ignore(visitor.visitor_id, ignored=False)
    assert ids(porch.visit(stranger(0))) == [visitor.visitor_id]


@pytest.mark.parametrize(
    ("telling", "expected"),
    [("all", [True, True]), ("visitors", [False, True]), ("nobody", [False, False])],
)
async def test_unknown_people_are_told_as_wanted(porch: Porch, telling: Telling, expected: list[bool]) -> None:
    """All of them, only visitors, or nobody."""
    porch.visiting.telling = telling

    assert [bool(porch.visit(stranger(0))), bool(porch.visit(stranger(0)))] == expected


async def test_without_visitors_nothing_is_kept(storage: Storage) -> None:
    """Switched off, nobody gets an id, the command says why, and what an earlier run kept is erased at the start."""
    before = Porch(storage.visitors)
    before.visit(stranger(0))
    await before.visiting.work()
    off = Porch(storage.visitors, VisitorRules(enabled=False))

    await off.visiting.load()

    assert await storage.visitors.load() == []
    assert [ids(off.visit(stranger(0))) for _ in range(3)] == [[None]] * 3
    with pytest.raises(RequestError, match=r"visitors\.enabled"):
        off.visiting.everybody()


async def test_a_recognizer_without_embeddings_has_no_visitors(porch: Porch) -> None:
    """Azure tells no numbers of faces: unknown people are told without ids."""
    assert [ids(porch.visit(None)) for _ in range(3)] == [[None]] * 3
    assert porch.visiting.counters() == {"visitors": 0, "visitors_to_be": 0}


async def test_who_is_enrolled_meanwhile_leaves_the_book(storage: Storage) -> None:
    """After a training visitors who are clearly somebody are erased; others stay."""
    oracle = Oracle(answer())
    porch = Porch(storage.visitors, oracle=oracle)
    porch.visit(stranger(0))
    porch.visit(stranger(0))
    await porch.visiting.work()
    assert len(porch.visiting.everybody()) == 1

    porch.visiting.gallery_changed()
    await porch.visiting.work()
    assert len(porch.visiting.everybody()) == 1
    oracle.reply = answer(("anna", 0.8), ("bea", 0.2))
    porch.visiting.gallery_changed()
    await porch.visiting.work()

    assert porch.visiting.everybody() == []
    assert await storage.visitors.load() == []
    assert porch.notices[-1].data["reason"] == "recognized"


async def test_who_stays_away_is_erased(storage: Storage) -> None:
    """After `keep_days` nothing is left of a visitor, after two days nothing of somebody seen once."""
    porch = Porch(storage.visitors, VisitorRules(keep_days=3.0))
    porch.wall -= 3.5 * 86_400
    porch.visit(stranger(0))
    porch.visit(stranger(0))
    porch.wall += 86_400
    porch.visit(stranger(1))
    porch.wall += 86_400
    porch.visit(stranger(2))
    assert len(porch.visiting.book.visitors) == 3

    await porch.visiting.work()

    assert len(porch.visiting.book.visitors) == len(await storage.visitors.load()) == 1
    assert porch.notices[-1].type == "visitor.expired"
    assert porch.notices[-1].data["reason"] == "not_seen"


async def test_the_book_is_bounded(storage: Storage) -> None:
    """Of more visitors than wanted the one not seen longest leaves, and that is counted and told."""
    porch = Porch(storage.visitors, VisitorRules(most=2))
    for number in range(3):
        porch.visit(stranger(number))
        porch.visit(stranger(number))
    await porch.visiting.work()

    assert len(porch.visiting.everybody()) == len(await storage.visitors.load()) == 2
    assert porch.notices[-1].data["reason"] == "pushed_out"
    assert porch.visiting._stats.counts["visitors_pushed_out"] == 1


async def test_a_deleted_visitor_is_forgotten_at_once(porch: Porch, storage: Storage) -> None:
    """Also while what is known of them waits for the disk."""
    porch.visit(stranger(0))
    porch.visit(stranger(0))
    (visitor,) = porch.visiting.everybody()

    await porch.visiting.delete(visitor.visitor_id)
    await porch.visiting.work()

    assert await storage.visitors.load() == []
    with pytest.raises(NotFoundError):
        porch.visiting.find(visitor.visitor_id)


async def test_without_crops_a_visitor_cannot_be_enrolled(porch: Porch) -> None:
    """If no pictures are to be kept, visitors have ids but no faces to show."""
    porch.visiting.keep_crops = False
    porch.visit(stranger(0))
    porch.visit(stranger(0))
    (visitor,) = porch.visiting.everybody()

    with pytest.raises(RequestError, match="no picture"):
        await porch.visiting.probes(visitor.visitor_id)


async def test_a_full_disk_is_a_problem_until_it_is_over(porch: Porch, storage: Storage) -> None:
    """What could not be written or erased then is done later, and is a problem until then."""
    porch.visit(stranger(0))
    porch.visit(stranger(0))
    await porch.visiting.work()
    (visitor,) = porch.visiting.everybody()
    porch.visit(stranger(1))
    await storage.vault._database.look(lambda connection: connection.execute("PRAGMA query_only = ON"))
    await porch.visiting.work()
    assert "visitors" in porch.visiting.problems
    with pytest.raises(StorageError):
        await porch.visiting.delete(visitor.visitor_id)
    await storage.vault._database.look(lambda connection: connection.execute("PRAGMA query_only = OFF"))

    await porch.visiting.work()

    assert porch.visiting.problems == {}
    (kept,) = await storage.visitors.load()
    assert not kept.minted


async def test_who_is_seen_well_only_later_gets_the_id_at_the_end(porch: Porch) -> None:
    """A track whose first looks are poor is told without an id, and counts as a visit when it ended."""
    porch.visit(stranger(0))
    told = porch.show(stranger(0), quality=0.3)
    assert porch.show(stranger(0), looks=12) == []
    assert porch.notices == []

    porch.leave()

    assert ids(told) == [None]
    (new,) = porch.notices
    assert (new.type, new.data["sightings"]) == ("visitor.new", 2)
    assert new.data["event_ids"][-1] == told[0].event_id


async def test_what_waits_for_the_disk_is_bounded(porch: Porch) -> None:
    """Of more tracks than may wait the oldest leaves unwritten, and that is counted."""
    for number in range(WAITING + 2):
        porch.visit(stranger(number % 16))

    assert porch.visiting._stats.counts["visits_unsaved"] == sum(map(bool, porch.notices)) + 2


async def two_visitors(porch: Porch) -> tuple[str, str]:
    """Ids of two strangers who were here twice, who was seen first first."""
    for number in (0, 0, 1, 1):
        porch.visit(stranger(number))
    await porch.visiting.work()
    second, first = porch.visiting.everybody()
    return first.visitor_id, second.visitor_id


async def test_two_who_are_one_are_made_one(porch: Porch, storage: Storage) -> None:
    """With the pictures of both; the first is told to be gone, and whoever comes again is the second."""
    first, second = await two_visitors(porch)

    kept = await porch.visiting.merge(first, second)

    assert (kept.visitor_id, kept.sightings, len(await porch.visiting.probes(second))) == (second, 4, 2)
    (found,) = await storage.visitors.load()
    assert (found.visitor_id, found.sightings, len(found.faces)) == (second, 4, 2)
    assert found.first_seen_at == kept.first_seen_at
    gone = porch.notices[-1]
    assert gone.type == "visitor.expired"
    assert (gone.data["visitor_id"], gone.data["reason"], gone.data["into"]) == (first, "merged", second)
    with pytest.raises(NotFoundError):
        porch.visiting.find(first)


async def test_who_is_no_two_visitors_is_not_merged(porch: Porch) -> None:
    """Nobody is lost by it."""
    first, second = await two_visitors(porch)

    with pytest.raises(RequestError) as same:
        await porch.visiting.merge(first, first)
    for pair in ((first, "nobody"), ("nobody", second)):
        with pytest.raises(NotFoundError):
            await porch.visiting.merge(*pair)

    assert same.value.code == "same_visitor"
    assert len(porch.visiting.everybody()) == 2
