"""Sealed bytes open only unchanged and only where they belong."""

from __future__ import annotations

import numpy as np
import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from uSense.storage import sealing

KEY = sealing.new_key()


@given(st.binary(), st.lists(st.text(alphabet="abc-1"), max_size=3))
def test_what_was_sealed_can_be_opened(plain: bytes, about: list[str]) -> None:
    """The same key and the same place give the plain bytes back, and no two seals are alike."""
    sealed = sealing.seal(KEY, plain, *about)

    assert plain == sealing.unseal(KEY, sealed, *about)
    assert sealed != sealing.seal(KEY, plain, *about)
    assert len(plain) < 8 or plain not in sealed


@given(st.binary(), st.integers(min_value=0))
def test_one_changed_bit_is_noticed(plain: bytes, where: int) -> None:
    """Nothing opens after any one bit was flipped."""
    sealed = bytearray(sealing.seal(KEY, plain, "face"))
    where %= 8 * len(sealed)
    sealed[where // 8] ^= 1 << where % 8

    with pytest.raises(InvalidTag):
        sealing.unseal(KEY, bytes(sealed), "face")


@given(st.binary(max_size=40), st.integers(min_value=1))
def test_missing_bytes_are_noticed(plain: bytes, cut: int) -> None:
    """Nothing opens after its end was cut off."""
    sealed = sealing.seal(KEY, plain)

    with pytest.raises(InvalidTag):
        sealing.unseal(KEY, sealed[: -1 - cut % len(sealed)])


def test_another_key_or_place_does_not_open_it() -> None:
    """A seal is bound to its key and to all of what it is about."""
    sealed = sealing.seal(KEY, b"plain", "face", "anna", "f1")

    for key, about in [
        (sealing.new_key(), ("face", "anna", "f1")),
        (KEY, ("face", "bert", "f1")),
        (KEY, ("gallery", "anna", "f1")),
        (KEY, ("face", "anna")),
    ]:
        with pytest.raises(InvalidTag):
            sealing.unseal(key, sealed, *about)


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(0, 5), st.integers(1, 40)),
        elements=st.floats(width=32, allow_subnormal=True),
    )
)
def test_vectors_come_back_bit_by_bit(vectors: NDArray[np.float32]) -> None:
    """Any number of vectors of any length comes back with the same bits, also of NaN and infinity."""
    opened = sealing.unseal_vectors(KEY, sealing.seal_vectors(KEY, vectors, "x"), "x")

    assert opened.dtype == np.float32
    assert opened.shape == vectors.shape
    assert opened.tobytes() == vectors.tobytes()
    assert opened.flags.writeable


def test_vectors_are_little_endian_on_every_machine() -> None:
    """The plain bytes do not depend on the machine, so that a backup can move."""
    sealed = sealing.seal_vectors(KEY, np.array([[1.0, -2.0]], np.float32))

    assert sealing.unseal(KEY, sealed) == bytes.fromhex("02000000 0000803f 000000c0")
