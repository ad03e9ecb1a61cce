"""Logs on stderr: uSense's own through structlog, those of libraries and warnings through the same door.

PyAV keeps libav's messages to itself unless its log level is set, which uSense never does: its callback takes the GIL
in libav's threads and can lock up a camera that is being closed.
"""

from __future__ import annotations

import logging
import re
import sys
from collections import deque
from collections.abc import Sequence
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

KEPT, _LONGEST = 2000, 4000
"""Lines that are remembered, and signs of each."""
_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_recent: deque[str] = deque(maxlen=KEPT)
_LOGIN = re.compile(
    r"""://(?:
        (?:\\.|[^\s"\\\x1b/?#\[:]){0,500}:(?:\\.|[^\s"\\\x1b]){0,500}  # also if the password has / ? # or @
        |(?:\\.|[^\s"\\\x1b/?#]){1,500}
    )@""",
    re.VERBOSE,
)
"""What stands before the host of an address, in plain text or JSON; what is no login for sure stays."""
_QUERY = re.compile(
    r"""([?&;/][\w.-]{0,40}?(?:user|usr|login|pass|psw|pwd|token|key|secret|auth|credential|session|sig|sid|pin|code)
    [\w.-]{0,40}=)(?:\\.|[^\s"'&\\\x1b]|'(?![,)\]}]{0,9}(?:\s|$)))+""",
    re.VERBOSE | re.IGNORECASE,
)
"""Parts of an address that are secret by their names; some cameras have them in the path."""


def configure(level: str, style: str = "auto", stream: TextIO | None = None) -> None:
    """Send all logs to `stream` (stderr) from `level` on; `style` is auto, console or json. May be called again.

    Libraries are heard from `warning` on, with `debug` from `info` on.
    """
    stream = stream or sys.stderr
    console = style == "console" or (style == "auto" and stream.isatty())
    shared = _shared(console=console)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(console=console, colors=stream.isatty()),
            ],
        )
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    others = logging.INFO if number == logging.DEBUG else max(number, logging.WARNING)
    logging.basicConfig(handlers=[handler], level=others, force=True)
    logging.getLogger("uSense").setLevel(number)
    logging.captureWarnings(capture=True)


def _shared(*, console: bool) -> Sequence[Processor]:
    stamp = (
        structlog.processors.TimeStamper("%H:%M:%S", utc=False) if console else structlog.processors.TimeStamper("iso")
    )
    return (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        stamp,
    )


def _renderers(*, console: bool, colors: bool) -> Sequence[Processor]:
    if console:
        # structlog's own choice prints local variables with a traceback, and with them secrets.
        plain = structlog.dev.plain_traceback
        return (structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain), _mask, _remember)
    return (
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        _mask,
        _remember,
    )


def _mask(_logger: WrappedLogger, _method: str, line: EventDict | str) -> str:
    return mask(str(line))


def _remember(_logger: WrappedLogger, _method: str, line: EventDict | str) -> str:
    text = str(line)
    _recent.append(text[:_LONGEST])
    return text


def recent() -> list[str]:
    """The latest lines of this process, oldest first, without colors."""
    return [_COLORS.sub("", line) for line in _recent]


def mask(text: str) -> str:
    """The text without user, password and keys of the addresses in it; JSON stays JSON."""
    if "://" in text:
        text = _LOGIN.sub("://***@", text)
    return _QUERY.sub(r"\1***", text) if "=" in text else text
