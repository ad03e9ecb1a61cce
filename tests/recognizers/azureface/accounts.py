"""Settings for a group of one's own at a served Face API."""

from __future__ import annotations

import secrets
from typing import Any

from pydantic import SecretStr

from tests.peers.faceapi import FaceApi
from uSense.recognizers.azure import AzureSettings, TierSettings

FAST = TierSettings(calls=1000, seconds=1)
"""A quota that no test waits for."""


def azure(api: FaceApi, **settings: Any) -> AzureSettings:
    """Settings for the served API; each call names another group."""
    values: dict[str, Any] = {"group": f"g-{secrets.token_hex(6)}", "tier": FAST, **settings}
    return AzureSettings(kind="azure", endpoint=api.endpoint, key=SecretStr(api.key), **values)
