"""Logs: one line an event on stderr, for people or for machines, without secrets."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tests.support.logs import undone
from uSense import log


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Logging as it was before the test."""
    with undone():
        yield


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """What was logged as JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json() -> None:
    """A machine reads one JSON object a line with time, level, source, event and its facts."""
    stream = io.StringIO()
    log.configure("info", "auto", stream)
    structlog.get_logger("uSense.cameras").info("camera lost", camera="Küche", seconds=3)
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "camera lost",
        "level": "info",
        "logger": "uSense.cameras",
        "camera": "Küche",
        "seconds": 3,
    }


def test_auto_is_console_on_a_terminal() -> None:
    """People get a line in words, in color only on a terminal."""
    terminal, file = Terminal(), io.StringIO()
    log.configure("info", "auto", terminal)
    structlog.get_logger("uSense").info("camera lost", camera="hall")
    log.configure("info", "console", file)
    structlog.get_logger("uSense").info("camera lost", camera="hall")
    assert "\x1b[" in terminal.getvalue()
    assert "\x1b[" not in file.getvalue()
    assert "camera lost" in file.getvalue()
    assert "camera=hall" in file.getvalue()


@pytest.mark.parametrize(
    ("level", "own", "others"),
    [
        ("debug", ["debug", "info", "warning", "error"], ["info", "warning", "error"]),
        ("info", ["info", "warning", "error"], ["warning", "error"]),
        ("warning", ["warning", "error"], ["warning", "error"]),
        ("error", ["error"], ["error"]),
    ],
)
def test_levels(level: str, own: list[str], others: list[str]) -> None:
    """What uSense says begins at the level, what libraries say a step later."""
    stream = io.StringIO()
    log.configure(level, "json", stream)
    for name in ("debug", "info", "warning", "error"):
        getattr(structlog.get_logger("uSense.mqtt"), name)("x")
        getattr(logging.getLogger("aiomqtt"), name)("x")
    said = [(line["logger"], line["level"]) for line in lines(stream)]
    assert [level for logger, level in said if logger == "uSense.mqtt"] == own
    assert [level for logger, level in said if logger == "aiomqtt"] == others


def test_libraries_and_warnings() -> None:
    """The standard library's loggers and warnings come out in the same form."""
    stream = io.StringIO()
    log.configure("info", "json", stream)
    logging.getLogger("asyncio").warning("slow %s", "callback", extra={"camera": "hall"})
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    first, second = lines(stream)
    assert (first["event"], first["logger"], first["camera"]) == ("slow callback", "asyncio", "hall")
    assert (second["logger"], "DeprecationWarning: old" in second["event"]) == ("py.warnings", True)


@pytest.mark.parametrize("style", ["json", "console"])
def test_logins_are_masked(style: str) -> None:
    """Users and passwords in addresses are hidden wherever they turn up: event, fact or traceback."""
    stream = io.StringIO()
    log.configure("info", style, stream)
    logger = structlog.get_logger("uSense")
    logger.info("lost rtsp://anna:hunter2@door/1", url="http://:hunter2@door")
    logger.error("broke", exc_info=ValueError("rtsp://x:hunter2@door"))
    assert "hunter2@" not in stream.getvalue()
    assert "rtsp://***@door/1" in stream.getvalue()
    assert "ValueError" in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://admin:p@ss@cam/live", "rtsp://***@cam/live"),
        ("rtsp://admin:a/b@cam:554/live", "rtsp://***@cam:554/live"),
        ("rtsp://admin:a?b#c@cam", "rtsp://***@cam"),
        ("rtsp://admin:12/34@cam", "rtsp://***@cam"),
        ("rtsp://admin:it's@cam", "rtsp://***@cam"),
        ("rtsp://admin@cam", "rtsp://***@cam"),
        ("a rtsp://a:b@c and http://:d@e", "a rtsp://***@c and http://***@e"),
        ("http://cam/v.cgi?user=admin&password=x@y&ch=1", "http://cam/v.cgi?user=***&password=***&ch=1"),
        ("http://cam/cgi?loginuse=a&loginpas=b", "http://cam/cgi?loginuse=***&loginpas=***"),
        ("https://x/y?ApiKey=1&access_token=2", "https://x/y?ApiKey=***&access_token=***"),
        ("rtsp://cam/user=admin_password=x_channel=1.sdp", "rtsp://cam/user=***"),
        ("url='rtsp://cam/?auth=it's', x=1", "url='rtsp://cam/?auth=***', x=1"),
        ('{"url":"http://cam/?pwd=a\\"b","x":"y@z"}', '{"url":"http://cam/?pwd=***","x":"y@z"}'),
        ("http://host:8080/photos", "http://host:8080/photos"),
        ("http://host/photo@2x.png?mail=a@b&size=3", "http://host/photo@2x.png?mail=a@b&size=3"),
        ("http://[::1]:80/a@b", "http://[::1]:80/a@b"),
        ("exit_code=3 api_key=in user=anna", "exit_code=3 api_key=in user=anna"),
    ],
)
def test_secrets_of_addresses_are_masked(text: str, shown: str) -> None:
    """Whatever signs a password has, and in the query or path by its name; all else stays."""
    assert log.mask(text) == shown


_PASSWORDS = st.text("aB3äß€🔒:/?#[]@!$&'()*+,;=%~{}<>|^`\\\"-._", max_size=12).map("p{}w".format)


@given(password=_PASSWORDS, user=st.text("ab", max_size=3))
def test_no_password_stays_in_json(password: str, user: str) -> None:
    """Neither before the host nor by a name, and what is JSON can still be read."""
    bare = password.replace("&", "")
    told = [f"rtsp://{user}:{password}@cam/live", f"http://cam/?token={bare}&x=1", "x"]

    read = json.loads(log.mask(json.dumps(told, ensure_ascii=False)))

    assert read == ["rtsp://***@cam/live", "http://cam/?token=***&x=1", "x"]


@pytest.mark.parametrize(("style", "password"), [("json", "hunter2"), ("console", "hunter2")])
def test_tracebacks_have_no_variables(style: str, password: str) -> None:
    """A traceback shows the code and not what its variables held."""
    stream = io.StringIO()
    log.configure("info", style, stream)
    try:
        len(password) / 0
    except ZeroDivisionError:
        structlog.get_logger("uSense").exception("broke")
    assert "Traceback" in stream.getvalue()
    assert password not in stream.getvalue()


def test_configured_again() -> None:
    """A second configuration replaces the first: nothing is said twice."""
    first, second = io.StringIO(), io.StringIO()
    logger = structlog.get_logger("uSense")
    for stream in (first, second):
        log.configure("info", "json", stream)
        logger.info("x")
    assert (len(lines(first)), len(lines(second))) == (1, 1)


def test_stdout_is_for_results() -> None:
    """Logs go to stderr, and libav's own chatter nowhere."""
    program = (
        "import av, structlog; from uSense import log; log.configure('debug', 'json')\n"
        "structlog.get_logger('uSense').info('x')\n"
        "try: av.open('/dev/null', format='mp4')\n"
        "except av.FFmpegError: pass"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == ""
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["x"]


@pytest.mark.parametrize("style", ["json", "console"])
def test_the_latest_lines_are_remembered(style: str) -> None:
    """As they were written, without colors and log-ins; the oldest leave."""
    log.configure("info", style, Terminal())
    for number in range(log.KEPT + 5):
        structlog.get_logger("uSense.x").info("event", number=number, url="rtsp://me:secret@cam")

    kept = log.recent()

    assert len(kept) == log.KEPT
    assert str(log.KEPT + 4) in kept[-1]
    assert not any("\x1b" in line or "secret" in line for line in kept)
