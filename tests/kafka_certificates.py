"""Certificates for a broker of the tests, made anew for each: good ones and such as must be refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import trustme

__all__ = ["Certificates", "make_certificates"]

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM.

    Attributes:
        ca_file: the authority of all but the stranger's.
        client_file: certificate and key of a client that is known.
        stranger_file: the same of one whose authority nobody knows.
    """

    ca_file: Path
    client_file: Path
    stranger_file: Path


def make_certificates(directory: Path) -> Certificates:
    """Make what a client needs, and for the broker `broker.pem`, `expired.pem` and `elsewhere.pem` beside it."""
    # Loaded here, because it brings a cryptography library that no other run of the tests should wait for.
    import trustme

    authority, unknown = trustme.CA(), trustme.CA()
    made = Certificates(directory / "ca.pem", directory / "client.pem", directory / "stranger.pem")
    authority.cert_pem.write_to_path(str(made.ca_file))
    authority.issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(str(made.client_file))
    unknown.issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(str(made.stranger_file))
    yesterday = LONG_AGO + dt.timedelta(days=1)
    for name, issued in {
        "broker": authority.issue_cert("127.0.0.1", "localhost"),
        "expired": authority.issue_cert("127.0.0.1", not_before=LONG_AGO, not_after=yesterday),
        "elsewhere": authority.issue_cert("kafka.example"),
    }.items():
        (directory / f"{name}.pem").write_bytes(_keystore(issued))
    return made


def _keystore(issued: trustme.LeafCert) -> bytes:
    """Key and certificates in one file, the key as Kafka wants it."""
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), password=None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return b"".join([key, *(each.bytes() for each in issued.cert_chain_pems)])
