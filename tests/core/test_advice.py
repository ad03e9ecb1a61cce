"""Which threshold is advised."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.values import GOOD
from uSense.core.advice import AdviceKind, advise
from uSense.core.evaluation import Tally
from uSense.core.trials import Look, Trials


def tally(own: list[float], other: list[float], people: int = 12) -> Tally:
    """Looks at each of some people, with these scores against their own person and the nearest other one."""
    made = Tally()
    names = tuple(f"p{number}" for number in range(people))
    looks = [Look(str(at), np.zeros((1, 1), np.float32), GOOD) for at in range(len(own))]
    for place, name in enumerate(names):
        table = np.full((len(own), people), -0.5, np.float32)
        table[:, place], table[:, (place + 1) % people] = own, other
        made.add(Trials(name, looks, names, table, place))
    return made


@pytest.mark.parametrize(
    ("own", "other", "people", "kind", "threshold"),
    [
        ([0.7, 0.7, 0.7], [0.3, 0.3, 0.3], 12, AdviceKind.KEEP, 0.50),
        ([0.7, 0.7, 0.7], [0.3, 0.55, 0.3], 12, AdviceKind.RAISE, 0.56),
        ([0.6, 0.6, 0.6], [0.65, 0.65, 0.65], 12, AdviceKind.NONE, 0.50),
        ([0.7, 0.45, 0.7], [0.1, 0.1, 0.1], 12, AdviceKind.LOWER, 0.40),
        ([0.7, 0.45, 0.7], [0.1, 0.385, 0.1], 12, AdviceKind.LOWER, 0.44),
        ([0.7, 0.45, 0.7], [0.1, 0.1, 0.1], 5, AdviceKind.KEEP, 0.50),
        ([0.7, 0.45, 0.7], [0.1, 0.44, 0.1], 12, AdviceKind.KEEP, 0.50),
        ([0.7, 0.3, 0.7], [0.1, 0.1, 0.1], 12, AdviceKind.KEEP, 0.50),
        ([0.7, 0.7, 0.7], [0.3, 0.3, 0.3], 2, AdviceKind.NONE, 0.50),
        ([], [], 12, AdviceKind.NONE, 0.50),
    ],
)
def test_the_threshold_is_changed_for_reasons_only(
    own: list[float], other: list[float], people: int, kind: AdviceKind, threshold: float
) -> None:
    """Raised as far as strangers and wrong names demand, lowered for many misses, many people and far from harm."""
    advice = advise(tally(own, other, people))

    assert (advice.kind, advice.threshold) == (kind, threshold)


def test_the_advice_says_what_it_costs() -> None:
    """In looks, before and after."""
    raised = advise(tally([0.7, 0.53, 0.7], [0.3, 0.55, 0.3]))
    hopeless = advise(tally([0.6], [0.65]))

    assert raised.text == (
        "raise the threshold from 0.50 to 0.56: then 24 of 36 looks at known people get the right name "
        "(now 24), and 0 of 36 looks at strangers get a name (now 12)"
    )
    assert hopeless.text.startswith("no threshold tells these people apart well: 0 of 12 looks at known people")
