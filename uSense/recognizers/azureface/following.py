"""Takes over who was added, renamed or deleted in the group at Azure by others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from uSense.core.errors import NotFoundError, RequestError
from uSense.core.models import MOST_FACES, Person
from uSense.core.names import clean_user_data, folded_name, free_name
from uSense.ports import House, TwinPerson
from uSense.recognizers.azureface.account import RemotePerson

if TYPE_CHECKING:
    from uSense.recognizers.azureface.client import AzureFace
    from uSense.recognizers.local import LocalRecognizer


class Follower:
    """Makes the house's people like those of a listing. The twins must not be made by anybody else meanwhile."""

    def __init__(self, house: House, home: LocalRecognizer, azure: AzureFace, account: str) -> None:
        self.changed = False
        """Whether the last listing changed anybody here; also if it could not be followed to its end."""
        self.adopted = False
        """Whether it held somebody who was new here."""
        self._vault, self._twins = house.vault, house.twins
        self._home = home
        self._azure = azure
        self._account = account

    async def follow(
        self, remote: Iterable[RemotePerson], links: Mapping[str, TwinPerson], orphans: Collection[str]
    ) -> None:
        """Follow a listing; `links` (by remote id) and `orphans` were read before it: what changed since is newer."""
        self.changed = self.adopted = False
        gone = dict(links)
        for one in sorted(remote, key=lambda one: one.person_id not in links):  # newcomers give way to known names
            twin = gone.pop(one.person_id, None)
            people = {person.person_id: person for person in await self._vault.people()}
            with suppress(NotFoundError):  # erased here meanwhile
                if twin is not None:
                    await self._follow(one, twin, people)
                elif one.person_id not in orphans:
                    await self._welcome(one, people)
        for twin in gone.values():
            await self._twins.unlink_person(self._account, twin.person_id)
            self.changed = True

    async def _follow(self, one: RemotePerson, twin: TwinPerson, people: Mapping[str, Person]) -> None:
        """Somebody with a twin here: one of the two may have a new name."""
        mine = people.get(twin.person_id)
        if mine is None:
            return
        name = _named(one, [person for person in people.values() if person is not mine])
        if one.name != twin.remote_name:
            await self._home.update_person(mine.person_id, name=name)
            self.changed = True
        elif mine.name != name:
            await self._azure.update_person(one.person_id, name=mine.name)
            await self._twins.link_person(self._account, mine.person_id, one.person_id, mine.name)
            return
        await self._twins.link_person(self._account, mine.person_id, one.person_id, one.name)

    async def _welcome(self, one: RemotePerson, people: Mapping[str, Person]) -> None:
        """Somebody without a twin: from elsewhere, or made by a process that could not note it."""
        linked = {twin.person_id for twin in await self._twins.people(self._account)}
        if one.marker in linked:  # made twice: a call that was given up arrived late
            await self._azure.delete_person(one.person_id)
            return
        if one.marker in people:
            await self._twins.link_person(self._account, one.marker, one.person_id, one.name)
        elif one.marker and await self._twins.disown(self._account, one.marker, one.person_id):
            return
        else:
            person = await self._home.create_person(_named(one, people.values()), _user_data(one))
            await self._twins.link_person(self._account, person.person_id, one.person_id, one.name)
            for face in one.face_ids[:MOST_FACES]:
                face_id = await self._vault.add_face(person.person_id, None)
                await self._twins.link_face(self._account, person.person_id, face_id, face)
        self.changed = self.adopted = True


def _named(remote: RemotePerson, others: Iterable[Person]) -> str:
    """The name at Azure, with a number if somebody has it here; by its id if uSense has no such names."""
    taken = {folded_name(person.name) for person in others}
    try:
        return free_name(remote.name, taken)
    except RequestError:
        return free_name(f"Azure {remote.person_id[:8]}", taken)


def _user_data(remote: RemotePerson) -> str:
    """What is kept with the person at Azure, if it is text that uSense can keep."""
    try:
        return clean_user_data(remote.user_data)
    except RequestError:
        return ""
