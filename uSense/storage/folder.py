"""The lock of a data folder: many processes share it; one that moves files about is alone."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from uSense.core.errors import StorageError
from uSense.storage.trouble import plain_words

_PAUSE = 0.02


class FolderLock:
    """Held on the folder itself, so that there is no file to leave behind; a process that ends lets go."""

    def __init__(self, folder: Path, wait: float) -> None:
        self._folder = folder
        self._wait = wait
        self._descriptor: int | None = None

    def share(self) -> None:
        """Keep others from being alone; raises StorageError if one is for longer than `wait` seconds."""
        self._take(fcntl.LOCK_SH, "{folder} is being mended by another process: try again")

    def release(self) -> None:
        """Let go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only process in the folder; raises StorageError if others stay in it."""
        try:
            self._take(fcntl.LOCK_EX, "{folder} cannot be mended while another process uses it: end that one")
            yield
        finally:
            self.release()

    def _take(self, kind: int, failure: str) -> None:
        if self._descriptor is None:
            self._descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        deadline = time.monotonic() + self._wait
        with plain_words(self._folder):
            while True:
                try:
                    fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    if time.monotonic() > deadline:
                        self.release()
                        raise StorageError(failure.format(folder=self._folder)) from error
                    time.sleep(_PAUSE)
                else:
                    return
