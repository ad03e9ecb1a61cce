"""Somebody who stands at the kiosk's camera."""

from __future__ import annotations

import time

from tests.support.theater import RULES, Theater
from tests.support.values import answer, face, frame
from uSense.core.models import Answer, Candidate, PersonRef

NOBODY_KNOWN = answer(("anna", 0.2), ("bea", 0.1))


class Standing(Theater):
    """People side by side; the scene's clock is the machine's."""

    def __init__(self) -> None:
        super().__init__(RULES)
        self.now = time.monotonic()

    def stand(self, *people: PersonRef | None) -> None:
        """These are there now, the known ones named and the others found to be unknown."""
        answers = [self._told(person) for person in people]
        faces = [face(100.0 + 250.0 * place) for place in range(len(people))]
        for _ in range(4):
            self.now = max(self.now + 0.001, time.monotonic())
            for ask in self.scene.look(faces, frame(self.now)).asks:
                self.reply(ask, answers[faces.index(ask.face)])

    def _told(self, person: PersonRef | None) -> Answer:
        return Answer((Candidate(person.person_id, person.name, 0.7),), 1) if person else NOBODY_KNOWN
