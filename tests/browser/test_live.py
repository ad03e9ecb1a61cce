"""The live view in a real browser, fed by the test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.window import Chromium
from tests.support.portraits import GRACE, jpeg
from tests.support.site import PASSWORD, Site

if TYPE_CHECKING:
    from playwright.async_api import WebSocketRoute

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

_READ_OUT = """window.readOut = [];
new MutationObserver(() => {
  const text = document.querySelector(".who")?.textContent;
  if (text && text !== window.readOut.at(-1)) window.readOut.push(text);
}).observe(document, {subtree: true, childList: true, characterData: true});"""


async def test_what_is_read_out_changes_with_names_only(tmp_path: Path, chromium: Chromium) -> None:
    """The number at the box is the latest one; the text for screen readers stays as long as the names do."""

    def tell(socket: WebSocketRoute) -> None:
        for name, percent in (("Anna", 98), ("Anna", 97), ("Anna", None), ("Bea", 96), ("Bea", 95)):
            face = {"state": "known", "name": name, "percent": percent, "box": [0.2, 0.2, 0.6, 0.6]}
            socket.send(json.dumps({"faces": [face]}))
            socket.send(jpeg(GRACE))

    async with Site(tmp_path) as site, chromium.window(site.server.origin) as window:
        await window.page.route_web_socket("**/live/hall", tell)
        await window.page.add_init_script(_READ_OUT)
        await window.log_in(PASSWORD)
        await window.page.locator(".box", has_text="Bea 95\u00a0%").wait_for()
        assert await window.page.evaluate("() => window.readOut") == ["Anna 98\u00a0%", "Bea 96\u00a0%"]
