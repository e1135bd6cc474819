"""A log that processes share, a process that reads it with a state directory, and a pager that is down when asked."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import numpy as np
from observing import QUIET, Observed

from crackle_stream.alerting import AlertPolicy
from crackle_stream.errors import SinkUnavailable, SourceUnavailable
from crackle_stream.model import Alert, LogStart, Partition, Positions, RecordBatch
from crackle_stream.protocols import PartitionListener, Sink, Source
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.stream import KilnOptions, Pipeline, RunOptions, Subscription
from crackle_stream.stream.options import BreakerOptions, RetryOptions, SpoolOptions
from crackle_stream.stream.parts import PARTS
from crackle_stream.stream.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from pathlib import Path

__all__ = ["SOON", "Log", "P", "Pager", "Shared", "log_with", "process", "spooled"]

P = Partition("results", 0)
EVERY = 10

SOON = RetryOptions(attempts=1, wait_s=0, wait_max_s=0, round_wait_s=0.5, round_wait_max_s=0.5)
"""An alert that failed rests for so long that it is not being sent when its partition moves."""

NEVER_OPEN = BreakerOptions(failures=10**9)


@dataclass
class Log:
    """A partition, and what the group has committed of it."""

    payloads: list[bytes]
    committed: int | None = None
    note: str = ""
    down: bool = False
    commits: list[int] = field(default_factory=list)


class Shared(Source):
    """Reads a log to its end and stays; knows what the group has committed."""

    name = "results"
    replayable = True
    live = True

    def __init__(self, log: Log, *, assigned: bool = True, slowly: bool = False) -> None:
        self.log = log
        self._pause_s = 0.02 if slowly else 0.0
        self.next = 0
        self.listener: PartitionListener | None = None
        self._assigned = assigned

    def listen(self, listener: PartitionListener) -> None:
        self.listener = listener

    async def __aenter__(self) -> Shared:
        if self._assigned:
            await self.assign()
        return self

    async def assign(self) -> None:
        assert self.listener is not None
        start = LogStart(self.log.committed or 0, self.log.committed, self.log.note, 0, len(self.log.payloads))
        self.next = (await self.listener.assigned({P: start})).get(P, start.offset)
        self._assigned = True

    async def revoke(self) -> None:
        assert self.listener is not None
        self._assigned = False
        await self.listener.revoked([P])

    async def read(self) -> RecordBatch:
        await anyio.lowlevel.checkpoint()
        last = min(self.next + EVERY, len(self.log.payloads)) if self._assigned else self.next
        offsets = np.arange(self.next, last, dtype=np.int64)
        self.next = last
        payloads = [self.log.payloads[offset] for offset in offsets.tolist()]
        return RecordBatch(payloads, Positions(P, offsets), 1.7e9 + offsets.astype(np.float64))

    async def commit(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, str] | None = None) -> None:
        if self.log.down:
            raise SourceUnavailable(self.name, "no answer")
        assert notes is not None
        self.log.committed, self.log.note = offsets[P], notes[P]
        self.log.commits.append(offsets[P])

    async def stored(self, partitions: Collection[Partition]) -> Mapping[Partition, str]:
        if self.log.down:
            raise SourceUnavailable(self.name, "no answer")
        return {P: self.log.note} if P in partitions and self.log.committed is not None else {}


class Pager(Sink):
    """Takes alerts while it is up."""

    name = "pager"

    def __init__(self, *, up: bool = True) -> None:
        self.up = up
        self.alerts: list[Alert] = []

    async def send(self, alert: Alert) -> None:
        await anyio.lowlevel.checkpoint()
        if not self.up:
            raise SinkUnavailable(self.name, "503")
        self.alerts.append(alert)


def log_with(*alarms: int, rows: int = 40) -> Log:
    """Records of which those at the given places hold an alarm called after the place."""
    return Log(
        [
            json.dumps(
                {"label": f"r{row}", "metrics": {"x": 1.0, **({f"alarm-{row}": 1.0} if row in alarms else {})}}
            ).encode()
            for row in range(rows)
        ]
    )


@asynccontextmanager
async def process(
    source: Shared, sinks: Sequence[Sink | Subscription], directory: Path | None, **alerts: Any
) -> AsyncIterator[tuple[Pipeline, Observed]]:
    """A pipeline that runs until the block ends, and then ends as if killed."""
    watch = Observed()
    async with (
        Pipeline(
            source,
            sinks,
            profile=QUIET,
            schedule=CoolingSchedule(every_tasks=EVERY, every_seconds=None),
            kiln=KilnOptions(capacity=EVERY),
            alerts=AlertPolicy(resolve_after=1000, **alerts),
            state=None if directory is None else Store(directory, PARTS),
            options=RunOptions(shutdown_grace=0.1),
            on_event=watch,
        ) as pipeline,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(pipeline.run)
        yield pipeline, watch
        tasks.cancel_scope.cancel()


def spooled(sink: Sink) -> Subscription:
    return Subscription(sink, retry=SOON, breaker=NEVER_OPEN, spool=SpoolOptions())
