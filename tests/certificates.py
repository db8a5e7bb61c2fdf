"""Certificates for tests: an authority that signs for servers and clients, all of it in files."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

# Long enough for clocks that tests set, and no test asks for the time.
_VALID_FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)
_VALID_FOR: Final = timedelta(days=365 * 40)
_LOOPBACK: Final = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])


class Issued(NamedTuple):
    """`whole`: key and certificate in one file."""

    certificate: Path
    key: Path
    whole: Path


class Authority:
    """Writes its own certificate and those that it issues into `directory`."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._name = _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        unsigned = _unsigned(self._name, self._key, self._name).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        signed = unsigned.sign(self._key, hashes.SHA256())
        self.certificate = directory / f"{name}.crt"
        self.certificate.write_bytes(signed.public_bytes(Encoding.PEM))

    def issue(self, name: str, *, password: str = "") -> Issued:
        """For a server on 127.0.0.1, or a client; `password` encrypts the key."""
        key = ec.generate_private_key(ec.SECP256R1())
        unsigned = _unsigned(_named(name), key, self._name).add_extension(_LOOPBACK, critical=False)
        signed = unsigned.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        lock: KeySerializationEncryption = NoEncryption()
        if password:
            lock = BestAvailableEncryption(password.encode())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
        paths = Issued(*(self._directory / f"{name}.{kind}" for kind in ("crt", "key", "pem")))
        for path, content in zip(paths, (signed, private, private + signed), strict=True):
            path.write_bytes(content)
        return paths


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _unsigned(
    name: x509.Name, key: ec.EllipticCurvePrivateKey, issuer: x509.Name
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_FROM + _VALID_FOR)
    )
