"""A real browser, and what somebody sees in a window of it: words, and whether everybody can read and use them."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
)
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
WIDE, PHONE, NARROW = (1280, 800), (390, 844), (360, 640)
SCHEMES = ("light", "dark")
SECONDS = 30.0
"""Within which what is waited for is there: models load, and people are recognized by several looks."""
_AXE = """async () => (await axe.run(document, {resultTypes: ["violations"], iframes: false})).violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`)"""
_HELD = """(files) => {
  const held = new DataTransfer();
  for (const [name, data] of files) {
    held.items.add(new File([Uint8Array.from(atob(data), (one) => one.charCodeAt(0))], name, {type: "image/png"}));
  }
  return held;
}"""
_WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Chromium:
    """Debian's browser, headless; `async with` it. Its own camera shows a film, else a pattern without any face."""

    def __init__(self, program: str, axe: str, shots: Path | None, film: Path | None = None) -> None:
        self._program = program
        self._axe = axe
        self._shots = shots
        self._camera = CAMERA if film is None else (*CAMERA, f"--use-file-for-fake-video-capture={film}")
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        from playwright.async_api import async_playwright  # noqa: PLC0415 - only tests/browser/lab has it

        driver = await self._stack.enter_async_context(async_playwright())
        self._browser = await driver.chromium.launch(executable_path=self._program, args=[*ARGUMENTS, *self._camera])
        self._stack.push_async_callback(self._browser.close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def window(self, origin: str, **options: Any) -> AsyncIterator[Window]:
        """A window without cookies; whatever its scripts complain about, or its policy refuses, fails the test."""
        context = await self._browser.new_context(
            base_url=origin, viewport={"width": WIDE[0], "height": WIDE[1]}, reduced_motion="reduce", **options
        )
        context.set_default_timeout(SECONDS * 1000)
        try:
            window = Window(await context.new_page(), self._axe, self._shots)
            yield window
            assert not window.complaints, window.complaints
        finally:
            await context.close()


class Window:
    """One page at a time, as somebody sees it."""

    def __init__(self, page: Page, axe: str, shots: Path | None) -> None:
        self.page = page
        self.complaints: list[str] = []
        """Of scripts, and of the browser about them."""
        self._axe = axe
        self._shots = shots
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self._noted(line.type, line.text))

    async def open(self, path: str) -> None:
        """Visit a page."""
        await self.page.goto(path)

    async def log_in(self, password: str) -> None:
        """With the password of the house."""
        await self.open("/login")
        await self.page.get_by_label("Password").fill(password)
        await self.press("Log in")
        await self.page.wait_for_url("**/")

    async def press(self, name: str) -> None:
        """A button of this name."""
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def follow(self, name: str) -> None:
        """A link of this name."""
        await self.page.get_by_role("link", name=name, exact=True).first.click()

    async def sees(self, text: str) -> None:
        """Words that are there, or come."""
        await self.page.get_by_text(text).first.wait_for()

    async def drop(self, place: str, files: Sequence[Path]) -> None:
        """Drag files there and let go."""
        named = [[file.name, base64.b64encode(file.read_bytes()).decode()] for file in files]
        held = {"dataTransfer": await self.page.evaluate_handle(_HELD, named)}
        for event in ("dragenter", "dragover", "drop"):
            await self.page.dispatch_event(place, event, held)

    async def focus(self) -> str:
        """The words of what has the focus."""
        return str(await self.page.evaluate("() => document.activeElement.textContent.trim()"))

    def row(self, name: str, number: int = 0) -> Locator:
        """A line of the list of sightings that says this name; 0 is the newest."""
        return self.page.locator(".sightings li").filter(has_text=name).nth(number)

    async def look(self, name: str) -> None:
        """Everybody can use it, light or dark, and nothing sticks out on a phone; pictures go to a folder, if any."""
        for scheme in SCHEMES:
            await self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type, unused-ignore]
            for size in (PHONE, WIDE):
                await self._resize(size)
                await self._shoot(f"{name}-{scheme}-{size[0]}.png")
                assert await self._barred() == [], f"{name}, {scheme}, {size[0]} wide"
        await self._resize(NARROW)
        for frame in self.page.frames:
            assert await frame.evaluate(_WIDER) <= 0, f"{name} is wider than {NARROW[0]} pixels: {frame.url}"
        await self._resize(WIDE)

    async def _barred(self) -> list[str]:
        """What axe finds that is serious or critical, in all frames."""
        found: list[str] = []
        for frame in self.page.frames:
            await frame.evaluate(self._axe)
            found += await frame.evaluate(_AXE)
        return found

    async def _resize(self, size: tuple[int, int]) -> None:
        await self.page.set_viewport_size({"width": size[0], "height": size[1]})

    async def _shoot(self, name: str) -> None:
        if self._shots is not None:
            await self.page.screenshot(path=self._shots / name, full_page=True)

    def _noted(self, kind: str, text: str) -> None:
        """A page that is refused is no mistake of a script."""
        if kind in {"error", "warning"} and not re.match(r"Failed to load resource: .* status of 4\d\d", text):
            self.complaints.append(text)
