"""Weights that are not in the packages: fetched from their publisher on the user's order, pinned and verified."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from uSense.core.errors import DownloadError

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

FOLDER = "models"
BESIDE = Path(sys.prefix, "share", "usense")
"""Like a data folder: where weights lie that were installed with uSense, as in a container image."""
CONNECT_WITHIN = 15.0
SILENT_FOR = 30.0
"""Seconds without a byte after which a download is begun again where it was."""
TRIES = 4
PAUSE = 1.0
_CHUNK = 65_536
_PARTIAL, _OK, _NOT_SATISFIABLE = 206, 200, 416


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A file of weights, known by its hash."""

    name: str
    file: str
    url: str
    sha256: str
    size: int
    license: str
    about: str


YUNET = Weights(
    name="yunet",
    file="face_detection_yunet_2023mar.onnx",
    url="https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/face_detection_yunet/"
    "face_detection_yunet_2023mar.onnx",
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    size=232_589,
    license="MIT",
    about="detector: finds small and turned faces, faster than HOG",
)
"""Size and hash are those of the pointer that OpenCV Zoo keeps in its repository."""
ALL: Mapping[str, Weights] = {YUNET.name: YUNET}


def place(data_dir: Path, weights: Weights) -> Path:
    """Where the file is kept."""
    return data_dir / FOLDER / weights.file


def found(data_dir: Path, weights: Weights) -> Path:
    """Where the file is: among the data, or else installed with uSense; among the data also if it is nowhere."""
    kept, installed = place(data_dir, weights), place(BESIDE, weights)
    return installed if os.path.isfile(installed) and not os.path.isfile(kept) else kept  # noqa: PTH113 - Path's raises where one may not look


def state(data_dir: Path, weights: Weights) -> str:
    """`there`, `missing`, or `wrong`: another file lies in its place. Reads the file."""
    try:
        data = found(data_dir, weights).read_bytes()
    except FileNotFoundError:
        return "missing"
    except OSError:
        return "wrong"
    return "there" if hashlib.sha256(data).hexdigest() == weights.sha256 else "wrong"


def take(weights: Weights, source: Path, data_dir: Path) -> Path:
    """Keep a copy of a file that was brought here otherwise; raises DownloadError. Reads and writes files."""
    try:
        with source.open("rb") as file:
            data = file.read(weights.size + 1)
    except OSError as error:
        raise DownloadError(f"{source}: cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != weights.sha256:
        raise DownloadError(f"{source} is not {weights.file} (wrong SHA-256): get it from {weights.url}")
    part = _part(weights, data_dir)
    with _writing(part):
        part.write_bytes(data)
    return _keep(weights, data_dir)


async def fetch(weights: Weights, data_dir: Path, progress: Callable[[int], None] = lambda _: None) -> Path:
    """Download the file, verify and keep it; what arrived before an interruption is not fetched twice.

    `progress` is told the bytes that are there. Proxies are those of the environment. Raises DownloadError.
    """
    import aiohttp  # noqa: PLC0415 - heavy: paid for by those who download

    part = await asyncio.to_thread(_part, weights, data_dir)
    limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_WITHIN, sock_read=SILENT_FOR)
    reason = ""
    async with aiohttp.ClientSession(timeout=limits, trust_env=True) as session:
        for number in range(TRIES):
            try:
                await _continue(session, weights, part, progress)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = str(error) or type(error).__name__
                if number + 1 < TRIES:
                    await asyncio.sleep(PAUSE)
            else:
                return await asyncio.to_thread(_keep, weights, data_dir)
    raise DownloadError(
        f"{weights.url} cannot be fetched: {reason}. Try again, which goes on where it stopped; or fetch it elsewhere "
        f"and bring it here: usense models fetch {weights.name} --from FILE"
    )


async def _continue(session: ClientSession, weights: Weights, part: Path, progress: Callable[[int], None]) -> None:
    """Fetch what is missing of the file."""
    have = await asyncio.to_thread(_size, part)
    if have == weights.size:
        return
    # Compressed, the bytes could not be counted.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    async with session.get(weights.url, headers=headers) as answer:
        if answer.status == _NOT_SATISFIABLE:
            await asyncio.to_thread(part.unlink)
            raise OSError("the publisher's file is shorter than what is here of it")
        continued = answer.status == _PARTIAL and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if answer.status not in {_OK, _PARTIAL} or (answer.status == _PARTIAL and not continued):
            raise DownloadError(f"{weights.url} is answered with {answer.status} {answer.reason}")
        await _receive(answer, weights, part, have if continued else 0, progress)


async def _receive(
    answer: ClientResponse, weights: Weights, part: Path, have: int, progress: Callable[[int], None]
) -> None:
    async for chunk in answer.content.iter_chunked(_CHUNK):
        await asyncio.to_thread(_append, part, have, chunk)
        have += len(chunk)
        if have > weights.size:
            await asyncio.to_thread(part.unlink)
            raise DownloadError(f"{weights.url} gives more than the {weights.size} bytes of {weights.file}")
        progress(have)
    if have < weights.size:
        raise OSError(f"the connection ended after {have} of {weights.size} bytes")


def _part(weights: Weights, data_dir: Path) -> Path:
    """The unfinished file, whose folder is made."""
    folder = data_dir / FOLDER
    with _writing(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{weights.file}.part"


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _append(part: Path, start: int, chunk: bytes) -> None:
    with _writing(part), part.open("r+b" if start else "wb") as file:
        file.seek(start)
        file.write(chunk)


def _keep(weights: Weights, data_dir: Path) -> Path:
    """Move the finished file to its place if it is the right one."""
    part, kept = _part(weights, data_dir), place(data_dir, weights)
    with _writing(part), part.open("rb") as file:
        right = hashlib.sha256(file.read()).hexdigest() == weights.sha256
        os.fsync(file.fileno())
    if not right:
        part.unlink()
        raise DownloadError(
            f"what {weights.url} gave is not {weights.file} (wrong SHA-256): it was thrown away. "
            "Is there a proxy or a login page in between?"
        )
    with _writing(kept):
        return part.replace(kept)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DownloadError(f"{path}: cannot be written: {error.strerror or error}") from error
