"""How fast uSense is, against peers that run at the same time on the same machine, on one thread each.

    python benchmarks/speed.py [--rounds N] [--check] [--json]

Needs mosquitto and the packages of the `demo` extra; for the bound on the service's own CPU time also the weights of
YuNet in ../shared/models beside the repository. Takes less than three minutes. docs/performance.md explains the rows.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measures import bounds, embedding, lab, memory, report
from uSense import log
from uSense.demo import broker
from uSense.demo.broker import BrokerKind
from uSense.demo.errors import DemoError
from uSense.detectors.hog import HogSettings
from uSense.detectors.yunet import YunetSettings

YUNET = Path(__file__).resolve().parents[2] / "shared" / "models" / "yunet_s_dynamic.onnx"
ROUNDS = 3
WARM_UP = 20
"""Frames of the film before CPU time is compared."""
QUICK = {"tracking": {"lost_after": 0.3, "lost_looks": 2}, "announce": {"repeat_after": 0.0}}
"""Settings with which the same two people can arrive every second."""
STORY = 16
"""Seconds that the demo runs."""


async def measure(folder: Path, rounds: int) -> report.Measured:
    """All measurements, one after the other; only what is not compared by CPU time runs side by side."""
    say("embedding")
    embeddings = await lab.in_process(embedding.run)
    say("films")
    films = await lab.Films.shot(folder)
    missing = "" if YUNET.exists() else "there is no ../shared/models/yunet_s_dynamic.onnx beside the repository"
    async with broker.running(folder, BrokerKind.MOSQUITTO) as mqtt:
        room = lab.Lab(folder, mqtt.port, HogSettings() if missing else YunetSettings(path=YUNET))
        await room.enroll()
        compared = []
        for number in range(rounds):
            say(f"service and replay, {number + 1} of {rounds}")
            compared.append(await room.compared(films.moving, warm_up=WARM_UP))
        say("the same with larger pictures")
        wide = await room.compared(films.wide, warm_up=WARM_UP)
        say("event loop and messages")
        busy = room.settings(films.busy, **QUICK)
        async with lab.listening(mqtt.port, busy.mqtt.prefix) as delays:
            beating = await room.beating(busy, films.busy, warm_up=WARM_UP)
        say("still scenes and the demo's memory")
        empty, held = await asyncio.gather(
            room.alone(films.empty, warm_up=WARM_UP), memory.run(STORY, without=lab.ONE_THREAD)
        )
        person = await room.alone(films.person, warm_up=WARM_UP)
    return report.Measured(
        detector=room.detector.kind,
        missing=missing,
        embeddings=embeddings,
        rounds=compared,
        wide=wide,
        beating=beating,
        delays=delays,
        still={"empty": empty, "person": person},
        memory=held,
    )


def say(what: str) -> None:
    """Tell on a terminal what is being measured."""
    if sys.stderr.isatty():
        print(f"measuring: {what}", file=sys.stderr, flush=True)


def main() -> int:
    """Measure, print, and with `--check` say by the exit code whether all bounds hold."""
    parser = bounds.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="pairs of service and replay; the median counts")
    asked = parser.parse_args()
    os.environ.update(lab.ONE_THREAD)
    log.configure("warning")
    try:
        with TemporaryDirectory(prefix="usense-speed-") as folder:
            measured = asyncio.run(measure(Path(folder), asked.rounds))
    except DemoError as error:
        sys.exit(str(error))
    missed = report.failures(measured, skip=os.environ.get("USENSE_NO_SKIP") != "1")
    if not asked.json:
        print(report.table(measured))
    return bounds.verdict(missed, report.numbers(measured) if asked.json else None, check=asked.check)


if __name__ == "__main__":
    sys.exit(main())
