"""Every fault of the service, at every call: nothing is lost, nothing is made twice, and the reason is said plainly."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.peers.azure_faults import Fault
from tests.recognizers.azureface.conftest import NOBODY, House, eileen, grace, no_pauses, trained
from uSense.core.breaker import Circuit
from uSense.recognizers.azureface.caller import TRIES
from uSense.recognizers.azureface.client import AzureFace, connect
from uSense.recognizers.azureface.errors import AzureFaceError, UnreachableError

PASSING = [
    Fault.BUSY_HEADER,
    Fault.BUSY_TEXT,
    Fault.BUSY_SILENT,
    Fault.BUSY_WRONG,
    Fault.CONFLICT,
    Fault.BROKEN,
    Fault.UNAVAILABLE,
    Fault.HTML,
    Fault.DROPPED,
    Fault.LOST,
    Fault.BROKEN_LATE,
    Fault.TRUNCATED,
]
FINAL = {Fault.NOT_APPROVED: "not_approved", Fault.USED_UP: "quota_gone", Fault.WRONG_KEY: "wrong_key"}
LATE = [Fault.LOST, Fault.BROKEN_LATE, Fault.TRUNCATED]
"""The call was carried out, but its answer is lost."""

Act = Callable[[AzureFace], Awaitable[object]]


async def enroll(client: AzureFace) -> None:
    """All that an enrollment does, and then an identification."""
    person_id = await client.create_person("Anna", "m-1", "likes tea")
    for number in range(2):
        await client.add_face(person_id, grace(number), None, f"f-{number}")
    assert await trained(client) == "succeeded"
    [face] = await client.detect(grace(2))
    [[candidate]] = await client.identify([face.face_id])
    assert candidate.person_id == person_id


async def check_enrolled(house: House) -> None:
    """Anna is there once, with each of her faces once."""
    [person] = await house.served.people()
    assert (person.name, person.user_data) == ("Anna", "usense:m-1\nlikes tea")
    assert await house.served.markers(person.person_id) == ["usense:f-0", "usense:f-1"]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("fault", PASSING)
async def test_a_passing_fault_loses_and_doubles_nothing(house: House, fault: Fault, times: int) -> None:
    """Enrollments meet the fault once or twice at each of their calls in turn, and are whole in the end."""
    for operation in ("create person", "add face", "train", "get training", "detect", "identify"):
        house.azure.order(fault, times=times, on=operation)

        await enroll(house.client)

        await check_enrolled(house)
        [person] = await house.served.people()
        await house.client.delete_person(person.person_id)


@pytest.mark.parametrize("fault", LATE)
async def test_a_look_for_what_was_lost_may_fail_too(house: House, fault: Fault) -> None:
    """The look itself is repeated until it tells."""
    for look in ("list persons", "get person", "get face"):
        house.azure.order(fault, on="create person")
        house.azure.order(fault, on="add face")
        house.azure.order(fault, times=2, on=look)

        await enroll(house.client)

        await check_enrolled(house)
        [person] = await house.served.people()
        await house.client.delete_person(person.person_id)


@pytest.mark.parametrize("operation", ["create person", "add face"])
async def test_what_arrives_late_and_was_made_twice_is_dropped(house: House, operation: str) -> None:
    """A call that was given up is carried out after all while it is repeated; one of the two stays."""
    account = replace(house.client._account, timeout=3.0)
    person_id = await house.client.create_person("Bea", "m-0")
    house.azure.calls.clear()
    house.azure.order(Fault.SLOW, on=operation)
    house.azure.order(Fault.OVERTAKEN, on=operation)

    async with connect(account, house.limiter, pauses=no_pauses) as client:
        if operation == "create person":
            await client.create_person("Anna", "m-1")
        else:
            await client.add_face(person_id, eileen(0), None, "f-1")

    people = await house.served.people()
    assert house.azure.made[operation] == 2
    assert house.azure.made[operation.replace("create", "delete").replace("add", "delete")] == 1
    assert len(people) == (2 if operation == "create person" else 1)
    assert len(await house.served.markers(person_id)) == (0 if operation == "create person" else 1)


@pytest.mark.parametrize(("fault", "code"), FINAL.items())
async def test_a_final_refusal_is_said_and_not_repeated(house: House, fault: Fault, code: str) -> None:
    """One call, one error with a code, at every call of an enrollment."""
    for operation in ("create person", "add face", "train", "detect", "identify"):
        house.azure.calls.clear()
        house.azure.order(fault, on=operation)

        with pytest.raises(AzureFaceError) as raised:
            await enroll(house.client)

        assert raised.value.code == code
        assert house.azure.made[operation] == 1
        await house.limiter.emptied(-1.0)  # the next round may call again


ACTS: dict[str, Act] = {
    "list persons": lambda client: client.persons(),
    "get person": lambda client: client.person("nobody"),
    "update person": lambda client: client.update_person("nobody", name="Anna"),
    "delete person": lambda client: client.delete_person("nobody"),
    "get face": lambda client: client.face("nobody", "none"),
    "delete face": lambda client: client.delete_face("nobody", "none"),
    "verify": lambda client: client.verify("a", "b"),
    "get group": lambda client: client.group(),
    "delete group": lambda client: client.delete_group(),
}


@pytest.mark.parametrize("fault", [each for each in PASSING if each is not Fault.TRUNCATED])
async def test_every_other_call_is_repeated_as_well(house: House, fault: Fault) -> None:
    """All of them may be made twice."""
    for operation, act in ACTS.items():
        house.azure.calls.clear()
        house.azure.order(fault, on=operation)

        try:
            await act(house.client)
        except AzureFaceError as error:
            assert error.code in {"person_missing", "face_missing", "refused"}  # noqa: PT017 - the made-up ids are not there

        assert house.azure.made[operation] == 2


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.BROKEN_LATE])
async def test_a_group_whose_creation_was_lost_is_there_already(house: House, fault: Fault) -> None:
    """After a lost answer, `exists` means that this client made it; without one it is an error."""
    await house.client.delete_group()
    house.azure.order(fault, on="create group")

    await house.client.create_group("Users")
    with pytest.raises(AzureFaceError) as raised:
        await house.client.create_group("Users")

    assert raised.value.code == "group_exists"


async def test_a_training_under_way_is_waited_for_by_background_calls_only(house: House) -> None:
    """Faces are added when it is done; waiting people are told at once."""
    person_id = await house.client.create_person("Anna", "m-1")
    house.azure.order(Fault.TRAINING, times=3, on="add face")
    house.azure.order(Fault.TRAINING, on="identify")

    await house.client.add_face(person_id, grace(0), None, "f-1")
    [face] = await house.client.detect(grace(0))
    with pytest.raises(AzureFaceError) as raised:
        await house.client.identify([face.face_id])

    assert raised.value.code == "training"
    assert house.azure.made["add face"] == 4


async def test_a_training_whose_answer_was_lost_is_under_way(house: House) -> None:
    """The repeated call finds the group in training, which is this client's own."""
    house.azure.order(Fault.LOST, on="train")
    house.azure.order(Fault.TRAINING, times=9, on="train")

    await house.client.train()

    assert house.azure.made["train"] == 2


@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.UNAVAILABLE, Fault.DROPPED, Fault.HTML])
async def test_a_backend_that_stays_away_is_left_alone(house: House, fault: Fault) -> None:
    """After a few failures nothing is sent until the pause is over, and the figures say so."""
    house.azure.order(fault, times=100)

    for _ in range(2):
        with pytest.raises(UnreachableError, match=r"not reachable|trouble of its own|asked again in"):
            await house.client.detect(grace(0))
    made = len(house.azure.calls)
    with pytest.raises(UnreachableError, match="asked again in"):
        await house.client.detect(grace(0))

    assert len(house.azure.calls) == made == TRIES + 1
    assert house.client.state().circuit is Circuit.OPEN
    assert 0 < house.client.state().retry_in < 10
    assert house.client.state().usage.today == made + 1  # the group was made before


async def test_a_backend_that_comes_back_is_used_again(house: House) -> None:
    """One call tries after the pause, and closes the breaker."""
    house.azure.order(Fault.BROKEN, times=5)
    for _ in range(2):
        with pytest.raises(UnreachableError):
            await house.client.detect(grace(0))
    house.client._caller.breaker.retry_at = 0.0

    assert await house.client.detect(NOBODY) == []
    assert house.client.state().circuit is Circuit.CLOSED


async def test_no_request_on_the_wire_goes_uncounted(house: House) -> None:
    """Also when a kept connection breaks: the library for HTTP would repeat what may be repeated by itself."""
    before = house.client.state().usage.month
    for fault in (Fault.DROPPED, Fault.LOST, Fault.TRUNCATED, Fault.BUSY_TEXT, Fault.BROKEN):
        house.azure.order(fault, on="get group")
        await house.client.group()

    assert house.client.state().usage.month - before == len(house.azure.calls) == 10


async def test_a_silent_backend_is_given_up(house: House) -> None:
    """A call ends when its time is up, whatever the other side does."""
    account = replace(house.client._account, timeout=0.05)
    house.azure.order(Fault.SLOW, times=100)

    async with connect(account, house.limiter, pauses=no_pauses) as client:
        with pytest.raises(UnreachableError, match="did not answer"):
            await client.detect(grace(0))


async def test_refusals_slow_the_pace(house: House) -> None:
    """What Azure refused as too many is counted, and the pace is slower than the tier allows."""
    house.azure.order(Fault.BUSY_SILENT, times=2)
    await house.client.detect(grace(0))

    assert house.client.state().usage.refused == 2
    assert house.client.state().usage.slowness > 1
