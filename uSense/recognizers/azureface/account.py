"""What is agreed with an Azure Face resource, and what it tells."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlsplit

from uSense.core.errors import SettingsError
from uSense.core.quota import F0, Tier

MARK = "usense:"
"""With this and a marker begins the `userData` of what uSense made."""
_VERSION = re.compile(r"(?i)/face/v\d[\w.-]*$")


@dataclass(frozen=True, slots=True)
class Account:
    """A resource and a group in it."""

    endpoint: str
    """Address such as https://NAME.cognitiveservices.azure.com; http only for this machine, unless `plain_http`."""
    key: str = field(repr=False)
    group_id: str
    kind: Literal["plain", "large"] = "plain"
    """Whether `group_id` is a person group or a large person group."""
    recognition_model: str = "recognition_04"
    detection_model: str = "detection_03"
    tier: Tier = F0
    timeout: float = 30.0
    """Seconds a call may take."""
    candidate_threshold: float = 0.5
    """Confidence below which candidates are not told."""
    plain_http: bool = False
    """Whether photos and key may travel unencrypted to another machine, such as one that runs `usense face-api`."""

    @property
    def base(self) -> str:
        """Address before the words of an operation; raises SettingsError."""
        text = self.endpoint.strip()
        address = urlsplit(text if "://" in text else f"https://{text}")
        host = address.hostname or ""
        word = "://" not in text and not any(sign in host for sign in ".:") and host != "localhost"
        if address.scheme not in {"http", "https"} or not host or word or address.query or address.fragment:
            raise SettingsError(
                f"the Azure endpoint {self.endpoint!r} must be like https://NAME.cognitiveservices.azure.com"
            )
        if address.scheme == "http" and not self.plain_http and not is_loopback(host):
            raise SettingsError(
                f"the Azure endpoint {self.endpoint!r} would send photos and the key unencrypted: "
                "use https, or set plain_http: true if it is a machine of yours"
            )
        path = address.path.rstrip("/")
        if not _VERSION.search(path):
            path = f"{re.sub(r'(?i)/face$', '', path)}/face/v1.0"
        return f"{address.scheme}://{address.netloc}{path}"

    @property
    def family(self) -> str:
        """The group's word in paths."""
        return "persongroups" if self.kind == "plain" else "largepersongroups"

    @property
    def id_field(self) -> str:
        """The group's word in bodies."""
        return "personGroupId" if self.kind == "plain" else "largePersonGroupId"

    @property
    def path(self) -> str:
        """The group's path below `base`."""
        return f"/{self.family}/{quote(self.group_id, safe='')}"


def is_loopback(host: str) -> bool:
    """Whether an address never leaves this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@dataclass(frozen=True, slots=True)
class RemoteFace:
    """A face that Azure found, in pixels of the upright picture; `face_id` may be identified for some minutes."""

    face_id: str
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class RemoteCandidate:
    """Who a face may be."""

    person_id: str
    confidence: float


@dataclass(frozen=True, slots=True)
class RemoteGroup:
    """The group, and the model that its faces were made with for good."""

    name: str
    recognition_model: str


@dataclass(frozen=True, slots=True)
class RemotePerson:
    """A person of the group; `marker` is what uSense gave when it made them, empty if somebody else did."""

    person_id: str
    name: str
    user_data: str = ""
    face_ids: tuple[str, ...] = ()
    marker: str = ""


@dataclass(frozen=True, slots=True)
class RemoteTraining:
    """State of the last training: never, running, succeeded or failed; wall-clock seconds of the last success."""

    state: str
    last_success: float | None = None
    message: str = ""


def marked(marker: str, user_data: str = "") -> str:
    """`userData` that holds both."""
    return f"{MARK}{marker}\n{user_data}" if user_data else f"{MARK}{marker}"


def unmarked(text: str) -> tuple[str, str]:
    """Marker and user data of `userData`."""
    if not text.startswith(MARK):
        return "", text
    marker, _, user_data = text.removeprefix(MARK).partition("\n")
    return marker, user_data
