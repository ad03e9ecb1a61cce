"""`usense run`: the service."""

from __future__ import annotations

import os
import signal
import sys

import typer

from uSense.cli.common import ConfigFile, configure_log, trace


def run(ctx: typer.Context, config: ConfigFile = None) -> None:
    """Run the service: watch the cameras and tell over MQTT who is there, until it is stopped."""
    # Until the service listens itself: also for a container's first process, which otherwise would not hear it at all.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())

    import structlog

    from uSense import memory
    from uSense.settings import looking

    memory.spare()

    loaded = trace(ctx, config)
    configure_log(ctx, loaded.settings, service=True)
    looking.require(loaded)
    for doubt in looking.doubts(loaded):
        structlog.get_logger().warning(doubt)

    import uvloop

    from uSense.app import serve
    from uSense.cli import ending
    from uSense.systemd import Systemd

    # Its wake-ups cost a third less than those of Python's own loop, and a frame has half a dozen.
    uvloop.run(serve(loaded.settings, ending.within, systemd=Systemd.found(os.environ), loaded=loaded))
