"""Processes that read one log after each other, each killed where the test says, and what they told together."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio.lowlevel
import numpy as np
from observing import alarms

from crackle_stream.alerting import AlertPolicy
from crackle_stream.decode import DecodeOptions, Decoder
from crackle_stream.model import CracklePattern, LogStart, Partition, Positions, RecordBatch
from crackle_stream.profile import ThermalProfile
from crackle_stream.protocols import PartitionListener, Source
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.sinks import MemorySink
from crackle_stream.stream import Event, HushOptions, KilnOptions, Pipeline
from crackle_stream.stream.parts import PARTS
from crackle_stream.stream.store import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from crackle_stream.testing import FakeClock
    from crackle_stream.window import Window

__all__ = ["BATCH", "PLACES", "RECORDS", "Killed", "Log", "P", "Reader", "a_log", "run", "told"]

P = Partition("results", 0)
BATCH = 5
"""At most one window ends in a batch: the next one is read when that is cooled."""
RECORDS = 900

Told = tuple[str, str, str, int]


class Killed(Exception):
    """The process ends here."""


@dataclass
class Log:
    """A partition, and what the group has committed of it."""

    payloads: list[bytes]
    committed: int | None = None
    note: str = ""
    commits: list[int] = field(default_factory=list)


class Reader(Source):
    """Reads a log a batch at a time, and only when all windows before are cooled, so that none is merged away."""

    name = "results"
    replayable = True
    live = True

    def __init__(self, log: Log) -> None:
        self.log = log
        self.next = 0
        self.rows_read: list[int] = []
        self.listener: PartitionListener | None = None
        self.given = 0
        self.ready: Callable[[], bool] = lambda: True
        self.asks: set[int] = set()
        self.ask: Callable[[], Awaitable[object]] | None = None

    def listen(self, listener: PartitionListener) -> None:
        self.listener = listener

    def wait_for(self, pipeline: Pipeline, seen: list[Event]) -> None:
        """Give a batch only when the pipeline is done with the one before."""
        self.ready = lambda: (
            not pipeline._cooler.waiting and sum(event.name == "batch.read" for event in seen) == self.given
        )

    async def __aenter__(self) -> Reader:
        self.next = self.log.committed or 0
        start = LogStart(self.next, self.log.committed, self.log.note, 0, len(self.log.payloads))
        assert self.listener is not None
        self.next = (await self.listener.assigned({P: start})).get(P, self.next)
        return self

    async def read(self) -> RecordBatch | None:
        while not self.ready():
            await anyio.lowlevel.checkpoint()
        if self.ask is not None and self.next in self.asks:
            await self.ask()
        last = min(self.next + BATCH - self.next % BATCH, len(self.log.payloads))
        offsets = np.arange(self.next, last, dtype=np.int64)
        self.rows_read += offsets.tolist()
        self.next = last
        self.given += 1
        payloads = [self.log.payloads[offset] for offset in offsets.tolist()]
        return RecordBatch(payloads, Positions(P, offsets), 1.7e9 + offsets.astype(np.float64)) if payloads else None

    async def commit(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, str] | None = None) -> None:
        assert notes is not None
        assert offsets[P] >= (self.log.committed or 0), "an offset never goes back"
        self.log.committed, self.log.note = offsets[P], notes[P]
        self.log.commits.append(offsets[P])


def a_log(seed: int, keys: int = 1) -> list[bytes]:
    """Records some of which hold an alarm, for one record or for a long while."""
    rng = random.Random(seed)
    held: dict[int, set[str]] = {}
    for alarm in range(12):
        begin = rng.randrange(RECORDS - 100)
        for row in range(begin, min(begin + rng.choice([1, 40, 200, 500]), RECORDS)):
            held.setdefault(row, set()).add(f"alarm-{alarm}")
    return [
        json.dumps(
            {
                "label": f"r{row}",
                "ts": 1.7e9 + row,
                "key": f"k{rng.randrange(keys)}",
                "metrics": {"x": 1.0, **dict.fromkeys(sorted(held.get(row, ())), 1.0)},
            }
        ).encode()
        for row in range(RECORDS)
    ]


async def run(
    log: Log,
    sink: MemorySink,
    *,
    capacity: int,
    die_at: tuple[str, int] | None = None,
    state: Path | None = None,
    keyed: bool = False,
    asks: Collection[int] = (),
    policy: AlertPolicy | None = None,
    hush: HushOptions | None = None,
    clock: FakeClock | None = None,
    detector: Callable[[Window], Iterable[CracklePattern]] = alarms,
) -> tuple[Pipeline, Reader, list[Event]]:
    """One process, to the end of the log or to the n-th event of a name."""
    source, seen = Reader(log), list[Event]()
    left = die_at[1] if die_at else 0

    def see(event: Event) -> None:
        nonlocal left
        seen.append(event)
        if clock is not None and event.name == "window.cooled":
            clock.advance(1)
        if die_at is not None and event.name == die_at[0]:
            left -= 1
            if left == 0:
                raise Killed

    pipeline = Pipeline(
        source,
        [sink],
        profile=ThermalProfile.no_detection().with_detector(detector),
        schedule=CoolingSchedule(every_tasks=100),
        kiln=KilnOptions(capacity=capacity),
        alerts=AlertPolicy(resolve_after=2) if policy is None else policy,
        hush=hush,
        clock=clock,
        decoder=Decoder(DecodeOptions(key=("key",)) if keyed else None),
        state=None if state is None else Store(state, PARTS),
        on_event=see,
    )
    source.wait_for(pipeline, seen)
    source.asks, source.ask = set(asks), pipeline.cool_now
    try:
        async with pipeline:
            await pipeline.run()
    except* Killed:
        pass
    return pipeline, source, seen


def told(sink: MemorySink) -> set[Told]:
    return {
        (alert.id, str(alert.status), alert.pattern.metric_names[0], alert.position.offset if alert.position else -1)
        for alert in sink.alerts
    }


PLACES = ("window.cooled", "alert.made", "alert.delivered", "offsets.committed", "batch.read")
