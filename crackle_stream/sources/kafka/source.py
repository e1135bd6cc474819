"""Records from Kafka topics, as a member of a consumer group."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Self

import anyio
import anyio.to_thread
from aiokafka import errors as kafka_errors  # type: ignore[import-untyped]

from crackle_stream.brokers.deadline import GaveUp, in_own_task
from crackle_stream.brokers.failures import LOGGER
from crackle_stream.brokers.logged import logged_errors
from crackle_stream.brokers.tls import UnusableFile, tls_context
from crackle_stream.errors import SourceError, SourceUnavailable
from crackle_stream.model import Partition, RecordBatch
from crackle_stream.model.options import options_from
from crackle_stream.protocols import Clock, Source, SystemClock
from crackle_stream.sources.kafka.client import Client
from crackle_stream.sources.kafka.failures import explained, no_topic, unreachable
from crackle_stream.sources.membership import Member
from crackle_stream.sources.options import KafkaOptions
from crackle_stream.sources.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from types import TracebackType

    from crackle_stream.protocols import PartitionListener

__all__ = ["KafkaSource"]

NAME = "kafka"

ASK_WITHIN_S = 1.0
"""How long brokers may take to say which topics there are, when a client looks stuck."""

OUTAGE_S = 300.0
"""An outage after which the client is built anew all the same: brokers may have come back under other addresses."""


class KafkaSource(Source):
    """Topics of a Kafka cluster, shared with the other processes of the group.

        KafkaSource(brokers=["localhost:9092"], topics=["task-results"], group="crackle-stream")

    At-least-once: nothing is committed but what `commit` is given, so whatever was not settled comes again after a
    restart or to the partition's next owner. Batches fetched before a rebalance are not returned after it.

    Args:
        options: a ready `KafkaOptions`; its fields may be given by name.
        clock: the time of records without a timestamp; the machine's by default.
    """

    replayable = True
    live = True

    def __init__(self, options: KafkaOptions | None = None, *, clock: Clock | None = None, **fields: object) -> None:
        self.name = NAME
        self._options = options_from(KafkaOptions, options, fields, main=None)
        self._clock: Clock = SystemClock() if clock is None else clock
        self._listener: PartitionListener | None = None
        self._client: Client | None = None
        self._member: Member | None = None
        self._watchdog = Watchdog(
            stuck_after=self._options.stuck_after,
            join_within=self._options.rebalance_timeout + self._options.stuck_after,
        )
        self._out_since: float | None = None

    @property
    def tombstones(self) -> int:
        """Records without a value, skipped since the source was opened."""
        return 0 if self._member is None else self._member.tombstones

    async def __aenter__(self) -> Self:
        """Reach the brokers, check the topics, and begin to join the group; partitions come while reading.

        Raises:
            SourceUnavailable: no broker can be reached, or a topic does not exist (yet).
            SourceError: brokers refuse us, or a certificate cannot be used.
        """
        try:
            context = await anyio.to_thread.run_sync(tls_context, self._options)
        except UnusableFile as error:
            raise SourceError(self.name, str(error)) from error
        client = Client(self._options, context)
        member = Member(
            client,
            source=self.name,
            explain=partial(explained, self.name, self._options),
            listener=self._listener,
            clock=self._clock,
            max_records=self._options.max_records,
            commit_timeout_s=self._options.commit_timeout,
            stop_timeout_s=self._options.stop_timeout,
        )
        try:
            await self._connect(client, member)
        except BaseException:
            await member.close()
            raise
        self._client, self._member = client, member
        self._watchdog.excuse()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the group."""
        member, self._member = self._member, None
        if member is not None:
            await member.close()

    async def read(self) -> RecordBatch:
        """The next batch of one partition, or an empty one; a topic has no end.

        Raises:
            SourceUnavailable: the client is stuck, or failed in a way that a new one may not; open the source anew.
            SourceError: the client failed for good, or the source is not open.
        """
        if self._member is None or self._client is None:
            raise SourceError(self.name, "is not open: read it inside `async with`")
        batch = await self._member.read()
        if not len(batch):
            await self._watch(self._client, self._member)
        return batch

    async def commit(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, str] | None = None) -> None:
        """Commit offsets of partitions that are ours, with notes as their metadata; those that have left are passed
        over.

        Raises:
            SourceUnavailable: it failed, or its outcome is unknown; a later commit makes up for it.
            SourceError: it will never succeed.
        """
        if self._member is not None:
            await self._member.commit(offsets, notes)

    async def stored(self, partitions: Collection[Partition]) -> Mapping[Partition, str]:
        """The texts that the group committed last with offsets of partitions, whoever has them now.

        Raises:
            SourceUnavailable: brokers did not answer within `commit_timeout`.
        """
        if self._client is None:
            return {}
        try:
            stored = await in_own_task(self._client.stored(partitions), self._options.commit_timeout)
        except (GaveUp, kafka_errors.KafkaError, OSError) as error:
            raise SourceUnavailable(self.name, f"what the group has committed is not known: {error}") from error
        return {partition: text for partition, (_, text) in stored.items()}

    def listen(self, listener: PartitionListener) -> None:
        """Whom to tell when partitions come and go; called before entering."""
        self._listener = listener

    def pause(self) -> None:
        """Fetch nothing until `resume`; go on calling `read`, which keeps us in the group."""
        if self._member is not None:
            self._member.pause()

    def resume(self) -> None:
        """Fetch again."""
        if self._member is not None:
            self._member.resume()

    def reached(self) -> Mapping[Partition, int]:
        """One past the last offset up to which everything was returned or has no value, by partition."""
        return {} if self._member is None else self._member.reached()

    def lag(self) -> int | None:
        """Records between the last one returned and the end of our partitions, or None before that is known."""
        return None if self._member is None else self._member.lag()

    async def _watch(self, client: Client, member: Member) -> None:
        """Tell a client that is stuck from brokers that are out, which come back to it by themselves."""
        now = self._clock.monotonic()
        trouble = self._watchdog.look(now, member.answers())
        if not trouble:
            return
        try:
            await in_own_task(client.topics(), ASK_WITHIN_S)
        except (GaveUp, kafka_errors.KafkaError, OSError):
            self._out_since = now if self._out_since is None else self._out_since
            if now - self._out_since < OUTAGE_S:
                self._watchdog.excuse()
                return
        self._out_since = None
        raise SourceUnavailable(self.name, f"{trouble}: the client is stuck")

    async def _connect(self, client: Client, member: Member) -> None:
        with logged_errors(LOGGER) as causes:
            try:
                async with asyncio.timeout(self._options.connect_timeout):
                    await client.start()
                    existing = await client.topics()
            except (kafka_errors.KafkaError, OSError, TimeoutError) as error:
                raise unreachable(self.name, self._options, causes, error) from error
        for topic in self._options.topics:
            if topic not in existing:
                raise SourceUnavailable(self.name, no_topic(topic, existing))
        client.subscribe(member)
