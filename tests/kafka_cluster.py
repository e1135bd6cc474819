"""What tests do with a broker: topics of their own, records in, committed offsets out."""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from typing import TYPE_CHECKING, Any

import aiokafka  # type: ignore[import-untyped]
import aiokafka.admin  # type: ignore[import-untyped]

from crackle_stream.model import LogStart, Partition
from crackle_stream.protocols import PartitionListener
from crackle_stream.sources import KafkaOptions, KafkaSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kafka_broker import Broker

__all__ = ["Cluster", "Listener", "Seen", "read_until"]

WITHIN_S = 30.0
"""Most that a test waits for the broker; it is quick, the machine may not be."""


class Cluster:
    """A broker, and what this test made of it."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.group = f"group-{uuid.uuid4().hex[:12]}"

    async def topic(self, partitions: int = 1, name: str | None = None) -> str:
        """A new topic."""
        topic = name or f"topic-{uuid.uuid4().hex[:12]}"
        admin = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=self.broker.address)
        await admin.start()
        try:
            await admin.create_topics([aiokafka.admin.NewTopic(topic, partitions, 1)])
        finally:
            await admin.close()
        return topic

    async def produce(
        self,
        topic: str,
        values: Iterable[bytes | None],
        *,
        partition: int = 0,
        timestamp_ms: int | None = None,
        **producer: Any,
    ) -> None:
        """Write records, and wait until the broker has them."""
        client = aiokafka.AIOKafkaProducer(bootstrap_servers=self.broker.address, **producer)
        await client.start()
        try:
            sent = [
                await client.send(topic, value, key=b"k", partition=partition, timestamp_ms=timestamp_ms)
                for value in values
            ]
            await asyncio.gather(*sent)
        finally:
            await client.stop()

    async def transact(self, topic: str, values: Iterable[bytes], *, commit: bool) -> None:
        """Write records in one transaction, and commit or abort it."""
        client = aiokafka.AIOKafkaProducer(
            bootstrap_servers=self.broker.address, transactional_id=f"id-{uuid.uuid4().hex[:12]}"
        )
        await client.start()
        try:
            await client.begin_transaction()
            for value in values:
                await client.send_and_wait(topic, value, partition=0)
            await (client.commit_transaction() if commit else client.abort_transaction())
        finally:
            await client.stop()

    async def committed(self, *partitions: Partition) -> dict[Partition, int]:
        """What the group has committed of these."""
        client = aiokafka.AIOKafkaConsumer(bootstrap_servers=self.broker.address, group_id=self.group)
        await client.start()
        try:
            found = {
                each: await client.committed(aiokafka.TopicPartition(each.topic, each.number)) for each in partitions
            }
        finally:
            await client.stop()
        return {partition: offset for partition, offset in found.items() if offset is not None}

    def options(self, *topics: str, **fields: Any) -> KafkaOptions:
        """Options with the short time-outs a test wants."""
        quick: dict[str, Any] = {
            "session_timeout": 6,
            "heartbeat_interval": 1,
            "rebalance_timeout": 8,
            "request_timeout": 8,
        }
        return KafkaOptions(
            **{"brokers": (self.broker.address,), "topics": topics, "group": self.group, **quick, **fields}
        )

    def source(self, *topics: str, **fields: Any) -> KafkaSource:
        """A member of this test's group."""
        return KafkaSource(self.options(*topics, **fields))


class Listener(PartitionListener):
    """Remembers what it is told; while partitions are taken away it commits what was read of them."""

    def __init__(self, source: KafkaSource, seen: Seen) -> None:
        self.owned: dict[Partition, int] = {}
        self.starts: dict[Partition, LogStart] = {}
        self.seeks: dict[Partition, int] = {}
        self.told: list[tuple[str, int]] = []
        self._source = source
        self._seen = seen
        source.listen(self)

    async def assigned(self, partitions: Mapping[Partition, LogStart]) -> Mapping[Partition, int]:
        self.told.append(("assigned", len(partitions)))
        self.owned = {partition: start.offset for partition, start in partitions.items()}
        self.starts = dict(partitions)
        return self.seeks

    async def revoked(self, partitions: Sequence[Partition]) -> None:
        self.told.append(("revoked", len(partitions)))
        await self._source.commit(
            {each: self._seen.next[each] for each in partitions if each in self._seen.next and each in self.owned}
        )
        self.owned = {}


class Seen:
    """Records read by one member."""

    def __init__(self) -> None:
        self.offsets: dict[Partition, list[int]] = {}
        self.payloads: list[bytes] = []
        self.times: list[float] = []

    @property
    def next(self) -> dict[Partition, int]:
        return {partition: offsets[-1] + 1 for partition, offsets in self.offsets.items()}

    async def read(self, source: KafkaSource) -> None:
        """One batch."""
        batch = await source.read()
        self.payloads += batch.payloads
        self.times += batch.times.tolist()
        if len(batch):
            self.offsets.setdefault(batch.positions.partition, []).extend(batch.positions.offsets.tolist())


async def read_until(done: Any, *members: tuple[KafkaSource, Seen]) -> None:
    """Read with every member in turn until `done()`.

    Raises:
        TimeoutError: it never was.
    """
    deadline = time.monotonic() + WITHIN_S
    for source, seen in itertools.cycle(members):
        if done():
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done within {WITHIN_S:g} s: {[seen.offsets for _, seen in members]}")
        await seen.read(source)
