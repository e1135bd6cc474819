"""aiokafka's consumer in this package's words."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import aiokafka  # type: ignore[import-untyped]
import aiokafka.admin  # type: ignore[import-untyped]

from crackle_stream.model import LogStart, Partition
from crackle_stream.sources.kafka.lean import keep_lean

if TYPE_CHECKING:
    import ssl
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from crackle_stream.sources.consumer import Fetched
    from crackle_stream.sources.membership import Member
    from crackle_stream.sources.options import KafkaOptions

__all__ = ["Client", "arguments"]


class Client(aiokafka.ConsumerRebalanceListener):  # type: ignore[misc]
    """aiokafka's consumer in this package's words; see `ConsumerLike` for what each method promises.

    Args:
        options: of the source.
        context: for TLS.
        others: arguments of aiokafka in the place of those that the options give.
    """

    def __init__(self, options: KafkaOptions, context: ssl.SSLContext | None, **others: object) -> None:
        self._options = options
        self._context = context
        self._consumer: Any = aiokafka.AIOKafkaConsumer(**{**arguments(options, context), **others})
        self._member: Member | None = None

    async def start(self) -> None:
        """Connect. No topic is named yet, because a start with topics does not return before partitions come."""
        await self._consumer.start()
        keep_lean(self._consumer)

    async def topics(self) -> set[str]:
        """Names of the topics we may see. Asking for all of them creates none, as asking for one may."""
        names: set[str] = await self._consumer.topics()
        return names

    def subscribe(self, member: Member) -> None:
        """Begin to join the group, and tell the member what comes of it."""
        self._member = member
        if self._options.pattern is not None:
            self._consumer.subscribe(pattern=rf"(?:{self._options.pattern})\Z", listener=self)
        else:
            self._consumer.subscribe(topics=self._options.topics, listener=self)

    async def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        """Called before a group is joined again."""
        if self._member is not None:
            await self._member.revoked()

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Called when a group was joined."""
        if self._member is not None:
            self._member.assigned(frozenset(map(_ours, assigned)))

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[Partition, Sequence[Fetched]]:
        """Records of the partitions that are ours now."""
        fetched = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=max_records)
        return {_ours(each): records for each, records in fetched.items()}

    def assignment(self) -> AbstractSet[Partition]:
        """Partitions the client believes to be ours."""
        return frozenset(map(_ours, self._consumer.assignment()))

    def pause(self, *partitions: Partition) -> None:
        """Fetch nothing from these."""
        self._consumer.pause(*map(_theirs, partitions))

    def resume(self, *partitions: Partition) -> None:
        """Fetch from these again."""
        self._consumer.resume(*map(_theirs, partitions))

    async def position(self, partition: Partition) -> int:
        """Offset of the next record to fetch."""
        offset: int = await self._consumer.position(_theirs(partition))
        return offset

    def seek(self, partition: Partition, offset: int) -> None:
        """Fetch from this offset on."""
        self._consumer.seek(_theirs(partition), offset)

    def highwater(self, partition: Partition) -> int | None:
        """One past the last record of the log as of the last fetch."""
        offset: int | None = self._consumer.highwater(_theirs(partition))
        return offset

    def answered(self, partition: Partition) -> float | None:
        """When a fetch of the partition was last answered."""
        stamp: float | None = self._consumer.last_poll_timestamp(_theirs(partition))
        return stamp

    async def starts(self, offsets: Mapping[Partition, int]) -> Mapping[Partition, LogStart]:
        """What the brokers know of partitions that begin at these offsets."""
        theirs = [_theirs(each) for each in offsets]
        stored = await self.stored(offsets)
        first = await self._consumer.beginning_offsets(theirs)
        end = await self._consumer.end_offsets(theirs)
        starts = {}
        for each, offset in offsets.items():
            committed, note = stored.get(each, (None, ""))
            starts[each] = LogStart(offset, committed, note, first[_theirs(each)], end[_theirs(each)])
        return starts

    async def stored(self, partitions: Collection[Partition]) -> Mapping[Partition, tuple[int, str]]:
        """The group's offsets, and what was committed with them, which the consumer itself does not tell."""
        admin = aiokafka.admin.AIOKafkaAdminClient(**connection(self._options, self._context))
        await admin.start()
        try:
            stored = await admin.list_consumer_group_offsets(
                self._options.group, partitions=[_theirs(each) for each in partitions]
            )
        finally:
            await admin.close()
        return {
            _ours(each): (found.offset, found.metadata or "") for each, found in stored.items() if found.offset >= 0
        }

    async def commit(self, offsets: Mapping[Partition, tuple[int, str]]) -> None:
        """Remember the offsets, each with a text, for the group."""
        await self._consumer.commit({_theirs(each): stored for each, stored in offsets.items()})

    async def stop(self) -> None:
        """Leave the group and close every connection."""
        try:
            await self._consumer.stop()
        finally:
            # With brokers gone stop() ends half-way by a cancellation of its own (aio-libs/aiokafka#647) and leaves its
            # fetcher at work and its sockets open; there is no public way to end them.
            for part in (self._consumer._fetcher, self._consumer._client):  # noqa: SLF001
                if part is not None:
                    with contextlib.suppress(asyncio.CancelledError, Exception):
                        await part.close()


def _ours(partition: Any) -> Partition:
    return Partition(partition.topic, partition.partition)


def _theirs(partition: Partition) -> Any:
    return aiokafka.TopicPartition(partition.topic, partition.number)


def arguments(options: KafkaOptions, context: ssl.SSLContext | None) -> dict[str, object]:
    """What aiokafka calls our options."""
    return {
        **connection(options, context),
        "group_id": options.group,
        "group_instance_id": options.group_instance_id,
        "auto_offset_reset": options.auto_offset_reset,
        "isolation_level": options.isolation_level,
        "enable_auto_commit": False,
        "session_timeout_ms": _ms(options.session_timeout),
        "heartbeat_interval_ms": _ms(options.heartbeat_interval),
        "rebalance_timeout_ms": _ms(options.rebalance_timeout),
        "max_poll_interval_ms": _ms(options.max_poll_interval),
        "max_partition_fetch_bytes": options.max_partition_fetch_bytes,
        "fetch_max_bytes": options.fetch_max_bytes,
    }


def connection(options: KafkaOptions, context: ssl.SSLContext | None) -> dict[str, object]:
    """How brokers are reached, as aiokafka calls it; the same for its consumer and its admin client."""
    return {**options.arguments(context), "request_timeout_ms": _ms(options.request_timeout)}


def _ms(duration: float) -> int:
    return max(1, round(duration * 1000))
