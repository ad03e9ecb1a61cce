"""The broker of docker/compose.yaml: a real mosquitto with the files of config/, as its container starts it."""

from __future__ import annotations

import os
from pathlib import Path

from tests.peers.mosquitto import Mosquitto
from tests.support import needs

CONFIG = needs.ROOT / "config"
SCRIPT = CONFIG / "mosquitto-first-start.sh"


class ShippedMosquitto(Mosquitto):
    """Differs from the container only in paths and port, and in that its log tells everything."""

    def __init__(self, folder: Path, instance: str = "pi") -> None:
        super().__init__(folder)
        self.data = folder / "data"
        self.environment = surroundings(folder, self.data) | {"USENSE_INSTANCE": instance}

    def command(self, program: str, config: Path) -> list[str]:
        """The script that ends in mosquitto."""
        return ["sh", str(SCRIPT)]

    def password(self, user: str) -> str:
        """The password of a user, as its file has it."""
        return self.password_file(user).read_text("utf-8").strip()

    def password_file(self, user: str) -> Path:
        """The file with the password of a user."""
        return self.data / "login" / user

    def login(self, user: str) -> list[str]:
        """Arguments of mosquitto's programs."""
        return ["-h", "127.0.0.1", "-p", str(self.port), "-u", user, "-P", self.password(user)]

    def _configure(self) -> Path:
        self.data.mkdir(parents=True, exist_ok=True)
        text = (CONFIG / "mosquitto.conf").read_text("utf-8")
        for shipped, here in (
            ("listener 1883", f"listener {self.port} 127.0.0.1"),
            ("/mosquitto/data", str(self.data)),
            ("log_dest stdout", "log_dest stderr\nlog_type all" + "\nuser root" * (os.geteuid() == 0)),
        ):
            assert shipped in text, shipped
            text = text.replace(shipped, here)
        (self.folder / "mosquitto.acl").write_text((CONFIG / "mosquitto.acl").read_text("utf-8"), "utf-8")
        config = self.folder / "mosquitto.conf"
        config.write_text(text, "utf-8")
        return config


def surroundings(config: Path, data: Path) -> dict[str, str]:
    """Where the script finds its files, and mosquitto's programs."""
    return {"CONFIG": str(config), "DATA": str(data), "PATH": needs.SBIN}
