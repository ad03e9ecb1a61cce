"""Notices that wait on disk until the broker has them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from structlog.testing import capture_logs

from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import Witness
from tests.support.mqtt import MemoryJournal, connected, context, make, running, settled
from tests.support.ports import free_port
from tests.support.waiting import until
from uSense.core.events import Notice
from uSense.mqtt import Mqtt, MqttSettings
from uSense.mqtt.lasting import UNSAVED, Lasting
from uSense.storage import open_storage
from uSense.storage.journal import JOURNAL_BOUND


def erased(number: int) -> Notice:
    """A notice that must not be lost."""
    return Notice("person.erased", {"number": number}, lasting=True)


async def test_lasting_notices_survive_the_process(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """What happened while there was no broker is told by the next process, with the time when it happened."""
    async with open_storage(tmp_path / "data") as storage:
        settings = MqttSettings(port=free_port())
        mqtt = Mqtt(settings, context(settings), storage.journal)
        async with running(mqtt):
            for number in range(100):
                mqtt.post(erased(number))
    kept_at = "…"
    async with open_storage(tmp_path / "data") as storage:
        kept_at = (await storage.journal.pending(1))[0][1].data["at"]
        settings = MqttSettings(port=mosquitto.port)
        mqtt = Mqtt(settings, context(settings), storage.journal)
        async with Witness(mosquitto.port, "usense/event") as witness, running(mqtt):
            await witness.next("usense/event", 100)
            await settled(mqtt)

            assert await storage.journal.pending(1) == []
    assert [message.json["number"] for message in witness.seen] == list(range(100))
    assert witness.seen[0].json["at"] == kept_at


async def test_a_lasting_notice_stays_until_the_broker_has_it(mosquitto: Mosquitto) -> None:
    """While the broker is frozen the notice stays in the journal; afterwards it arrives and leaves the journal."""
    journal = MemoryJournal()
    mqtt = make(MqttSettings(port=mosquitto.port, timeout=0.3), journal)
    async with Witness(mosquitto.port, "usense/event") as witness, running(mqtt):
        await connected(mqtt)
        await settled(mqtt)
        mosquitto.freeze()
        mqtt.post(erased(1))
        await until(lambda: mqtt.problem)
        assert len(journal.kept) == 1
        mosquitto.thaw()
        await settled(mqtt)
        await witness.next("usense/event")

        assert journal.kept == {}
        assert {message.json["number"] for message in witness.seen} == {1}


async def test_a_full_disk_does_not_silence_lasting_notices(mosquitto: Mosquitto) -> None:
    """What cannot be saved is sent from memory, and the trouble is a problem until the disk works again."""
    journal = MemoryJournal()
    journal.broken = True
    mqtt = make(MqttSettings(port=mosquitto.port), journal)
    with capture_logs() as logs:
        async with Witness(mosquitto.port, "usense/event") as witness, running(mqtt):
            await connected(mqtt)
            mqtt.post(erased(1))
            mqtt.post(erased(2))
            assert (await witness.next("usense/event", 2)).json["number"] == 2
            problem = mqtt.problem
            journal.broken = False
            mqtt.post(erased(3))
            mosquitto.restart()
            await until(lambda: mqtt.counters()["reconnects"] == 1 and mqtt.problem is None)

    assert problem is not None
    said = [line["problem"] for line in logs if line["event"] == "journal"]
    assert (
        sorted(problem.split("; "))
        == sorted(said)
        == [
            "a lasting notice was not saved: the disk is full",
            "lasting notices cannot be read: the disk is full",
        ]
    )


async def test_a_notice_that_cannot_be_removed_does_not_stop_those_after_it(mosquitto: Mosquitto) -> None:
    """While the journal does not let go of what was delivered, everything is still told, once, and that is a problem.

    Once it does, it is emptied and the problem is gone.
    """
    journal = MemoryJournal()
    for number in range(200):
        await journal.append(erased(number))
    journal.done_fails = True
    mqtt = make(MqttSettings(port=mosquitto.port), journal)
    async with Witness(mosquitto.port, "usense/event") as witness, running(mqtt):
        await connected(mqtt)
        await witness.next("usense/event", 200)
        mqtt.post(erased(200))
        await witness.next("usense/event", 201)
        await settled(mqtt)
        assert mqtt.problem == "lasting notices cannot be removed and may be told twice: the disk is full"
        assert len(journal.kept) == 201
        journal.done_fails = False
        mqtt.post(erased(201))
        await witness.next("usense/event", 202)
        await until(lambda: not journal.kept and mqtt.problem is None)

    assert [message.json["number"] for message in witness.seen] == list(range(202))


async def test_what_was_delivered_is_not_told_again_after_a_break(mosquitto: Mosquitto) -> None:
    """A notice that the journal could not remove is removed, not sent again, when the broker comes back."""
    journal = MemoryJournal()
    journal.done_fails = True
    mqtt = make(MqttSettings(port=mosquitto.port), journal)
    async with running(mqtt):
        mqtt.post(erased(1))
        await connected(mqtt)
        await settled(mqtt)
        journal.done_fails = False
        mosquitto.restart()
        async with Witness(mosquitto.port, "usense/event") as witness:
            await until(lambda: not journal.kept)
            mqtt.post(erased(2))
            await witness.next("usense/event")

    assert [message.json["number"] for message in witness.seen] == [2]


async def test_a_journal_that_failed_is_asked_again() -> None:
    """After a pause, and without another notice, what could not be read or removed is read and removed."""
    journal = MemoryJournal()
    loadable = asyncio.Event()
    lasting = Lasting(journal, loadable, unsaved=lambda _: None, retry=0.01)
    for number in range(3):
        await journal.append(erased(number))
    journal.pending_fails = journal.done_fails = True
    keeping = asyncio.create_task(lasting.keep())
    assert await lasting.load(2) == []
    lasting.delivered(1)
    await until(lambda: "removed" in str(lasting.problem))
    assert "cannot be read: the disk is full" in str(lasting.problem)
    assert lasting.settled

    journal.pending_fails = journal.done_fails = False
    await until(lambda: not lasting.settled)
    assert [number for number, _ in await lasting.load(2)] == [2, 3]
    await until(lambda: list(journal.kept) == [2, 3] and lasting.problem is None)
    lasting.close()
    await keeping


async def test_notices_of_another_process_are_sent_too(mosquitto: Mosquitto) -> None:
    """What the command line wrote into the journal beside the service is sent when the service is told."""
    journal = MemoryJournal()
    mqtt = make(MqttSettings(port=mosquitto.port), journal)
    async with Witness(mosquitto.port, "usense/event") as witness, running(mqtt):
        await connected(mqtt)
        await settled(mqtt)
        await journal.append(erased(7))
        mqtt.journal_changed()

        assert (await witness.next("usense/event")).json["number"] == 7


async def test_notices_that_wait_for_the_disk_are_bounded() -> None:
    """When the disk does not keep up, the oldest notice leaves and is counted."""
    journal = MemoryJournal()
    lasting = Lasting(journal, asyncio.Event(), unsaved=lambda _: None)
    for number in range(UNSAVED + 3):
        lasting.note(erased(number))
    lasting.close()
    await lasting.keep()

    assert lasting.dropped == 3
    assert [notice.data["number"] for notice in journal.kept.values()] == list(range(3, UNSAVED + 3))


async def test_what_a_full_journal_lost_is_counted(tmp_path: Path) -> None:
    """Notices that left the journal undelivered are among the dropped events that users see."""
    async with open_storage(tmp_path / "data") as storage:
        await storage.vault._database.write(
            lambda connection: connection.executemany(
                "INSERT INTO notices (type, data) VALUES ('filler', '{}')", [()] * JOURNAL_BOUND
            )
        )
        settings = MqttSettings(port=free_port())
        mqtt = Mqtt(settings, context(settings), storage.journal)
        async with running(mqtt):
            for number in range(3):
                mqtt.post(erased(number))

        assert mqtt.counters()["events_dropped"] == 3
