"""Reading as a member of a consumer group: what is ours, since when, and what may still be returned or committed.

Partitions are taken away all at once and given anew at each rebalance (the eager protocol). What was fetched before is
void from then on: the partition's next owner reads it again from the committed offset.

    rebalance begins                                                         rebalance ends
      revoked(): drop what is buffered, tell the listener (it may commit) ...  assigned(): hold the partitions,
                                                                              find where they begin, tell the
                                                                              listener, let them go
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

import anyio

from crackle_stream.brokers.deadline import CANCEL_WITHIN_S, GaveUp, in_own_task, note_failure
from crackle_stream.errors import SourceUnavailable
from crackle_stream.model import Partition, RecordBatch
from crackle_stream.sources.batches import batch_of
from crackle_stream.sources.text import PAUSED_WAIT_S, no_records

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from crackle_stream.errors import SourceError
    from crackle_stream.model import LogStart
    from crackle_stream.protocols import Clock, PartitionListener
    from crackle_stream.sources.consumer import ConsumerLike, Fetched

__all__ = ["Member"]

POLL_MS = 200
"""How long a poll waits for records; short, because it is also what keeps us in the group."""

CATCH_UP_S = 2.0
"""How long brokers may take to say where a log begins once it gives nothing more; the next poll asks anew."""

READ_WAIT_S = 0.5
"""How long a read waits for a poll, which may hang for a whole rebalance; the protocol allows about a second."""


class Member:
    """Reads a group's share of some topics through a consumer, one batch of one partition at a time.

    Args:
        consumer: the client; `assigned` and `revoked` are to be called by it.
        source: the source's name, for messages.
        explain: makes one of our errors of one of the client's.
        listener: told when partitions come and go.
        clock: the time of records that have none.
        max_records: most records of one poll.
        commit_timeout_s: most for one commit.
        stop_timeout_s: most for leaving.
    """

    def __init__(
        self,
        consumer: ConsumerLike,
        *,
        source: str,
        explain: Callable[[Exception], SourceError],
        listener: PartitionListener | None,
        clock: Clock,
        max_records: int,
        commit_timeout_s: float,
        stop_timeout_s: float,
    ) -> None:
        self._consumer = consumer
        self._source = source
        self._explain = explain
        self._listener = listener
        self._clock = clock
        self._max_records = max_records
        self._commit_timeout_s = commit_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._none = no_records(Partition(source))
        self._held: AbstractSet[Partition] = frozenset()
        self._owned: set[Partition] = set()
        self._next: dict[Partition, int] = {}
        self._reached: dict[Partition, int] = {}
        self._fetched: deque[tuple[Partition, Sequence[Fetched]]] = deque()
        self._poll: asyncio.Task[None] | None = None
        self._adoption: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self._paused = False
        self._committing = asyncio.Lock()
        self.tombstones = 0

    # -- what the pipeline calls -----------------------------------------------------------------------------------

    async def read(self) -> RecordBatch:
        """The next batch of one partition, or an empty one; while paused it only keeps us in the group.

        Cancelling it loses nothing: a poll that is under way goes on, and the next call finds what it fetched.

        Raises:
            SourceError: the client failed for good.
        """
        self._raise_failure()
        if (batch := self._next_batch()) is not None:
            return batch
        if self._poll is None:
            self._poll = asyncio.create_task(self._poll_once())
            self._poll.add_done_callback(note_failure)
        poll = self._poll
        await asyncio.wait({poll}, timeout=PAUSED_WAIT_S if self._paused else READ_WAIT_S)
        if poll.done():
            self._poll = None
            if not poll.cancelled():
                poll.result()
        return self._next_batch() or self._none

    async def commit(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, str] | None = None) -> None:
        """Commit what of this is still ours; the rest is its next owner's to decide.

        One at a time: a commit that the client tries again must not come after a later one.

        Raises:
            SourceUnavailable: it failed, or its outcome is unknown; a later commit makes up for it.
            SourceError: it will never succeed.
        """
        async with self._committing:
            present = self._consumer.assignment()
            texts = {} if notes is None else notes
            ours = {
                each: (offset, texts.get(each, ""))
                for each, offset in offsets.items()
                if each in self._owned and each in present
            }
            if not ours:
                return
            try:
                await in_own_task(self._consumer.commit(ours), self._commit_timeout_s)
            except GaveUp as error:
                raise SourceUnavailable(
                    self._source, f"commit: {error}; whether it was stored is unknown, the next commit settles it"
                ) from error
            except Exception as error:
                if self._owned.isdisjoint(ours):
                    return
                raise self._explain(error) from error

    def pause(self) -> None:
        """Fetch nothing until `resume`."""
        self._paused = True
        self._consumer.pause(*self._consumer.assignment())

    def resume(self) -> None:
        """Fetch again; partitions that are just being adopted follow when they are."""
        self._paused = False
        self._consumer.resume(*(self._owned & self._consumer.assignment()))

    def lag(self) -> int | None:
        """Records between the last one returned and the end of the logs; None before every log's end is known."""
        if not self._adopted_all:
            return None
        total = 0
        for partition in self._owned & self._consumer.assignment():
            end = self._consumer.highwater(partition)
            if end is None:
                return None
            total += max(0, end - self._next[partition])
        return total

    def reached(self) -> Mapping[Partition, int]:
        """One past the last offset up to which everything was returned or has no value."""
        if not self._adopted_all:
            return {}
        waiting = {partition for partition, _ in self._fetched}
        return {each: self._reached[each] for each in self._owned - waiting if each in self._reached}

    def answers(self) -> Mapping[Partition, float | None] | None:
        """For each partition being fetched, when that was last answered; None while the group is being joined."""
        if not self._adopted_all:
            return None
        if self._paused or self._fetched:
            return {}
        return {each: self._consumer.answered(each) for each in self._owned & self._consumer.assignment()}

    async def close(self) -> None:
        """Leave the group; bounded in time, raises nothing."""
        self._held = frozenset()
        self._fetched.clear()
        with anyio.CancelScope(shield=True):
            await _abandon(self._adoption, self._poll)
            # Whatever the client objects to, we are leaving; the group notices our silence if it was not told.
            with contextlib.suppress(Exception):
                await in_own_task(self._consumer.stop(), self._stop_timeout_s)
        self._owned.clear()

    # -- what the client calls -------------------------------------------------------------------------------------

    async def revoked(self) -> None:
        """All partitions are being taken away; they are ours until this returns."""
        self._held = frozenset()
        self._fetched.clear()
        await _abandon(self._adoption)
        self._adoption = None
        try:
            if self._owned and self._listener is not None:
                await self._listener.revoked(sorted(self._owned))
        except Exception as error:  # noqa: BLE001 - the client would log it and go on; `read` raises it
            self._failure = error
        finally:
            self._owned.clear()
            self._next.clear()

    def assigned(self, partitions: AbstractSet[Partition]) -> None:
        """These partitions are ours. Returns at once: while it runs the client sends no heartbeats."""
        self._held = frozenset(partitions)
        self._consumer.pause(*partitions)
        self._adoption = asyncio.create_task(self._adopt(self._held))
        self._adoption.add_done_callback(self._note_adoption)

    # -- between the two -------------------------------------------------------------------------------------------

    @property
    def _adopted_all(self) -> bool:
        """Whether the partitions that are ours are known to the listener, and where each begins."""
        return self._adoption is not None and self._adoption.done()

    async def _adopt(self, partitions: AbstractSet[Partition]) -> None:
        positions: dict[Partition, int] = {}
        for partition in sorted(partitions):
            position = await self._position(partition)
            if position is None:
                return
            positions[partition] = position
        starts = await self._starts(positions)
        if starts is None:
            return
        self._next, self._reached = dict(positions), dict(positions)
        self._owned = set(partitions)
        if starts and self._listener is not None:
            for partition, offset in (await self._listener.assigned(starts)).items():
                self._consumer.seek(partition, offset)
                self._next[partition] = self._reached[partition] = offset
        if not self._paused:
            self._consumer.resume(*(self._owned & self._consumer.assignment()))

    def _note_adoption(self, adoption: asyncio.Task[None]) -> None:
        if not adoption.cancelled() and adoption.exception() is not None:
            self._failure = adoption.exception()

    async def _position(self, partition: Partition) -> int | None:
        """The offset of the next record to fetch; None where the next rebalance has begun."""
        try:
            return await self._consumer.position(partition)
        except Exception as error:
            if partition not in self._consumer.assignment():
                return None
            raise self._explain(error) from error

    async def _starts(self, positions: Mapping[Partition, int]) -> Mapping[Partition, LogStart] | None:
        """What is known of the logs that begin there; None where the next rebalance has begun."""
        try:
            return await self._consumer.starts(positions)
        except Exception as error:
            if not self._consumer.assignment() >= positions.keys():
                return None
            raise self._explain(error) from error

    async def _poll_once(self) -> None:
        try:
            fetched = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=self._max_records)
        except Exception as error:
            raise self._explain(error) from error
        # Between the client handing records out and this line nothing else runs, so what is held now is what they are
        # of; a client that hands out records of partitions it has just lost is not believed.
        held = self._held
        found = [(each, records) for each, records in fetched.items() if each in held and records]
        await self._check_gaps([(each, records[0].offset) for each, records in found])
        if self._held is held:
            self._fetched.extend(found)
            self._reached.update((each, records[-1].offset + 1) for each, records in found)
        if not self._fetched:
            with anyio.move_on_after(CATCH_UP_S):
                await self._catch_up()

    async def _check_gaps(self, found: Sequence[tuple[Partition, int]]) -> None:
        """Tell offsets that a log left out (marks of transactions, compaction) from records that it gave up unread.

        The client goes on elsewhere by itself where its position is out of range, at the end if that is where a new
        group begins; then nothing it fetched counts. Whoever opens the source anew begins at the start of the log.

        Raises:
            SourceUnavailable: the log begins after what was to be read next.
        """
        gaps = {each: self._reached[each] for each, offset in found if offset > self._reached.get(each, offset)}
        for partition, log in (await self._starts(gaps) or {}).items() if gaps else ():
            if log.first > gaps[partition]:
                raise SourceUnavailable(
                    self._source,
                    f"{partition} begins at offset {log.first} by now: the brokers gave up what was to be read next, "
                    f"from {gaps[partition]} on. Keep records for longer there, or make sinks and detectors keep up",
                )

    async def _catch_up(self) -> None:
        """Nothing was fetched: what stands before the client's position, such as a transaction's mark, is no lag."""
        for partition in tuple(self._owned):
            position = await self._position(partition)
            if position is not None and partition in self._owned:
                if position > self._reached[partition]:
                    await self._check_gaps([(partition, position)])
                if partition in self._owned:
                    self._next[partition] = max(self._next[partition], position)
                    self._reached[partition] = max(self._reached[partition], position)

    def _next_batch(self) -> RecordBatch | None:
        while self._fetched and not self._paused and self._adopted_all:
            partition, records = self._fetched.popleft()
            self._next[partition] = records[-1].offset + 1
            batch = batch_of(partition, records, self._clock)
            self.tombstones += len(records) - len(batch)
            if len(batch):
                return batch
        return None

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure


async def _abandon(*tasks: asyncio.Task[None] | None) -> None:
    """Cancel tasks that are under way, and wait until they have let go."""
    running = [task for task in tasks if task is not None and not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=CANCEL_WITHIN_S)
