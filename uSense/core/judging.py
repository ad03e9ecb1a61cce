"""Who says whom a look shows, and by which rules."""

from __future__ import annotations

from dataclasses import dataclass

from uSense.core.bounds import Part, Share


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRules:
    """When one look names a person."""

    threshold: Share = 0.50
    """Lowest score that names a person: at least 0.35 with dlib's net, 0.1 with one of your own."""
    margin: Share = 0.05
    """Smallest lead of the best person's score over that of the runner-up."""
    clear: Share = 0.50
    """Quality, 0 to 1, below which a look needs a higher score, because poor pictures make strangers alike."""
    doubt: Share = 0.25
    """How much the needed score rises for each point of quality below `clear`."""
    strangers: Part = 0.20
    """Share of strangers, 0 to 1, among the people your cameras see; only `confidence` depends on it."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A recognizer (`local` or `azure`), its model, and the rules that fit its scores."""

    kind: str
    model: str
    rules: DecisionRules
