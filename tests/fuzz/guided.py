"""Fuzzing that looks which code it reaches, with atheris.

    python -m tests.fuzz.guided [TARGET ...] [--seconds N] [--case FILE]

Targets are the properties of this folder's tests, on bytes that begin as `corpus` makes them and are changed by
libFuzzer. Bytes that break one are kept in a file that is named. `make fuzz` installs atheris first, where it runs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tests.support import needs

CASE = "--case"
"""The bytes of a file, once, instead of fuzzing: what a file that was kept is for."""


class Target(NamedTuple):
    """What is fuzzed: a property of any bytes, and the bytes to begin with."""

    holds: Callable[[bytes], None]
    corpus: Iterable[bytes]


def images() -> Target:
    """Picture files."""
    from tests.fuzz import corpus  # noqa: PLC0415 - imported to be watched
    from tests.fuzz import test_images as tests  # noqa: PLC0415 - the same

    return Target(_property(tests.test_a_spoiled_picture_is_read_or_refused_with_a_reason), corpus.pictures())


def settings() -> Target:
    """Settings files."""
    from tests.fuzz import test_settings as tests  # noqa: PLC0415 - imported to be watched

    return Target(_property(tests.test_a_spoiled_file_is_understood_or_refused), (tests.EXAMPLE, tests.PLAIN))


def commands() -> Target:
    """Requests over MQTT; the first byte chooses the command."""
    import asyncio  # noqa: PLC0415 - as below

    from tests.fuzz import test_commands as tests  # noqa: PLC0415 - imported to be watched

    runner = asyncio.Runner()
    runner.__enter__()
    office = runner.run(tests.opened().__aenter__())
    answered = _property(tests.test_every_request_gets_one_answer)

    def holds(data: bytes) -> None:
        if data:
            answered((runner, office), tests.NAMES[data[0] % len(tests.NAMES)], data[1:])

    bodies = [b"", b'{"name": "Anna"}', b'{"person_id": "x", "name": "y", "transaction": "t", "image": "AAAA"}']
    return Target(holds, [bytes([number]) + body for number in range(len(tests.NAMES)) for body in bodies])


def stored() -> Target:
    """The database."""
    from tests.fuzz import test_stored as tests  # noqa: PLC0415 - imported to be watched

    def holds(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(shutil.copytree(tests.intact(), Path(place, "data")))
            (folder / tests.FILE).write_bytes(data)
            tests.problem(folder)

    return Target(holds, [(tests.intact() / tests.FILE).read_bytes()])


TARGETS: dict[str, Callable[[], Target]] = {made.__name__: made for made in (images, settings, commands, stored)}


def _property(test: Any) -> Callable[..., None]:
    """A test of Hypothesis without what makes its examples."""
    inner: Callable[..., None] = test.hypothesis.inner_test
    return inner


def fuzz(name: str, seconds: float) -> None:
    """Fuzz one target in this process, which ends with it."""
    try:
        import atheris  # noqa: PLC0415 - not there on every machine
    except ImportError:
        sys.exit("atheris is not installed: `make fuzz` does that, on x86-64 Linux; elsewhere FUZZ=20 make test")

    with atheris.instrument_imports(include=["uSense", "PIL", "yaml"], enable_loader_override=False):
        target = TARGETS[name]()
    own = Path(tempfile.gettempdir())  # it goes with everything in it, as libFuzzer ends the process on the spot
    corpus, longest = own / "corpus", 0
    corpus.mkdir()
    for number, data in enumerate(target.corpus):
        longest = max(longest, Path(corpus, str(number)).write_bytes(data))
    limits = (f"-max_total_time={seconds:.0f}", f"-max_len={max(4096, 2 * longest)}", "-timeout=60")
    kept = own.parent / f"usense-fuzz-{name}-"
    options = (*limits, "-rss_limit_mb=3000", f"-artifact_prefix={kept}", "-print_final_stats=1")
    atheris.Setup([sys.argv[0], *options, str(corpus)], target.holds)
    atheris.Fuzz()


def main() -> None:
    """Fuzz the targets one after the other, each in a process of its own; exit code 1 if a property broke."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=60, help="how long for each")
    parser.add_argument(CASE, type=Path, help="a file that was kept: try its bytes once")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if unknown := set(asked.targets) - set(TARGETS):
        parser.error(f"there is no target {min(unknown)}: {', '.join(TARGETS)}")
    if asked.case is not None:
        if len(asked.targets) != 1:
            parser.error(f"{CASE} needs the target whose file it is")
        TARGETS[asked.targets[0]]().holds(asked.case.read_bytes())
    elif asked.here:
        fuzz(asked.targets[0], asked.seconds)
    else:
        broken = [name for name in asked.targets or TARGETS if not _fuzzed(name, asked.seconds)]
        sys.exit(f"broken: {', '.join(broken)}" if broken else 0)


def _fuzzed(name: str, seconds: float) -> bool:
    command = [sys.executable, "-m", "tests.fuzz.guided", name, "--here", "--seconds", f"{seconds}"]
    with tempfile.TemporaryDirectory(prefix="usense-fuzz-") as folder:
        environment = os.environ | {"TMPDIR": folder}
        done = subprocess.run(
            command, cwd=needs.ROOT, env=environment, capture_output=True, text=True, errors="replace", check=False
        )
    stats = dict(line.removeprefix("stat::").split(":") for line in done.stderr.splitlines() if line[:6] == "stat::")
    reached = [line for line in done.stderr.splitlines() if " cov: " in line][-1:]
    told = [f"{name}: {stats.get('number_of_executed_units', '0').strip()} examples", *reached]
    if done.returncode:
        told += [done.stdout[-4000:], *(line for line in done.stderr.splitlines()[-100:] if line[:1] != "#")]
    sys.stdout.write("\n".join(told) + "\n")
    sys.stdout.flush()
    return done.returncode == 0


if __name__ == "__main__":
    main()
