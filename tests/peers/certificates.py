"""A throw-away certificate authority for one test."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, slots=True)
class Authority:
    """PEM files: the authority, a server at localhost and 127.0.0.1, and a client."""

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path

    @classmethod
    def create(cls, folder: Path) -> Authority:
        """Write a new authority into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("uSense test authority")
        ca = _sign(
            _draft(name, key, name).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True), key
        )
        files = cls(*(folder / f"{file}.pem" for file in ("ca", "server", "server-key", "client", "client-key")))
        files.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
        places = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))],
        )
        for usage, file, key_file in (
            (ExtendedKeyUsageOID.SERVER_AUTH, files.server, files.server_key),
            (ExtendedKeyUsageOID.CLIENT_AUTH, files.client, files.client_key),
        ):
            own = ec.generate_private_key(ec.SECP256R1())
            draft = _draft(_name(file.stem), own, name).add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            file.write_bytes(
                _sign(draft.add_extension(places, critical=False), key).public_bytes(serialization.Encoding.PEM)
            )
            _write_key(key_file, own)
        return files


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _draft(subject: x509.Name, key: ec.EllipticCurvePrivateKey, issuer: x509.Name) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
    )


def _sign(draft: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return draft.sign(key, hashes.SHA256())


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
