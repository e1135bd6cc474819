"""What the group's reader needs of a Kafka client, and no more, in this package's own words.

`sources/kafka/client.py` implements it with aiokafka; tests implement it with a script of faults that no broker
produces on demand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from crackle_stream.model import LogStart, Partition

__all__ = ["ConsumerLike", "Fetched"]


class Fetched(Protocol):
    """A record as the client hands it over."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""
        ...

    @property
    def timestamp(self) -> int:
        """Epoch milliseconds; negative where the record has none."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its bytes; None for a tombstone."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Names and values; empty where it has none."""
        ...


class ConsumerLike(Protocol):
    """A member of a consumer group. It tells whoever subscribed it when partitions come and go."""

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[Partition, Sequence[Fetched]]:
        """Records of the partitions that are ours now; waits for a whole rebalance, else for the time-out."""
        ...

    def assignment(self) -> AbstractSet[Partition]:
        """Partitions the client believes to be ours."""
        ...

    def pause(self, *partitions: Partition) -> None:
        """Fetch nothing from these; a rebalance forgets it."""
        ...

    def resume(self, *partitions: Partition) -> None:
        """Fetch from these again."""
        ...

    async def position(self, partition: Partition) -> int:
        """Offset of the next record to fetch; waits until it is known."""
        ...

    async def starts(self, offsets: Mapping[Partition, int]) -> Mapping[Partition, LogStart]:
        """What the brokers know of partitions that begin at these offsets."""
        ...

    def seek(self, partition: Partition, offset: int) -> None:
        """Fetch from this offset on."""
        ...

    def highwater(self, partition: Partition) -> int | None:
        """One past the last record of the log as of the last fetch, or None before the first."""
        ...

    def answered(self, partition: Partition) -> float | None:
        """When a fetch of the partition was last answered, with records or without, or None before the first."""
        ...

    async def commit(self, offsets: Mapping[Partition, tuple[int, str]]) -> None:
        """Remember the offsets, each with a text, for the group. May take for ever."""
        ...

    async def stop(self) -> None:
        """Leave the group and close every connection. May take for ever, or end by a cancellation of its own."""
        ...
