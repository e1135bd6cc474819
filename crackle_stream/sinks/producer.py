"""What needs a Kafka producer, and no more, in this package's own words.

`sinks/kafka.py` implements it with aiokafka; tests implement it with faults that no broker produces on demand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Message", "ProducerLike"]


@dataclass(frozen=True, slots=True)
class Message:
    """One record to be written.

    Attributes:
        value: its bytes.
        key: decides its partition, so that what has one key stays in order; None for any partition.
        headers: names and values.
    """

    value: bytes
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class ProducerLike(Protocol):
    """Writes records to topics; every call is bounded in time."""

    async def start(self) -> None:
        """Reach the brokers.

        Raises:
            SinkUnavailable: they cannot be reached now.
            SinkRefused: they will not have us.
        """
        ...

    async def send(self, topic: str, messages: Sequence[Message]) -> None:
        """Write records; returns once every replica in sync has all of them.

        Raises:
            SinkUnavailable: it is unknown of at least one; written again they may be there twice.
            SinkRefused: the brokers will never take one of them.
        """
        ...

    async def stop(self) -> None:
        """Let go of the brokers; raises nothing."""
        ...
