"""The house's people and their twins at Azure: enrolled, renamed, erased and trained there, and looked up by remote id.

Everybody is kept here first, with the id that the house knows them by; a twin is made when there is a face to send. So
nothing is lost when Azure is away: what it lacks is sent with the next training, whom it has too many is deleted later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from uSense import keepsake
from uSense.core.errors import BadImageError, ConflictError, NotFoundError, RecognizerError, RequestError, StorageError
from uSense.core.models import MOST_FACES, Erasure, Person, PersonRef, Probe, Renewal, Training
from uSense.ports import AddedFace, House
from uSense.recognizers.azureface.account import Account
from uSense.recognizers.azureface.errors import (
    GroupExistsError,
    PersonMissingError,
    PictureError,
    QuotaGoneError,
    RateLimitedError,
    UnreachableError,
    WrongKeyError,
)
from uSense.recognizers.azureface.following import Follower
from uSense.recognizers.azureface.sight import Seen, Sight
from uSense.recognizers.azureface.sole import POLL, Sole
from uSense.recognizers.azureface.strays import adopt

if TYPE_CHECKING:
    from uSense.recognizers.azureface.client import AzureFace
    from uSense.recognizers.local import LocalRecognizer

FIRST_POLL, LONGEST_POLL = 1.0, 30.0
"""Seconds between two questions whether a training is done: first and longest."""
LONGEST_TRAINING = 2400.0
"""Seconds that a training may take; Azure's longest, of a million faces, takes half an hour."""


class TwinPeople:
    """Care of the people in two places. `home` keeps the local gallery right; also where it has no templates."""

    def __init__(
        self, house: House, home: LocalRecognizer, azure: AzureFace, account: Account, sight: Sight, sender: Sole
    ) -> None:
        self.local_too = False
        """Whether faces are kept for the local recognizer, too."""
        self.anybody = False
        """Whether Azure has been trained with somebody."""
        self.report = Training("never")
        self.news = False
        """Whether people or names are new since somebody last looked."""
        self._vault, self._twins = house.vault, house.twins
        self._home = home
        self._azure = azure
        self._account = urlsplit(account.base).netloc + account.path
        self._sight = sight
        self._follower = Follower(house, home, azure, self._account)
        self._refs: dict[str, PersonRef] = {}
        self._sender = sender
        self._changing = asyncio.Lock()
        self._loading = asyncio.Lock()

    async def load(self) -> None:
        """Read what is known here; asks Azure nothing."""
        async with self._loading:  # what was read earlier must not take the place of what was read later
            names = {person.person_id: person.name for person in await self._vault.people()}
            self._refs = {
                twin.remote_id: PersonRef(twin.person_id, names[twin.person_id])
                for twin in await self._twins.people(self._account)
                if twin.person_id in names
            }
            self.report = await self._twins.report(self._account) or self.report
            self.anybody = await self._twins.noted(self._account, "anybody") == "yes"

    async def changed(self) -> bool:
        """True once after another process changed what is kept here."""
        return await self._vault.changed()

    def person(self, remote_id: str) -> PersonRef | None:
        """Who the house knows under this id at Azure."""
        return self._refs.get(remote_id)

    def remote_id(self, person_id: str) -> str | None:
        """The id at Azure of a person of the house."""
        return next((remote for remote, ref in self._refs.items() if ref.person_id == person_id), None)

    async def everybody(self) -> list[Person]:
        """All persons by name, with what Azure's last training knew of them."""
        linked = {face.face_id: face.trained for face in await self._twins.faces(self._account)}
        waiting = {face_id for _, face_id in await self._twins.lacking(self._account)}
        remote = {ref.person_id: remote_id for remote_id, ref in self._refs.items()}
        return [
            replace(_as_azure_knows(person, linked, waiting), remote_id=remote.get(person.person_id, ""))
            for person in await self._vault.people()
        ]

    async def known(self) -> set[str]:
        """Ids of the kept faces that Azure has, too."""
        return {face.face_id for face in await self._twins.faces(self._account)}

    async def trained(self, person_id: str) -> bool:
        """Whether Azure's last training knew a face of the person."""
        return any(face.trained and face.person_id == person_id for face in await self._twins.faces(self._account))

    async def update(self, person_id: str, name: str | None, user_data: str | None) -> Person:
        """Change what is given, here and, now or with the next look around, at Azure."""
        person = await self._home.update_person(person_id, name=name, user_data=user_data)
        await self._renew_refs()
        if (remote_id := self.remote_id(person_id)) is not None:
            try:
                await self._azure.update_person(
                    remote_id, name=person.name, marker=person_id, user_data=person.user_data
                )
            except RecognizerError:
                return person
            await self._twins.link_person(self._account, person_id, remote_id, person.name)
        return person

    async def delete(self, person_id: str) -> Erasure:
        """Erase here, which takes effect at once, then at Azure; what could not be erased there is tried again."""
        await self.load()
        twin = self.remote_id(person_id)
        erasure = await self._home.delete_person(person_id)
        await self._renew_refs()
        if twin is None:
            return erasure
        problem = await self.bury()
        if twin in await self._twins.orphans(self._account):
            later = "a running service tries again, and so does `usense train`"
            left = f"the copy at Azure ({self._account}): {problem}; {later}"
            return replace(erasure, left=(*erasure.left, left))
        return replace(erasure, elsewhere=(f"Azure ({self._account})",))

    async def merge(self, person_id: str, into: str) -> Person:
        """Give one person's faces to another; those with kept photos are sent to Azure anew with the next training."""
        person = await self._home.merge_people(person_id, into)
        await self._renew_refs()
        await self.bury()
        return person

    async def unburied(self) -> int:
        """How many are erased here and still at Azure."""
        return len(await self._twins.orphans(self._account))

    async def bury(self) -> str:
        """Delete at Azure who was erased here; the reason why not if that fails. One that is refused stops no other."""
        problem = ""
        for remote_id in await self._twins.orphans(self._account):
            try:
                await self._azure.delete_person(remote_id)
            except (UnreachableError, RateLimitedError, QuotaGoneError, WrongKeyError) as error:
                return str(error)
            except RecognizerError as error:
                problem = str(error)
            else:
                await self._twins.buried(self._account, remote_id)
        return problem

    async def add_face(self, person_id: str, probe: Probe, *, force: bool) -> AddedFace:
        """Keep a face here and send it; without a kept photo one that cannot be sent is refused."""
        person = await self._existing(person_id)
        if len(person.face_ids) >= MOST_FACES:
            message = f"{person.name} has {MOST_FACES} faces already: delete some first"
            raise ConflictError(message, code="too_many_faces")
        crop = await asyncio.to_thread(keepsake.pack, probe) if self._home.keep_crops else None
        if crop is not None and not force:
            await self._refuse_twice(person, crop)
        seen = await self._sight.one(probe)
        if not force:
            await self._refuse_others(person, seen)
        async with self._sender.turn():
            return await self._keep_and_send(person, probe, crop, seen, force=force)

    async def delete_face(self, person_id: str, face_id: str) -> None:
        """Drop a face there, then here."""
        person = await self._existing(person_id)
        if face_id not in person.face_ids:
            raise NotFoundError("face", face_id)
        twin = next((face for face in await self._twins.faces(self._account) if face.face_id == face_id), None)
        remote_id = self.remote_id(person_id)
        if twin is not None and remote_id is not None:
            await self._azure.delete_face(remote_id, twin.remote_id)
        await self._home.delete_face(person_id, face_id)

    async def renew(self, told: Callable[[Renewal], None]) -> Renewal:
        """Send the kept photos that Azure lacks."""
        async with self._sender.turn():
            await adopt(self._azure, self._twins, self._account)
            await self.load()
        lacking = await self._twins.lacking(self._account)
        sent = Renewal(0, len(lacking), 0)
        for person_id, face_id in lacking:
            told(sent)
            try:
                async with self._sender.turn():
                    await self._send_kept(person_id, face_id)
            except NotFoundError:  # dropped or sent meanwhile
                sent = replace(sent, total=sent.total - 1)
            except (BadImageError, StorageError):
                sent = replace(sent, failed=sent.failed + 1)
            else:
                sent = replace(sent, faces=sent.faces + 1)
                await self._twins.note(self._account, "untrained", "yes")
            await asyncio.sleep(2 * POLL)  # so that another process has its turn
        return replace(sent, untrained=await self._twins.noted(self._account, "untrained") == "yes")

    async def train(self) -> Training:
        """Let Azure train with all faces it has of the house's people."""
        async with self._changing:
            before, began = self.report, time.monotonic()
            self.report = replace(before, state="running", message="")
            try:
                faces = await self._twins.faces(self._account)
                if faces:
                    await self._azure.train()
                    await self._trained()
            except BaseException as error:
                failed = replace(before, state="failed", message=str(error))
                self.report = failed if isinstance(error, RecognizerError) else before
                raise
            await self._note_anybody(yes=bool(faces))
            await self._twins.note(self._account, "untrained", "no")
            report = Training(
                state="succeeded",
                persons=len({face.person_id for face in faces}),
                faces=len(faces),
                seconds=round(time.monotonic() - began, 3),
                finished_at=time.time(),
            )
            known = [face.face_id for face in faces]
            self.report = await self._twins.trained(self._account, before.gallery + 1, report, known)
            return self.report

    async def sync(self) -> None:
        """Take over who was added, renamed or deleted at Azure, and catch up there.

        A name that was changed on both sides is that of Azure.
        """
        async with self._sender.turn():
            await self.load()
            # Before the listing: what changes here from now on is newer than that.
            links = {twin.remote_id: twin for twin in await self._twins.people(self._account)}
            orphans = set(await self._twins.orphans(self._account))
            there = await self._azure.group() is not None
            remote = await self._azure.persons() if there else []
            try:
                await self._follower.follow(remote, links, orphans)
            finally:
                self.news |= self._follower.changed
                await self.load()
            trained = there and any(one.face_ids for one in remote) and (await self._azure.training()).last_success
            await self._note_anybody(yes=bool(trained))
            if trained and self._follower.adopted:
                await self._take_over_training()

    async def _take_over_training(self) -> None:
        """Count what another program enrolled and trained as trained, too."""
        faces = await self._twins.faces(self._account)
        report = replace(
            self.report,
            state="succeeded",
            persons=len({face.person_id for face in faces}),
            faces=len(faces),
            finished_at=time.time(),
        )
        known = [face.face_id for face in faces]
        self.report = await self._twins.trained(self._account, self.report.gallery + 1, report, known)

    async def _renew_refs(self) -> None:
        """Answers under way name nobody as before, though Azure is still to be told."""
        await self.load()
        self.news = True

    async def _existing(self, person_id: str) -> Person:
        for person in await self._vault.people():
            if person.person_id == person_id:
                return person
        raise NotFoundError("person", person_id)

    async def _refuse_twice(self, person: Person, crop: bytes) -> None:
        """Raise ConflictError if this very picture is kept already; Azure would keep it twice."""
        for face_id in person.face_ids:
            with suppress(NotFoundError):
                if await self._vault.crop(person.person_id, face_id) == crop:
                    raise ConflictError(f"{person.name} has this very face already", code="duplicate_face")

    async def _refuse_others(self, person: Person, seen: Seen) -> None:
        """Raise ConflictError if Azure takes the face for somebody else."""
        if not self.anybody:
            return
        candidates = (await self._sight.candidates([seen], urgent=False))[0]
        scores = {self.person(one.person_id): one.confidence for one in candidates}
        own = next((score for ref, score in scores.items() if ref and ref.person_id == person.person_id), 0.0)
        for ref, score in scores.items():
            other = ref is not None and ref.person_id != person.person_id
            if other and score >= self._sight.rules.threshold and score - own >= self._sight.rules.margin:
                text = f"this looks like {ref.name if ref else ''} (score {score:.2f}), not like {person.name}"
                raise ConflictError(text, code="wrong_person")

    async def _keep_and_send(
        self, person: Person, probe: Probe, crop: bytes | None, seen: Seen, *, force: bool
    ) -> AddedFace:
        if self.local_too:
            added = await self._home.add_face(person.person_id, probe, force=force)
        else:
            added = AddedFace(await self._vault.add_face(person.person_id, crop))
        try:
            await self._send(person, added.face_id, seen)
        except RecognizerError as error:
            if self._home.keep_crops:
                return replace(added, warning=f"kept here, but not at Azure yet ({error}): train again later")
            await self._vault.delete_template(person.person_id, added.face_id)
            raise
        except RequestError:
            await self._vault.delete_template(person.person_id, added.face_id)
            raise
        return added

    async def _send_kept(self, person_id: str, face_id: str) -> None:
        """Send a kept photo, if Azure still lacks it."""
        if (person_id, face_id) not in await self._twins.lacking(self._account):
            raise NotFoundError("face", face_id)
        person = await self._existing(person_id)
        crop = await self._vault.crop(person_id, face_id)
        seen = await self._sight.one(await asyncio.to_thread(keepsake.unpack, crop))
        await self._send(person, face_id, seen)

    async def _send(self, person: Person, face_id: str, seen: Seen) -> None:
        """Add a face at Azure, and its person before if they have no twin yet."""
        await self.load()  # another process may have linked the person
        remote_id = self.remote_id(person.person_id) or await self._make(person)
        known = {face.remote_id for face in await self._twins.faces(self._account)}
        try:
            remote_face = await self._azure.add_face(remote_id, seen.jpeg, seen.target, face_id, known=known)
        except PersonMissingError:
            await self._twins.unlink_person(self._account, person.person_id)
            await self.load()
            raise
        except PictureError as error:
            raise BadImageError("the picture", str(error), code="no_face") from error
        await self._twins.link_face(self._account, person.person_id, face_id, remote_face)

    async def _make(self, person: Person) -> str:
        """Make a person at Azure, unless a process that was killed did before it could note that."""
        if await self._azure.group() is None:
            with suppress(GroupExistsError):
                await self._azure.create_group("uSense")
        made = await self._azure.find_person(person.person_id)
        remote_id = made.person_id if made else None
        remote_id = remote_id or await self._azure.create_person(person.name, person.person_id, person.user_data)
        try:
            await self._twins.link_person(self._account, person.person_id, remote_id, person.name)
        except NotFoundError:  # erased here meanwhile
            await self._twins.disown(self._account, person.person_id, remote_id)
            await self.bury()
            raise
        await self.load()
        return remote_id

    async def _trained(self) -> None:
        """Wait until Azure's training is over; RecognizerError if it failed."""
        pause, deadline = FIRST_POLL, time.monotonic() + LONGEST_TRAINING
        while (state := await self._azure.training()).state == "running":
            if time.monotonic() > deadline:
                raise RecognizerError("Azure's training does not end: train again later")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_POLL)
        if state.state != "succeeded":
            raise RecognizerError(f"Azure's training {state.state}: {state.message or 'without a reason'}")

    async def _note_anybody(self, *, yes: bool) -> None:
        if yes != self.anybody:
            self.anybody = yes
            await self._twins.note(self._account, "anybody", "yes" if yes else "no")


def _as_azure_knows(person: Person, linked: Mapping[str, bool], waiting: Collection[str]) -> Person:
    there = [face_id for face_id in person.face_ids if face_id in linked]
    more = any(face_id in waiting for face_id in person.face_ids)
    return replace(
        person,
        trained=bool(there) and all(linked[face_id] for face_id in there) and not more,
        enroll_again=bool(person.face_ids) and not there and not more,
    )
