"""The topics of the MQTT contract: what may be a prefix, and which topic belongs to what."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST = 1024
"""Bytes of a topic that uSense is willing to publish to; MQTT allows 65,535."""


def camera_states(camera: str) -> tuple[str, ...]:
    """All retained topics of a camera, without the prefix."""
    return (f"camera/{camera}/status", f"camera/{camera}/paused", f"camera/{camera}/people")


def check_topic(topic: str) -> str:
    """The topic, if one can publish to it; raises ValueError with the reason."""
    for sign in ("+", "#", "\0"):
        if sign in topic:
            raise ValueError(f"a topic to publish to must not contain {sign!r}")
    if not topic or topic.startswith("$") or len(topic.encode("utf-8", "replace")) > LONGEST:
        raise ValueError(f"a topic has 1 to {LONGEST} bytes and does not start with '$'")
    return topic


def check_prefix(prefix: str) -> str:
    """The prefix, if topics can be made from it; raises ValueError with the reason."""
    check_topic(prefix)
    if prefix.startswith("/") or prefix.endswith("/"):
        raise ValueError("a prefix does not start or end with '/'")
    return prefix


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics below one prefix."""

    prefix: str = "usense"

    @property
    def status(self) -> str:
        return self.of("status")

    @property
    def info(self) -> str:
        return self.of("info")

    @property
    def identity(self) -> str:
        return self.of("identity")

    @property
    def live(self) -> str:
        return self.of("identity/live")

    @property
    def name(self) -> str:
        return self.of("identity/name")

    @property
    def event(self) -> str:
        return self.of("event")

    @property
    def presence(self) -> str:
        """The filter that the presence of all people matches."""
        return self.of("presence/+")

    @property
    def commands(self) -> str:
        """The filter that all commands match."""
        return self.of("command/#")

    def of(self, suffix: str) -> str:
        """The topic with this suffix."""
        return f"{self.prefix}/{suffix}"

    def command(self, topic: str) -> str | None:
        """The part of a command's topic that names the command, `""` if it names none; None for other topics."""
        root = self.of("command")
        if topic == root:
            return ""
        return topic.removeprefix(f"{root}/") if topic.startswith(f"{root}/") else None

    def response(self, command: str) -> str:
        """Where a command is answered; a name that is too long for a topic is answered without it."""
        topic = self.of(f"response/{command}".rstrip("/"))
        return topic if len(topic.encode()) <= LONGEST else self.of("response")

    def is_response(self, topic: str) -> bool:
        """Whether a reply may be sent there: a topic below `response/` that one can publish to."""
        try:
            check_topic(topic)
        except ValueError:
            return False
        return topic.startswith(self.of("response/"))
