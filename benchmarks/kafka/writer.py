"""A producer that writes whole batches, so that it costs little beside what is measured, and knows when each was
acknowledged."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import json
import random
import time
from typing import TYPE_CHECKING

import aiokafka  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from kafka_broker import Broker

__all__ = ["Acknowledged", "Writer", "record", "writing"]

NAMES = ("latency_ms", "queue_depth", "cpu_percent", "errors", "requests", "bytes_in", "bytes_out", "retries")

POOL = 40_000
"""Different records made in advance; more than forty windows, so that nothing in a window repeats."""

BATCH_RECORDS = 500
"""In one message set, some 100 kB: what a producer of this rate makes by itself with a linger of a few milliseconds."""

SHIFT_EVERY = 12_300
"""Records of a stretch after which the latency trebles, or is normal again; off the grid on which windows end, because
a change between two windows is in neither."""

SLICE_S = 0.02
"""What is due is written this often."""


class Acknowledged:
    """When the broker had each record of the partitions of a topic: the times of its answers, epoch seconds."""

    def __init__(self, partitions: int) -> None:
        self._lasts: list[list[int]] = [[] for _ in range(partitions)]
        self._times: list[list[float]] = [[] for _ in range(partitions)]
        self.records = 0

    def see(self, partition: int, first: int, count: int, at: float) -> None:
        """A batch is in the log."""
        self._lasts[partition].append(first + count - 1)
        self._times[partition].append(at)
        self.records += count

    def at(self, partition: int, offset: int) -> float:
        """When the record of this offset was acknowledged."""
        return self._times[partition][bisect.bisect_left(self._lasts[partition], offset)]


class Writer:
    """Writes task results of eight metrics, about 190 bytes each, to the partitions of a topic in turn.

    Args:
        client: aiokafka's.
        topic: where to.
        partitions: it has.

    Attributes:
        acknowledged: what the broker has.
    """

    def __init__(self, client: aiokafka.AIOKafkaProducer, topic: str, partitions: int) -> None:
        self._client = client
        self._topic = topic
        self._partitions = partitions
        self._written = 0
        self._futures: set[asyncio.Future[object]] = set()
        self._pools = [_pool(shifted=False), _pool(shifted=True)]
        self.acknowledged = Acknowledged(partitions)

    async def write(self, count: int, stamp: Callable[[int], float]) -> None:
        """Hand records over to be sent.

        Args:
            count: how many.
            stamp: the time that the record of a number bears, epoch seconds.
        """
        first = self._written
        self._written += count
        for partition in range(self._partitions):
            mine = range(first + (partition - first) % self._partitions, first + count, self._partitions)
            for start in range(0, len(mine), BATCH_RECORDS):
                await self._send(partition, mine[start : start + BATCH_RECORDS], stamp)

    async def steadily(self, rate: float, seconds: float) -> None:
        """Records a second for so many seconds, each with the time at which it is written."""
        began, due = time.monotonic(), 0
        while (into := time.monotonic() - began) < seconds:
            count = int(rate * into) - due
            due += count
            now = time.time()
            await self.write(count, lambda _, now=now: now)  # type: ignore[misc]
            await asyncio.sleep(SLICE_S)
        await self.flush()

    async def flush(self) -> None:
        """Wait for every acknowledgement."""
        while self._futures:
            await asyncio.wait(self._futures)

    async def _send(self, partition: int, numbers: Sequence[int], stamp: Callable[[int], float]) -> None:
        batch = self._client.create_batch()
        for number in numbers:
            head, tail = self._pools[number // SHIFT_EVERY % 2][number % POOL]
            batch.append(key=None, value=b"%s%.3f%s" % (head, stamp(number), tail), timestamp=None)
        batch.close()
        future = await self._client.send_batch(batch, self._topic, partition=partition)
        self._futures.add(future)

        def note(done: asyncio.Future[object]) -> None:
            self._futures.discard(done)
            first: int = done.result().offset  # type: ignore[attr-defined]
            self.acknowledged.see(partition, first, len(numbers), time.time())

        future.add_done_callback(note)


@contextlib.asynccontextmanager
async def writing(
    broker: Broker, topic: str, partitions: int, *, compression: str | None = None
) -> AsyncIterator[Writer]:
    """A writer."""
    client = aiokafka.AIOKafkaProducer(
        bootstrap_servers=broker.address, max_batch_size=2**19, compression_type=compression
    )
    await client.start()
    try:
        writer = Writer(client, topic, partitions)
        yield writer
        await writer.flush()
    finally:
        await client.stop()


def record(number: int, rng: random.Random, *, at: float, shifted: bool) -> bytes:
    """A task result of eight metrics, about 190 bytes; a shift trebles the latency."""
    metrics = {name: round(rng.gauss(100, 15), 3) for name in NAMES}
    if shifted:
        metrics["latency_ms"] = round(metrics["latency_ms"] + 200, 3)
    return json.dumps({"label": f"task-{number % 50}", "ts": at, "metrics": metrics}, separators=(",", ":")).encode()


def _pool(*, shifted: bool) -> list[tuple[bytes, bytes]]:
    """Records, each without its time: what stands before it and what stands behind it."""
    rng = random.Random(1)
    pool = []
    for number in range(POOL):
        head, mark, tail = record(number, rng, at=0, shifted=shifted).partition(b'"ts":')
        pool.append((head + mark, tail.removeprefix(b"0")))
    return pool
