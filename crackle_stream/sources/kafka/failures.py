"""What aiokafka's errors mean, and what to do about them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from aiokafka import errors as kafka_errors  # type: ignore[import-untyped]

from crackle_stream.brokers.failures import said_by
from crackle_stream.brokers.failures import unreachable as what_keeps_us
from crackle_stream.errors import SourceError, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from crackle_stream.sources.options import KafkaOptions

__all__ = ["explained", "no_topic", "unreachable"]


def unreachable(
    source: str, options: KafkaOptions, causes: Sequence[BaseException], error: BaseException
) -> SourceError:
    """What kept us from every broker; the client itself only logs it."""
    why = what_keeps_us(options, causes, error)
    return (SourceUnavailable if why.passing else SourceError)(source, why.problem)


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
