"""AES-256-GCM over templates and keys, each bound to what it belongs to."""

from __future__ import annotations

import os

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

KEY_BYTES = 32
_NONCE = 12
_TAG = 16
_WIDTH = 4


def new_key() -> bytes:
    """A random key."""
    return AESGCM.generate_key(8 * KEY_BYTES)


def seal(key: bytes, plain: bytes, *about: str) -> bytes:
    """Nonce, ciphertext and tag; `about` names what it belongs to and is needed again to open it."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, _bound(about))


def unseal(key: bytes, sealed: bytes, *about: str) -> bytes:
    """The plain bytes; raises InvalidTag if anything differs from when they were sealed."""
    if len(sealed) < _NONCE + _TAG:
        raise InvalidTag
    return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(about))


def seal_vectors(key: bytes, vectors: NDArray[np.float32], *about: str) -> bytes:
    """`vectors` (n, d), sealed: d as 4 bytes, then the numbers, all little-endian on every machine."""
    return seal(key, vectors.shape[1].to_bytes(_WIDTH, "little") + vectors.astype("<f4").tobytes(), *about)


def unseal_vectors(key: bytes, sealed: bytes, *about: str) -> NDArray[np.float32]:
    """The vectors (n, d) that `seal_vectors` was given; raises InvalidTag."""
    plain = unseal(key, sealed, *about)
    width = int.from_bytes(plain[:_WIDTH], "little")
    return np.frombuffer(plain, "<f4", offset=_WIDTH).reshape(-1, width).astype(np.float32)


def _bound(about: tuple[str, ...]) -> bytes:
    return "\0".join(about).encode()
