"""What lies in the built distributions, and what must."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from packaging.metadata import Metadata

import uSense
from release.portraits import HERE, PHOTOS

MOST = 3_000_000
"""Bytes of a wheel: more is a sign of something that does not belong there."""
PORTRAITS = {f"{HERE}/{Path(file).name}": sha256 for sha256, (_, file) in PHOTOS.items()}


def of_source(file: Path) -> Iterator[str]:
    """What is wrong with a source distribution."""
    with tarfile.open(file) as archive:
        content = {
            name.partition("/")[2]: archive.extractfile(name).read()  # type: ignore[union-attr] # only files are asked for
            for name in archive.getnames()
            if archive.getmember(name).isfile()
        }
    yield from _common(file, content, "PKG-INFO")
    for name in ("pyproject.toml", "requirements/run.txt", "tests/conftest.py", "release/build.py", "Makefile"):
        if name not in content:
            yield f"{file.name}: {name} is missing"


def of_wheel(file: Path) -> Iterator[str]:
    """What is wrong with a wheel."""
    info = f"usense-{uSense.__version__}.dist-info"
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    if not file.name.endswith("-py3-none-any.whl"):
        yield f"{file.name}: is not for all machines"
    if file.stat().st_size > MOST:
        yield f"{file.name}: has {file.stat().st_size:,} bytes, more than {MOST:,}"
    yield from _common(file, content, f"{info}/METADATA")
    yield from (
        f"{file.name}: {name} does not belong there" for name in content if not name.startswith(("uSense/", info))
    )
    recorded = {row[0]: row[1] for row in csv.reader(io.StringIO(content[f"{info}/RECORD"].decode()))}
    for name, data in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        if not name.endswith("/RECORD") and recorded.get(name) != f"sha256={digest}":
            yield f"{file.name}: {name} is not as recorded"
    if b"usense = uSense.__main__:main" not in content[f"{info}/entry_points.txt"]:
        yield f"{file.name}: brings no command usense"


def _common(file: Path, content: dict[str, bytes], metadata: str) -> Iterator[str]:
    told = Metadata.from_email(content[metadata], validate=True)
    if (told.name, str(told.version), told.description_content_type) != ("uSense", uSense.__version__, "text/markdown"):
        yield f"{file.name}: tells another name, version or kind of text: {told.name} {told.version}"
    if told.description != content.get("README.md", (told.description or "").encode()).decode():
        yield f"{file.name}: tells another text than README.md"
    for name, sha256 in PORTRAITS.items():
        if hashlib.sha256(content.get(name, b"")).hexdigest() != sha256:
            yield f"{file.name}: {name} is missing or another picture"
    yield from (
        f"{file.name}: {name} does not belong there"
        for name in content
        if name.endswith((".pyc", ".so", ".dat", ".onnx"))
    )
