"""aiokafka's consumer without a group: partitions are read where we say, and nobody is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiokafka  # type: ignore[import-untyped]
import aiokafka.admin  # type: ignore[import-untyped]

from crackle_stream.model import Partition
from crackle_stream.sources.kafka.client import Client, connection

if TYPE_CHECKING:
    import ssl
    from collections.abc import Collection, Mapping, Sequence

    from crackle_stream.sources.consumer import Fetched
    from crackle_stream.sources.options import KafkaOptions

__all__ = ["Log"]

ALONE = {"group_id": None, "group_instance_id": None, "auto_offset_reset": "none"}
"""No group, and an offset that the log has lost is an error: another one would be another stretch."""


class Log(Client):
    """A client that joins no group and commits nothing."""

    def __init__(self, options: KafkaOptions, context: ssl.SSLContext | None) -> None:
        super().__init__(options, context, **ALONE)

    async def partitions(self, topic: str) -> list[Partition]:
        """The partitions of a topic that exists: asking for one that does not may create it."""
        admin = aiokafka.admin.AIOKafkaAdminClient(**connection(self._options, self._context))
        await admin.start()
        try:
            (told,) = await admin.describe_topics([topic])
        finally:
            await admin.close()
        return [Partition(topic, number) for number in sorted(each["partition"] for each in told["partitions"])]

    async def ends(self, partitions: Collection[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """The oldest offset that each log has, and one past its last."""
        theirs = {each: aiokafka.TopicPartition(each.topic, each.number) for each in partitions}
        first = await self._consumer.beginning_offsets(list(theirs.values()))
        end = await self._consumer.end_offsets(list(theirs.values()))
        return {each: (first[name], end[name]) for each, name in theirs.items()}

    async def offsets_at(self, partitions: Collection[Partition], time: float) -> Mapping[Partition, int | None]:
        """The offset of the first record from then on, epoch seconds; None where there is none."""
        theirs = {each: aiokafka.TopicPartition(each.topic, each.number) for each in partitions}
        found = await self._consumer.offsets_for_times({name: round(time * 1000) for name in theirs.values()})
        return {each: None if found[name] is None else found[name].offset for each, name in theirs.items()}

    def assign(self, offsets: Mapping[Partition, int]) -> None:
        """Read these partitions, each from an offset on."""
        self._consumer.assign([aiokafka.TopicPartition(each.topic, each.number) for each in offsets])
        for each, offset in offsets.items():
            self.seek(each, offset)

    async def fetch(
        self, partitions: Collection[Partition], *, timeout_ms: int, max_records: int
    ) -> Mapping[Partition, Sequence[Fetched]]:
        """The next records of some of the partitions."""
        theirs = [aiokafka.TopicPartition(each.topic, each.number) for each in partitions]
        fetched = await self._consumer.getmany(*theirs, timeout_ms=timeout_ms, max_records=max_records)
        return {Partition(each.topic, each.partition): records for each, records in fetched.items()}
