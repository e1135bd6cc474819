"""A stretch of a Kafka topic, read once from one end to the other, by no consumer group."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Self, TypeVar

import anyio
import anyio.to_thread
from aiokafka import errors as kafka_errors  # type: ignore[import-untyped]

from crackle_stream.brokers.deadline import GaveUp, in_own_task
from crackle_stream.brokers.failures import LOGGER
from crackle_stream.brokers.logged import logged_errors
from crackle_stream.brokers.tls import UnusableFile, tls_context
from crackle_stream.errors import SourceError, SourceUnavailable
from crackle_stream.model import Partition, RecordBatch
from crackle_stream.protocols import Clock, Source, SystemClock
from crackle_stream.sources.batches import batch_of
from crackle_stream.sources.kafka.failures import explained, no_topic, unreachable
from crackle_stream.sources.kafka.log import Log
from crackle_stream.sources.text import PAUSED_WAIT_S, no_records

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping
    from types import TracebackType
    from typing import Any

    from crackle_stream.sources.consumer import Fetched
    from crackle_stream.sources.options import KafkaOptions
    from crackle_stream.sources.stretch import Mark, Stretch

__all__ = ["Bounds", "KafkaStretch"]

T = TypeVar("T")

Bounds = tuple[int, int]
"""The first offset, and one past the last."""

ROUND = 256
"""Records of one partition in a row, where there are several: whose turn it is depends on the log alone, so that a
stretch that is read again is the same stream again."""

FETCH_MS = 500
FETCH_RECORDS = 2048


class KafkaStretch(Source):
    """A stretch of a topic; nothing is committed and no group is joined.

    Partitions take turns by the time of their next record, `ROUND` records each.

    Args:
        options: how the cluster is reached; what they say of topics and groups is not used.
        stretch: what to read.
        bounds: where it begins and ends in each partition, as another one found; the log is asked by default.
        clock: the time of records without a timestamp; the machine's by default.

    Attributes:
        bounds: where it begins and ends in each partition; known once it is open.
        lost: partitions whose log begins later than the stretch, with the offset from which there is something.
    """

    replayable = True
    live = False
    dated = True

    def __init__(
        self,
        options: KafkaOptions,
        stretch: Stretch,
        *,
        bounds: Mapping[Partition, Bounds] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.name = stretch.topic
        self._options = options
        self._stretch = stretch
        self._clock: Clock = SystemClock() if clock is None else clock
        self._log: Log | None = None
        self._waiting: dict[Partition, deque[Fetched]] = {}
        self._next: dict[Partition, int] = {}
        self._last_record = 0.0
        self._paused = False
        self.bounds: Mapping[Partition, Bounds] = {} if bounds is None else bounds
        self.lost: dict[Partition, int] = {}

    async def __aenter__(self) -> Self:
        """Reach the brokers and find both ends.

        Raises:
            SourceUnavailable: no broker can be reached, or there is no such topic.
            SourceError: brokers refuse us, a partition does not exist, or nothing is there to read.
        """
        try:
            context = await anyio.to_thread.run_sync(tls_context, self._options)
        except UnusableFile as error:
            raise SourceError(self.name, str(error)) from error
        log = Log(self._options, context)
        try:
            await self._connect(log)
            self.bounds = self.bounds or await self._asked(self._find(log))
            self._begin(log)
        except BaseException:
            await _stop(log, self._options.stop_timeout)
            raise
        self._log = log
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the brokers."""
        log, self._log = self._log, None
        if log is not None:
            await _stop(log, self._options.stop_timeout)

    async def read(self) -> RecordBatch | None:
        """The next records of one partition; an empty batch where there are none yet; None at the end.

        Raises:
            SourceUnavailable: brokers have answered nothing for `stuck_after`.
            SourceError: the log has lost what was to be read next, or the source is not open.
        """
        if self._log is None:
            raise SourceError(self.name, "is not open: read it inside `async with`")
        if self._paused:
            await anyio.sleep(PAUSED_WAIT_S)
            return no_records(Partition(self.name))
        short = [each for each in self._waiting if self._open(each) and len(self._waiting[each]) < ROUND]
        if short:
            await self._fetch(self._log, short)
            return no_records(Partition(self.name))
        ready = [each for each, records in self._waiting.items() if records]
        if not ready:
            return None
        return self._batch(min(ready, key=lambda each: (self._waiting[each][0].timestamp, each)))

    def pause(self) -> None:
        """Return nothing until `resume`."""
        self._paused = True

    def resume(self) -> None:
        """Read on."""
        self._paused = False

    def lag(self) -> int | None:
        """Records to the stretch's end; None before it is open."""
        if not self.bounds:
            return None
        waiting = sum(map(len, self._waiting.values()))
        return waiting + sum(max(end - self._next.get(each, first), 0) for each, (first, end) in self.bounds.items())

    def _open(self, partition: Partition) -> bool:
        """Whether there is more of a partition at the brokers."""
        return self._next[partition] < self.bounds[partition][1]

    def _begin(self, log: Log) -> None:
        self._next = {each: first for each, (first, _) in self.bounds.items()}
        self._waiting = {each: deque() for each in self.bounds}
        self._last_record = self._clock.monotonic()
        log.assign(self._next)

    async def _connect(self, log: Log) -> None:
        with logged_errors(LOGGER) as causes:
            try:
                async with asyncio.timeout(self._options.connect_timeout):
                    await log.start()
                    existing = await log.topics()
            except (kafka_errors.KafkaError, OSError, TimeoutError) as error:
                raise unreachable(self.name, self._options, causes, error) from error
        if self._stretch.topic not in existing:
            raise SourceUnavailable(self.name, no_topic(self._stretch.topic, existing))

    async def _find(self, log: Log) -> Mapping[Partition, Bounds]:
        """Where the stretch begins and ends."""
        partitions = await log.partitions(self._stretch.topic)
        wanted = self._wanted(partitions)
        logs = await log.ends(wanted)
        firsts = await self._offsets(log, self._stretch.first, {each: logs[each][0] for each in wanted}, logs)
        lasts = await self._offsets(log, self._stretch.last, {each: logs[each][1] for each in wanted}, logs, over=1)
        bounds = {}
        for each, (oldest, end) in logs.items():
            first, last = max(firsts[each], oldest), min(lasts[each], end)
            if firsts[each] < oldest:
                self.lost[each] = oldest
            bounds[each] = first, max(last, first)
        if all(first == last for first, last in bounds.values()):
            raise SourceError(self.name, _nothing(logs))
        return bounds

    def _wanted(self, partitions: list[Partition]) -> list[Partition]:
        number = self._stretch.partition
        there = ", ".join(str(each.number) for each in partitions)
        if number is None:
            if self._stretch.by_offset and len(partitions) > 1:
                raise SourceError(
                    self.name, f"an offset means something in one partition only: add partition=N, one of {there}"
                )
            return partitions
        wanted = [each for each in partitions if each.number == number]
        if not wanted:
            raise SourceError(self.name, f"has no partition {number}: it has {there}")
        return wanted

    async def _offsets(
        self,
        log: Log,
        mark: Mark | None,
        default: Mapping[Partition, int],
        logs: Mapping[Partition, Bounds],
        *,
        over: int = 0,
    ) -> Mapping[Partition, int]:
        """The offset that a mark stands for in each partition."""
        if mark is None:
            return default
        if isinstance(mark, int):
            return dict.fromkeys(default, mark + over)
        found = await log.offsets_at(default, mark)
        return {each: logs[each][1] if offset is None else offset for each, offset in found.items()}

    async def _fetch(self, log: Log, partitions: Iterable[Partition]) -> None:
        wanted = list(partitions)
        found = await self._asked(log.fetch(wanted, timeout_ms=FETCH_MS, max_records=FETCH_RECORDS))
        for each, records in found.items():
            end = self.bounds[each][1]
            self._waiting[each].extend(one for one in records if one.value is not None and one.offset < end)
            if records:
                self._next[each] = records[-1].offset + 1
        if any(found.values()):
            self._last_record = self._clock.monotonic()
            return
        for each in wanted:  # marks of transactions and what compaction left out are passed without a record
            self._next[each] = max(self._next[each], await self._asked(log.position(each)))
        if self._clock.monotonic() - self._last_record > self._options.stuck_after and any(map(self._open, wanted)):
            raise SourceUnavailable(self.name, f"brokers gave no record for {self._options.stuck_after:g} s: try again")

    def _batch(self, partition: Partition) -> RecordBatch:
        waiting = self._waiting[partition]
        records = [waiting.popleft() for _ in range(min(ROUND, len(waiting)))]
        return batch_of(partition, records, self._clock)

    async def _asked(self, question: Coroutine[Any, Any, T]) -> T:
        """What the brokers answer.

        Raises:
            SourceError: they do not, or object.
        """
        try:
            return await in_own_task(question, self._options.request_timeout)
        except GaveUp as error:
            raise SourceUnavailable(self.name, f"{error}; brokers: {', '.join(self._options.brokers)}") from error
        except kafka_errors.OffsetOutOfRangeError as error:
            raise SourceError(
                self.name,
                "the brokers gave up what was to be read next: replay a later stretch, or keep records longer",
            ) from error
        except kafka_errors.KafkaError as error:
            raise explained(self.name, self._options, error) from error


def _nothing(logs: Mapping[Partition, Bounds]) -> str:
    """That a stretch is empty, and what there is instead."""
    there = ", ".join(
        f"{each} is empty" if first == end else f"{each} has {first} to {end - 1}"
        for each, (first, end) in logs.items()
    )
    return f"there is nothing between `from` and `to`: {there}"


async def _stop(log: Log, timeout_s: float) -> None:
    # whatever the client objects to, we are leaving
    with anyio.CancelScope(shield=True), contextlib.suppress(Exception):
        await in_own_task(log.stop(), timeout_s)
