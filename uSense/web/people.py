"""People as pages show them: with photos, presence, and what would help to know them better."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from uSense.album import Photo, best
from uSense.control import Control
from uSense.core.errors import NotFoundError
from uSense.core.models import Person, Training
from uSense.core.tips import (
    CLEAR,
    Hardest,
    Need,
    Neighbor,
    Recall,
    hardest,
    misplaced,
    needs,
    neighbor,
    odd_faces,
    recall,
)
from uSense.times import rfc3339
from uSense.web.house import House

POOR = 0.3
"""Quality below which a photo is a poor one."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A photo of a person; `grade` is a key of the texts, `score` how like the others it is if that is too little."""

    face_id: str
    address: str
    grade: str
    percent: int | None
    added: str
    score: float | None


@dataclass(frozen=True, slots=True)
class Card:
    """A person; `face` is empty without a kept photo, `state` and `needs` are keys of the texts."""

    person: Person
    initials: str
    face: str
    state: str
    where: str
    since: str
    """When they were last here, as far as that is remembered; empty if nobody saw them."""
    clock: str
    needs: Sequence[Need]
    photos: Sequence[Shown]
    neighbor: Neighbor | None
    recall: Recall | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A face that is not somebody's: its address, and when that was said; empty if it is not known any more."""

    rejection_id: str
    face: str
    at: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All of them, and the two who are hardest to tell apart."""

    cards: Sequence[Card]
    hardest: Hardest | None
    report: Training

    def card(self, name: str) -> Card:
        """The card of somebody."""
        return next(card for card in self.cards if card.person.name == name)


async def enrolled(control: Control, person_id: str) -> Person:
    """The person with this id; NotFoundError."""
    for person in await control.people():
        if person.person_id == person_id:
            return person
    raise NotFoundError("person", person_id[:50])


async def overview(house: House) -> Overview:
    """Everybody."""
    report = await house.control.training()
    album = {person: await _photos(house, person) for person in await house.control.people()}
    last = _last_here(house)
    cards = [_card(house, person, photos, report, last) for person, photos in album.items()]
    qualities = {person.name: [photo.quality for photo in photos] for person, photos in album.items()}
    odd = {person.name for person in album if misplaced(report, person)}
    return Overview(cards, hardest(report, house.control.recognizer.rules.threshold, qualities, odd), report)


async def card(house: House, person: Person) -> Card:
    """One of them."""
    return _card(house, person, await _photos(house, person), await house.control.training(), _last_here(house))


def _last_here(house: House) -> Mapping[str, float]:
    """When each person was here last; `since` of who is absent is only since when that is known."""
    history = house.chronicle.history
    return history.last_here(history.oldest(time.time()))


async def _photos(house: House, person: Person) -> list[Photo]:
    if house.control.album is None:
        return [Photo(face_id, None, None) for face_id in person.face_ids]
    return await house.control.album.photos(person)


def _card(house: House, person: Person, photos: list[Photo], report: Training, last_here: Mapping[str, float]) -> Card:
    told = house.hub.states.get(f"presence/{person.person_id}")
    presence: Mapping[str, Any] = told.value if told else {"state": "unknown", "cameras": []}
    last = last_here.get(person.person_id)
    odd = odd_faces(report, person.name)
    shown = best(photos, odd)
    return Card(
        person=person,
        initials=initials(person.name),
        face=_address(person, shown) if shown else "",
        state=presence["state"],
        where=", ".join(presence["cameras"]),
        since="" if last is None else rfc3339(last),
        clock="" if last is None else time.strftime("%d %b, %H:%M", time.localtime(last)),
        needs=needs(person, [photo.quality for photo in photos], report),
        photos=[_shown(person, photo, odd.get(photo.face_id)) for photo in photos],
        neighbor=neighbor(report, house.control.recognizer.rules.threshold, person.name),
        recall=recall(report, person),
    )


def said_not_to_be(house: House, person: Person) -> list[Rejected]:
    """Faces of which was said that they are not this person, the latest first."""
    visiting, pictured = (
        house.control.visiting,
        {one.event_id for one in house.hub.sightings if one.seq in house.hub.portraits},
    )
    found = []
    for one in visiting.rejecting.said(person.person_id) if visiting else ():
        event_id = one.sighting.event_id if one.sighting else ""
        face = f"/api/v1/sightings/{event_id}/face" if event_id in pictured else ""
        at = "" if one.at is None else time.strftime("%d %b %Y, %H:%M", time.localtime(one.at))
        found.append(Rejected(one.rejection_id, face, at))
    return found


def initials(name: str) -> str:
    """At most two letters that stand for somebody without a photo."""
    words = name.split()
    return "".join(word[0] for word in (words if len(words) < 2 else [words[0], words[-1]])).upper()  # noqa: PLR2004


def _shown(person: Person, photo: Photo, score: float | None) -> Shown:
    value = photo.quality.value if photo.quality else None
    grade = "unknown" if value is None else "poor" if value < POOR else "fair" if value < CLEAR else "clear"
    return Shown(
        face_id=photo.face_id,
        address=_address(person, photo) if photo.quality else "",
        grade=grade,
        percent=None if value is None else round(100 * value),
        added="" if photo.added_at is None else time.strftime("%d %b %Y", time.localtime(photo.added_at)),
        score=score,
    )


def _address(person: Person, photo: Photo) -> str:
    return f"/people/{person.person_id}/faces/{photo.face_id}.jpg"
