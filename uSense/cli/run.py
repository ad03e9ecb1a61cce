"""`usense run`: the service."""

from __future__ import annotations

import asyncio
import signal
import sys

import typer

from uSense.cli.common import ConfigFile, load


def run(ctx: typer.Context, config: ConfigFile = None) -> None:
    """Run the service: watch the cameras and tell over MQTT who is there, until it is stopped."""
    # Until the service listens itself: also for a container's first process, which otherwise would not hear it at all.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    settings = load(ctx, config, service=True)

    from uSense.app import serve
    from uSense.cli import ending

    asyncio.run(serve(settings, ending.within))
