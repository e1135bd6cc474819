"""What aiokafka's errors mean, and what to do about them."""

from __future__ import annotations

import difflib
import ssl
from typing import TYPE_CHECKING

from aiokafka import errors as kafka_errors  # type: ignore[import-untyped]

from crackle_stream.errors import SourceError, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from crackle_stream.sources.options import KafkaOptions

__all__ = ["explained", "no_topic", "unreachable"]

REFUSED = (
    kafka_errors.AuthenticationFailedError,
    kafka_errors.AuthenticationMethodNotSupported,
    kafka_errors.IllegalSaslStateError,
    kafka_errors.SaslAuthenticationFailed,
    kafka_errors.UnsupportedSaslMechanismError,
)


def unreachable(
    source: str, options: KafkaOptions, causes: Sequence[BaseException], error: BaseException
) -> SourceError:
    """What kept us from every broker; the client itself only logs it."""
    brokers = ", ".join(options.brokers)
    for cause in causes:
        if isinstance(cause, REFUSED):
            return SourceError(
                source,
                f"{brokers} refused sasl_username {options.sasl_username!r} by "
                f"{options.sasl_mechanism}: {said_by(cause)}. Check sasl_username, sasl_password and "
                "sasl_mechanism",
            )
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = cause.verify_message.rstrip(".")
            return SourceError(
                source,
                f"the certificate of {brokers} is not trusted: {why}. Give the authority that signed "
                "it as ca_file, and address brokers by the name in their certificate",
            )
        if isinstance(cause, ssl.SSLError):
            return SourceError(
                source,
                f"{brokers} and we do not agree on TLS: {cause.reason or cause}. Check that the port is a TLS one "
                f"(security_protocol is {options.security_protocol}) and whether brokers ask for cert_file",
            )
    said = "; ".join(dict.fromkeys(said_by(cause) for cause in causes)) or said_by(error)
    if isinstance(error, TimeoutError):
        said = f"no answer within {options.connect_timeout:g} s" + (f" ({said})" if causes else "")
    return SourceUnavailable(
        source,
        f"cannot reach {brokers}: {said}. Check that a broker runs there, that the addresses it advertises can be "
        f"reached from here, and security_protocol ({options.security_protocol})",
    )


def explained(source: str, options: KafkaOptions, error: Exception) -> SourceError:
    """One of our errors for one of the client's, met while reading or committing."""
    said = said_by(error)
    if isinstance(error, kafka_errors.TopicAuthorizationFailedError):
        return SourceError(source, f"may not read a topic ({said}): allow READ and DESCRIBE on it to this user")
    if isinstance(error, kafka_errors.GroupAuthorizationFailedError):
        return SourceError(source, f"may not join group {options.group!r}: allow READ on it to this user")
    if isinstance(error, kafka_errors.InvalidSessionTimeoutError):
        return SourceError(
            source,
            f"brokers refuse session_timeout {options.session_timeout:g} s: keep it between their "
            "group.min.session.timeout.ms and group.max.session.timeout.ms",
        )
    if isinstance(error, kafka_errors.CommitFailedError | kafka_errors.IllegalStateError):
        return SourceUnavailable(
            source, "partitions moved to other members during a commit: their next owner reads on from the last"
        )
    if isinstance(error, kafka_errors.UnsupportedCodecError):
        return SourceError(source, f"{said}: install aiokafka[gzip,lz4,snappy,zstd]")
    if getattr(error, "retriable", False):
        return SourceUnavailable(source, f"{said}; brokers: {', '.join(options.brokers)}")
    return SourceError(source, f"{said}; brokers: {', '.join(options.brokers)}, group {options.group!r}")


def no_topic(topic: str, existing: Iterable[str]) -> str:
    """That a topic is not there, and which one may be meant."""
    near = difflib.get_close_matches(topic, sorted(existing), n=1)
    meant = f"did you mean {near[0]!r}? Otherwise create" if near else "create"
    return f"there is no topic {topic!r}, or this user may not see it: {meant} it, or start what writes to it first"


def said_by(error: BaseException) -> str:
    """What an error says, or else what it is called."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError):
        return "connection closed by the other side"
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
