"""Pictures from anywhere: each one is a picture or has a reason why not."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.corpus import fuzzed, pictures, spoiled
from uSense import imaging
from uSense.core.errors import BadImageError
from uSense.core.models import Rgb


def test_the_corpus_is_readable() -> None:
    """What fuzzing starts from are pictures: else it would test nothing but the first bytes."""
    for data in pictures():
        assert imaging.decode(data, "corpus").ndim == 3


@fuzzed(300)
@given(data=spoiled(st.sampled_from(pictures()) | st.binary(max_size=200)))
def test_a_spoiled_picture_is_read_or_refused_with_a_reason(data: bytes) -> None:
    """Whatever happened to a file, there are pixels or a BadImageError with source, code and a sentence."""
    outcome = decoded(data)

    if isinstance(outcome, BadImageError):
        assert outcome.source == "photo.jpg"
        assert outcome.code
        assert outcome.reason
    else:
        assert outcome.dtype == np.uint8
        assert outcome.ndim == 3
        assert outcome.shape[2] == 3
        assert min(outcome.shape) > 0


def decoded(data: bytes) -> Rgb | BadImageError:
    """The picture, or why there is none."""
    try:
        return imaging.decode(data, "photo.jpg")
    except BadImageError as error:
        return error
