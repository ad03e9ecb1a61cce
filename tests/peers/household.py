"""People who are enrolled already: models load once for all tests that only need somebody to be known."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from PIL import Image

from tests.peers.service import Service
from tests.support.portraits import EILEEN, GRACE, pose

PHOTOS = {"Grace": GRACE, "Eileen": EILEEN}


class Household:
    """Data folders as the command line leaves them, each made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def moves_in(self, service: Service, *names: str) -> None:
        """Three photos of each are enrolled in a service that has not begun, with its default recognizer."""
        home = self._folder / "-".join(sorted(names))
        if not home.exists():
            await asyncio.to_thread(self._photograph, home / "photos", names)
            await Service(home, 1).done("enroll", "--folder", str(home / "photos"))
        await asyncio.to_thread(shutil.copytree, home / "data", service.settings["data_dir"])

    def _photograph(self, folder: Path, names: tuple[str, ...]) -> None:
        for name in names:
            (folder / name).mkdir(parents=True)
            for number in range(3):
                Image.fromarray(pose(PHOTOS[name], number)).save(folder / name / f"{number}.png")
