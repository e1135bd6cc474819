"""bytewax: lines of standard input in batches of 1,000, decoded a batch at a time, collected into windows."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from itertools import islice
from typing import Any

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.run import cli_main

from benchmarks.peers.marks import METRICS, WINDOW, Marks

BATCH = 1_000
"""Lines at once: bytewax is a third slower with ten."""


class Lines(StatelessSourcePartition[bytes]):  # type: ignore[misc]
    def next_batch(self) -> list[bytes]:
        batch = list(islice(sys.stdin.buffer, BATCH))
        if not batch:
            raise StopIteration
        return batch


class StandardInput(DynamicSource[bytes]):  # type: ignore[misc]
    def build(self, step_id: str, worker_index: int, worker_count: int) -> Lines:
        return Lines()


class Nothing(StatelessSinkPartition[Any]):  # type: ignore[misc]
    def write_batch(self, items: list[Any]) -> None:
        pass


class Nowhere(DynamicSink[Any]):  # type: ignore[misc]
    def build(self, step_id: str, worker_index: int, worker_count: int) -> Nothing:
        return Nothing()


def rows(lines: list[bytes]) -> list[tuple[str, list[float]]]:
    made = []
    for line in lines:
        metrics = json.loads(line)["metrics"]
        made.append(("all", [metrics[name] for name in METRICS]))
    return made


def main() -> None:
    marks = Marks()

    def look(window: list[list[float]]) -> tuple[float, float]:
        values = np.array(window)
        mean, correlation = values.mean(axis=0), np.corrcoef(values, rowvar=False)
        marks.window(len(window), float(mean.sum()), float(correlation.sum()))
        return float(mean.sum()), float(correlation.sum())

    flow = Dataflow("windows")
    lines = op.input("lines", flow, StandardInput())
    keyed = op.flat_map_batch("rows", lines, rows)
    windows = op.collect("windows", keyed, timeout=timedelta(seconds=10), max_size=WINDOW)
    op.output("out", op.map_value("look", windows, look), Nowhere())
    cli_main(flow)
    marks.say()


if __name__ == "__main__":
    main()
