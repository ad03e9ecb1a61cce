"""Whether and where the pages are served."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from uSense.core.addresses import listening_address, network
from uSense.core.kiosk import KioskRules
from uSense.schema import Branch, Mark


def _address(text: str) -> str:
    return text and listening_address(text)


def _network(text: str) -> str:
    return str(network(text))


class FetchSettings(Branch):
    """What the service fetches from the web for people's own pages."""

    allow: list[Annotated[str, AfterValidator(_network)]] = Field(default=[])
    """Addresses or networks of your house that it may ask, too: all others are refused."""


class WebSettings(Branch):
    """The pages for people, and what programs of the house ask over HTTP."""

    enabled: bool = True
    """Serve them from `usense run`."""
    host: Annotated[str, AfterValidator(_address)] = ""
    """Address at which they listen; by default this machine only, and your network once `usense passwd` set a
    password."""
    port: int = Field(default=5050, ge=0, le=65535)
    """Port at which they listen; 0 takes a free one."""
    certificate: Annotated[Path | None, Mark.NEEDED] = None
    """File with a certificate (PEM) for https; by default http."""
    certificate_key: Annotated[Path | None, Mark.NEEDED] = None
    """File with the certificate's key; by default it is in the certificate's file."""
    trusted_proxies: list[Annotated[str, AfterValidator(_network)]] = Field(default=[])
    """Addresses or networks of proxies whose `X-Forwarded-For`, `-Proto` and `-Host` are believed."""
    remember_days: float = Field(default=30, gt=0, le=400)
    """Days without a visit after which somebody has to log in again."""

    live_fps: float = Field(default=5, ge=0.2, le=30)
    """Pictures a second that the live view shows at most; there are none while nobody looks."""
    live_width: int = Field(default=640, ge=160, le=1920)
    """Width of these pictures in pixels at most."""

    history_days: float = Field(default=7, ge=0.1, le=90)
    """Days for which it is remembered what happened: who was seen, who came and left, which camera was lost."""
    metrics_from: list[Annotated[str, AfterValidator(_network)]] = Field(default=[])
    """Addresses or networks that may read `/metrics` without a token."""
    kiosk: KioskRules = KioskRules()
    kiosks: dict[str, KioskRules] = Field(default={})
    """Rules of single cameras' kiosks instead, by camera."""
    fetch: FetchSettings = FetchSettings()
    pictures: list[Annotated[Path, Mark.FOLDER]] = Field(default=[])
    """Folders with pictures that people's own pages may show, and all below them."""

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.certificate_key is not None and self.certificate is None:
            raise ValueError("'certificate_key' is given without the 'certificate' that it belongs to")
        return self
