"""The use cases behind every door: MQTT commands, command line and web call the same methods."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from uSense import imaging
from uSense.aio import Switch
from uSense.album import Album
from uSense.core.errors import BadImageError, ConflictError, NotFoundError, RequestError, UsenseError
from uSense.core.events import Notice, Sighting, State
from uSense.core.explaining import FLAWS
from uSense.core.guiding import GuidingRules
from uSense.core.models import Answer, Box, Erasure, Face, Person, Probe, Quality, Rgb, Shot, Size, Training
from uSense.core.names import folded_name
from uSense.core.quality import Flaw, QualityRules, gate
from uSense.core.receipts import erasure_data
from uSense.core.voting import judge
from uSense.guiding import Guide
from uSense.ports import Archive, Backup, Detector, Outbox, Pages, Recognizer
from uSense.runtime import Runtime, Value
from uSense.saving import Saving
from uSense.times import rfc3339
from uSense.visitors import Visiting

log = structlog.get_logger()

CLEARLY_LARGER = 2.5
"""Among several faces of a photo the largest is taken if its area is this many times that of the next."""


SNAPSHOT_BYTES = 700_000
"""Bytes of a snapshot unless more are asked for: most brokers take it, also as base64."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A picture of a camera as a JPEG file."""

    camera: str
    captured_at: float
    size: Size
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """A face in a picture that was asked about: where it is and who it may be."""

    box: Box
    score: float
    quality: Quality
    answer: Answer | None = None
    person_id: str | None = None
    name: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """A face that was kept."""

    person_id: str
    name: str
    face_id: str
    quality: float
    warning: str = ""


class Control:
    """Gallery care, questions about pictures, and the switches of the running service."""

    def __init__(
        self,
        recognizer: Recognizer,
        detector: Detector,
        outbox: Outbox,
        quality: QualityRules,
        switches: Mapping[str, Switch],
        info: Callable[[], Mapping[str, Any]],
    ) -> None:
        self.recognizer = recognizer
        self.detector = detector
        self.outbox = outbox
        self.quality = quality
        self.switches = switches
        self.info = info
        self.on_gallery: Callable[[], None] = _nothing
        self.present: Callable[[], list[Sighting]] = list
        """The persons in sight of a camera."""
        self.shot: Callable[[str], Awaitable[Shot]] = _no_camera
        """The next picture of a camera."""
        self.longest_reply: Callable[[], float] = _endless
        """Bytes that a reply may have."""
        self.archive: Archive | None = None
        self.pages: Pages | None = None
        """What people see at a kiosk."""
        self.album: Album | None = None
        """The kept photos; None for a backend that keeps nothing here."""
        self.runtime: Runtime | None = None
        self.guide = Guide(self, GuidingRules())
        """Enrolls people at a camera."""
        self.visiting: Visiting | None = None
        """What the running service knows of unknown people."""
        self._detecting = asyncio.Lock()
        self._training = asyncio.Lock()

    # People

    async def people(self) -> list[Person]:
        """All enrolled persons, by name."""
        return await self.recognizer.people()

    async def find(self, who: str) -> Person:
        """The person with this id or name (any case and encoding); NotFoundError, or ConflictError if two names fit."""
        people = await self.recognizer.people()
        folded = folded_name(who.strip())
        fitting = [person for person in people if person.person_id == who or folded_name(person.name) == folded]
        if not fitting:
            raise NotFoundError("person", who)
        if len(fitting) > 1:
            raise ConflictError(f"{who!r} is the name of {len(fitting)} persons: use the person_id", code="ambiguous")
        return fitting[0]

    async def create_person(self, name: str, user_data: str = "") -> Person:
        """Add a person without faces."""
        person = await self.recognizer.create_person(name, user_data)
        log.info("person created", person_id=person.person_id)
        await self.tell_people()
        return person

    async def rename_person(self, who: str, name: str) -> Person:
        """Give a person another name; takes effect at once."""
        person = await self.find(who)
        renamed = await self.recognizer.update_person(person.person_id, name=name)
        await self.gallery_changed()
        return renamed

    async def annotate(self, who: str, user_data: str) -> Person:
        """Keep something else with a person than before."""
        person = await self.find(who)
        return await self.recognizer.update_person(person.person_id, user_data=user_data)

    async def delete_person(self, who: str) -> Person:
        """Forget a person with all faces, at once."""
        return (await self.erase_person(who))[0]

    async def erase_person(self, who: str) -> tuple[Person, Erasure]:
        """Forget a person with all faces, at once, and tell what was erased where and what could not be."""
        person = await self.find(who)
        erasure = await self.recognizer.delete_person(person.person_id)
        log.info("person erased", person_id=person.person_id, left=list(erasure.left))
        # Without the name: the receipt waits on the disk until the broker has it.
        self.outbox.post(
            Notice("person.erased", {"person_id": person.person_id, **erasure_data(erasure)}, lasting=True)
        )
        await self.gallery_changed()
        return person, erasure

    async def merge_people(self, who: str, into: str) -> Person:
        """Make two persons one: the first's faces become the second's, and the gallery is trained anew."""
        first, second = await self.find(who), await self.find(into)
        merged = await self.recognizer.merge_people(first.person_id, second.person_id)
        log.info("people merged", person_id=first.person_id, into=second.person_id)
        data = {"person_id": first.person_id, "into": second.person_id, "faces": len(merged.face_ids)}
        self.outbox.post(Notice("person.merged", data, lasting=True))
        await self.gallery_changed()
        await self.train()
        return await self.find(second.person_id)

    async def drop_crops(self, who: str | None = None) -> int:
        """Erase the kept crops of one person or of all; returns how many there were."""
        person_id = None if who is None else (await self.find(who)).person_id
        dropped = await self.recognizer.drop_crops(person_id)
        await self.tell_people()
        return dropped

    async def backup(self) -> Backup:
        """Write a backup into the data folder."""
        if self.archive is None:
            raise RequestError("this backend keeps nothing here that a backup could hold", code="no_archive")
        backup = await self.archive.keep("asked")
        log.info("backup written", file=str(backup.path), people=backup.people)
        return backup

    # Faces and training

    async def add_face(self, who: str, image: bytes, source: str, *, force: bool = False) -> Added:
        """Keep the face in an encoded picture for a person; it counts from the next training on."""
        return await self.add_picture(who, await asyncio.to_thread(imaging.decode, image, source), source, force=force)

    async def add_picture(self, who: str, picture: Rgb, source: str, *, force: bool = False) -> Added:
        """Keep the face in a picture for a person; it counts from the next training on."""
        person = await self.find(who)
        probe = await self.one_face(picture, source)
        async with Saving(self, person) as saving:
            added = await saving.add(probe, force=force)
        quality = probe.quality.value
        data = {"person_id": person.person_id, "name": person.name, "face_id": added.face_id, "source": source}
        self.outbox.post(Notice("enroll.progress", {**data, "quality": round(quality, 2), "warning": added.warning}))
        await self.tell_people()
        return Added(person.person_id, person.name, added.face_id, quality, added.warning)

    async def delete_face(self, who: str, face_id: str) -> Person:
        """Drop one face; takes effect at the next training."""
        person = await self.find(who)
        await self.recognizer.delete_face(person.person_id, face_id)
        await self.tell_people()
        return await self.find(person.person_id)

    async def against(self, person_id: str, probe: Probe) -> frozenset[str]:
        """Ids of the faces "not this person" that keep the name from this face, too."""
        rejecting = self.visiting.rejecting if self.visiting else None
        return await rejecting.against(self.recognizer, person_id, probe) if rejecting else frozenset()

    async def lift(self, rejection_ids: Collection[str]) -> None:
        """They may be this person after all: forget these, and look again."""
        if self.visiting is not None and rejection_ids:
            await self.visiting.rejecting.lift(rejection_ids)
            self.on_gallery()

    async def train(self) -> Training:
        """Fix a new gallery version and use it; trainings run one after the other."""
        async with self._training:
            self.outbox.post(Notice("train.started", {}))
            try:
                report = await self.recognizer.train()
            except UsenseError as error:
                self.outbox.post(Notice("train.finished", {"state": "failed", "message": str(error)}, lasting=True))
                raise
        log.info("training finished", gallery=report.gallery, persons=report.persons, faces=report.faces)
        self.outbox.post(Notice("train.finished", training_data(report), lasting=True))
        await self.gallery_changed()
        return report

    async def training(self) -> Training:
        """State of the last training."""
        return Training("running") if self._training.locked() else await self.recognizer.training()

    async def gallery_changed(self) -> None:
        """People or gallery are new: tell it, and look at everybody in sight again."""
        self.on_gallery()
        await self.tell_people()

    async def tell_people(self) -> None:
        """Publish the list of people."""
        self.outbox.post(State("people", [person_data(person) for person in await self.recognizer.people()]))

    # Questions about pictures

    async def faces(self, picture: Rgb) -> list[tuple[Face, Probe]]:
        """All faces of a picture, largest first, cut out."""
        whole = imaging.ArrayPicture(picture)
        async with self._detecting:
            found = await self.detector.detect(whole)
        return [(face, await asyncio.to_thread(imaging.probe, whole, face)) for face in found]

    async def one_face(self, picture: Rgb, source: str) -> Probe:
        """The one face a picture is about; BadImageError if there is none, several alike, or it is too bad."""
        found = await self.faces(picture)
        if not found:
            raise BadImageError(source, "no face was found; use a picture with a clear frontal face", code="no_face")
        if len(found) > 1 and found[0][0].box.area < CLEARLY_LARGER * found[1][0].box.area:
            raise BadImageError(
                source, f"{len(found)} faces are alike in size; cut the picture to one", code="many_faces"
            )
        probe = found[0][1]
        if reason := gate(probe.quality, self.quality):
            raise BadImageError(source, FLAWS[reason].format(size=probe.quality.size), code=reason)
        return probe

    async def detect(self, picture: Rgb) -> list[Found]:
        """Where faces are in a picture, largest first."""
        return [Found(face.box, face.score, probe.quality) for face, probe in await self.faces(picture)]

    async def identify(self, picture: Rgb) -> list[Found]:
        """Who is in a picture: every face with its candidates and what one look at it decides."""
        found = await self.faces(picture)
        if not found:
            return []
        answers = await self.recognizer.identify([probe for _, probe in found])
        return [self._judged(face, probe, answer) for (face, probe), answer in zip(found, answers, strict=True)]

    async def verify(self, picture: Rgb, other: Rgb, sources: tuple[str, str] = ("a", "b")) -> tuple[bool, float]:
        """Whether two pictures show the same person, and the score."""
        a = await self.one_face(picture, sources[0])
        b = await self.one_face(other, sources[1])
        score = await self.recognizer.compare(a, b)
        return score >= self.recognizer.rules.threshold, score

    async def verify_person(self, picture: Rgb, who: str, source: str) -> tuple[bool, float]:
        """Whether a picture shows this person, and the score; RequestError if the person is not trained."""
        person = await self.find(who)
        probe = await self.one_face(picture, source)
        score = await self.recognizer.likeness(probe, person.person_id)
        return score >= self.recognizer.rules.threshold, score

    def _judged(self, face: Face, probe: Probe, answer: Answer) -> Found:
        if reason := gate(probe.quality, self.quality) or (Flaw.UNSEEN if answer.unseen else None):
            return Found(face.box, face.score, probe.quality, answer, reason=reason)
        vote = judge(answer, probe.quality, self.recognizer.rules)
        name = vote.candidate.name if vote.candidate else None
        return Found(face.box, face.score, probe.quality, answer, vote.person_id, name, vote.reason)

    # The running service

    async def change_settings(self, changes: Mapping[str, Value | None]) -> dict[str, Value]:
        """Change settings at run time, None for the value of the settings file; returns all of them as they are now."""
        if self.runtime is None:
            raise RequestError("only a running service has settings to change", code="no_service")
        return await self.runtime.change(changes)

    def camera(self, name: str) -> str:
        """The camera of that name, which may be empty if there is only one; NotFoundError or RequestError."""
        if name and name not in self.switches:
            raise NotFoundError("camera", name, self.switches)
        if not name and len(self.switches) != 1:
            names = ", ".join(self.switches) or "there is none"
            raise RequestError(f"which camera? {names}", code="bad_payload")
        return name or next(iter(self.switches))

    def pause(self, camera: str, *, paused: bool) -> str:
        """Close a camera until it is resumed, or open it again; which, if it was not named, because there is one."""
        camera = self.camera(camera)
        self.switches[camera].turn(on=not paused)
        log.info("camera paused" if paused else "camera resumed", camera=camera)
        self.outbox.post(State(f"camera/{camera}/paused", "ON" if paused else "OFF"))
        return camera

    async def snapshot(self, camera: str = "", most: int = SNAPSHOT_BYTES) -> Snapshot:
        """The next picture of a camera, which may be left unnamed if there is one; at most so many bytes."""
        name = self.camera(camera)
        shot = await self.shot(name)
        # As base64, with something around it.
        most = int(min(most, max(0.0, self.longest_reply() - 1024) * 3 / 4))
        jpeg, size = await asyncio.to_thread(imaging.jpeg_within, shot.rgb, most)
        return Snapshot(name, shot.captured_at, size, jpeg)


def person_data(person: Person) -> dict[str, Any]:
    """A person as JSON, for topics and replies."""
    return {
        "person_id": person.person_id,
        "name": person.name,
        "faces": len(person.face_ids),
        "trained": person.trained,
        "enroll_again": person.enroll_again,
    }


def present_data(sighting: Sighting) -> dict[str, Any]:
    """A person in sight as JSON."""
    return {
        "name": sighting.name,
        "person_id": sighting.person_id,
        "camera": sighting.camera,
        "captured_at": rfc3339(sighting.captured_at),
        "event_id": sighting.event_id,
        "assurance": sighting.assurance,
    }


def training_data(report: Training) -> dict[str, Any]:
    """A training report as JSON."""
    finished = report.finished_at
    return {
        "state": report.state,
        "gallery": report.gallery,
        "persons": report.persons,
        "faces": report.faces,
        "seconds": round(report.seconds, 3),
        "finished_at": None if finished is None else rfc3339(finished),
        "message": report.message,
        "confusable": [{"a": pair.a, "b": pair.b, "score": round(pair.score, 3)} for pair in report.confusable],
        "weak": [{"name": one.name, "face_id": one.face_id, "score": round(one.score, 3)} for one in report.weak],
        "check": None if report.check is None else asdict(report.check),
    }


def _nothing() -> None:
    return


async def _no_camera(camera: str) -> Shot:
    raise NotFoundError("camera", camera)


def _endless() -> float:
    return math.inf
