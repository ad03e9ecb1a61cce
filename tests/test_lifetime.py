"""The life of a service: when it ends by itself."""

from __future__ import annotations

import pytest

from uSense import aio, lifetime
from uSense.core.errors import StuckError


async def test_a_process_that_was_stopped_does_not_take_its_models_for_hung(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that goes on when the process does ends before the next look; one that hangs is still there."""
    looks = [{"detect-0": 90.0}, {}, {"detect-0": 90.0}, {"embed": 90.0, "storage": 90.0}, {"embed": 92.0}]
    monkeypatch.setattr(lifetime, "LOOK", 0.0)
    monkeypatch.setattr(aio, "stuck", lambda _: looks.pop(0))

    with pytest.raises(StuckError, match="embed has not answered for 60 s"):
        await lifetime.guard(60.0)

    assert looks == []
