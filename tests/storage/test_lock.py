"""One service a data folder, however the last one ended."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from uSense.core.errors import InstanceError, StorageError
from uSense.storage.lock import LOCK, is_served, sole_service

HOLD = """
import asyncio, pathlib, sys
from uSense.storage.lock import sole_service
async def hold():
    async with sole_service(pathlib.Path(sys.argv[1])):
        print("held", flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(hold())
"""


async def holder(folder: Path) -> asyncio.subprocess.Process:
    """Another process that serves the folder until its input is closed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLD, str(folder)), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    return process


async def test_a_second_service_is_refused_with_the_process_of_the_first(tmp_path: Path) -> None:
    """The sentence names the folder and who has it; when that one is killed, the folder is free at once."""
    process = await holder(tmp_path)
    with pytest.raises(InstanceError, match=rf"\(process {process.pid}\) serves the data folder {tmp_path}"):
        async with sole_service(tmp_path, wait=0.0):
            pass
    assert is_served(tmp_path)

    process.kill()
    await process.wait()
    assert not is_served(tmp_path)
    async with sole_service(tmp_path, wait=0.0):
        assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"


async def test_a_service_that_is_about_to_end_is_waited_for(tmp_path: Path) -> None:
    """A quick restart succeeds."""
    process = await holder(tmp_path)
    waiting = asyncio.create_task(sole_service(tmp_path, wait=60.0).__aenter__())
    await asyncio.sleep(0)
    assert process.stdin is not None
    process.stdin.close()
    await asyncio.wait_for(waiting, 60)
    assert await process.wait() == 0


async def test_the_lock_is_private_and_its_absence_means_no_service(tmp_path: Path) -> None:
    """A folder that no service ever used is not served."""
    assert not is_served(tmp_path / "nowhere")
    async with sole_service(tmp_path):
        assert (tmp_path / LOCK).stat().st_mode & 0o777 == 0o600
    assert not is_served(tmp_path)


async def test_a_folder_without_rights_is_told(tmp_path: Path) -> None:
    """What the system complains about becomes a sentence."""
    (tmp_path / LOCK).mkdir()
    with pytest.raises(StorageError, match="is a folder where a file is needed"):
        async with sole_service(tmp_path):
            pass
