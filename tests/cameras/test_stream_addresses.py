"""Addresses of streams: logins in them, what is shown of them, what they lead to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from uSense.cameras.stream import StreamSettings, split_login


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rtsp://10.0.0.5/live", ("rtsp://10.0.0.5/live", "", "")),
        ("rtsp://10.0.0.5:554/live", ("rtsp://10.0.0.5:554/live", "", "")),
        ("rtsp://u:p@10.0.0.5:554/live?a=1#x", ("rtsp://10.0.0.5:554/live?a=1#x", "u", "p")),
        ("rtsp://u@cam/live", ("rtsp://cam/live", "u", "")),
        ("http://u:p%40%2F%3A@cam", ("http://cam", "u", "p@/:")),
        ("http://u:p@ss@cam/x", ("http://cam/x", "u", "p@ss")),
        ("rtsp://u:p#s/s?@cam:554/x", ("rtsp://cam:554/x", "u", "p#s/s?")),
        ("http://cam/@home", ("http://cam/@home", "", "")),
        ("http://cam:80/a@b", ("http://cam:80/a@b", "", "")),
        ("http://[fe80::1]:80/a@b", ("http://[fe80::1]:80/a@b", "", "")),
        ("http://u:p@[fe80::1]:80/a", ("http://[fe80::1]:80/a", "u", "p")),
        ("/dev/video0", ("/dev/video0", "", "")),
        ("films/a@b.mp4", ("films/a@b.mp4", "", "")),
        ("https://", ("https://", "", "")),
    ],
)
def test_login_is_taken_out_of_the_address(url: str, expected: tuple[str, str, str]) -> None:
    """User and password are found wherever they may stand, and nothing else is taken for them."""
    assert split_login(url) == expected


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_login_comes_back(username: str, password: str) -> None:
    """Any user and password survive the way into the address for FFmpeg."""
    address = StreamSettings(url="rtsp://cam:554/live", username=username, password=SecretStr(password)).address
    assert split_login(address) == ("rtsp://cam:554/live", username, password)


def test_password_is_never_shown() -> None:
    """Neither the settings' text nor their values nor the place named in messages have the password."""
    settings = StreamSettings(url="rtsp://anna:geheim@cam:554/live?token=auch")
    assert settings.address == "rtsp://anna:geheim@cam:554/live?token=auch"
    assert settings.url == "rtsp://cam:554/live?token=auch"
    assert settings.place == "rtsp://cam:554"
    for text in (repr(settings), str(settings), settings.model_dump_json()):
        assert "geheim" not in text
        assert "auch" not in text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://cam:81/video.cgi?user=admin&pwd=geheim", "http://cam:81"),
        ("rtsp://cam/user=admin&password=geheim&channel=1", "rtsp://cam"),
        ("rtsp://anna:ge/heim@[fe80::1]:554/x", "rtsp://[fe80::1]:554"),
        ("http://cam?geheim", "http://cam"),
        ("/dev/video0", "/dev/video0"),
        ("films/hall.mp4", "films/hall.mp4"),
    ],
)
def test_settings_show_only_the_place(url: str, shown: str) -> None:
    """Values that leave the process have the host of an address and the names of options; what opens it keeps all."""
    settings = StreamSettings(url=url, options={"headers": "Authorization: geheim"})
    for values in (settings.model_dump(mode="json"), json.loads(settings.model_dump_json())):
        assert values["url"] == shown
        assert list(values["options"]) == ["headers"]
        assert "geheim" not in str(values)
    assert settings.options == {"headers": "Authorization: geheim"}


def test_home_folder_is_understood() -> None:
    """`~` in the path of a file is the home folder, as in all other settings."""
    assert StreamSettings(url="~/film.mp4").address == str(Path.home() / "film.mp4")


def test_login_given_twice_is_refused() -> None:
    """Two passwords for one camera are a mistake."""
    with pytest.raises(ValidationError, match="give it once"):
        StreamSettings(url="rtsp://u:p@cam/live", password=SecretStr("other"))


def test_settings_may_be_given_ready_made() -> None:
    """Settings that were read already pass through another validation; an address is needed."""
    settings = StreamSettings(url="rtsp://u:p@cam/live")
    assert StreamSettings.model_validate(settings) == settings
    with pytest.raises(ValidationError):
        StreamSettings.model_validate({"url": 5})


@pytest.mark.parametrize(
    ("url", "device", "network", "place"),
    [
        ("/dev/video0", True, False, "/dev/video0"),
        ("/dev/v4l/by-id/usb-x", True, False, "/dev/v4l/by-id/usb-x"),
        ("/dev/disk/film.mp4", False, False, "/dev/disk/film.mp4"),
        ("film.mp4", False, False, "film.mp4"),
        ("file:///tmp/film.mp4", False, False, "file:///tmp/film.mp4"),
        ("RTSP://cam/x", False, True, "RTSP://cam"),
        ("udp://@239.0.0.1:1234", False, True, "udp://239.0.0.1:1234"),
    ],
)
def test_sources_are_told_apart(url: str, *, device: bool, network: bool, place: str) -> None:
    """Devices, files and network cameras are opened and paced differently."""
    settings = StreamSettings(url=url)
    assert (settings.is_device, settings.is_network, settings.place) == (device, network, place)


@pytest.mark.parametrize("url", ["rtsp://", "http:///live", "RTSP://?x", "rtsp://u:p@"])
def test_network_camera_has_a_host(url: str) -> None:
    """An address whose host was forgotten is refused."""
    with pytest.raises(ValidationError, match="has no host"):
        StreamSettings(url=url)


@pytest.mark.parametrize("url", ["udp://@:1234", "file:///tmp/a.mp4", "rtsp://cam", "films/a.mp4", "/dev/video0"])
def test_places_without_a_host(url: str) -> None:
    """Files and devices need no host, and some addresses have only a port."""
    assert StreamSettings(url=url).url == url.replace("@", "")
