"""Our side of the pipe benchmark: the public pipeline on standard input, `python -m benchmarks.pipe.ours WORK`.

`mean` runs one detector of a user's own, which takes the mean and the correlation of all metrics of a window and
reports them as one pattern; `threshold` the four threshold detectors; both on windows of 1,000 records. `evidence` is
the pipeline at its defaults: 1,000 records, half of them new, windows merged where coolings cannot keep up.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import partial

import anyio
import numpy as np

from benchmarks.peers.marks import WINDOW, Marks
from crackle_stream import CracklePattern, ThermalProfile, Window
from crackle_stream.sources import StdinSource
from crackle_stream.stream import CoolingSchedule, KilnOptions, Pipeline
from crackle_stream.stream.events import Event, WindowCooled, WindowMerged

KIND = "mean and correlation"


def mean_and_correlation(window: Window) -> list[CracklePattern]:
    """The detector, in the form of a plain function."""
    names = window.names
    mean = window.values.mean(axis=0)
    correlation = np.atleast_2d(np.corrcoef(window.values, rowvar=False))
    numbers = {f"mean {name}": x for name, x in zip(names, mean.tolist(), strict=True)}
    first, second = np.triu_indices(len(names), 1)
    for a, b, r in zip(first.tolist(), second.tolist(), correlation[first, second].tolist(), strict=True):
        numbers[f"r {names[a]} {names[b]}"] = r
    return [CracklePattern(KIND, f"{len(names)} metrics", 1.0, metric_names=names, metrics=numbers)]


def pipeline_of(work: str, listen: Watch) -> Pipeline:
    """The pipeline that does some work."""
    if work == "evidence":
        return Pipeline(StdinSource(), on_event=listen)
    profile = {
        "mean": ThermalProfile.no_detection().with_detector(mean_and_correlation),
        "threshold": ThermalProfile.default(),
    }[work]
    schedule, kiln = CoolingSchedule(every_tasks=WINDOW, every_seconds=None), KilnOptions(capacity=WINDOW)
    return Pipeline(StdinSource(), profile=profile, schedule=schedule, kiln=kiln, on_event=listen)


@dataclass
class Watch:
    """Marks windows as they are cooled."""

    marks: Marks = field(default_factory=Marks)

    def __call__(self, event: Event) -> None:
        if isinstance(event, WindowCooled):
            level = bond = 0.0
            for pattern in event.report.patterns:
                if pattern.kind == KIND:
                    level = sum(x for name, x in pattern.metrics.items() if name.startswith("mean "))
                    rs = sum(x for name, x in pattern.metrics.items() if name.startswith("r "))
                    bond = len(pattern.metric_names) + 2 * rs
            self.marks.window(event.window.fresh, level, bond)
        elif isinstance(event, WindowMerged):
            self.marks.told["merged"] = self.marks.told.get("merged", 0) + 1


async def run(work: str) -> None:
    watch = Watch()
    async with pipeline_of(work, watch) as pipeline:
        await pipeline.run()
    watch.marks.say()


if __name__ == "__main__":
    anyio.run(partial(run, sys.argv[1]))
