"""What stands at Azure without a note here: the process that made it was killed before it could write that down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uSense.ports import Twins
from uSense.recognizers.azureface.errors import GroupMissingError

if TYPE_CHECKING:
    from uSense.recognizers.azureface.client import AzureFace


async def adopt(azure: AzureFace, twins: Twins, account: str) -> None:
    """Link what carries the id of a person or face that has no twin, and delete second copies of faces.

    One call, and one for each face there that is not linked; none at all when every face of the house has its twin.
    Raises RecognizerError.
    """
    alone = {face: person for person, face in (*await twins.lacking(account), *await twins.faceless(account))}
    if not alone:
        return
    people = {twin.remote_id: twin.person_id for twin in await twins.people(account)}
    linked = {face.remote_id: face.face_id for face in await twins.faces(account)}
    try:
        there = await azure.persons()
    except GroupMissingError:
        return
    for remote in there:
        person_id = people.get(remote.person_id)
        if person_id is None and remote.marker in alone.values() and remote.marker not in people.values():
            person_id = remote.marker
            await twins.link_person(account, person_id, remote.person_id, remote.name)
        for remote_face in remote.face_ids if person_id is not None else ():
            if remote_face in linked:
                continue
            marker = await azure.face(remote.person_id, remote_face) or ""
            if marker in linked.values():
                await azure.delete_face(remote.person_id, remote_face)
            elif person_id is not None and alone.get(marker) == person_id:
                await twins.link_face(account, person_id, marker, remote_face)
                linked[remote_face] = marker
