"""A Kafka client that does, on demand, what real ones do once a month; and the group around it."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crackle_stream.errors import SourceUnavailable
from crackle_stream.model import LogStart, Partition, RecordBatch
from crackle_stream.protocols import PartitionListener
from crackle_stream.sources.membership import Member

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

__all__ = ["A", "B", "Group", "Record", "offsets", "records", "settled"]

A, B = Partition("t", 0), Partition("t", 1)


@dataclass
class Record:
    offset: int
    value: bytes | None = b"{}"
    timestamp: int = 1_700_000_000_250
    headers: tuple[tuple[str, bytes | None], ...] = ()


def records(first: int, last: int) -> list[Record]:
    return [Record(offset) for offset in range(first, last + 1)]


class StoppedClock:
    def time(self) -> float:
        return 99.0

    def monotonic(self) -> float:
        return 0.0


class Consumer:
    """A client that follows a script.

    Attributes:
        script: what polls do, in turn: hand out records, fail, or wait for an event and go on to the next; when it is
            used up a poll returns nothing at once.
    """

    def __init__(self) -> None:
        self.script: deque[Mapping[Partition, Sequence[Record]] | Exception | asyncio.Event] = deque()
        self.polls = 0
        self.assigned: set[Partition] = set()
        self.held: set[Partition] = set()
        self.positions: dict[Partition, int] = {}
        self.positions_known = asyncio.Event()
        self.positions_known.set()
        self.position_error: Exception | None = None
        self.ends: dict[Partition, int | None] = {}
        self.first: dict[Partition, int] = {}
        self.answers: dict[Partition, float | None] = {}
        self.commits: list[dict[Partition, int]] = []
        self.notes: dict[Partition, str] = {}
        self.starts_error: Exception | None = None
        self.committing = 0
        self.commit_error: BaseException | None = None
        self.committable = asyncio.Event()
        self.committable.set()
        self.stop_error: BaseException | None = None
        self.stops: asyncio.Event | None = None
        self.stopped = 0

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[Partition, Sequence[Record]]:
        self.polls += 1
        await asyncio.sleep(0)
        while self.script:
            step = self.script.popleft()
            if isinstance(step, asyncio.Event):
                await step.wait()
            elif isinstance(step, Exception):
                raise step
            else:
                for partition, found in step.items():
                    self.positions[partition] = found[-1].offset + 1
                return step
        return {}

    def assignment(self) -> AbstractSet[Partition]:
        return frozenset(self.assigned)

    def pause(self, *partitions: Partition) -> None:
        assert self.assigned.issuperset(partitions), "aiokafka raises IllegalStateError"
        self.held.update(partitions)

    def resume(self, *partitions: Partition) -> None:
        assert self.assigned.issuperset(partitions), "aiokafka raises IllegalStateError"
        self.held.difference_update(partitions)

    async def position(self, partition: Partition) -> int:
        await self.positions_known.wait()
        if self.position_error is not None:
            raise self.position_error
        return self.positions.get(partition, 0)

    def seek(self, partition: Partition, offset: int) -> None:
        self.positions[partition] = offset

    def highwater(self, partition: Partition) -> int | None:
        assert partition in self.assigned, "aiokafka raises AssertionError"
        return self.ends.get(partition)

    def answered(self, partition: Partition) -> float | None:
        assert partition in self.assigned, "aiokafka raises AssertionError"
        return self.answers.get(partition)

    async def starts(self, offsets: Mapping[Partition, int]) -> Mapping[Partition, LogStart]:
        if self.starts_error is not None:
            raise self.starts_error
        return {
            each: LogStart(offset, note=self.notes.get(each, ""), first=self.first.get(each, 0))
            for each, offset in offsets.items()
        }

    async def commit(self, offsets: Mapping[Partition, tuple[int, str]]) -> None:
        self.committing += 1
        assert self.committing == 1, "aiokafka tries again: of two commits the earlier may come last"
        try:
            await self.committable.wait()
        finally:
            self.committing -= 1
        if self.commit_error is not None:
            raise self.commit_error
        self.commits.append({each: offset for each, (offset, _) in offsets.items()})
        self.notes.update({each: note for each, (_, note) in offsets.items()})

    async def stop(self) -> None:
        self.stopped += 1
        if self.stops is not None:
            await self.stops.wait()
        if self.stop_error is not None:
            raise self.stop_error


class Listener(PartitionListener):
    def __init__(self) -> None:
        self.told: list[tuple[str, object]] = []
        self.ready = asyncio.Event()
        self.ready.set()
        self.member: Member | None = None
        self.error: Exception | None = None
        self.commit_in_revoked: dict[Partition, int] = {}
        self.starts: dict[Partition, LogStart] = {}
        self.seeks: dict[Partition, int] = {}

    async def assigned(self, partitions: Mapping[Partition, LogStart]) -> Mapping[Partition, int]:
        self.told.append(("assigned", {partition: start.offset for partition, start in partitions.items()}))
        self.starts = dict(partitions)
        await self.ready.wait()
        return self.seeks

    async def revoked(self, partitions: Sequence[Partition]) -> None:
        self.told.append(("revoked", list(partitions)))
        if self.error is not None:
            raise self.error
        if self.commit_in_revoked:
            assert self.member is not None
            await self.member.commit(self.commit_in_revoked)


class Group:
    """A member, its client, and who listens; and the rebalances a broker would order."""

    def __init__(self, **fields: Any) -> None:
        self.consumer = Consumer()
        self.listener = Listener()
        options: dict[str, Any] = {"max_records": 500, "commit_timeout_s": 5.0, "stop_timeout_s": 5.0, **fields}
        self.member = Member(
            self.consumer,
            source="kafka",
            explain=lambda error: SourceUnavailable("kafka", f"explained {error!r}"),
            listener=self.listener,
            clock=StoppedClock(),
            **options,
        )
        self.listener.member = self.member

    def assign(self, *partitions: Partition) -> None:
        """As aiokafka does it: the assignment first, then whoever listens."""
        self.consumer.assigned = set(partitions)
        self.consumer.held.clear()
        self.member.assigned(frozenset(partitions))

    async def rebalance(self, *partitions: Partition) -> None:
        await self.member.revoked()
        self.assign(*partitions)
        await settled()

    async def read(self) -> RecordBatch:
        """The next batch that is not empty."""
        for _ in range(100):
            batch = await self.member.read()
            if len(batch):
                return batch
        raise AssertionError("a hundred reads gave nothing")


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


def offsets(batch: RecordBatch) -> list[int]:
    found: list[int] = batch.positions.offsets.tolist()
    return found
