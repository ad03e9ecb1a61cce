"""Files that settings name: why one cannot be read, and the secrets in them."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from uSense.core.errors import SettingsError


def why(error: OSError) -> str:
    """Why a file cannot be read, in plain words."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "is a folder, not a file (Docker makes one where a file to mount is missing)"
    if isinstance(error, PermissionError):
        return "may not be read by this user: check its rights"
    return f"cannot be read: {error.strerror}"


def secret(file: Path, name: str, given: object) -> SecretStr:
    """The secret in a file, without the newline at its end; SettingsError says why there is none."""
    if given is not None:
        raise SettingsError(f"is given beside '{name}'; give one of them")
    try:
        text = file.read_bytes().decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: is not UTF-8 text") from error
    except OSError as error:
        raise SettingsError(f"{file}: {why(error)}") from error
    if not text:
        raise SettingsError(f"{file}: is empty")
    return SecretStr(text)


def unusable(file: Path) -> str | None:
    """Why a file cannot be used, if it is missing, unreadable or empty."""
    try:
        with file.open("rb") as opened:
            return None if opened.read(1) else f"{file}: is empty"
    except OSError as error:
        return f"{file}: {why(error)}"
