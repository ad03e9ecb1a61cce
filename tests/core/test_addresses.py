"""Which addresses are of the wide world."""

from __future__ import annotations

import pytest

from uSense.core.addresses import is_public, listening_address, network, within


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_the_wide_world(address: str) -> None:
    """Addresses that everybody reaches."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.9", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",  # noqa: S104 - not bound
        "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:c0a8:101::1", "router", "",
    ],
)  # fmt: skip
def test_everything_else_is_near(address: str) -> None:
    """This machine, the house, the provider, broadcasts, in all their spellings, and what is no address."""
    assert not is_public(address)


def test_networks_and_what_lies_in_them() -> None:
    """Single addresses, networks, and addresses of IPv4 that come as IPv6."""
    trusted = [network("192.168.1.7"), network("10.0.0.0/8"), network("fd00::/8")]

    assert all(within(one, trusted) for one in ("192.168.1.7", "10.9.9.9", "::ffff:10.0.0.1", "fd00::1"))
    assert not any(within(one, trusted) for one in ("192.168.1.8", "fe80::1", "", "proxy"))


def test_what_is_none_is_refused() -> None:
    """With an example of what is."""
    with pytest.raises(ValueError, match=r"192\.168\.1\.0/24"):
        network("proxy")
    with pytest.raises(ValueError, match="127"):
        listening_address("hall-pi")
    assert listening_address("localhost") == "127.0.0.1"
