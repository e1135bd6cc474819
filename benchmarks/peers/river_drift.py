"""river: a drift detector on each metric of each record; no windows, the end of every 1,000th record is marked.

Which one is the program's only argument: ADWIN, PageHinkley or KSWIN, all three with river's defaults.
"""

from __future__ import annotations

import json
import sys

from river import drift

from benchmarks.peers.marks import METRICS, WINDOW, Marks


def main() -> None:
    marks = Marks()
    make = {"ADWIN": drift.ADWIN, "PageHinkley": drift.PageHinkley, "KSWIN": drift.KSWIN}[sys.argv[1]]
    detectors = {name: make() for name in METRICS}
    drifts = 0
    for number, line in enumerate(sys.stdin.buffer, 1):
        metrics = json.loads(line)["metrics"]
        for name, detector in detectors.items():
            detector.update(metrics[name])
            drifts += detector.drift_detected
        if number % WINDOW == 0:
            marks.window()
    marks.told["drifts"] = drifts
    marks.say()


if __name__ == "__main__":
    main()
