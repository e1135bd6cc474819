"""river: ADWIN, a drift detector, on each metric of each record; no windows, the end of every 1,000th is marked."""

from __future__ import annotations

import json
import sys

from river.drift import ADWIN

from benchmarks.peers.marks import METRICS, WINDOW, Marks


def main() -> None:
    marks = Marks()
    detectors = {name: ADWIN() for name in METRICS}
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
