"""Settings for a group of one's own at a served Face API."""

from __future__ import annotations

import secrets
from typing import Any

from tests.peers.faceapi import FaceApi
from uSense.recognizers.azure import AzureSettings

FAST = {"tier": "own", "calls": 1000}
"""A quota that no test waits for."""


def account(api: FaceApi, **settings: Any) -> dict[str, Any]:
    """The settings branch `recognizer` for the served API; each call names another group."""
    return {
        "kind": "azure",
        "endpoint": api.endpoint,
        "key": api.key,
        "group": f"g-{secrets.token_hex(6)}",
        **FAST,
        **settings,
    }


def azure(api: FaceApi, **settings: Any) -> AzureSettings:
    """The same as a recognizer's settings."""
    return AzureSettings.model_validate(account(api, **settings))
