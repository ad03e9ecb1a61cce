"""Guided enrollment at a camera: takes pictures, tells what to do, and keeps all faces at the end, or none."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import structlog

from uSense import aio
from uSense.core.errors import BadImageError, ConflictError, NotFoundError, NotUndoneError, RequestError, UsenseError
from uSense.core.events import Notice
from uSense.core.guiding import Guiding, GuidingRules, Prompt, SeenFace, thumbnail
from uSense.core.lookalikes import likenesses, one_person
from uSense.core.models import MOST_FACES, Box, Candidate, Face, Person, Probe, Rgb, Shot
from uSense.core.names import clean_name
from uSense.core.prompts import ALIKE, ENDINGS, STOPPING, Ending, sentence
from uSense.core.quality import QualityRules, aside
from uSense.ports import Outbox
from uSense.saving import Gallery, Saving

log = structlog.get_logger()

INTERVAL = 1 / 3
"""Seconds between two pictures at least; after each there is a rest as long as it took."""


class Desk(Gallery, Protocol):
    """The use cases that an enrollment is made of."""

    outbox: Outbox
    quality: QualityRules
    shot: Callable[[str], Awaitable[Shot]]

    def camera(self, name: str) -> str:
        """The camera of that name, which may be empty if there is one; RequestError."""

    async def faces(self, picture: Rgb) -> list[tuple[Face, Probe]]:
        """All faces of a picture, largest first, cut out."""

    async def find(self, who: str) -> Person:
        """The person with this id or name."""


@dataclass(frozen=True, slots=True)
class Enrollment:
    """Somebody who is being enrolled at a camera; `person_id` if they were known before."""

    enrollment_id: str
    name: str
    camera: str
    person_id: str | None
    force: bool
    canceled: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How an enrollment ended; `facts` fill the text, unless there is a better one."""

    ending: Ending
    facts: Mapping[str, object] = field(default_factory=dict)
    text: str = ""
    person_id: str | None = None
    faces: int = 0
    alike: Sequence[Candidate] = ()


class Guide:
    """One enrollment at a time: `start` and `cancel` are told at once, the rest by `run` and in events."""

    def __init__(self, desk: Desk, rules: GuidingRules, clock: Callable[[], float] = time.monotonic) -> None:
        self.rules = rules
        self.interval = INTERVAL
        self._desk = desk
        self._clock = clock
        self._current: Enrollment | None = None
        self._asked = asyncio.Event()
        self._left = ""
        """What could not be removed of an enrollment that was canceled or cut short."""

    @property
    def current(self) -> Enrollment | None:
        """The enrollment that is under way."""
        return self._current

    async def start(self, name: str, camera: str = "", *, force: bool = False) -> Enrollment:
        """Begin to enroll somebody; raises RequestError (`busy`, `bad_name`, `camera_offline`, ...).

        Who has that name or id gets further faces.
        """
        if self._current is not None:
            at = self._current.camera
            raise ConflictError(f"somebody is being enrolled at {at} already: wait, or enroll/cancel", code="busy")
        chosen = self._desk.camera(camera)
        waiting = Enrollment(secrets.token_hex(6), name, chosen, None, force)
        self._current = waiting
        try:
            self._current = begun = await self._known(waiting)
            await self._desk.shot(chosen)
        except BaseException:
            self._current = None
            raise
        log.info("enrollment started", enrollment_id=begun.enrollment_id, camera=begun.camera)
        self._asked.set()
        return begun

    def cancel(self) -> str | None:
        """End the enrollment that is under way; its id, None if there is none."""
        if self._current is None:
            return None
        self._current.canceled.set()
        return self._current.enrollment_id

    async def run(self) -> None:
        """Carry out what is started, until canceled."""
        try:
            while True:
                await self._asked.wait()
                self._asked.clear()
                if self._current is not None:
                    await self._carry_out(self._current)
        finally:
            if self._current is not None:
                text = f"{STOPPING} {self._left}" if self._left else ""
                self._tell(self._current, _Outcome(Ending.STOPPING, text=text))

    async def _known(self, asked: Enrollment) -> Enrollment:
        """With the name as it is kept, and the person if they exist, who must have room for further faces."""
        try:
            person = await self._desk.find(asked.name)
        except NotFoundError:
            return replace(asked, name=clean_name(asked.name))
        if len(person.face_ids) + self.rules.steps > MOST_FACES:
            message = (
                f"{person.name} has {len(person.face_ids)} faces, and {MOST_FACES} are the most: delete some first"
            )
            raise ConflictError(message, code="too_many_faces")
        return replace(asked, name=person.name, person_id=person.person_id)

    async def _carry_out(self, asked: Enrollment) -> None:
        """From the first picture to the summary."""
        self._left = ""
        try:
            outcome = await aio.until(asked.canceled, self._enrolled(asked)) or self._canceled()
        except RequestError as error:
            offline = error.code == Ending.CAMERA
            outcome = _Outcome(Ending.CAMERA if offline else Ending.UNAVAILABLE, {"reason": sentence(error)})
        except NotUndoneError as error:
            outcome = _Outcome(Ending.UNAVAILABLE, text=str(error))
        except UsenseError as error:
            outcome = _Outcome(Ending.UNAVAILABLE, {"reason": sentence(error)})
        self._tell(asked, outcome)

    def _canceled(self) -> _Outcome:
        return _Outcome(Ending.UNAVAILABLE, text=self._left) if self._left else _Outcome(Ending.CANCELED)

    async def _enrolled(self, asked: Enrollment) -> _Outcome:
        """Look until all faces are taken, then keep them."""
        loop, guiding = asyncio.get_running_loop(), Guiding(self._desk.quality, self.rules, self._clock())
        probes: list[Probe] = []
        while not guiding.done:
            begun = loop.time()
            ending = await self._look(asked, guiding, probes)
            if ending is not None:
                return _Outcome(ending, text="" if ending is Ending.ERASED else guiding.farewell(ending))
            took = loop.time() - begun
            if not guiding.done:
                await asyncio.sleep(max(self.interval - took, took))
        return await self._kept(asked, probes)

    async def _look(self, asked: Enrollment, guiding: Guiding, probes: list[Probe]) -> Ending | None:
        """One picture: say what there is to say, and take the face if it is time."""
        shot = await self._desk.shot(asked.camera)
        found = await self._desk.faces(shot.rgb)
        seen, brightness = await asyncio.to_thread(_seen, shot.rgb, found)
        advice = guiding.see(seen, brightness, self._clock())
        if advice.prompt is not None:
            self._prompt(asked, advice.prompt)
        if advice.ending is not None or not advice.take:
            return advice.ending
        if await self._is_gone(asked):
            return Ending.ERASED
        probe = found[0][1]
        try:
            fits = await self._fits(probe, probes)
        except BadImageError:  # a recognizer that looks for itself finds no face there
            return None
        if not fits:
            return guiding.unlike()
        probes.append(probe)
        guiding.took(seen[0], self._clock())
        return None

    async def _is_gone(self, asked: Enrollment) -> bool:
        """Whether the person who is to get further faces was erased meanwhile."""
        if asked.person_id is None:
            return False
        try:
            await self._desk.find(asked.person_id)
        except NotFoundError:
            return True
        return False

    async def _fits(self, probe: Probe, probes: Sequence[Probe]) -> bool:
        """Whether a face is of the same person as those before; the others are asked only if the first is in doubt."""
        recognizer, scores = self._desk.recognizer, list[float]()
        for before in probes:
            scores.append(await recognizer.compare(before, probe))
            if len(scores) == 1 and one_person(scores, recognizer.rules):
                return True
        return one_person(scores, recognizer.rules)

    async def _kept(self, asked: Enrollment, probes: Sequence[Probe]) -> _Outcome:
        """Look whom it could be confused with; then keep all faces and train."""
        recognizer = self._desk.recognizer
        if await self._is_gone(asked):
            return _Outcome(Ending.ERASED)
        person = await self._person(asked)
        found = likenesses(await recognizer.identify(probes), recognizer.rules, person.person_id if person else None)
        known = person is not None and person.trained and bool(person.face_ids)
        facts = {"name": asked.name, "faces": len(probes)}
        if found.double and not asked.force:
            return _Outcome(Ending.LOOKS_LIKE, {"other": found.double.name}, alike=found.alike)
        if known and found.stranger and not asked.force:
            return _Outcome(Ending.UNLIKE, facts, alike=found.alike)
        ending = Ending.ADDED if person and person.face_ids else Ending.DONE
        person_id = await self._save(asked, person, probes)
        text = ENDINGS[ending].format(**facts)
        if found.alike:
            others = " and ".join(one.name for one in found.alike)
            text = f"{text} {ALIKE.format(name=asked.name, others=others)}"
        return _Outcome(ending, text=text, person_id=person_id, faces=len(probes), alike=found.alike)

    async def _person(self, asked: Enrollment) -> Person | None:
        """The person who gets the faces, if they exist by now."""
        try:
            return await self._desk.find(asked.person_id or asked.name)
        except NotFoundError:
            return None

    async def _save(self, asked: Enrollment, person: Person | None, probes: Sequence[Probe]) -> str:
        """Keep all faces and train, or leave everything as it was; the person's id."""
        saving = Saving(self._desk, person, asked.canceled.is_set)
        try:
            async with saving:
                if person is None:
                    await saving.create(asked.name)
                for probe in probes:
                    await saving.add(probe, force=True)
                await saving.train()
        finally:
            self._left = saving.left
        return saving.person.person_id

    def _prompt(self, asked: Enrollment, prompt: Prompt) -> None:
        told = {"code": prompt.code, "text": prompt.text, "step": prompt.step, "steps": prompt.steps}
        self._desk.outbox.post(Notice("enroll.prompt", {**_which(asked), **told}))

    def _tell(self, asked: Enrollment, outcome: _Outcome) -> None:
        """Say how it ended; the next one may begin."""
        self._current = None
        ending = outcome.ending
        data = {
            "state": ending.state,
            "code": ending,
            "text": outcome.text or ENDINGS[ending].format(**{"name": asked.name, **outcome.facts}),
            "person_id": outcome.person_id or asked.person_id,
            "name": asked.name,
            "faces": outcome.faces,
            "alike": [
                {"person_id": one.person_id, "name": one.name, "score": round(one.score, 3)} for one in outcome.alike
            ],
        }
        log.info("enrollment ended", enrollment_id=asked.enrollment_id, state=ending.state, code=ending)
        self._desk.outbox.post(Notice("enroll.finished", {**_which(asked), **data}))


def _which(asked: Enrollment) -> dict[str, Any]:
    return {"enrollment_id": asked.enrollment_id, "camera": asked.camera}


def _seen(picture: Rgb, found: Sequence[tuple[Face, Probe]]) -> tuple[list[SeenFace], float]:
    """The faces as the core wants them, and the brightness of the picture, 0 to 1."""
    height, width = picture.shape[:2]
    faces = []
    for face, probe in found:
        box = Box(face.box.x0 / width, face.box.y0 / height, face.box.x1 / width, face.box.y1 / height)
        turned = None if face.landmarks is None else aside(face.landmarks)
        rows, columns = probe.crop.shape[:2]
        x0, y0 = max(0, round(probe.box.x0)), max(0, round(probe.box.y0))
        x1, y1 = min(columns, round(probe.box.x1)), min(rows, round(probe.box.y1))
        gray = probe.crop[y0:y1, x0:x1].mean(axis=2).astype(np.uint8)
        faces.append(SeenFace(box, probe.quality, turned, thumbnail(gray)))
    return faces, float(picture[::16, ::16].mean()) / 255.0
