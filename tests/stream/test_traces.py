"""Trace contexts of records are told before the windows that hold them."""

from collections.abc import Mapping

import numpy as np
from observing import EVERY, numbered, observed

from crackle_stream.model import Partition, Positions, RecordBatch
from crackle_stream.protocols import Source
from crackle_stream.stream import events

P = Partition("results", 0)

CONTEXT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Traced(Source):
    """Two batches, the second one with a context."""

    name = "results"

    def __init__(self) -> None:
        self.left = [((), 0), (((EVERY + 3, CONTEXT),), EVERY)]

    async def __aenter__(self) -> "Traced":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Nothing to close."""

    async def read(self) -> RecordBatch | None:
        if not self.left:
            return None
        traces, first = self.left.pop(0)
        offsets = np.arange(first, first + EVERY, dtype=np.int64)
        payloads = numbered(EVERY, first)
        return RecordBatch(payloads, Positions(P, offsets), np.full(EVERY, 1.7e9), traces)

    async def commit(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, str] | None = None) -> None:
        """Nothing to remember."""


async def test_contexts_are_told_before_the_window_that_holds_their_records() -> None:
    async with observed(Traced(), []) as (_, watch):
        await watch.until(lambda: len(watch.windows) == 2)
    told = [each for each in watch.events if isinstance(each, events.TracesSeen | events.WindowCooled)]
    contexts = [each for each in told if isinstance(each, events.TracesSeen)]
    assert contexts == [events.TracesSeen("results[0]", ((EVERY + 3, CONTEXT),))]  # and none for a batch without
    assert told.index(contexts[0]) < len(told) - 1
