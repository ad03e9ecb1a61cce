"""An archive of Debian packages on loopback, like Raspberry Pi's: signed, and with its key in a package of its own."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support import needs

KEYRING = "usr/share/keyrings/raspberrypi-archive-keyring.gpg"
VERSION = "9.0+test"


@dataclass(frozen=True, slots=True)
class Archive:
    """Where it is, and which package has its key."""

    url: str
    keyring: str
    sha256: str


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""


@contextmanager
def archive(folder: Path, packages: Mapping[str, str]) -> Iterator[Archive]:
    """Serve packages, by the name of each and of the one file in it."""
    needs.program("dpkg-deb", "dpkg")
    root = folder / "archive"
    dist = root / "dists" / "trixie"
    index = dist / "main" / "binary-amd64" / "Packages"
    index.parent.mkdir(parents=True)
    sign = _signer(folder / "gpg")
    index.write_text("".join(_entry(root, _package(root, name, file, b"")) for name, file in packages.items()))
    data = index.read_bytes()
    (dist / "Release").write_text(
        "Origin: test\nSuite: stable\nCodename: trixie\nArchitectures: amd64\nComponents: main\n"
        f"Date: Sun, 22 Nov 2026 00:00:00 UTC\nSHA256:\n {_sha256(data)} {len(data)} main/binary-amd64/Packages\n"
    )
    sign("--clearsign", "--output", str(dist / "InRelease"), str(dist / "Release"))
    keyring = _package(root, "raspberrypi-archive-keyring", KEYRING, sign("--export"))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever, name="archive")
        thread.start()
        try:
            yield Archive(f"http://127.0.0.1:{server.server_port}", keyring.name, _sha256(keyring.read_bytes()))
        finally:
            server.shutdown()
            thread.join()
            subprocess.run(["gpgconf", "--homedir", str(folder / "gpg"), "--kill", "gpg-agent"], check=True)


def _signer(home: Path) -> Callable[..., bytes]:
    """GnuPG with a new key."""
    home.mkdir(mode=0o700)
    program = needs.program("gpg", "gpg")

    def gpg(*arguments: str) -> bytes:
        options = ("--homedir", str(home), "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
        return subprocess.run([program, *options, *arguments], check=True, capture_output=True).stdout

    gpg("--quick-generate-key", "test", "ed25519", "sign", "0")
    return gpg


def _package(root: Path, name: str, file: str, content: bytes) -> Path:
    """Make a package of one file."""
    tree = root.parent / name
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: {VERSION}\nArchitecture: all\nMaintainer: test <test@test.invalid>\n"
        f"Description: stands in for {name}\n"
    )
    (tree / file).parent.mkdir(parents=True)
    (tree / file).write_bytes(content)
    made = root / f"{name}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", str(tree), str(made)], check=True, capture_output=True)
    return made


def _entry(root: Path, package: Path) -> str:
    """What the index says of a package."""
    control = subprocess.run(["dpkg-deb", "--field", str(package)], check=True, capture_output=True, text=True).stdout
    data = package.read_bytes()
    return f"{control}Filename: {package.relative_to(root)}\nSize: {len(data)}\nSHA256: {_sha256(data)}\n\n"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
