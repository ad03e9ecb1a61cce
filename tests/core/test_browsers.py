"""What people call their browsers."""

from __future__ import annotations

import pytest

from uSense.core.browsers import browser_name

CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 {}Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (CHROME.format("Windows NT 10.0; Win64; x64", ""), "Chrome, Windows"),
        (CHROME.format("Linux; Android 14; Pixel 8", "Mobile "), "Chrome, Android"),
        (CHROME.format("Windows NT 10.0", "") + " Edg/126.0", "Edge, Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox, Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605 Version/17 Safari/604",
            "Safari, iPhone",
        ),
        ("curl/8.5.0", "curl"),
        ("<script>alert(1)</script>", ""),
        ("", ""),
    ],
)
def test_each_is_called_as_people_do(agent: str, name: str) -> None:
    """Those that pretend to be others, too; nothing of what is sent is repeated."""
    assert browser_name(agent) == name
