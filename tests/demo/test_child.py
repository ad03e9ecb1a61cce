from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest

from uSense import leash
from uSense.demo import child
from uSense.demo.child import Child, launch
from uSense.demo.errors import DemoError

OBEDIENT = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit({code}))"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
WAITS = "open({ready!r}, 'w').close(); signal.pause()"


async def _python(code: str, log: Path) -> Child:
    return await launch("the program", (sys.executable, "-c", code), log=log)


async def _waiting(code: str, folder: Path) -> Child:
    """A program that ran `code` and now waits for signals."""
    ready = folder / "ready"
    os.mkfifo(ready)
    program = await _python(f"{code}\n{WAITS.format(ready=str(ready))}", folder / "log")
    await asyncio.to_thread(ready.read_text)
    await asyncio.to_thread(ready.unlink)
    return program


async def test_failure_shows_the_log(tmp_path: Path) -> None:
    """A program that fails is reported with its exit code and the end of its log only."""
    program = await _python("for i in range(100): print('line', i)\nraise SystemExit(3)", tmp_path / "log")
    with pytest.raises(DemoError, match="the program ended by itself with exit code 3; its last words") as caught:
        await program.watch()
    lines = str(caught.value).splitlines()[1:]
    assert lines == [f"  line {i}" for i in range(100 - child.TAIL, 100)]


async def test_clean_end_is_required(tmp_path: Path) -> None:
    """Leaving the block stops the program; an exit code other than 0 is an error, unless there is one already."""
    async with await _waiting(OBEDIENT.format(code=0), tmp_path) as good:
        pass
    assert good.process.returncode == 0
    bad = await _waiting(OBEDIENT.format(code=5), tmp_path)
    with pytest.raises(DemoError, match="ended with exit code 5"):
        await bad.__aexit__(None, None, None)
    with pytest.raises(ZeroDivisionError):
        async with await _waiting(OBEDIENT.format(code=5), tmp_path):
            raise ZeroDivisionError


async def test_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that does not obey is killed after a while."""
    monkeypatch.setattr(child, "PATIENCE", 0.05)
    program = await _waiting(DEAF, tmp_path)
    with pytest.raises(DemoError, match="did not stop within"):
        await program.stop()
    assert program.process.returncode == -9


async def test_cancelled_stop(tmp_path: Path) -> None:
    """Whoever cancels the stop, as a second Ctrl-C does, leaves no program behind."""
    program = await _waiting(DEAF, tmp_path)
    stopping = asyncio.create_task(program.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    await asyncio.wait((stopping,))
    assert stopping.cancelled()
    assert program.process.returncode == -9


PARENT = """
import asyncio, sys
from pathlib import Path
from uSense.demo.child import launch

async def main():
    child = await launch("the program", (sys.executable, "-c", {code!r}), log=Path({log!r}))
    await child.process.wait()

asyncio.run(main())
"""


async def test_no_program_outlives_a_killed_demo(tmp_path: Path) -> None:
    """Even when the demo has no chance to end its programs, which do not obey besides, they are gone."""
    told = tmp_path / "told"
    os.mkfifo(told)
    code = f"{DEAF}\nimport os\nopen({str(told)!r}, 'w').write(str(os.getpid()))\nwhile True: signal.pause()"
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT.format(code=code, log=str(tmp_path / "log")))
    )
    program = psutil.Process(int(await asyncio.to_thread(told.read_text)))
    assert program.ppid() == parent.pid
    parent.kill()
    await parent.wait()
    await asyncio.to_thread(psutil.wait_procs, [program], 30)

    assert not program.is_running() or program.status() == psutil.STATUS_ZOMBIE


async def test_a_program_that_starts_too_late_does_not_stay(tmp_path: Path) -> None:
    """If the demo died before the leash was on, the program is not even begun."""
    late = await asyncio.create_subprocess_exec(
        *(sys.executable, leash.__file__, "1", sys.executable, "-c", "open('begun', 'w')"),
        cwd=tmp_path,
        stderr=asyncio.subprocess.DEVNULL,
    )

    assert await late.wait() == 1
    assert not list(tmp_path.iterdir())


async def test_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program gets none of the user's settings variables, and a session of its own."""
    monkeypatch.setenv("USENSE_MQTT__HOST", "example.org")
    monkeypatch.setenv("OTHER", "kept")
    code = "import os; print(sorted(k for k in os.environ if k in ('USENSE_MQTT__HOST', 'OTHER')), os.getsid(0))"
    program = await _python(code, tmp_path / "log")
    await program.process.wait()
    log = await asyncio.to_thread((tmp_path / "log").read_text)
    assert log == f"['OTHER'] {program.process.pid}\n"
    assert program.process.pid != os.getsid(0)
