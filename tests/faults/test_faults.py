"""Everything breaks around the service, and nothing comes of it: `python -m tests.faults` is the long form."""

from __future__ import annotations

import pytest

from tests.faults.run import run, table
from tests.support import needs

COUNT = 42

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(900)]


async def test_whatever_breaks_nothing_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    """After each fault all is well again in time, and it was named; nothing lost, twice, stale, wrong or disordered."""
    needs.folder(needs.SHARED / "faces")
    needs.program("mosquitto_pub", "mosquitto-clients")
    needs.program("faketime", "faketime")

    result = await run(COUNT, 1, told=lambda text: None)

    with capsys.disabled():
        print(f"\n{table(result)}")  # noqa: T201 - the figures are the point
    assert result.failures == []
