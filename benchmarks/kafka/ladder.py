"""From a broker to rings, rung by rung: `python -m benchmarks.kafka.ladder RUNG BROKER TOPIC RECORDS`.

- bare: aiokafka's `getmany` with the settings of our source, and nothing done with what it gives;
- source: our source, whose batches are dropped;
- columns: they are decoded;
- ring: the columns go to the ring of their partition;
- copies: rings, positions and the places where windows end are kept as a stream does, and windows copied out of them,
  to be dropped;
- pipeline: the whole stream, committing included, with no detector and no sink;
- windows: the same with one detector, the mean and correlation of each 1,000.

Each reads the topic from its beginning in a group of its own and prints what the steady part took.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import aiokafka  # type: ignore[import-untyped]
import numpy as np

from benchmarks.kafka.steady import Steady
from crackle_stream import ThermalProfile
from crackle_stream.commit import SettledPositions
from crackle_stream.decode import Decoder
from crackle_stream.ring import Ring
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.sources import KafkaSource
from crackle_stream.sources.kafka.client import arguments
from crackle_stream.sources.options import KafkaOptions
from crackle_stream.stream import KilnOptions, Pipeline
from crackle_stream.stream.checkpoint import Checkpoints
from crackle_stream.stream.events import BatchRead, Event
from crackle_stream.stream.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from crackle_stream.model import CracklePattern, Partition, RecordBatch
    from crackle_stream.window import Window

__all__ = ["RUNGS"]

POLL_MS = 200


async def bare(options: KafkaOptions, steady: Steady) -> None:
    """The least a reader can do."""
    async with aiokafka.AIOKafkaConsumer(*options.topics, **arguments(options, None)) as consumer:
        while True:
            fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=options.max_records)
            if steady.see(sum(map(len, fetched.values()))):
                return


async def _batches(options: KafkaOptions, steady: Steady, use: Callable[[RecordBatch], None]) -> None:
    async with KafkaSource(options) as source:
        while True:
            batch = await source.read()
            if len(batch):
                use(batch)
            if steady.see(len(batch)):
                return


async def source(options: KafkaOptions, steady: Steady) -> None:
    """Batches of payloads, positions and times."""
    await _batches(options, steady, lambda batch: None)


async def columns(options: KafkaOptions, steady: Steady) -> None:
    """Labels, times and values of tasks."""
    decoder = Decoder()
    await _batches(options, steady, lambda batch: (decoder.decode(batch), None)[1])


async def ring(options: KafkaOptions, steady: Steady) -> None:
    """Rows of rings of the default capacity."""
    decoder, capacity = Decoder(), KilnOptions().capacity
    rings: defaultdict[Partition, Ring] = defaultdict(lambda: Ring(capacity))

    def use(batch: RecordBatch) -> None:
        tasks, _ = decoder.decode(batch)
        rings[tasks.positions.partition].append(tasks.labels, tasks.times, tasks.names, tasks.values)

    await _batches(options, steady, use)


async def copies(options: KafkaOptions, steady: Steady) -> None:
    """Windows at the default capacity and schedule: each a thousand tasks, five hundred of them new."""
    decoder, settled, kiln = Decoder(), SettledPositions(), KilnOptions(scope="partition")
    checkpoints = Checkpoints(settled, capacity=kiln.capacity)
    scope = Scope(kiln, CoolingSchedule(), settled, checkpoints, name="ladder", monotonic=time.monotonic)

    def use(batch: RecordBatch) -> None:
        tasks, _ = decoder.decode(batch)
        for name, window in scope.feed(tasks, batch.times):
            checkpoints.settling(name, window)()

    await _batches(options, steady, use)


async def pipeline(options: KafkaOptions, steady: Steady) -> None:
    """Everything but detectors and sinks."""
    await _stream(options, steady, ThermalProfile.no_detection(), CoolingSchedule())


async def windows(options: KafkaOptions, steady: Steady) -> None:
    """The work that peers are given: mean and correlation of each thousand records."""
    profile = ThermalProfile.no_detection().with_detector(mean_and_correlation)
    await _stream(options, steady, profile, CoolingSchedule(every_tasks=1000, every_seconds=None))


def mean_and_correlation(window: Window) -> list[CracklePattern]:
    """What the other programs do with a window."""
    window.values.mean(axis=0)
    np.corrcoef(window.values, rowvar=False)
    return []


async def _stream(options: KafkaOptions, steady: Steady, profile: ThermalProfile, schedule: CoolingSchedule) -> None:
    def see(event: Event) -> None:
        if isinstance(event, BatchRead) and steady.see(event.tasks):
            stream.stop()

    stream = Pipeline(KafkaSource(options), profile=profile, schedule=schedule, on_event=see)
    async with stream:
        await stream.run()


RUNGS = {each.__name__: each for each in (bare, source, columns, ring, copies, pipeline, windows)}


def main() -> None:
    name, broker, topic, records = sys.argv[1:]
    options = KafkaOptions(brokers=(broker,), topics=(topic,), group=f"{name}-{time.monotonic_ns()}")
    steady = Steady(int(records))
    asyncio.run(RUNGS[name](options, steady))
    print(steady.reading)


if __name__ == "__main__":
    main()
