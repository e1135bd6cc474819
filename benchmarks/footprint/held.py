"""A pipeline that holds so many tasks, and the memory it takes: `python -m benchmarks.footprint.held`.

Arguments: tasks a kiln's ring holds, metrics of a task, kilns. Detectors do not run, so that it is the rings and what
stands around them that shows, and not a detector's working memory. One line of JSON on standard output.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import anyio
import numpy as np

from crackle_stream import ThermalProfile
from crackle_stream.model import Partition, Positions, TaskBatch
from crackle_stream.protocols import Source
from crackle_stream.stream import CoolingSchedule, KilnOptions, Pipeline

if TYPE_CHECKING:
    from types import TracebackType

BATCH = 500
RUN = 10
"""Tasks of a key that come together."""

NEVER = 10**9
LABEL = "task-{:08d}"


class Filling(Source):
    """Fills every ring once, a batch at a time, the kilns in turn."""

    name = "filling"

    def __init__(self, tasks: int, metrics: int, kilns: int) -> None:
        self._left = range(tasks * kilns)
        self._kilns = kilns
        self._names = tuple(f"metric_{number:03d}" for number in range(metrics))
        self._rng = np.random.default_rng(1)
        self.pipeline: Pipeline | None = None
        self.total = tasks * kilns
        self.before = self.after = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def read(self) -> TaskBatch | None:
        if not self.before:
            self.before = resident()
        if not self._left:
            await self._until_held()
            self.after = resident()
            return None
        rows, self._left = self._left[:BATCH], self._left[BATCH:]
        return TaskBatch(
            labels=[LABEL.format(row) for row in rows],
            times=1.7e9 + np.arange(rows.start, rows.stop) / 1000,
            names=self._names,
            values=self._rng.normal(size=(len(rows), len(self._names))),
            positions=Positions(Partition(self.name), np.arange(rows.start, rows.stop)),
            keys=[f"key-{row // RUN % self._kilns}" for row in rows],
        )

    async def _until_held(self) -> None:
        assert self.pipeline is not None
        while self.pipeline.statistics().held < self.total:  # noqa: ASYNC110 - rows stand in rings without an event
            await anyio.sleep(0.01)


def resident() -> int:
    """Bytes of this process that are in memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("/proc/self/status says nothing of VmRSS")


async def main(tasks: int, metrics: int, kilns: int) -> None:
    source = Filling(tasks, metrics, kilns)
    async with Pipeline(
        source,
        profile=ThermalProfile.no_detection(),
        schedule=CoolingSchedule(every_tasks=NEVER, every_seconds=None),
        kiln=KilnOptions(capacity=tasks, scope="key", max_bytes=2**40, max_keys=kilns),
    ) as source.pipeline:
        await source.pipeline.run()
    label = sys.getsizeof(LABEL.format(0))
    held = source.total * (8 * metrics + 8 + 8 + label)
    print(json.dumps({"before": source.before, "after": source.after, "held": held}))


if __name__ == "__main__":
    anyio.run(partial(main, *map(int, sys.argv[1:4])))
