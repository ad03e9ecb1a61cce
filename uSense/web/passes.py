"""Passes: short-lived signed words (JWT) by which other pages of the house learn who stands at a kiosk.

The public keys are served as a JSON Web Key Set, so that whoever is given a pass can check it without asking us.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from uSense.core.events import Assurance, Sighting
from uSense.ports import Notebook

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

log = structlog.get_logger()

FILE = "passes.json"
"""Where the keys are kept, in the data folder."""
ALGORITHM = "ES256"
LASTING = 60
"""Seconds that a pass counts."""
YEAR = 365 * 86_400.0
"""Seconds after which there is a new key."""
KEPT = 2
"""Keys in the set: whoever remembered an older one is not turned away at once."""
LIVENESS = "none"
"""What was done to tell a living face from a photo of one."""


@dataclass(frozen=True, slots=True)
class _Key:
    key_id: str
    made_at: float
    private: EllipticCurvePrivateKey


class Passes:
    """Signs passes; `issuer` names this service in them."""

    def __init__(self, notebook: Notebook, issuer: str) -> None:
        self.issuer = issuer
        self._notebook = notebook
        self._keys: list[_Key] = []
        self._changing = asyncio.Lock()

    async def sign(self, sighting: Sighting, audience: str) -> tuple[str, int]:
        """A pass for whom a sighting named, for nobody but the pages of `audience`, and when it ends (wall clock).

        Raises StorageError if there is no key and none can be kept.
        """
        import jwt  # noqa: PLC0415 - heavy: paid for by those who want passes

        key, now = (await self._current())[-1], int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": audience,
            "sub": sighting.person_id,
            "name": sighting.name,
            "camera": sighting.camera,
            "assurance": _assurance(sighting).value,
            "liveness": LIVENESS,
            "amr": ["face"],
            "event_id": sighting.event_id,
            "iat": now,
            "nbf": now,
            "exp": now + LASTING,
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode(claims, key.private, ALGORITHM, {"kid": key.key_id}), now + LASTING

    async def key_set(self) -> dict[str, Any]:
        """The JSON Web Key Set; raises StorageError."""
        return {"keys": [_public(key) for key in reversed(await self._current())]}

    async def _current(self) -> list[_Key]:
        """The keys, newest last; a new one if there is none, or it is too old, or from the future."""
        async with self._changing:
            if not self._keys:
                self._keys = await asyncio.to_thread(_read, await self._notebook.load())
            now = time.time()
            if not self._keys or not -YEAR < now - self._keys[-1].made_at < YEAR:
                keys = [*self._keys, await asyncio.to_thread(_made, now)][-KEPT:]
                await self._notebook.save({"keys": [_written(key) for key in keys]})
                self._keys = keys
                log.info("a new key signs passes", key_id=keys[-1].key_id)
            return self._keys


def _assurance(sighting: Sighting) -> Assurance:
    """What a pass may say: nothing is `high` that was not checked to be alive."""
    return Assurance.MEDIUM if sighting.assurance is Assurance.HIGH else sighting.assurance


def _made(now: float) -> _Key:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - the same

    return _Key(secrets.token_hex(8), now, ec.generate_private_key(ec.SECP256R1()))


def _public(key: _Key) -> dict[str, Any]:
    from jwt.algorithms import ECAlgorithm  # noqa: PLC0415 - the same

    told: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(key.private.public_key()))
    return {**told, "kid": key.key_id, "use": "sig", "alg": ALGORITHM}


def _written(key: _Key) -> dict[str, Any]:
    from cryptography.hazmat.primitives import serialization as forms  # noqa: PLC0415 - the same

    pem = key.private.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    return {"kid": key.key_id, "made_at": key.made_at, "pem": pem.decode()}


def _read(values: Mapping[str, Any]) -> list[_Key]:
    """The keys of a notebook; what is none is left out."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey  # noqa: PLC0415 - the same
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - the same

    found = []
    for value in values.get("keys", ()):
        try:
            private = load_pem_private_key(value["pem"].encode(), None)
            made_at = float(value["made_at"])
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        if isinstance(private, EllipticCurvePrivateKey):
            found.append(_Key(str(value["kid"]), made_at, private))
    return found
