"""Clocks that jump, on the wall and in records: windows neither explode nor stall, and no duration is negative."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from observing import QUIET, numbered, observed

from crackle_stream.model import Partition, Positions, RecordBatch
from crackle_stream.protocols import Source, SystemClock
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.sinks import MemorySink
from crackle_stream.stream import KilnOptions
from crackle_stream.stream.events import WindowCooled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observing import Observed

HOUR = 3600.0
P = Partition("results", 0)
BEGUN = 1.7e9
EVERY_MINUTE = CoolingSchedule(every_tasks=None, every_seconds=60)


class Log(Source):
    """A log of records with the broker's own times, which ends."""

    name = "log"
    replayable = True

    def __init__(self, payloads: Sequence[bytes]) -> None:
        self._payloads = payloads
        self._next = 0

    async def read(self) -> RecordBatch | None:
        first, self._next = self._next, min(self._next + 50, len(self._payloads))
        if first == self._next:
            return None
        offsets = np.arange(first, self._next, dtype=np.int64)
        return RecordBatch(
            self._payloads[first : self._next], Positions(P, offsets), (BEGUN + offsets).astype(np.float64)
        )


class Jumping(SystemClock):
    """The machine's clock, whose wall jumps back and forth by an hour each time it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def time(self) -> float:
        self.asked += 1
        return super().time() + (HOUR if self.asked % 2 else -HOUR)


def stamped(times: Sequence[float]) -> list[bytes]:
    return [
        json.dumps({"label": f"t{row}", "ts": time, "metrics": {"x": 1.0}}).encode() for row, time in enumerate(times)
    ]


async def windows_of(
    payloads: Sequence[bytes], schedule: CoolingSchedule, clock: SystemClock | None = None
) -> Observed:
    options: dict[str, Any] = {
        "schedule": schedule,
        "profile": QUIET,
        "kiln": KilnOptions(capacity=1000),
        "clock": clock,
    }
    async with observed(Log(payloads), [MemorySink()], **options) as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().tasks == len(payloads) and len(watch.fresh) == len(payloads))
    return watch


def ends(watch: Observed) -> list[int]:
    return [window.end.offset for window in watch.windows if window.end is not None]


async def test_a_wall_clock_that_jumps_changes_no_window_and_makes_no_duration_negative() -> None:
    clock = Jumping()
    steady = await windows_of(numbered(500), CoolingSchedule(every_tasks=100, every_seconds=60))
    jumping = await windows_of(numbered(500), CoolingSchedule(every_tasks=100, every_seconds=60), clock)
    assert [window.id for window in jumping.windows] == [window.id for window in steady.windows]
    assert jumping.raised == steady.raised
    durations = [event.report.duration for event in jumping.events if isinstance(event, WindowCooled)]
    assert min(durations) >= 0
    assert max(durations) < HOUR


@pytest.mark.parametrize("hours", [1, -1, 24 * 365 * 100])
async def test_records_of_a_producer_whose_clock_is_wrong_end_at_most_one_window_early(hours: float) -> None:
    times = [BEGUN + row for row in range(600)]
    right = await windows_of(stamped(times), EVERY_MINUTE)
    wrong = await windows_of(
        stamped([time + hours * HOUR if row in range(300, 310) else time for row, time in enumerate(times)]),
        EVERY_MINUTE,
    )
    assert len(ends(right)) == 11
    assert len(set(ends(wrong)) - set(ends(right))) <= 1
    assert len(set(ends(right)) - set(ends(wrong))) <= 1
    assert sorted(wrong.fresh) == sorted(right.fresh)


async def test_a_producer_whose_clock_is_put_back_for_good_stalls_no_window_by_tasks() -> None:
    times = [BEGUN + row if row < 300 else BEGUN + row - HOUR for row in range(600)]
    schedule = CoolingSchedule(every_tasks=100, every_seconds=60)
    watch = await windows_of(stamped(times), schedule)
    assert [end for end in ends(watch) if end >= 300] == [399, 499, 599]
    assert len(watch.fresh) == 600
