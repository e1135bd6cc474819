"""How to reach a Kafka cluster; free of third-party imports, so that a configuration is checked without them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from crackle_stream.model import Secret
from crackle_stream.model.options import one_of, optional, positive_seconds, read_flag, read_path, read_text

if TYPE_CHECKING:
    import ssl

__all__ = [
    "BROKER_READERS",
    "BrokerOptions",
    "read_texts",
    "security_problems",
]

MAX_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOptions:
    """Where a cluster is, and how to be let in. Subclasses read these fields with `BROKER_READERS`.

    Attributes:
        brokers: addresses to begin with, "host:port" each.
        client_id: how the brokers' logs call this process.
        connect_timeout: most for reaching a broker and finding the topics.
        stop_timeout: most for letting go of the brokers.
        security_protocol: PLAINTEXT, SSL (TLS), SASL_SSL (TLS and credentials), or SASL_PLAINTEXT, which sends
            credentials in the clear and needs `allow_insecure`.
        sasl_mechanism: how credentials are proven.
        sasl_username: the name to give.
        sasl_password: the password; prints as ***.
        ca_file: PEM file of the only authorities to trust, in place of the system's.
        cert_file: PEM file of our own certificate, where brokers ask for one.
        key_file: PEM file of its key, where `cert_file` does not hold it.
        allow_insecure: whether credentials may be sent in the clear.
    """

    brokers: tuple[str, ...]
    client_id: str = "crackle-stream"
    connect_timeout: float = 15.0
    stop_timeout: float = 10.0
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str | None = None
    sasl_password: Secret | str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    allow_insecure: bool = False

    @property
    def uses_tls(self) -> bool:
        """Whether the protocol has TLS."""
        return self.security_protocol.endswith("SSL")

    def arguments(self, context: ssl.SSLContext | None) -> dict[str, object]:
        """What aiokafka calls them, the password in the clear: for the one call that needs it."""
        password = self.sasl_password
        return {
            "bootstrap_servers": list(self.brokers),
            "client_id": self.client_id,
            "ssl_context": context,
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": password.reveal() if isinstance(password, Secret) else password,
        }


def security_problems(options: BrokerOptions) -> list[str]:
    """Settings of security that contradict each other."""
    problems = []
    protocol = options.security_protocol
    if protocol == "SASL_PLAINTEXT" and not options.allow_insecure:
        problems.append(
            "security_protocol SASL_PLAINTEXT sends credentials in the clear: use SASL_SSL, "
            "or set allow_insecure = true where the network is your own"
        )
    credentials = options.sasl_username is not None, options.sasl_password is not None
    if protocol.startswith("SASL") and not all(credentials):
        problems.append(f"security_protocol {protocol} needs sasl_username and sasl_password: give both")
    if not protocol.startswith("SASL") and any(credentials):
        problems.append(f"security_protocol {protocol} sends no sasl_username or sasl_password: set it to SASL_SSL")
    files = options.ca_file, options.cert_file, options.key_file
    if not protocol.endswith("SSL") and any(file is not None for file in files):
        problems.append(
            f"security_protocol {protocol} uses no ca_file, cert_file or key_file: set it to SSL or SASL_SSL"
        )
    if options.key_file is not None and options.cert_file is None:
        problems.append("key_file is given without cert_file: give the certificate it belongs to")
    return problems


def read_texts(value: object, example: str) -> tuple[str, ...]:
    """A list of texts."""
    if isinstance(value, str) or not isinstance(value, tuple | list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"is a list of texts, such as [{example!r}], not {value!r}")
    return tuple(value)


def _brokers(value: object) -> tuple[str, ...]:
    brokers = read_texts(value, "localhost:9092")
    if not brokers:
        raise ValueError('is empty: give at least one address, such as "localhost:9092"')
    for broker in brokers:
        host, colon, port = broker.rpartition(":")
        if not colon or not host or not port.isdecimal() or not 0 < int(port) <= MAX_PORT:
            raise ValueError(f'holds {broker!r}: write "host:port", such as "localhost:9092" or "[::1]:9092"')
    return brokers


def _secret(value: object) -> Secret:
    if not isinstance(value, str | Secret):
        raise ValueError(f"is text, not {type(value).__name__}")
    if not value:
        raise ValueError("is empty: give the password, or leave it out")
    return Secret(value)


BROKER_READERS: Mapping[str, Callable[..., object]] = MappingProxyType(
    {
        "brokers": _brokers,
        "client_id": read_text,
        "connect_timeout": positive_seconds,
        "stop_timeout": positive_seconds,
        "security_protocol": one_of("PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"),
        "sasl_mechanism": one_of("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
        "sasl_username": optional(read_text),
        "sasl_password": optional(_secret),
        "ca_file": optional(read_path),
        "cert_file": optional(read_path),
        "key_file": optional(read_path),
        "allow_insecure": read_flag,
    }
)
"""What reads each field of `BrokerOptions`, for `read_fields`."""
