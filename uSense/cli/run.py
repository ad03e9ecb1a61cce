"""`usense run`: the service."""

from __future__ import annotations

import asyncio

import typer

from uSense.cli.common import ConfigFile, load


def run(ctx: typer.Context, config: ConfigFile = None) -> None:
    """Run the service: watch the cameras and tell over MQTT who is there, until it is stopped."""
    settings = load(ctx, config, service=True)

    from uSense.app import serve

    asyncio.run(serve(settings))
