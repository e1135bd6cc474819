"""A sink that hardly moves, behind a source that gives whatever it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import numpy as np
import pytest
from observing import observed, rss_mb
from scripted import Scripted

from crackle_stream.model import Positions, RecordBatch
from crackle_stream.protocols import Sink
from crackle_stream.stream import KilnOptions, Subscription
from crackle_stream.stream.reader import INBOX_BATCHES

if TYPE_CHECKING:
    from collections.abc import Callable

    from crackle_stream.model import Alert

EVERY = 500
METRICS = 200
BATCH = 500
MAX_BYTES = 16 * 2**20
"""Of rings together, and of the windows that wait together."""

POLLS = 10
"""The sink takes an alert whenever the source has been polled so often for nothing."""

ALLOWED = 1.2
"""Of what is configured, for what is in hand."""


class Endless(Scripted):
    """Gives full batches for as long as it is not paused, each record with bytes of its own."""

    def __init__(self) -> None:
        super().__init__([], live=True)
        self.wide = "".join(f', "m{number}": {number / 7}' for number in range(METRICS))
        self.batch_bytes = 0

    async def read(self) -> RecordBatch | None:
        await anyio.lowlevel.checkpoint()
        if self.is_paused:
            return await super().read()
        first = self.read_so_far
        payloads = [self._record(row) for row in range(first, first + BATCH)]
        self.batch_bytes = sum(map(len, payloads))
        self.read_so_far += BATCH
        offsets = np.arange(first, self.read_so_far, dtype=np.int64)
        return RecordBatch(payloads, Positions(self.partition, offsets), 1.7e9 + offsets.astype(float))

    def _record(self, row: int) -> bytes:
        alarm = f', "alarm-{row}": 1.0' if row % EVERY == 10 else ""
        return f'{{"label": "t{row}", "ts": {1.7e9 + row}, "x": {row / 3}{self.wide}{alarm}}}'.encode()


class Slow(Sink):
    """Takes an alert now and then."""

    name = "slow"

    def __init__(self, source: Endless) -> None:
        self.source = source
        self.taken: list[str] = []
        self.slow = True

    async def send(self, alert: Alert) -> None:
        polled = self.source.polled_while_paused
        while self.slow and self.source.polled_while_paused < polled + POLLS:  # noqa: ASYNC110 - the reader polls when it has to wait
            await anyio.sleep(0.002)
        self.taken.append(alert.id)


@pytest.mark.parametrize("alerts", [8, pytest.param(100, marks=pytest.mark.slow)])
async def test_a_sink_that_hardly_moves_costs_no_more_memory_than_is_configured_however_much_there_is_to_read(
    alerts: int, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    monkeypatch.setattr("crackle_stream.stream.reader.POLL_S", 0.01)
    source = Endless()
    sink = Slow(source)
    peak = 0.0

    def worked() -> bool:
        nonlocal peak
        watch.events.clear()  # it would keep every window
        peak = max(peak, rss_mb())
        return len(sink.taken) >= alerts

    async with observed(
        source,
        [Subscription(sink, queue=1)],
        every=EVERY,
        kiln=KilnOptions(capacity=EVERY, max_bytes=MAX_BYTES),
    ) as (pipeline, watch):
        before = rss_mb()
        await watch.until(worked)
        statistics = pipeline.statistics()
        sink.slow = False
    grown = peak - before
    configured = 2 * MAX_BYTES / 2**20 + INBOX_BATCHES * source.batch_bytes / 2**20
    record_property("grown_mb", round(grown, 1))
    record_property("configured_mb", round(configured, 1))
    record_property("tasks", statistics.tasks)
    assert source.paused >= 1
    assert len(set(sink.taken)) == len(sink.taken)
    assert grown < ALLOWED * configured
