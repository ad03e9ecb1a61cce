"""Person groups and large person groups, and their training."""

from __future__ import annotations

from http import HTTPStatus

from uSense.core.faceapi import arguments, faults
from uSense.core.groups import Group, GroupTraining
from uSense.faceapi.call import Call, Reply, Route
from uSense.times import ticks

RECOGNITION = ("recognition_01", "recognition_02", "recognition_03", "recognition_04")


async def create(call: Call) -> Reply:
    """PUT: an empty group under the client's id."""
    key = call.key
    body = await call.body()
    name = arguments.person_name(body, needed=True) or ""
    user_data = arguments.user_data(arguments.text(body, "userData"))
    model = arguments.choice(body, "recognitionModel", RECOGNITION, default=RECOGNITION[0])
    await call.service.parts.groups.create_group(Group(key, name, user_data, model))
    return Reply()


async def show(call: Call) -> Reply:
    """GET: the group."""
    with_model = arguments.flag(call.query, "returnRecognitionModel", default=False)
    return Reply(_shown(call, await call.service.parts.groups.group(call.key), with_model=with_model))


async def update(call: Call) -> Reply:
    """PATCH: name and user data; what is not given stays."""
    key = call.key
    body = await call.body()
    name = arguments.person_name(body, needed=False)
    user_data = arguments.user_data(arguments.text(body, "userData"))
    if name is None and user_data is None:
        raise faults.nothing_given()
    call.service.galleries.require_idle(key)
    await call.service.parts.groups.update_group(key, name=name, user_data=user_data)
    return Reply()


async def delete(call: Call) -> Reply:
    """DELETE: the group with all that is in it."""
    key = call.key
    call.service.galleries.require_idle(key)
    await call.service.parts.groups.delete_group(key)
    call.service.galleries.forget(key)
    return Reply()


async def listing(call: Call) -> Reply:
    """GET: the groups behind `start`."""
    start, top = arguments.page(call.query)
    with_model = arguments.flag(call.query, "returnRecognitionModel", default=False)
    found = await call.service.parts.groups.groups(call.family.kind, start, top)
    return Reply([_shown(call, group, with_model=with_model) for group in found])


async def train(call: Call) -> Reply:
    """POST: begin a training."""
    key = call.key
    await call.service.parts.groups.group(key)
    await call.service.galleries.train(key)
    place = f"{call.base}/{key.kind}/{key.group_id}/training"
    headers = {"Operation-Location": place, "Access-Control-Expose-Headers": "Operation-Location"}
    return Reply(status=HTTPStatus.ACCEPTED, headers=headers)


async def training(call: Call) -> Reply:
    """GET: state of the last training."""
    key = call.key
    await call.service.parts.groups.group(key)
    found = await call.service.galleries.training(key)
    if found.state == "never":
        raise call.family.not_trained(HTTPStatus.NOT_FOUND)
    return Reply(_training(found))


def _training(training: GroupTraining) -> dict[str, str]:
    moments = {
        "createdDateTime": training.created,
        "lastActionDateTime": training.last_action,
        "lastSuccessfulTrainingDateTime": training.last_success,
    }
    shown: dict[str, str] = {"status": training.state}
    shown |= {name: ticks(moment) for name, moment in moments.items() if moment is not None}
    return shown | ({"message": training.message} if training.message else {})


def _shown(call: Call, group: Group, *, with_model: bool) -> dict[str, str]:
    shown = {call.family.field: group.key.group_id, "name": group.name}
    if group.user_data is not None:
        shown["userData"] = group.user_data
    return shown | ({"recognitionModel": group.model} if with_model else {})


ROUTES: tuple[Route, ...] = (
    ("GET", "{kind}", listing),
    ("PUT", "{kind}/{group}", create),
    ("GET", "{kind}/{group}", show),
    ("PATCH", "{kind}/{group}", update),
    ("DELETE", "{kind}/{group}", delete),
    ("POST", "{kind}/{group}/train", train),
    ("GET", "{kind}/{group}/training", training),
)
