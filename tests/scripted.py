"""A source that does as it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import numpy as np

from crackle_stream.errors import SourceUnavailable
from crackle_stream.model import LogStart, Partition, Positions, RecordBatch
from crackle_stream.protocols import PartitionListener, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["P", "Scripted"]

P = Partition("results", 0)


class Scripted(Source):
    """Yields the given payloads in batches, then ends, or stays quiet if told to."""

    def __init__(
        self, payloads: list[bytes], *, size: int = 50, partition: Partition = P, ends: bool = True, live: bool = False
    ) -> None:
        self.name = partition.topic
        self.replayable = live
        self.live = live
        self.partition = partition
        self.payloads = payloads
        self.size = size
        self.ends = ends
        self.read_so_far = 0
        self.commits: list[dict[Partition, int]] = []
        self.paused = 0
        self.polled_while_paused = 0
        self.on_paused_poll: Callable[[], object] = lambda: None
        self.is_paused = False
        self.listener: PartitionListener | None = None
        self.opened = self.closed = 0
        self.fails = 0

    async def __aenter__(self) -> Scripted:
        self.opened += 1
        if self.fails:
            self.fails -= 1
            raise SourceUnavailable(self.name, "no broker at 127.0.0.1:1")
        if self.listener is not None and self.partition.number is not None:
            await self.listener.assigned({self.partition: LogStart(0)})
        return self

    async def __aexit__(self, *args: object) -> None:
        self.closed += 1

    async def read(self) -> RecordBatch | None:
        if self.is_paused:
            self.polled_while_paused += 1
            self.on_paused_poll()
            return self._batch(0)
        left = len(self.payloads) - self.read_so_far
        if left <= 0:
            if self.ends:
                return None
            await anyio.sleep(0.005)
            return self._batch(0)
        return self._batch(min(self.size, left))

    def _batch(self, count: int) -> RecordBatch:
        start = self.read_so_far
        self.read_so_far += count
        offsets = np.arange(start, start + count, dtype=np.int64)
        return RecordBatch(
            self.payloads[start : start + count], Positions(self.partition, offsets), 1.7e9 + offsets.astype(float)
        )

    async def commit(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, str] | None = None) -> None:
        if any(offsets.values()):  # else it is the claim that is committed before the first record
            self.commits.append(dict(offsets))

    def listen(self, listener: PartitionListener) -> None:
        self.listener = listener

    def pause(self) -> None:
        self.paused += 1
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False
