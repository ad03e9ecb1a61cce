"""Where the broker is and how to talk to it."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from uSense.core.topics import Topics, check_prefix, check_topic
from uSense.schema import Branch, Mark

_TAKEN = {"status", "info", "settings", "health", "people", "identity", "event"}
_TAKEN |= {"presence", "house", "camera", "command", "response"}
"""What follows the prefix in uSense's own topics."""


def _version(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _topic_or_nothing(topic: str) -> str:
    return check_topic(topic) if topic else topic


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not have line breaks and other signs that cannot be seen: brokers hang up on them")
    return text


Text = Annotated[str, AfterValidator(_printable)]
"""Text that brokers take."""


def _path(path: str) -> str:
    if not path.startswith("/") or re.search(r"\s", path):
        raise ValueError("must begin with '/' and have no spaces")
    return path


_NO_HOST = (
    (r"^$", "must not be empty"),
    (r"://", "must be the host alone, not an address with '://': mqtt.port and mqtt.tls.enabled say the rest"),
    (r"@", "must be the host alone: user and password are mqtt.username and mqtt.password"),
    (r"/", "must be the host alone, without '/': a path is mqtt.websocket_path"),
    (r"\s", "must be the host alone, without spaces"),
    (r"(^[^:]*|\]):\d*$", "must be the host alone: the port is a setting of its own, mqtt.port"),
    (r"^\[", "must be the address without brackets"),
    (r"[^\w.:%-]", "must be the host alone, without signs like quotes"),
)
"""What people take for a host, and where the rest belongs."""


def _host(host: str) -> str:
    for pattern, sentence in _NO_HOST:
        if re.search(pattern, host):
            raise ValueError(sentence)
    try:
        if ":" in host:
            IPv6Address(host)
        else:
            host.encode("idna")
    except ValueError as error:
        raise ValueError("must be the name or the address of a host") from error
    return host


def _own_address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError("must be an address such as 127.0.0.1, or 0.0.0.0 for all of this machine's") from None


class TlsSettings(Branch):
    """Encryption between uSense and the broker."""

    enabled: bool = False
    """Encrypt the connection."""
    ca: Annotated[Path | None, Mark.NEEDED] = None
    """File with the certificate authority that the broker's certificate must come from; by default the system's."""
    certificate: Annotated[Path | None, Mark.NEEDED] = None
    """File with a client certificate, for brokers that ask for one."""
    key: Annotated[Path | None, Mark.NEEDED] = None
    """File with the client certificate's key; by default it is in the certificate's file."""
    insecure: bool = False
    """Take any certificate: encrypted, but anybody in between could pretend to be the broker; for tests only."""

    @model_validator(mode="after")
    def _fit(self) -> Self:
        given = [name for name in ("ca", "certificate", "key") if getattr(self, name) is not None]
        given += ["insecure"] if self.insecure else []
        if given and not self.enabled:
            raise ValueError(f"'{given[0]}' is given, but nothing is encrypted: set 'enabled' to true, or leave it out")
        if self.key is not None and self.certificate is None:
            raise ValueError("'key' is given without the 'certificate' that it belongs to")
        return self


class DiscoverySettings(Branch):
    """What Home Assistant is told, so that it finds uSense, its cameras and people by itself."""

    format: Literal["device", "component", "off"] = "device"
    """`device` for Home Assistant from 2024.11, `component` for older ones and openHAB; `off` removes what was told."""
    prefix: Annotated[Text, AfterValidator(check_prefix)] = "homeassistant"
    """Beginning of the topics in which Home Assistant looks."""
    birth_topic: Annotated[Text, AfterValidator(_topic_or_nothing)] = "homeassistant/status"
    """Topic on which Home Assistant says `online` when it starts; empty for none."""


class MqttSettings(Branch):
    """The broker and the topics."""

    host: Annotated[str, AfterValidator(_host)] = "127.0.0.1"
    """Name or address of the broker, without its port."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """Port of the broker; by default 1883, or 8883 with TLS."""
    username: Text = ""
    """User name at the broker; empty for none."""
    password: SecretStr | None = None
    """Password at the broker."""
    password_file: Path | None = None
    """File that holds the password, in place of `password`."""
    prefix: Annotated[Text, AfterValidator(check_prefix)] = "usense"
    """Beginning of all topics."""
    name_topic: Annotated[Text, AfterValidator(_topic_or_nothing)] | None = None
    """Topic of the bare names; by default `<prefix>/identity/name`; empty for none."""
    client_id: Text = Field(default="", max_length=128)
    """Name of this client at the broker; by default made from the instance."""
    protocol: Annotated[Literal["auto", "5", "3.1.1"], BeforeValidator(_version)] = "auto"
    """Version of MQTT; auto is 5, or 3.1.1 if the broker does not know 5."""
    transport: Literal["tcp", "websockets"] = "tcp"
    """How MQTT is carried."""
    websocket_path: Annotated[str, AfterValidator(_path)] = "/mqtt"
    """Path of the broker's websocket."""
    tls: TlsSettings = TlsSettings()
    """Encryption."""
    embedded: bool = False
    """Run a broker instead: the installed mosquitto, with passwords of its own, which `usense broker` shows."""
    embedded_listen: Annotated[str, AfterValidator(_own_address)] = "127.0.0.1"
    """Address at which the embedded broker listens: of this machine; `0.0.0.0` lets your network in."""
    keepalive: int = Field(default=15, ge=2, le=3600)
    """Seconds of silence after which uSense and the broker check each other; a dead one is noticed after twice that."""
    timeout: float = Field(default=5.0, gt=0, le=60)
    """Seconds to wait for an answer of the broker."""
    identity_lifetime: float | None = Field(default=10.0, gt=0, le=86_400)
    """Seconds after which an identity is too old to be told; null for never."""
    snapshots: bool = False
    """Send the face of each identity before it, as a JPEG picture on `<prefix>/camera/<camera>/snapshot`."""
    max_payload: int = Field(default=12_000_000, ge=1024, le=100_000_000)
    """Bytes of the largest command that is read."""

    @model_validator(mode="after")
    def _topics_apart(self) -> Self:
        below = self.effective_name_topic.removeprefix(f"{self.prefix}/")
        if below not in {"identity/name", self.effective_name_topic} and below.split("/")[0] in _TAKEN:
            raise ValueError("name_topic is one of the topics in which uSense tells something else: choose another")
        return self

    @model_validator(mode="after")
    def _one_broker(self) -> Self:
        if not self.embedded:
            return self
        others = {"host": "127.0.0.1", "username": "", "password": None, "password_file": None, "transport": "tcp"}
        foreign = [name for name, own in others.items() if getattr(self, name) != own]
        foreign += ["tls"] if self.tls.enabled else []
        if foreign:
            raise ValueError(f"'embedded' brings its own broker and login: leave out '{foreign[0]}', or 'embedded'")
        return self

    @property
    def address(self) -> str:
        """The broker as people write it: `host:port`."""
        return f"{self.host}:{self.effective_port}"

    @property
    def effective_port(self) -> int:
        return self.port or (8883 if self.tls.enabled else 1883)

    @property
    def v5(self) -> bool | None:
        """Whether to speak MQTT 5 (else 3.1.1); None: the broker is to be asked."""
        return None if self.protocol == "auto" else self.protocol == "5"

    @property
    def topics(self) -> Topics:
        return Topics(self.prefix)

    @property
    def effective_name_topic(self) -> str:
        return self.topics.name if self.name_topic is None else self.name_topic
