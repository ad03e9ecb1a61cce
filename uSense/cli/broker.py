"""`usense broker`: how others connect to the embedded broker."""

from __future__ import annotations

import ipaddress
import json
import socket
from typing import Any

import typer

from uSense.cli.common import ConfigFile, Json, load
from uSense.core.errors import SettingsError


def broker(ctx: typer.Context, config: ConfigFile = None, as_json: Json = False) -> None:
    """Show how others connect to the broker that `mqtt.embedded` runs, with their password."""
    from uSense.mqtt import login

    settings = load(ctx, config)
    mqtt = settings.mqtt
    if not mqtt.embedded:
        raise SettingsError(f"mqtt.embedded is not set: uSense uses the broker at {mqtt.address}, with its passwords")
    password = login.passwords(settings.data_dir).get(login.GUEST)
    if password is None:
        raise SettingsError("the embedded broker has no passwords yet: they are made when `usense run` first starts")
    told: dict[str, Any] = {
        "hosts": _addresses(mqtt.embedded_listen),
        "port": mqtt.effective_port,
        "username": login.GUEST,
        "password": password,
        "prefix": mqtt.prefix,
    }
    if as_json:
        typer.echo(json.dumps(told))
        return
    host = told["hosts"][0]
    typer.echo(f"host      {', '.join(told['hosts'])}\nport      {told['port']}\nuser      {told['username']}")
    typer.echo(f"password  {password}\n\nIt may hear everything and give commands. For example:")
    command = f"mosquitto_sub -h {host} -p {told['port']} -u {told['username']} -P {password}"
    typer.echo(f"  {command} -t '{mqtt.prefix}/#' -T '{mqtt.prefix}/command/#' -v")
    if ipaddress.ip_address(mqtt.embedded_listen).is_loopback:
        typer.echo("\nOnly programs of this machine get in; `mqtt.embedded_listen: 0.0.0.0` opens it to your network.")


def _addresses(listen: str) -> list[str]:
    """Where others find the broker."""
    import psutil

    address = ipaddress.ip_address(listen)
    if not address.is_unspecified:
        return [listen]
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004 - IP version 6
    found = [one.address for all_of in psutil.net_if_addrs().values() for one in all_of if one.family == family]
    outside = [one for one in found if not ipaddress.ip_address(one.partition("%")[0]).is_loopback]
    return outside or [socket.gethostname()]
