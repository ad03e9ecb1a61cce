"""The pages behind nginx with https, with the lines that docs/web.md has for it."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.browser.window import Chromium
from tests.peers.certificates import Authority
from tests.support import needs
from tests.support.examples import example_house, shown
from tests.support.mqtt import sighting
from tests.support.ports import free_port
from tests.support.site import PASSWORD, Site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@asynccontextmanager
async def nginx(folder: Path, origin: str) -> AsyncIterator[str]:
    """A real one in front of the pages; its own origin."""
    program, files, port = needs.program("nginx", "nginx-light"), Authority.create(folder), free_port()
    found = re.search(r"```nginx\n(.*?)```", (needs.ROOT / "docs" / "web.md").read_text("utf-8"), re.DOTALL)
    assert found
    server = found[1]
    for shipped, here in (
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("/etc/ssl/faces.pem", str(files.server)),
        ("/etc/ssl/faces.key", str(files.server_key)),
        ("http://127.0.0.1:5050", origin),
    ):
        assert shipped in server, shipped
        server = server.replace(shipped, here)
    places = "".join(f"{kind}_temp_path {folder};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;\n" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        f"{user}daemon off;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{places}{server}}}\n", "utf-8"
    )
    process = await asyncio.create_subprocess_exec(
        program, "-e", "stderr", "-c", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await until((folder / "pid").is_file)  # it listens by then
        yield f"https://localhost:{port}"
    finally:
        process.terminate()
        await process.wait()


async def test_everything_works_behind_nginx(tmp_path: Path, chromium: Chromium) -> None:
    """Log-in with a cookie for https alone, live pictures over a WebSocket, events as they come, and an upload."""
    async with (
        example_house(tmp_path / "house") as control,
        Site(tmp_path, control, trusted_proxies=["127.0.0.1"]) as site,
        nginx(tmp_path / "nginx", site.server.origin) as origin,
        chromium.window(origin, ignore_https_errors=True) as window,
    ):
        await window.log_in(PASSWORD)
        (cookie,) = await window.page.context.cookies()
        await window.page.locator(".picture img[src^='blob:']").wait_for()
        site.hub.hear(sighting(name="Anna"))
        await window.row("Anna").wait_for()
        photo = tmp_path / "photo.jpg"
        photo.write_bytes(shown())
        await window.open("/people/add")
        await window.page.get_by_label("Name").fill("Cleo")
        await window.page.get_by_label("Photos", exact=True).set_input_files(photo)
        await window.press("Add the photos")
        await window.page.locator(".verdicts li").wait_for()

    assert cookie["secure"]
