"""The seam to what is known of the copies of the house's people at a cloud backend."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from uSense.core.models import Training


@dataclass(frozen=True, slots=True)
class TwinPerson:
    """A person of the house and the one at the backend; `remote_name` is how that was called when last seen."""

    person_id: str
    remote_id: str
    remote_name: str


@dataclass(frozen=True, slots=True)
class TwinFace:
    """A face of the house and the one at the backend; `trained` whether the backend's last training knew it."""

    person_id: str
    face_id: str
    remote_id: str
    trained: bool


class Twins(Protocol):
    """What of the house's people stands at a cloud backend. Raises StorageError, NotFoundError, ConflictError.

    `account` is a short text that tells one gallery there from all others. Links go with the local person or face; the
    remote id of a person who is erased, merged or otherwise gone becomes an orphan in the same transaction.
    """

    async def people(self, account: str) -> list[TwinPerson]:
        """All linked persons, in the order they were made here."""

    async def link_person(self, account: str, person_id: str, remote_id: str, remote_name: str) -> None:
        """Set a person's twin, or its name; with another remote id the links of the faces are dropped.

        ConflictError `twin_taken` if the remote person is another one's twin.
        """

    async def unlink_person(self, account: str, person_id: str) -> None:
        """Forget a person's twin and those of their faces, if there are any; no orphan remains."""

    async def faces(self, account: str) -> list[TwinFace]:
        """All linked faces, in the order they were added here."""

    async def link_face(self, account: str, person_id: str, face_id: str, remote_id: str) -> None:
        """Set a face's twin, untrained; NotFoundError if the person has no twin, or that face no more."""

    async def unlink_face(self, account: str, face_id: str) -> None:
        """Forget a face's twin, if there is one."""

    async def lacking(self, account: str) -> list[tuple[str, str]]:
        """Person and face id of every face of the house that has a crop and no twin, in the order they were added."""

    async def faceless(self, account: str) -> list[tuple[str, str]]:
        """Person and face id of every face of the house that has neither crop nor twin: it cannot be moved."""

    async def trained(
        self, account: str, version: int, report: Training, face_ids: Collection[str] | None = None
    ) -> Training:
        """Mark the linked faces trained, or only `face_ids`, and keep the report with its version number.

        Confusable pairs and weak faces, which name people, are not kept.
        """

    async def report(self, account: str) -> Training | None:
        """That of the last training."""

    async def orphans(self, account: str) -> list[str]:
        """Remote ids of persons who are gone here and still to be deleted there, oldest first."""

    async def disown(self, account: str, person_id: str, remote_id: str) -> bool:
        """Make a remote person an orphan if the one of the house with this id is erased or merged; whether it is."""

    async def buried(self, account: str, remote_id: str) -> None:
        """That orphan is deleted there."""

    async def note(self, account: str, key: str, value: str) -> None:
        """Keep a small piece of state."""

    async def noted(self, account: str, key: str) -> str | None:
        """What was noted last."""
