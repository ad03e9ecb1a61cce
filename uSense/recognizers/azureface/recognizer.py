"""Identifies with Azure, alone or together with the local recognizer."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import structlog

from uSense.core.breaker import Circuit
from uSense.core.errors import RecognizerError, RequestError, StorageError
from uSense.core.findings import Finding, ok, warning
from uSense.core.judging import DecisionRules, Judge
from uSense.core.models import Answer, Candidate, Embedding, Erasure, Person, Probe, Renewal, Training
from uSense.core.pacing import backoff
from uSense.core.quota import Tier
from uSense.core.voting import Vote, judge
from uSense.ports import AddedFace, Detector, Habits
from uSense.recognizers.azureface.account import Account, RemoteCandidate
from uSense.recognizers.azureface.checkup import ask_approval, checked
from uSense.recognizers.azureface.client import AzureFace
from uSense.recognizers.azureface.errors import (
    FaceMissingError,
    GroupMissingError,
    NotApprovedError,
    NotTrainedError,
    PersonMissingError,
    QuotaGoneError,
    RateLimitedError,
    UnreachableError,
    WrongKeyError,
)
from uSense.recognizers.azureface.people import TwinPeople
from uSense.recognizers.azureface.sight import AzureDetector, Sight
from uSense.recognizers.local import LocalRecognizer

log = structlog.get_logger()

T = TypeVar("T")

MOST_BATCHES = 8
"""Batches under way; more would not be faster at S0."""
UNDER_WAY = 2.0
"""Seconds that the faces under way may take together: who is left behind then is out of sight when the answer comes."""
_PASSING = (
    UnreachableError,
    RateLimitedError,
    QuotaGoneError,
    WrongKeyError,
    NotApprovedError,
    GroupMissingError,
    NotTrainedError,
)
"""Failures of an identification that are over when a look around succeeds."""
SECONDED = Habits(at_once=2)


def sparing(tier: Tier) -> Habits:
    """Each look costs a call or two: one at the best view decides. About as many batches at once as calls a second."""
    rate = tier.calls / tier.seconds
    at_once = min(MOST_BATCHES, max(1, round(rate)))
    return Habits(looks=1, ripen=0.5, at_once=at_once, most=max(1, round(UNDER_WAY * rate / at_once)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who is asked when; see the settings of the same names."""

    fallback: bool
    second_opinion: bool
    band: float
    frames: bool
    refresh_every: float


class AzureRecognizer:
    """Sends the best views to Azure; the local recognizer stands in, or is asked first, where the settings say so."""

    kind = "azure"

    def __init__(
        self, plan: Plan, account: Account, azure: AzureFace, sight: Sight, people: TwinPeople, home: LocalRecognizer
    ) -> None:
        self.model = account.recognition_model
        self.habits = SECONDED if plan.second_opinion else sparing(account.tier)
        self._plan = plan
        self._account = account
        self._azure = azure
        self._sight = sight
        self._people = people
        self._home = home
        self._away = ""
        """Why Azure did not answer the last question; empty while it does."""
        self._trouble = ""
        """What hindered the last look around."""
        self._stale = False
        self._approved = False
        """Whether Azure is known to let this resource identify."""
        self._lasting = False
        """Whether it was no passing matter."""
        self._strangers: set[str] = set()
        """Remote ids that Azure named and the house does not know."""
        self._look = asyncio.Event()
        self._agreed: Counter[bool] = Counter()

    def look_first(self) -> None:
        """Ask Azure who is there before telling it the first time, because nobody looks around."""
        self._stale = True

    @property
    def problem(self) -> str:
        if self._away and (self._plan.fallback or self._plan.second_opinion):
            return f"{self._away}; the local recognizer answers meanwhile"
        return self._away or self._trouble

    @property
    def rules(self) -> DecisionRules:
        """Those of Azure's confidences."""
        return self._sight.rules

    @rules.setter
    def rules(self, rules: DecisionRules) -> None:
        self._sight.rules = rules

    def detector(self, local: Detector) -> Detector:
        if self._plan.frames and not self._plan.second_opinion:
            return AzureDetector(self._azure, local, self._account.detection_model)
        return local

    def quota(self) -> Mapping[str, Any] | None:
        now = self._azure.state()
        told: dict[str, Any] = {
            "used_today": now.usage.today,
            "left_today": now.usage.left_today,
            "used_month": now.usage.month,
            "left_month": now.usage.left_month,
            "waiting": now.usage.waiting,
            "refused": now.usage.refused,
            "turned_away": now.usage.turned_away,
            "slowness": round(now.usage.slowness, 2),
            "circuit": now.circuit,
            "retry_in_s": round(now.retry_in),
            "region": now.region,
            "request_id": now.request_id,
        }
        if self._plan.second_opinion:
            asked = self._agreed.total()
            told["second_opinions"] = asked
            told["agreement"] = round(self._agreed[True] / asked, 3) if asked else None
        return told

    async def identify(self, probes: Sequence[Probe]) -> list[Answer]:
        if not probes:
            return []
        if self._plan.second_opinion:
            return await self._with_second_opinion(probes)
        try:
            answers = await self._by_azure(probes)
        except RecognizerError as error:
            if self._plan.fallback and not self._away:
                log.warning("azure does not answer, the local recognizer stands in", problem=str(error))
            self._failed(error)
            if not self._plan.fallback:
                raise
            if not (await self._home.training()).persons:
                message = f"{error}; the local recognizer knows nobody yet: usense migrate azure local"
                raise RecognizerError(message) from error
            return await self._by_home(probes)
        self._answers()
        return answers

    async def resembling(self, faces: Sequence[Embedding]) -> list[Answer]:
        return await self._home.resembling(faces)

    async def compare(self, a: Probe, b: Probe) -> float:
        first, second = await self._sight.one(a), await self._sight.one(b)
        return await self._azure.verify(first.face_id, other=second.face_id)

    async def likeness(self, probe: Probe, person_id: str) -> float:
        remote_id = self._people.remote_id(person_id)
        if remote_id is None or not await self._people.trained(person_id):
            raise RequestError("this person is not trained yet: add faces, then train", code="not_trained")
        seen = await self._sight.one(probe)
        return await self._azure.verify(seen.face_id, person_id=remote_id)

    async def people(self) -> list[Person]:
        if self._stale:
            self._stale = False
            try:
                await self._people.sync()
            except RecognizerError as error:
                log.info("people as they were last known at azure", problem=str(error))
        return await self._people.everybody()

    async def known(self) -> set[str]:
        return await self._people.known()

    async def create_person(self, name: str, user_data: str = "") -> Person:
        return await self._home.create_person(name, user_data)

    async def update_person(self, person_id: str, *, name: str | None = None, user_data: str | None = None) -> Person:
        return await self._people.update(person_id, name, user_data)

    async def delete_person(self, person_id: str) -> Erasure:
        return await self._people.delete(person_id)

    async def merge_people(self, person_id: str, into: str) -> Person:
        return await self._people.merge(person_id, into)

    async def add_face(self, person_id: str, probe: Probe, *, force: bool = False) -> AddedFace:
        return await self._people.add_face(person_id, probe, force=force)

    async def delete_face(self, person_id: str, face_id: str) -> None:
        await self._people.delete_face(person_id, face_id)

    async def renew(self, told: Callable[[Renewal], None], *, pace: float = 1.0) -> Renewal:
        if self._people.local_too and (await self._home.renew(_ignored, pace=pace)).untrained:
            await self._home.train()  # now: Azure may be away, which is what the local recognizer is for
        return await self._with_fresh_eyes(lambda: self._people.renew(told))

    async def drop_crops(self, person_id: str | None = None) -> int:
        return await self._home.drop_crops(person_id)

    async def train(self) -> Training:
        if not self._people.local_too:
            return await self._with_fresh_eyes(self._sent_and_trained)
        local = await self._home.train()  # first: Azure may be away
        report = await self._with_fresh_eyes(self._sent_and_trained)
        return replace(report, confusable=local.confusable, weak=local.weak, check=local.check, tried=local.tried)

    async def training(self) -> Training:
        return self._people.report

    async def refresh(self) -> bool:
        changed = await (self._home.refresh() if self._people.local_too else self._people.changed())
        if changed:
            await self._people.load()
        changed, self._people.news = changed or self._people.news, False
        return changed

    async def look_around(self) -> None:
        """Keep up with what is changed in the group elsewhere, and erase there who is gone here; until canceled."""
        pauses = backoff(5.0, 300.0, random.random)
        while True:
            self._look.clear()
            self._trouble = await self._looked()
            unwell = self._trouble or self._away
            if not unwell:
                pauses = backoff(5.0, 300.0, random.random)
            with suppress(TimeoutError):
                async with asyncio.timeout(next(pauses) if unwell else self._plan.refresh_every):
                    await self._look.wait()

    async def _looked(self) -> str:
        """Look around once; what is wrong, in plain words. Who was erased is deleted first: that needs no approval."""
        try:
            await self._people.bury()
            if self._away or not self._approved:
                await ask_approval(self._azure)
                self._approved = True
            await self._people.sync()
            left = await self._people.bury()
        except (RecognizerError, RequestError, StorageError) as error:
            log.info("azure cannot be looked at", problem=str(error))
            return str(error)
        if self._away and not self._lasting:
            log.info("azure answers again")
            self._away = ""
        return left

    def _failed(self, error: RecognizerError) -> None:
        """A question was not answered: look soon why, and whether that is over."""
        if not self._away:
            self._look.set()
        self._away, self._lasting = str(error), not isinstance(error, _PASSING)

    def _answers(self) -> None:
        """A question was answered."""
        if self._away:
            log.info("azure answers again")
            self._away = ""
            self._look.set()

    async def _with_fresh_eyes(self, act: Callable[[], Awaitable[T]]) -> T:
        """Do something; once more after a look around if the group or somebody in it was deleted elsewhere."""
        try:
            return await act()
        except (GroupMissingError, PersonMissingError):
            await self._people.sync()
            return await act()

    async def _sent_and_trained(self) -> Training:
        await self._people.bury()
        await self._people.renew(_ignored)
        return await self._people.train()

    async def checkup(self) -> list[Finding]:
        findings = await checked(self._azure, self._account)
        if left := await self._people.unburied():
            text = f"{left} {'person' if left == 1 else 'people'} erased here could not be deleted at Azure yet"
            findings.append(warning("azure copies", text, "usense train; the running service tries it by itself"))
        if self._people.local_too:
            findings.append(await self._stand_in())
        return findings

    async def _stand_in(self) -> Finding:
        """Whether the local recognizer knows the people, too."""
        await self._home.refresh()
        people = sum(bool(person.face_ids) for person in await self._home.people())
        known = (await self._home.training()).persons
        if known < people:
            text = f"the local recognizer knows {known} of {people} {'person' if people == 1 else 'people'}"
            return warning("local", f"{text}: others would be unknown to it", "usense migrate azure local")
        return ok("local", "the local recognizer knows everybody, too")

    async def _by_azure(self, probes: Sequence[Probe]) -> list[Answer]:
        """What Azure says, one answer a probe; nobody costs no call while nobody is trained."""
        gallery = self._people.report.gallery
        if not self._people.anybody:
            return [Answer((), gallery)] * len(probes)
        seen = await self._sight.all(probes)
        faces = [face for face in seen if face is not None]
        try:
            ranked = await self._sight.candidates(faces, urgent=True) if faces else []
        except FaceMissingError:  # they waited too long: the next views of them are found anew
            return [Answer((), gallery, unseen=True)] * len(probes)
        answers = dict(zip((face.face_id for face in faces), ranked, strict=True))
        return [self._answer(answers[face.face_id] if face else None, gallery) for face in seen]

    def _answer(self, candidates: Sequence[RemoteCandidate] | None, gallery: int) -> Answer:
        if candidates is None:
            return Answer((), gallery, unseen=True)
        strange = {one.person_id for one in candidates if self._people.person(one.person_id) is None}
        if not strange <= self._strangers:  # somebody whom another program enrolled
            self._strangers |= strange
            self._look.set()
        known = ((self._people.person(one.person_id), one.confidence) for one in candidates)
        named = tuple(Candidate(ref.person_id, ref.name, confidence) for ref, confidence in known if ref)
        return Answer(named, gallery, floor=self._account.candidate_threshold)

    async def _by_home(self, probes: Sequence[Probe]) -> list[Answer]:
        """What the local recognizer says, on its own scale, in the numbering of the whole."""
        local = await self._home.identify(probes)
        judged_by, gallery = Judge(self._home.kind, self._home.model, self._home.rules), self._people.report.gallery
        return [replace(answer, gallery=gallery, judge=judged_by) for answer in local]

    async def _with_second_opinion(self, probes: Sequence[Probe]) -> list[Answer]:
        """What the local recognizer says, or Azure where that is unsure and a call is to be had soon."""
        answers = await self._by_home(probes)
        votes = [judge(answer, probe.quality, self._home.rules) for probe, answer in zip(probes, answers, strict=True)]
        unsure = [index for index, vote in enumerate(votes) if self._unsure(vote)]
        if not unsure or not self._soon():
            return answers
        try:
            seconds = await self._by_azure([probes[index] for index in unsure])
        except RecognizerError as error:
            self._failed(error)
            return answers
        self._answers()
        for index, second in zip(unsure, seconds, strict=True):
            if second.unseen:
                continue
            said = judge(second, probes[index].quality, self.rules)
            self._agreed[said.person_id == votes[index].person_id] += 1
            answers[index] = replace(second, judge=Judge(self.kind, self.model, self.rules))
        return answers

    def _soon(self) -> bool:
        """Whether Azure can be asked without a long wait."""
        now = self._azure.state()
        return now.circuit is not Circuit.OPEN and not now.usage.waiting and now.usage.left_today != 0

    def _unsure(self, vote: Vote) -> bool:
        """Whether the local score lies near its threshold, or the lead near the margin."""
        if vote.score is None:
            return self._people.anybody
        near = abs(vote.score - self._home.rules.threshold) <= self._plan.band
        close = vote.score >= self._home.rules.threshold and (vote.margin or 0.0) <= self._home.rules.margin
        return near or close


def _ignored(_: Renewal) -> None:
    return
