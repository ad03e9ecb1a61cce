"""`usense face-api`: the Azure Face contract alone, from the local recognizer."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from uSense.cli.common import ConfigFile, configure_log, trace

if TYPE_CHECKING:
    from uSense.faceapi.server import FaceServer

Host = Annotated[str | None, typer.Option(metavar="H", help="Address to listen at; 0.0.0.0 lets your network in.")]
Port = Annotated[int | None, typer.Option(metavar="P", help="Port to listen at; 0 takes a free one.")]
KeyFile = Annotated[Path | None, typer.Option("--key-file", metavar="F", help="File with the key or keys, one a line.")]


def face_api(
    ctx: typer.Context, host: Host = None, port: Port = None, key_file: KeyFile = None, config: ConfigFile = None
) -> None:
    """Serve the Azure Face API from the local recognizer, until it is stopped.

    Programs written for Azure Face work with it by another host name and key: docs/face-api.md.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())

    from uSense import memory
    from uSense.settings import looking

    memory.spare()
    given = {"host": host, "port": port, "key_file": None if key_file is None else str(key_file.absolute())}
    loaded = trace(ctx, config, face_api={name: value for name, value in given.items() if value is not None})
    configure_log(ctx, loaded.settings, service=True)
    looking.require(loaded)

    import uvloop

    from uSense.cli import ending
    from uSense.serving import serve_alone

    uvloop.run(serve_alone(loaded.settings, _tell, ending.within))


def _tell(server: FaceServer) -> None:
    made = server.keys.made
    where = f"in {made}" if made else "the one you gave"
    sent = f'"$(cat {shlex.quote(str(made))})"' if made else "KEY"
    address = server.address
    lines = (
        f"the Azure Face API is served at {address} (key: {where})",
        f"try: curl -H Ocp-Apim-Subscription-Key:{sent} {address}/persongroups",
    )
    typer.echo("\n".join(lines))
    sys.stdout.flush()
