"""Where the broker is and how to talk to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from uSense.core.topics import Topics, check_prefix, check_topic
from uSense.schema import Branch


def _version(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _topic_or_nothing(topic: str) -> str:
    return check_topic(topic) if topic else topic


class TlsSettings(Branch):
    """Encryption between uSense and the broker."""

    enabled: bool = False
    """Encrypt the connection."""
    ca: Path | None = None
    """File with the certificate authority that the broker's certificate must come from; by default the system's."""
    certificate: Path | None = None
    """File with a client certificate, for brokers that ask for one."""
    key: Path | None = None
    """File with the client certificate's key; by default it is in the certificate's file."""
    insecure: bool = False
    """Take any certificate: encrypted, but anybody in between could pretend to be the broker; for tests only."""


class MqttSettings(Branch):
    """The broker and the topics."""

    host: str = Field(default="127.0.0.1", min_length=1)
    """Name or address of the broker."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """Port of the broker; by default 1883, or 8883 with TLS."""
    username: str = ""
    """User name at the broker; empty for none."""
    password: SecretStr | None = None
    """Password at the broker."""
    password_file: Path | None = None
    """File that holds the password, in place of `password`."""
    prefix: Annotated[str, AfterValidator(check_prefix)] = "usense"
    """Beginning of all topics."""
    name_topic: Annotated[str, AfterValidator(_topic_or_nothing)] | None = None
    """Topic of the bare names; by default `<prefix>/identity/name`; empty for none."""
    client_id: str = Field(default="", max_length=128)
    """Name of this client at the broker; by default made from the instance."""
    protocol: Annotated[Literal["auto", "5", "3.1.1"], BeforeValidator(_version)] = "auto"
    """Version of MQTT; auto is 5, or 3.1.1 if the broker does not know 5."""
    transport: Literal["tcp", "websockets"] = "tcp"
    """How MQTT is carried."""
    websocket_path: str = "/mqtt"
    """Path of the broker's websocket."""
    tls: TlsSettings = TlsSettings()
    """Encryption."""
    keepalive: int = Field(default=15, ge=2, le=3600)
    """Seconds of silence after which uSense and the broker check each other; a dead one is noticed after twice that."""
    timeout: float = Field(default=5.0, gt=0, le=60)
    """Seconds to wait for an answer of the broker."""
    identity_lifetime: float | None = Field(default=10.0, gt=0)
    """Seconds after which an identity is too old to be told; null for never."""
    max_payload: int = Field(default=12_000_000, ge=1024, le=100_000_000)
    """Bytes of the largest command that is read."""

    @property
    def address(self) -> str:
        """The broker as people write it: `host:port`."""
        return f"{self.host}:{self.effective_port}"

    @property
    def effective_port(self) -> int:
        return self.port or (8883 if self.tls.enabled else 1883)

    @property
    def topics(self) -> Topics:
        return Topics(self.prefix)

    @property
    def effective_name_topic(self) -> str:
        return self.topics.name if self.name_topic is None else self.name_topic
