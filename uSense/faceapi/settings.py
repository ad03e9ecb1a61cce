"""Whether and how the Face contract is served."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from uSense.core.addresses import listening_address
from uSense.core.bounds import Pause
from uSense.schema import Branch, Mark

TIERS: dict[str, tuple[int, float]] = {"F0": (20, 60.0), "S0": (10, 1.0)}
"""Calls in any so many seconds."""


class RateLimitSettings(Branch):
    """How many calls a key may make."""

    tier: Literal["none", "F0", "S0", "own"] = "none"
    """`none`; as the cloud's tiers do `F0` (20 a minute) or `S0` (10 a second); or `own`, which is the next two."""
    calls: int = Field(default=10, ge=1, le=100_000)
    """Calls of a key in any window of `seconds`."""
    seconds: Pause = 1.0
    """Length of the window in seconds."""

    @property
    def window(self) -> tuple[int, float] | None:
        """Calls and seconds; None without a limit."""
        if self.tier == "none":
            return None
        return TIERS.get(self.tier, (self.calls, self.seconds))


class FaceApiSettings(Branch):
    """The Azure Face contract, served from the local recognizer."""

    enabled: bool = False
    """Serve it from `usense run`; `usense face-api` serves it alone, whatever stands here."""
    host: Annotated[str, AfterValidator(listening_address)] = "127.0.0.1"
    """Address at which it listens: of this machine; `0.0.0.0` lets your network in."""
    port: int = Field(default=5055, ge=0, le=65535)
    """Port at which it listens; 0 takes a free one."""
    key: SecretStr | None = None
    """The key that clients send, or several, one a line; by default one is made and kept in `data_dir`."""
    key_file: Path | None = None
    """File that holds the key or keys, in place of `key`."""
    certificate: Annotated[Path | None, Mark.NEEDED] = None
    """File with a certificate (PEM) for https; by default http."""
    certificate_key: Annotated[Path | None, Mark.NEEDED] = None
    """File with the certificate's key; by default it is in the certificate's file."""
    compat_2018: bool = False
    """Let ids in the query replace those in the path, as clients of 2018 that never filled in their paths need it."""
    fetch_urls: bool = False
    """Fetch pictures whose address a request names; otherwise only pictures in the request itself are taken."""
    face_ids: int = Field(default=10_000, ge=10, le=1_000_000)
    """Detected faces that are remembered at most, each for a day or as long as the client asked; the oldest leaves."""
    rate_limit: RateLimitSettings = RateLimitSettings()
    """Calls that a key may make, so that a client's own waiting can be tried."""

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.certificate_key is not None and self.certificate is None:
            raise ValueError("'certificate_key' is given without the 'certificate' that it belongs to")
        return self
