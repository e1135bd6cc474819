"""What keeps a client of Kafka from every broker, and what to do about it."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import errors as kafka_errors  # type: ignore[import-untyped]

from crackle_stream.brokers.options import BrokerOptions

__all__ = ["LOGGER", "Unreachable", "said_by", "unreachable"]

LOGGER = "aiokafka"
"""Where aiokafka says why it could not reach a broker; what it raises only says that it could not."""

REFUSED = (
    kafka_errors.AuthenticationFailedError,
    kafka_errors.AuthenticationMethodNotSupported,
    kafka_errors.IllegalSaslStateError,
    kafka_errors.SaslAuthenticationFailed,
    kafka_errors.UnsupportedSaslMechanismError,
)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Why brokers cannot be reached.

    Attributes:
        problem: a sentence with its cure.
        passing: whether it may be otherwise later.
    """

    problem: str
    passing: bool


def unreachable(options: BrokerOptions, causes: Sequence[BaseException], error: BaseException) -> Unreachable:
    """What kept us from every broker; the client itself only logs it."""
    brokers = ", ".join(options.brokers)
    for cause in causes:
        if isinstance(cause, REFUSED):
            return Unreachable(
                f"{brokers} refused sasl_username {options.sasl_username!r} by "
                f"{options.sasl_mechanism}: {said_by(cause)}. Check sasl_username, sasl_password and "
                "sasl_mechanism",
                passing=False,
            )
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = cause.verify_message.rstrip(".")
            return Unreachable(
                f"the certificate of {brokers} is not trusted: {why}. Give the authority that signed "
                "it as ca_file, and address brokers by the name in their certificate",
                passing=False,
            )
        if isinstance(cause, ssl.SSLError):
            return Unreachable(
                f"{brokers} and we do not agree on TLS: {cause.reason or cause}. Check that the port is a TLS one "
                f"(security_protocol is {options.security_protocol}) and whether brokers ask for cert_file",
                passing=False,
            )
    said = "; ".join(dict.fromkeys(said_by(cause) for cause in causes)) or said_by(error)
    if isinstance(error, TimeoutError):
        said = f"no answer within {options.connect_timeout:g} s" + (f" ({said})" if causes else "")
    # With TLS 1.3 a broker that misses our certificate says so only after the handshake, or just hangs up.
    certificate = ", and whether brokers ask for cert_file" if options.uses_tls else ""
    return Unreachable(
        f"cannot reach {brokers}: {said}. Check that a broker runs there, that the addresses it advertises can be "
        f"reached from here, and security_protocol ({options.security_protocol}){certificate}",
        passing=True,
    )


def said_by(error: BaseException) -> str:
    """What an error says, or else what it is called."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError):
        return "connection closed by the other side"
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
