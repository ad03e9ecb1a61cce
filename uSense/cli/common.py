"""What every command shares: the global options and the settings they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from uSense.settings import Loaded, Settings

ConfigFile = Annotated[Path | None, typer.Option("--config", "-c", metavar="FILE", help="Settings file (YAML).")]
Json = Annotated[bool, typer.Option("--json", help="For programs: JSON on stdout.")]


@dataclass(frozen=True, slots=True)
class Options:
    """The global options, kept as `ctx.obj`."""

    config: Path | None = None
    log_level: str | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """The options that override settings."""
        return {"log": {"level": self.log_level}} if self.log_level else {}


def load(ctx: typer.Context, config: Path | None = None) -> Settings:
    """The settings in effect, with logs configured."""
    settings = trace(ctx, config).settings
    configure_log(ctx, settings)
    return reaching(settings)


def reaching(settings: Settings) -> Settings:
    """The settings with the login at an embedded broker."""
    if not settings.mqtt.embedded:
        return settings
    from uSense.mqtt.embedded import reached

    return settings.model_copy(update={"mqtt": reached(settings.mqtt, settings.data_dir)})


def trace(ctx: typer.Context, config: Path | None = None, **given: Any) -> Loaded:
    """The settings in effect with their origins; a command's own `config` is stronger than the global one.

    What is `given` is stronger than all others.
    """
    from uSense import settings

    options: Options = ctx.obj
    return settings.trace(config or options.config, **options.arguments, **given)


def configure_log(ctx: typer.Context, settings: Settings, *, service: bool = False) -> None:
    """Log as the settings say.

    Other commands than the service tell their results themselves: their logs show only problems unless asked for.
    """
    from uSense import log

    options: Options = ctx.obj
    log.configure(settings.log.level if service or options.log_level else "warning", settings.log.format)


def counted(number: int, thing: str) -> str:
    """`1 face`, `2 faces`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
