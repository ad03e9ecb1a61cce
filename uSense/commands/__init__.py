"""Every command there is: one file a family, one line here."""

from __future__ import annotations

from typing import Any

from uSense.commands import enroll, faces, people, pictures, service, settings, visitors
from uSense.commands.base import Command
from uSense.control import Control

COMMANDS: tuple[Command[Control, Any], ...] = (
    people.CREATE,
    people.RENAME,
    people.DELETE,
    people.MERGE,
    people.LIST,
    faces.ADD,
    faces.DELETE,
    faces.TRAIN,
    faces.STATUS,
    enroll.START,
    enroll.CANCEL,
    pictures.IDENTIFY,
    pictures.VERIFY,
    visitors.LIST,
    visitors.NAME,
    visitors.MERGE,
    visitors.IGNORE,
    visitors.DELETE,
    visitors.REJECT,
    service.PAUSE,
    service.RESUME,
    service.SNAPSHOT,
    service.BACKUP,
    service.INFO,
    settings.SET,
)
