"""Addresses of networks: where to listen, and where a service that fetches for people may not go."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias
from urllib.parse import urlsplit

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
"""Networks of IPv6 whose addresses lead to IPv4."""


def listening_address(text: str) -> str:
    """An address to listen at, in its usual form; ValueError if it is none."""
    try:
        return str(ip_address("127.0.0.1" if text == "localhost" else text))
    except ValueError:
        raise ValueError("must be an address such as 127.0.0.1, or 0.0.0.0 for all of this machine's") from None


def network(text: str) -> Network:
    """A network or a single address; ValueError if it is none."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ValueError("must be an address or a network such as 192.168.1.0/24") from None


def within(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address lies in one of these networks; false for what is no address."""
    try:
        found = _plain(ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    return any(found in one for one in networks)


def is_public(address: str) -> bool:
    """Whether an address is of the wide world: not of this machine, this house, or a provider's inner network."""
    try:
        found = _plain(ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    if any(found in one for one in _TRANSLATED):
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved)


def is_own(origin: str) -> bool:
    """Whether an origin, or one without a name, is of this machine: no name that anybody else could give to it."""
    try:
        name = urlsplit(origin).hostname or ""
        return name in {"", "localhost"} or ip_address(name).is_loopback
    except ValueError:
        return False


def _plain(address: Address) -> Address:
    """The address of IPv4 that one of IPv6 stands for."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address
