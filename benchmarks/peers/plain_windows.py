"""Plain Python: json.loads a line, numpy at a window's end. `--msgspec` parses with msgspec instead."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers.marks import METRICS, WINDOW, Marks

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    loads: Callable[[bytes], Any] = json.loads
    if "--msgspec" in sys.argv:
        import msgspec

        loads = msgspec.json.Decoder().decode
    marks = Marks()
    rows: list[list[float]] = []
    for line in sys.stdin.buffer:
        metrics = loads(line)["metrics"]
        rows.append([metrics[name] for name in METRICS])
        if len(rows) == WINDOW:
            values = np.array(rows)
            mean, correlation = values.mean(axis=0), np.corrcoef(values, rowvar=False)
            marks.window(level=float(mean.sum()), bond=float(correlation.sum()))
            rows.clear()
    marks.say()


if __name__ == "__main__":
    main()
