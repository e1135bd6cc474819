"""Which kiln a task belongs to, and where each kiln's windows end.

Synchronous and without a clock of its own: rows go in, windows come out.
"""

from __future__ import annotations

import heapq
import itertools
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crackle_stream.commit import Pins, SettledPositions, Start
from crackle_stream.model import Partition, TaskBatch
from crackle_stream.ring import Ring
from crackle_stream.schedule import CoolingSchedule, StreamTime
from crackle_stream.stream.checkpoint import Checkpoints
from crackle_stream.stream.kilns import Count, KilnId, StreamKiln
from crackle_stream.stream.options import KilnOptions
from crackle_stream.stream.planned import planned
from crackle_stream.window import Window

__all__ = ["Scope"]

MOST_OVERDUE = 64
"""Kilns looked at after each batch; others wait for the next one."""


@dataclass(frozen=True, slots=True)
class _Since:
    """The oldest fresh task of a kiln in a partition: its offset, its stream time, and when it came."""

    offset: int
    stream_time: float
    wall: float


class Scope:
    """All kilns of a pipeline.

    Args:
        options: size and scope.
        schedule: when windows end.
        settled: told which rows went where.
        checkpoints: told where windows end, and knows where they ended before a restart.
        name: the pipeline's, part of window ids.
        monotonic: a clock for `idle`.

    Attributes:
        dropped_names: metric names left out because a ring knew too many.
        late: tasks older than their partition's stream time.
        twice: a key that was seen in two partitions, "" while there is none: each partition has a kiln for it.
    """

    def __init__(
        self,
        options: KilnOptions,
        schedule: CoolingSchedule,
        settled: SettledPositions,
        checkpoints: Checkpoints,
        *,
        name: str,
        monotonic: Callable[[], float],
    ) -> None:
        self._options = options
        self._schedule = schedule
        self._settled = settled
        self._checkpoints = checkpoints
        self._name = name
        self._monotonic = monotonic
        self._kilns: OrderedDict[KilnId, StreamKiln] = OrderedDict()
        self._times: dict[Partition, StreamTime] = {}
        self._through: dict[Partition, int] = {}
        self._absent: dict[KilnId, Count] = {}
        self._waiting: dict[Partition, OrderedDict[KilnId, _Since]] = {}
        self._pins = Pins.by_default(options.capacity, schedule.every_seconds)
        self._due: list[tuple[float, int, KilnId]] = []
        self._pushed = 0
        self._nbytes = 0
        self._homes: dict[str, Partition] = {}
        self.twice = ""

    def __len__(self) -> int:
        return len(self._kilns)

    @property
    def partitioned(self) -> bool:
        """Whether no kiln holds tasks of several partitions."""
        return self._options.scope != "source"

    @property
    def nbytes(self) -> int:
        """Bytes of all rings."""
        return self._nbytes

    @property
    def fresh(self) -> int:
        """Tasks that no window has held yet."""
        return sum(kiln.fresh for kiln in self._kilns.values())

    @property
    def oldest_fresh_s(self) -> float:
        """Seconds by the clock that the oldest task has waited which no window has held yet; 0.0 where none waits."""
        oldest = [next(iter(waiting.values())).wall for waiting in self._waiting.values() if waiting]
        return self._monotonic() - min(oldest) if oldest else 0.0

    @property
    def held(self) -> int:
        """Tasks in all rings."""
        return sum(len(kiln.ring) for kiln in self._kilns.values())

    @property
    def late(self) -> int:
        """Tasks older than the latest of their partition; they are kept and counted."""
        return sum(time.late for time in self._times.values())

    @property
    def dropped_names(self) -> int:
        """Metric names left out because a ring knew too many."""
        return sum(kiln.ring.dropped_names for kiln in self._kilns.values())

    def feed(
        self, batch: TaskBatch, log_times: npt.NDArray[np.float64] | None = None
    ) -> Iterator[tuple[KilnId, Window]]:
        """Hand tasks to their kilns.

        Yields each window as it ends, so that a caller who must wait for room waits in the middle of a batch; the
        rows after it are handed over when iteration goes on. The caller holds the batch's position back until then.
        """
        partition = batch.positions.partition
        batch, log_times = self._refill(batch, log_times)
        if len(batch) == 0:
            return
        clock = self._clock_of(partition)
        stream_times = clock.advance(batch.times, log_times)
        logged = batch.times if log_times is None else log_times
        for key, rows in self._groups(batch):
            every = slice(None) if rows is None else rows
            part = batch if rows is None else batch.take(rows)
            kiln = KilnId(self._partition_of(batch), key)
            yield from self._feed_kiln(kiln, part, stream_times[every], logged[every])
        yield from self._pass_time(partition, clock.now)
        yield from self._end_overdue(partition, int(batch.positions.offsets[-1]), clock.now)

    def take_over(self, partition: Partition, start: Start, counts: Mapping[KilnId, Count]) -> None:
        """A partition was assigned: rows that a former owner has cooled fill the rings and end no windows.

        Args:
            partition: which.
            start: how it begins.
            counts: tasks that its kilns had by then.
        """
        self._times[partition] = StreamTime(start.stream_time)
        if start.through is not None:
            self._through[partition] = start.through
        self.inherit(counts)

    def inherit(self, kilns: Mapping[KilnId, Count]) -> None:
        """Kilns of a process before this one, the least recent first: until a task of theirs comes they have no ring,
        but they count, and are the first to be closed where there are too many.

        Args:
            kilns: with the tasks that they had by then.
        """
        self._absent.update(kilns)

    def flush(self, closed_by: str) -> Iterator[tuple[KilnId, Window]]:
        """End a window in every kiln that has fresh tasks."""
        for kiln in list(self._kilns.values()):
            yield from self._cut_off_grid(kiln, closed_by)

    def last(self, closed_by: str) -> Iterator[tuple[KilnId, Window]]:
        """End a window in every kiln, with fresh tasks or without: for a last look at a stream that has ended."""
        for kiln in list(self._kilns.values()):
            yield from self._cut(kiln, closed_by, again=True)

    def idle(self, waited_s: float) -> Iterator[tuple[KilnId, Window]]:
        """End a window in every kiln whose oldest fresh task has waited this long."""
        now = self._monotonic()
        for kiln in list(self._kilns.values()):
            if kiln.fresh and now - kiln.fresh_since >= waited_s:
                yield from self._cut_off_grid(kiln, "idle")

    def holds_fresh(self, kiln: KilnId) -> bool:
        """Whether the kiln has tasks that no window has held yet."""
        known = self._kilns.get(kiln)
        return known is not None and bool(known.fresh)

    def drop(self, partitions: Iterable[Partition]) -> list[KilnId]:
        """Forget the kilns of partitions that are ours no longer, and every kiln that mixes partitions."""
        gone = set(partitions)
        dropped = [kiln for kiln in self._kilns if kiln.partition is None or kiln.partition in gone]
        for kiln in dropped:
            self._forget(kiln)
            self._settled.release(kiln)
        for partition in gone:
            self._times.pop(partition, None)
            self._through.pop(partition, None)
            self._waiting.pop(partition, None)
        self._absent = {kiln: count for kiln, count in self._absent.items() if kiln.partition not in gone}
        return dropped

    def over(self) -> Iterator[tuple[KilnId, Window | None]]:
        """Close the least recent kilns while there are too many of them or they take too much memory.

        Yields:
            The kiln and its last window, or None where every task of it had been in one.
        """
        while self._absent and len(self._kilns) + len(self._absent) > self._options.max_keys:
            absent = next(iter(self._absent))
            del self._absent[absent]
            yield absent, None
        while len(self._kilns) > 1 and (
            len(self._kilns) > self._options.max_keys or self.nbytes > self._options.max_bytes
        ):
            kiln = next(iter(self._kilns.values()))
            last = [window for _, window in self._cut(kiln, "evicted")]
            self._forget(kiln.id)
            yield kiln.id, (last[0] if last else None)

    def _forget(self, name: KilnId) -> None:
        self._nbytes -= self._kilns.pop(name).ring.nbytes
        if self._homes.get(name.key) == name.partition:
            del self._homes[name.key]
        for waiting in self._waiting.values():
            waiting.pop(name, None)

    def _partition_of(self, batch: TaskBatch) -> Partition | None:
        return None if self._options.scope == "source" else batch.positions.partition

    def _groups(self, batch: TaskBatch) -> Iterator[tuple[str, npt.NDArray[np.intp] | None]]:
        """Rows by key, keys in the order of their first row; None for all rows."""
        if self._options.scope != "key" or batch.keys is None:
            yield "", None
            return
        rows: dict[str, list[int]] = {}
        for row, key in enumerate(batch.keys):
            rows.setdefault(key, []).append(row)
        for key, here in rows.items():
            yield key, np.array(here, dtype=np.intp)

    def _feed_kiln(
        self,
        name: KilnId,
        batch: TaskBatch,
        stream_times: npt.NDArray[np.float64],
        logged: npt.NDArray[np.float64],
    ) -> Iterator[tuple[KilnId, Window]]:
        kiln = self._kiln(name)
        offsets, before = batch.positions.offsets, kiln.count.rows
        places = offsets if self._by_offset(batch) else np.arange(before, before + len(batch), dtype=np.int64)
        cuts = kiln.grid.cuts(places, stream_times)
        cuts = planned(cuts, self._checkpoints.plan(name.partition), offsets, kiln.end)
        start = 0
        for cut in [*cuts, None]:
            stop = len(batch) if cut is None else cut.row
            while start < stop:
                room = self._options.capacity - kiln.fresh
                end = min(stop, start + room)
                self._write(kiln, batch, slice(start, end), logged, stream_times)
                start = end
                if kiln.fresh >= self._options.capacity and start < stop:
                    yield from self._cut(kiln, "full")
            if cut is not None:
                yield from self._cut(kiln, cut.closed_by)
        if kiln.fresh >= self._options.capacity:
            yield from self._cut(kiln, "full")
        self._expect(kiln)

    def _by_offset(self, batch: TaskBatch) -> bool:
        """Whether `every_tasks` counts places in the log, and not a kiln's tasks."""
        scope = self._options.scope
        return scope == "partition" or (scope == "source" and batch.positions.partition.number is None)

    def _refill(
        self, batch: TaskBatch, log_times: npt.NDArray[np.float64] | None
    ) -> tuple[TaskBatch, npt.NDArray[np.float64] | None]:
        """Put rows that a former owner has cooled into the rings; returns the others."""
        partition = batch.positions.partition
        through = self._through.get(partition)
        if through is None or not len(batch):
            return batch, log_times
        old = int(np.searchsorted(batch.positions.offsets, through, side="right"))
        if old < len(batch):
            self._through.pop(partition)
        if old == 0:
            return batch, log_times
        context, rest = batch.take(np.arange(old)), batch.take(np.arange(old, len(batch)))
        now = self._clock_of(partition).now
        for key, rows in self._groups(context):
            part = context if rows is None else context.take(rows)
            kiln = self._kiln(KilnId(self._partition_of(batch), key))
            before = kiln.ring.nbytes
            kiln.refill(part)
            self._nbytes += kiln.ring.nbytes - before
            counted = kiln.count.rows - np.arange(len(part), dtype=np.int64)[::-1] - 1
            places = part.positions.offsets if self._by_offset(part) else counted
            times = np.full(len(part), now) if np.isfinite(now) else np.maximum.accumulate(part.times)
            kiln.grid.cuts(places, times)  # it goes on from there; these rows end no window
        return rest, None if log_times is None else log_times[old:]

    def _write(
        self,
        kiln: StreamKiln,
        batch: TaskBatch,
        rows: slice,
        logged: npt.NDArray[np.float64],
        stream_times: npt.NDArray[np.float64],
    ) -> None:
        partition, now = batch.positions.partition, self._monotonic()
        before = kiln.ring.nbytes
        last = rows.stop - 1
        first, end = kiln.write(batch, rows, float(logged[last]), float(stream_times[last]), now)
        self._nbytes += kiln.ring.nbytes - before
        self._settled.hand(kiln.id, partition, first, end)
        waiting = self._waiting.get(partition)
        if waiting is None:
            waiting = self._waiting[partition] = OrderedDict()
        if kiln.id not in waiting:
            waiting[kiln.id] = _Since(first, float(stream_times[rows.start]), now)

    def _cut(self, kiln: StreamKiln, closed_by: str, *, again: bool = False) -> Iterator[tuple[KilnId, Window]]:
        """A window of the ring's last tasks, where some of them are new, or where they are to be seen again."""
        if not kiln.fresh and not again:
            return
        window = kiln.cut(self._name, closed_by)
        for waiting in self._waiting.values():
            waiting.pop(kiln.id, None)
        self._checkpoints.cut(
            kiln.id, window, refill_from=kiln.refill_from, stream_time=kiln.stream_time, count=kiln.count
        )
        yield kiln.id, window

    def _cut_off_grid(self, kiln: StreamKiln, closed_by: str) -> Iterator[tuple[KilnId, Window]]:
        """A window that the grid does not end, where a former owner of the partition may not have ended another."""
        partition = kiln.id.partition
        if partition is None or self._checkpoints.plan(partition).may_add(self._settled.following(partition)):
            yield from self._cut(kiln, closed_by)

    def _end_overdue(self, partition: Partition, last: int, now: float) -> Iterator[tuple[KilnId, Window]]:
        """End the windows of kilns whose oldest fresh task has held the partition's position back for too long."""
        waiting = self._waiting.get(partition)
        if not waiting:
            return
        for name, since in list(itertools.islice(waiting.items(), MOST_OVERDUE)):
            wall = self._monotonic() - since.wall
            if not self._pins.overdue(stream_s=now - since.stream_time, wall_s=wall, span=last - since.offset + 1):
                return
            yield from self._cut_off_grid(self._kilns[name], "age")

    def _kiln(self, name: KilnId) -> StreamKiln:
        kiln = self._kilns.get(name)
        if kiln is None:
            ring = Ring(self._options.capacity)
            grid = self._schedule.grid(self._shift(name.key))
            kiln = self._kilns[name] = StreamKiln(name, ring, grid, self._absent.pop(name, None))
            if (
                name.key
                and name.partition is not None
                and self._homes.setdefault(name.key, name.partition) != name.partition
            ):
                self.twice = self.twice or name.key
        self._kilns.move_to_end(name)
        return kiln

    def _clock_of(self, partition: Partition) -> StreamTime:
        return self._times.setdefault(partition, StreamTime())

    def _shift(self, key: str) -> float:
        """Spread the time grids of keys over one period; the same for every process."""
        if not key or self._schedule.every_seconds is None:
            return 0.0
        return zlib.crc32(key.encode("utf-8", "surrogatepass")) / 2**32 * self._schedule.every_seconds

    def _expect(self, kiln: StreamKiln) -> None:
        """Remember when the kiln is due by time, should no task of its own come to tell."""
        if kiln.fresh and self._options.scope == "key" and kiln.grid.due != kiln.due:
            kiln.due = kiln.grid.due
            self._pushed += 1
            heapq.heappush(self._due, (kiln.due, self._pushed, kiln.id))

    def _pass_time(self, partition: Partition, now: float) -> Iterator[tuple[KilnId, Window]]:
        """End the windows of keys whose time has come in the partition's stream time."""
        waiting = []
        while self._due and self._due[0][0] <= now:
            entry = heapq.heappop(self._due)
            kiln = self._kilns.get(entry[2])
            if kiln is None or kiln.due != entry[0]:
                continue
            if kiln.id.partition not in (None, partition):
                waiting.append(entry)
                continue
            kiln.due = np.inf
            if kiln.grid.pass_time(now):
                yield from self._cut(kiln, "time")
        for entry in waiting:
            heapq.heappush(self._due, entry)
