from __future__ import annotations

import pytest

from tests.demo.test_view import sighting
from uSense.core.voting import Reason
from uSense.demo import story
from uSense.demo.client import Received


@pytest.mark.parametrize(
    ("received", "line"),
    [
        (sighting("Grace Hopper"), "Grace Hopper is in the picture."),
        (sighting(None), "Somebody unknown is in the picture: like nobody who is enrolled."),
        (
            sighting(None, decision={"reason": "rejected_before"}),
            "Somebody unknown is in the picture: like a face of which was said that it is somebody else's.",
        ),
        (sighting("Eileen Collins", type="changed"), "A correction: it is Eileen Collins."),
        (sighting(None, type="changed"), "A correction: it is somebody unknown."),
        (Received("usense/event", {"type": "camera.lost", "reason": "No."}, retain=False), "The camera is lost: No."),
        (Received("usense/event", {"type": "train.finished"}, retain=False), None),
        (Received("usense/status", "online", retain=True), None),
    ],
)
def test_remark(received: Received, line: str | None) -> None:
    """Each sighting and a lost camera are told in a plain sentence; nothing is said about the rest."""
    assert story.remark(received) == line


def test_every_reason_to_be_unknown_is_told() -> None:
    """In words."""
    reasons = {reason.value for reason in Reason}

    assert reasons - {Reason.AGREED, Reason.TOO_FEW_LOOKS} == set(story.WHY)
