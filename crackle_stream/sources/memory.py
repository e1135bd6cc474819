"""Tasks that an asyncio program fires into the stream itself."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Self

import anyio
import numpy as np

from crackle_stream.errors import InvalidColumns, QueueClosed, QueueFull
from crackle_stream.model import Partition, Positions, RecordBatch, TaskBatch, TaskEntry, TaskOutput
from crackle_stream.model.options import options_from
from crackle_stream.protocols import Clock, Source, SystemClock
from crackle_stream.sources.options import QueueOptions
from crackle_stream.sources.text import PAUSED_WAIT_S, no_records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    import numpy.typing as npt

__all__ = ["QueueSource"]

WAIT_S = 0.5
"""How long a read waits for tasks that do not come; the protocol allows about a second."""


BATCH_TASKS = 512
"""Of single tasks, which are gathered one by one in Python: a millisecond of the loop."""


class _Task(NamedTuple):
    """One task that waits; no label means: called by its position."""

    label: str | None
    fired_at: float
    metrics: Mapping[str, float]


@dataclass(slots=True)
class _Batch:
    """Tasks that were put together, and how many of them were read."""

    tasks: TaskBatch
    read: int = 0


class QueueSource(Source):
    """A bounded queue: a program puts tasks in, the pipeline reads them out.

        async with Pipeline(queue := QueueSource(), [StdoutSink()]) as pipeline:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(pipeline.run())
                await queue.put(TaskOutput("built", {"seconds": 12.5}), label="build")
                queue.close()

    Any number of tasks of one event loop may put at the same time; each one's tasks stay in its order. From another
    thread use `loop.call_soon_threadsafe(queue.put_nowait, entry)`. What waits in the queue when the process ends is
    lost. Positions count what was put, from 0, and print as queue:1, queue:2, ...

    Args:
        options: a ready `QueueOptions`, or the limit; or give its fields by name.
        clock: when outputs were fired; the machine's by default.
    """

    live = True

    def __init__(
        self, options: QueueOptions | int | None = None, *, clock: Clock | None = None, **fields: object
    ) -> None:
        self.name = "queue"
        self._options = options_from(QueueOptions, options, fields, main="limit")
        self._clock: Clock = SystemClock() if clock is None else clock
        self._partition = Partition(self.name)
        self._waiting: deque[_Task | _Batch] = deque()
        self._held = 0
        self._offset = 0
        self._closed = False
        self._paused = False
        self._filled = asyncio.Event()
        self._freed = asyncio.Event()

    @property
    def limit(self) -> int:
        """Most tasks that may wait."""
        return self._options.limit

    async def put(self, item: TaskEntry | TaskOutput[object] | TaskBatch, *, label: str | None = None) -> None:
        """Add a task, or many, as soon as there is room.

        A batch larger than the limit is taken when the queue is empty. Cancelled while waiting, nothing was added.

        Args:
            item: an entry; an output, fired now; or a batch, whose positions are replaced.
            label: what to call an output; its position by default. Entries and batches bring their own.

        Raises:
            InvalidColumns: a metric is infinite, a time is not finite, or a label was given to what has one.
            QueueClosed: it was closed, perhaps while waiting.
        """
        task = self._checked(item, label)
        while not self._fits(task):
            self._freed.clear()
            await self._freed.wait()
        self._add(task)

    def put_nowait(self, item: TaskEntry | TaskOutput[object] | TaskBatch, *, label: str | None = None) -> None:
        """Add a task, or many, at once.

        Args:
            item: as in `put`.
            label: as in `put`.

        Raises:
            InvalidColumns: a metric is infinite, a time is not finite, or a label was given to what has one.
            QueueFull: there is no room; nothing was added.
            QueueClosed: it was closed.
        """
        task = self._checked(item, label)
        if not self._fits(task):
            raise QueueFull(self.name, self.limit)
        self._add(task)

    def close(self) -> None:
        """Take nothing more; `read` returns None once everything was read. Safe to repeat."""
        self._closed = True
        self._filled.set()
        self._freed.set()

    async def __aenter__(self) -> Self:
        """Nothing to acquire; tasks may be put before."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, so that whoever still waits to put learns of it."""
        self.close()

    async def read(self) -> TaskBatch | RecordBatch | None:
        """Everything that waits, at most 512 tasks; an empty batch after half a second without any; None at the end."""
        if self._paused:
            await anyio.sleep(PAUSED_WAIT_S)
            return no_records(self._partition)
        if not self._waiting and not self._closed:
            with anyio.move_on_after(WAIT_S):
                self._filled.clear()
                await self._filled.wait()
        if not self._waiting:
            return None if self._closed else no_records(self._partition)
        batch = self._take()
        self._held -= len(batch)
        self._offset += len(batch)
        self._freed.set()
        return batch

    def pause(self) -> None:
        """Return nothing until `resume`; the queue fills, then whoever puts waits."""
        self._paused = True

    def resume(self) -> None:
        """Return tasks again."""
        self._paused = False

    def lag(self) -> int:
        """Tasks that wait to be read."""
        return self._held

    # -- putting ---------------------------------------------------------------------------------------------------

    def _checked(self, item: TaskEntry | TaskOutput[object] | TaskBatch, label: str | None) -> _Task | _Batch:
        if label is not None and not isinstance(item, TaskOutput):
            raise InvalidColumns(f"a {type(item).__name__} brings its own label: leave out label={label!r}")
        if isinstance(item, TaskBatch):
            if np.isinf(item.values).any() or not np.isfinite(item.times).all():
                raise InvalidColumns("the batch holds an infinite metric or a time that is not finite: take it out")
            return _Batch(item)
        if isinstance(item, TaskOutput):
            task = _Task(label, self._clock.time(), item.metrics)
        else:
            task = _Task(item.label, item.fired_at, item.all_metrics() if item.cooled_metrics else item.metrics)
        if not math.isfinite(task.fired_at):
            raise InvalidColumns(f"fired_at is {task.fired_at}: give epoch seconds")
        for name, x in task.metrics.items():
            if math.isinf(x):
                raise InvalidColumns(f"metric {name!r} is infinite: leave it out, or put NaN for absent")
        return task

    def _fits(self, task: _Task | _Batch) -> bool:
        if self._closed:
            raise QueueClosed(self.name)
        rows = len(task.tasks) if isinstance(task, _Batch) else 1
        return self._held + rows <= self.limit or self._held == 0

    def _add(self, task: _Task | _Batch) -> None:
        rows = len(task.tasks) if isinstance(task, _Batch) else 1
        if rows:
            self._waiting.append(task)
            self._held += rows
            self._filled.set()

    # -- taking ----------------------------------------------------------------------------------------------------

    def _take(self) -> TaskBatch:
        """What was put as a batch stays one; single tasks are gathered."""
        head = self._waiting[0]
        if isinstance(head, _Batch):
            return self._part(head)
        tasks: list[_Task] = []
        while self._waiting and len(tasks) < BATCH_TASKS and isinstance(task := self._waiting[0], _Task):
            tasks.append(task)
            self._waiting.popleft()
        names, values = _columns([task.metrics for task in tasks])
        first = self._offset + 1
        return TaskBatch(
            labels=[
                f"{self._partition}:{place}" if task.label is None else task.label
                for place, task in enumerate(tasks, first)
            ],
            times=np.array([task.fired_at for task in tasks], dtype=np.float64),
            names=names,
            values=values,
            positions=self._positions(len(tasks)),
        )

    def _part(self, batch: _Batch) -> TaskBatch:
        tasks, first = batch.tasks, batch.read
        batch.read = min(first + BATCH_TASKS, len(tasks))
        if batch.read == len(tasks):
            self._waiting.popleft()
        if batch.read - first < len(tasks):
            tasks = tasks.take(np.arange(first, batch.read))
        return replace(tasks, positions=self._positions(len(tasks)))

    def _positions(self, rows: int) -> Positions:
        return Positions(self._partition, np.arange(self._offset, self._offset + rows, dtype=np.int64))


def _columns(tasks: Sequence[Mapping[str, float]]) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    """The union of the names, in the order they are first seen, and one row a task; NaN where it lacks one."""
    first = tuple(tasks[0])
    if all(tuple(metrics) == first for metrics in tasks):
        cells = [list(metrics.values()) for metrics in tasks]
        return first, np.array(cells, dtype=np.float64).reshape(len(tasks), len(first))
    names = tuple(dict.fromkeys(name for metrics in tasks for name in metrics))
    absent = math.nan
    return names, np.array([[metrics.get(name, absent) for name in names] for metrics in tasks], dtype=np.float64)
