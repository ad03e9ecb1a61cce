"""What the service's memory consists of: its parts, opened and used one after the other in this process.

    python benchmarks/memory.py [--json]

Needs Linux and the packages of the `demo` extra; takes ten seconds. docs/performance.md explains the rows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from uSense import memory
from uSense.demo import portraits
from uSense.demo.portraits import EILEEN, GRACE

ROLLUP = Path("/proc/self/smaps_rollup")


@dataclass(frozen=True, slots=True)
class Step:
    """MB in memory after it: all, and what is not pages of program files, which the system may drop and read again."""

    what: str
    rss: float
    own: float


async def steps(folder: Path, pictures: list[bytes]) -> list[Step]:
    """The service's parts in the order in which it opens and first uses them."""
    taken = [_step("Python, and what draws the pictures here")]
    async with AsyncExitStack() as stack:
        import uSense.parts  # noqa: PLC0415 - what is measured
        from uSense import imaging, log  # noqa: PLC0415 - the same
        from uSense.control import Control  # noqa: PLC0415 - the same
        from uSense.settings import Settings  # noqa: PLC0415 - the same
        from uSense.storage import open_storage  # noqa: PLC0415 - the same

        log.configure("warning")
        settings = Settings(data_dir=folder)
        taken.append(_step("the service's code and settings"))
        storage = await stack.enter_async_context(open_storage(folder))
        taken.append(_step("database"))
        recognizer = await stack.enter_async_context(settings.recognizer.open(storage))
        taken.append(_step("face net and landmarks"))
        detector = await stack.enter_async_context(settings.detector.open())
        control = Control(recognizer, detector, uSense.parts.Notes(), settings.quality, {}, dict)
        taken.append(_step("detector"))
        await control.identify(imaging.decode(pictures[0], "a picture"))
        taken.append(_step("first face identified"))
        for name, own in _halves(pictures):
            person = await control.create_person(name)
            for number, picture in enumerate(own):
                await control.add_face(person.person_id, picture, f"picture {number}")
        taken.append(_step("two people enrolled"))
        await control.train()
        taken.append(_step("trained"))
        import av  # noqa: F401, PLC0415 - what is measured

        taken.append(_step("PyAV, for streams"))
    return taken


def _halves(pictures: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    half = len(pictures) // 2
    yield GRACE.name, pictures[:half]
    yield EILEEN.name, pictures[half:]


def _step(what: str) -> Step:
    lines = (line.split() for line in ROLLUP.read_text("ascii").splitlines()[1:])
    sizes = {words[0]: int(words[1]) * 1024 / 1e6 for words in lines}
    return Step(what, sizes["Rss:"], sizes["Anonymous:"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    memory.spare()
    pictures = [picture for person in (GRACE, EILEEN) for picture in portraits.pictures(person)]
    with TemporaryDirectory(prefix="usense-memory-") as folder:
        taken = asyncio.run(steps(Path(folder), pictures))
    if asked.json:
        print(json.dumps([asdict(step) for step in taken]))
        return
    print(f"{'after':<42} {'RSS':>6} {'':>7} {'own':>6} {'':>7}   MB")
    for before, step in zip([Step("", 0, 0), *taken], taken, strict=False):
        more, own = step.rss - before.rss, step.own - before.own
        print(f"{step.what:<42} {step.rss:6.1f} {more:+7.1f} {step.own:6.1f} {own:+7.1f}")


if __name__ == "__main__":
    main()
