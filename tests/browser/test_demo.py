"""What `usense demo` says about its pages is true."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.browser.window import Chromium
from tests.support import needs

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@asynccontextmanager
async def demo() -> AsyncIterator[tuple[str, str]]:
    """The demo, as it runs from a terminal, until Ctrl-C; address and password of the pages."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uSense", "demo"), cwd=needs.ROOT, stdout=asyncio.subprocess.PIPE, limit=2**24
    )
    assert process.stdout is not None
    reading = None
    try:
        async with asyncio.timeout(90):
            found = None
            while found is None:
                line = (await process.stdout.readline()).decode()
                assert line, "the demo ended"
                found = re.search(r"(http://\S+) with the password (\S+)", line)
        reading = asyncio.create_task(process.stdout.read(), name="the rest of what the demo says")
        yield found[1], found[2]
    finally:
        process.send_signal(signal.SIGINT)
        await process.wait()
        if reading is not None:
            await reading


async def test_the_demo_shows_its_people_with_names(chromium: Chromium) -> None:
    """With the address and password that it prints: both, as they walk through the drawn room."""
    async with demo() as (origin, password), chromium.window(origin) as window:
        await window.log_in(password)
        for name in ("Grace Hopper", "Eileen Collins"):
            await window.page.locator(".box.known", has_text=name).first.wait_for()
            await window.row(name).wait_for()
        await window.look("demo")
        await window.follow("People")
        await window.look("demo-people")
