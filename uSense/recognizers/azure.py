"""The recognizer in the cloud: Azure Face identifies, within its quota, alone or together with the local recognizer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal, Self

import structlog
from pydantic import Field, SecretStr, model_validator

from uSense.core.bounds import Share
from uSense.core.errors import SettingsError
from uSense.core.judging import DecisionRules
from uSense.core.quota import F0, S0, Tier
from uSense.ports import House, Recognizer
from uSense.recognizers.azureface.account import Account
from uSense.recognizers.azureface.client import connect
from uSense.recognizers.azureface.ledger import place, shared
from uSense.recognizers.azureface.limiter import Limiter
from uSense.recognizers.azureface.people import TwinPeople
from uSense.recognizers.azureface.recognizer import AzureRecognizer, Plan
from uSense.recognizers.azureface.sight import Sight
from uSense.recognizers.azureface.sole import sole
from uSense.recognizers.local import LocalSettings
from uSense.schema import Branch

log = structlog.get_logger()

LEAST_CONFIDENCE = 0.5
"""From this confidence on Azure itself calls two faces identical."""
KEYLESS = "is missing: give recognizer.key_file, or set USENSE_RECOGNIZER__KEY"
"""Said of settings without a key."""


class AzureSettings(Branch):
    """Identify faces with Azure Face."""

    kind: Literal["azure"]
    """The recognizer: azure, faces are sent to your Azure Face resource."""
    endpoint: str
    """Address of the resource, such as https://NAME.cognitiveservices.azure.com; or of another uSense's Face API."""
    plain_http: bool = False
    """Let photos and key travel unencrypted, to another machine of yours that runs `usense face-api`."""
    key: SecretStr | None = None
    """One of the resource's two keys."""
    key_file: Path | None = None
    """File that holds the key, in place of `key`."""
    group: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")] = "usense"
    """Id of the person group; it is made when somebody is enrolled."""
    group_kind: Literal["plain", "large"] = "large"
    """Kind of the person group: plain, or large."""
    recognition_model: Literal["recognition_01", "recognition_02", "recognition_03", "recognition_04"] = (
        "recognition_04"
    )
    """Model that compares faces; fixed with the group."""
    detection_model: Literal["detection_01", "detection_02", "detection_03"] = "detection_03"
    """Model that finds faces."""
    tier: Literal["F0", "S0", "own"] = "S0"
    """Price tier of the resource: F0 (20 calls a minute, 30,000 a month), S0 (10 a second), or own: the next three."""
    calls: int = Field(default=10, ge=1, le=10_000)
    """With `tier: own`: calls in `seconds` at most."""
    seconds: float = Field(default=1, gt=0, le=3600)
    """With `tier: own`: seconds of the window in which calls are counted."""
    month: int | None = Field(default=None, ge=1)
    """With `tier: own`: calls in a calendar month at most; null without a limit."""
    candidate_threshold: Share = 0.5
    """Confidence below which Azure names nobody; sent to it."""
    accept_threshold: float = Field(default=0.7, ge=LEAST_CONFIDENCE, le=1)
    """Lowest confidence that names a person; decided here."""
    margin: Share = 0.05
    """Smallest lead of the best person's confidence over that of the runner-up."""
    detect: Literal["crop", "frame"] = "crop"
    """What is sent: crop, the best view of each face that is found here; or frame, whole pictures."""
    fallback: Literal["none", "local"] = "none"
    """Who answers while Azure does not: none, or the local recognizer."""
    second_opinion: bool = False
    """Let the local recognizer decide, and Azure only where that is unsure."""
    band: Share = 0.06
    """With `second_opinion`: distance from the local threshold, in score, within which it is unsure."""
    local: LocalSettings = LocalSettings()
    """The local recognizer, for `fallback`, `second_opinion` and moving people from or to Azure."""
    timeout: float = Field(default=10, ge=1, le=120)
    """Seconds to wait for an answer."""
    refresh_every: float = Field(default=3600, ge=10, le=86_400)
    """Seconds between two looks at what was changed in the group elsewhere."""

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if self.key is not None and self.key_file is not None:
            raise ValueError("'key' and 'key_file' exclude each other: leave one out")
        if self.key is not None and not self.key.get_secret_value().strip().isprintable():
            raise ValueError("'key' is one line of text: give one of the two keys, without line breaks")
        try:
            self._account("").base  # noqa: B018 - says what is wrong with it
        except SettingsError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def rules(self) -> DecisionRules:
        """When one look names a person."""
        strangers = self.local.rules.strangers
        return DecisionRules(threshold=self.accept_threshold, margin=self.margin, strangers=strangers)

    @property
    def least_threshold(self) -> float:
        """A lower threshold would keep hardly any stranger from getting a name."""
        return self.local.least_threshold if self.second_opinion else LEAST_CONFIDENCE

    @property
    def tariff(self) -> Tier:
        """The calls that are allowed."""
        return {"F0": F0, "S0": S0, "own": Tier(self.calls, self.seconds, self.month)}[self.tier]

    @property
    def account(self) -> Account:
        """Where the group is, and how it is asked; SettingsError without a key."""
        if self.key is None or not self.key.get_secret_value().strip():
            raise SettingsError(f"recognizer.key: {KEYLESS}")
        return self._account(self.key.get_secret_value())

    def _account(self, key: str) -> Account:
        return Account(
            endpoint=self.endpoint,
            key=key,
            kind=self.group_kind,
            group_id=self.group,
            recognition_model=self.recognition_model,
            detection_model=self.detection_model,
            candidate_threshold=self.candidate_threshold,
            tier=self.tariff,
            timeout=self.timeout,
            plain_http=self.plain_http,
        )

    @asynccontextmanager
    async def open(self, house: House, *, lazily: bool = False, keep_crops: bool = True) -> AsyncIterator[Recognizer]:
        """A recognizer over the house's people and their group at Azure, which need not answer yet.

        Unless `lazily`, it looks around there from time to time. Raises ModelError, StorageError and SettingsError.
        """
        async with AsyncExitStack() as stack:
            needed = self.second_opinion or self.fallback == "local"
            home = await stack.enter_async_context(
                self.local.open(house, lazily=lazily or not needed, keep_crops=keep_crops)
            )
            account = self.account
            ledger = await stack.enter_async_context(shared(place(house.folder, account)))
            azure = await stack.enter_async_context(connect(account, Limiter(account.tier, ledger)))
            sight = Sight(azure, self.rules)
            sender = await stack.enter_async_context(sole(place(house.folder, account).with_suffix(".sending")))
            people = TwinPeople(house, home, azure, account, sight, sender)
            people.local_too = needed
            await people.load()
            plan = Plan(
                fallback=self.fallback == "local",
                second_opinion=self.second_opinion,
                band=self.band,
                frames=self.detect == "frame",
                refresh_every=self.refresh_every,
            )
            recognizer = AzureRecognizer(plan, account, azure, sight, people, home)
            if lazily:
                recognizer.look_first()
                yield recognizer
                return
            if account.tier == F0:
                log.warning("the free tier of Azure finds faces, but Microsoft offers identification only on S0")
            async with asyncio.TaskGroup() as group:
                task = group.create_task(recognizer.look_around(), name="azure people")
                yield recognizer
                task.cancel()
