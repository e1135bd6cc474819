"""From the inbox to the kilns: decode a batch, hand it over, and pass on the windows that end in it."""

from __future__ import annotations

from collections.abc import Callable

import anyio.lowlevel

from crackle_stream.commit import SettledPositions
from crackle_stream.model import RecordBatch
from crackle_stream.protocols import Source
from crackle_stream.stream.checkpoint import Checkpoints
from crackle_stream.stream.cooler import Cooler
from crackle_stream.stream.events import BatchRead, Event, KeyDivided, KeyEvicted, TracesSeen
from crackle_stream.stream.failpoints import reach
from crackle_stream.stream.headroom import Headroom
from crackle_stream.stream.intake import Intake
from crackle_stream.stream.pacing import Pacing
from crackle_stream.stream.reader import Batch, Passed, Reader
from crackle_stream.stream.scope import Scope

__all__ = ["Feeder"]


class Feeder:
    """Works the inbox off, in one task.

    Args:
        source: whose records they are.
        reader: has the inbox, and knows which batches are void.
        intake: decodes.
        scope: the kilns.
        cooler: takes windows, and may make us wait.
        settled: told what is in hand.
        checkpoints: knows what a former owner has settled.
        pacing: told whether records bear times.
        headroom: makes us wait while too much is unsettled.
        emit: where events go.

    Attributes:
        busy: whether a batch is in hand, whose rows are not all in kilns yet.
    """

    def __init__(
        self,
        source: Source,
        reader: Reader,
        intake: Intake,
        scope: Scope,
        cooler: Cooler,
        settled: SettledPositions,
        checkpoints: Checkpoints,
        pacing: Pacing,
        headroom: Headroom,
        emit: Callable[[Event], None],
    ) -> None:
        self._source = source
        self._reader = reader
        self._intake = intake
        self._scope = scope
        self._cooler = cooler
        self._settled = settled
        self._checkpoints = checkpoints
        self._pacing = pacing
        self._headroom = headroom
        self._emit = emit
        self._told_twice = False
        self.busy = False

    async def run(self) -> None:
        """Inbox to kilns until the inbox is closed and empty."""
        while (item := await self._reader.inbox.get()) is not None:
            generation, records = item
            self.busy = True
            await self._headroom.wait()
            if generation == self._reader.generation:
                await self._take(records, generation)
            self.busy = False
            await anyio.lowlevel.checkpoint()

    async def _take(self, item: Batch | Passed, generation: int) -> None:
        if isinstance(item, Passed):
            for partition, after in item.offsets.items():
                self._settled.pass_over(partition, after)
        else:
            await self._feed(item, generation)

    async def _feed(self, records: Batch, generation: int) -> None:
        """Decode a batch and hand it over; until all of it is, its first row holds the position back."""
        offsets = records.positions.offsets
        if isinstance(records, RecordBatch) and records.traces:
            self._emit(TracesSeen(str(records.positions.partition), records.traces))
        self._settled.hand(records, records.positions.partition, int(offsets[0]), int(offsets[-1]))
        batch, log_times = await self._intake.take(records, self._checkpoints.through(records.positions.partition))
        reach("decoded")
        self._pacing.see(untimed=self._intake.untimed)
        if generation != self._reader.generation:
            return
        for kiln, window in self._scope.feed(batch, log_times):
            reach("cut")
            await self._cooler.put(kiln, window)
            if generation != self._reader.generation:
                return
        self._settled.release(records)
        await self._close_oldest()
        self._tell_twice()
        self._emit(BatchRead(len(batch), self._source.lag()))

    def _tell_twice(self) -> None:
        if self._scope.twice and not self._told_twice:
            self._told_twice = True
            self._emit(KeyDivided(self._scope.twice))

    async def _close_oldest(self) -> None:
        for kiln, window in self._scope.over():
            self._emit(KeyEvicted(kiln.key, "least recent of too many"))
            if window is not None:
                await self._cooler.put(kiln, window)
            await self._cooler.retire(kiln)
