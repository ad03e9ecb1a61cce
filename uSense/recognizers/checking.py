"""What a gallery is worth, found out from its own faces: one after the other is left out and asked about."""

from __future__ import annotations

import time
from collections.abc import Sequence

from uSense.core.advice import advise
from uSense.core.evaluation import Tally
from uSense.core.judging import DecisionRules
from uSense.core.matching import Gallery
from uSense.core.models import Check, ConfusablePair, TriedFace, WeakFace
from uSense.core.trials import KeptFace, leave_one_out

MOST_FACES = 2000
"""Of more faces a random sample is left out."""
SECONDS = 2.0
"""After this, what was left out so far is the sample."""

Findings = tuple[Check, tuple[ConfusablePair, ...], tuple[WeakFace, ...], tuple[TriedFace, ...]]


def check(gallery: Gallery, faces: Sequence[KeptFace], rules: DecisionRules) -> Findings:
    """The numbers with an advice, the people hardest to tell apart, the faces unlike their person's others, and all.

    Blocks for `SECONDS` at most.
    """
    tally = Tally(rules)
    deadline = time.monotonic() + SECONDS
    for trials in leave_one_out(gallery, faces, MOST_FACES):
        tally.add(trials)
        if time.monotonic() > deadline:
            break
    advice = advise(tally)
    compared = tally.strangers.total()
    numbers = Check(
        faces=compared,
        complete=compared == len(faces),
        known=tally.probes.total(),
        right=tally.right.total(),
        wrong=tally.wrong.total(),
        strangers_named=tally.named.total(),
        advice=advice.kind,
        threshold=advice.threshold,
        text=advice.text,
    )
    return (
        numbers,
        tuple(ConfusablePair(pair.a, pair.b, pair.score) for pair in tally.pairs()),
        tuple(WeakFace(one.person, one.photo, one.score) for one in tally.weak()),
        tuple(TriedFace(one.person, one.photo, one.right > 0) for one in tally.photos.values()),
    )
