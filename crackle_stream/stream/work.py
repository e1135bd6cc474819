"""Reading, cooling and delivering, each in its own task, until the source ends or we are asked to stop."""

from __future__ import annotations

import anyio

from crackle_stream.errors import NotDrained, SourceError
from crackle_stream.protocols import Source
from crackle_stream.stream.cooler import Cooler
from crackle_stream.stream.desk import Desk
from crackle_stream.stream.dispatch import Dispatcher
from crackle_stream.stream.feeder import Feeder
from crackle_stream.stream.grace import Grace
from crackle_stream.stream.reader import Reader
from crackle_stream.stream.scope import Scope

__all__ = ["CLOSE_WITHIN_S", "Work"]

CLOSE_WITHIN_S = 15.0
"""Most for closing the sinks and the source, and for putting down what no sink took."""


class Work:
    """What the rooms between the source and the sinks do together.

    Args:
        source: what is read.
        reader: reads it.
        feeder: brings what was read to the kilns.
        scope: the kilns.
        cooler: cools their windows.
        desk: makes alerts of reports.
        dispatcher: brings alerts to sinks.
        grace: how long the end may take.
        flush_partial: whether windows that are not full are cooled at the end; None for where nobody else will.

    Attributes:
        failure: what ended the source, if that failed; what it gave before was cooled and delivered.
    """

    def __init__(
        self,
        source: Source,
        reader: Reader,
        feeder: Feeder,
        scope: Scope,
        cooler: Cooler,
        desk: Desk,
        dispatcher: Dispatcher,
        grace: Grace,
        *,
        flush_partial: bool | None,
    ) -> None:
        self._source = source
        self._reader = reader
        self._feeder = feeder
        self._scope = scope
        self._cooler = cooler
        self._desk = desk
        self._dispatcher = dispatcher
        self._grace = grace
        self._flush_partial = flush_partial
        self.failure: SourceError | None = None

    async def run(self, stopping: anyio.Event) -> None:
        """Read, cool and deliver; once reading is over, within the grace.

        Raises:
            NotDrained: alerts or windows were left when the grace was over.
        """
        with self._grace.limit() as grace:
            async with anyio.create_task_group() as delivering:
                delivering.start_soon(self._dispatcher.run, stopping)
                delivering.start_soon(self._grace.after, stopping)
                async with anyio.create_task_group() as cooling:
                    cooling.start_soon(self._cooler.run, self._desk.report, self._desk.close)
                    async with anyio.create_task_group() as feeding:
                        feeding.start_soon(self._feeder.run)
                        await self._read(stopping)
                    await self._flush(stopping)
                    self._cooler.close()
                self._dispatcher.close(hurry=True)
                stopping.set()
        if grace.cancelled_caught and not self._dispatcher.safe:
            if not self._source.replayable:
                with anyio.move_on_after(CLOSE_WITHIN_S):
                    await self._dispatcher.give_up(f"not taken within {self._grace.seconds:g} s after the stream's end")
            raise NotDrained(self._dispatcher.unsettled, self._cooler.waiting, self._grace.seconds)

    async def _read(self, stopping: anyio.Event) -> None:
        """Read to the end; if the source fails, what it gave before is still cooled and delivered."""
        try:
            await self._reader.run(stopping)
        except SourceError as failure:
            self.failure = failure
        if not stopping.is_set():
            self._grace.source_ended()

    async def _flush(self, stopping: anyio.Event) -> None:
        """Cool the last partial windows, where nobody else will; of a stream that is over, all that is there."""
        comes_again = self._source.replayable and self._source.live
        over = not stopping.is_set() and self.failure is None
        wanted = self._flush_partial
        if wanted is None:
            wanted = over or not comes_again
        if wanted and over and not comes_again:
            for kiln, window in self._scope.last("end"):
                await self._cooler.put(kiln, window, ending=len(self._scope))
        elif wanted:
            for kiln, window in self._scope.flush("end"):
                await self._cooler.put(kiln, window)
