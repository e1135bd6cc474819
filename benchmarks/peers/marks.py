"""What a program of the pipe benchmark says of itself: one line of JSON on standard output.

Needs nothing but Python, and is used by ours and by the peers alike.
"""

from __future__ import annotations

import json
import os
import resource
import time

__all__ = ["BEGAN", "METRICS", "WINDOW", "Marks"]

WINDOW = 1_000
"""Records of a window."""

METRICS = ("latency_ms", "queue_depth", "cpu_percent", "errors", "requests", "bytes_in", "bytes_out", "retries")
"""The metrics of a record, in its order."""

BEGAN = "CRACKLE_BENCH_BEGAN"
"""Variable with the monotonic second at which the process was started."""


class Marks:
    """Counts windows, and when they ended.

    Attributes:
        windows: so many ended.
        told: beside them whatever the program has to say.
    """

    def __init__(self) -> None:
        self.began = float(os.environ.get(BEGAN) or time.monotonic())
        self.windows = 0
        self.told: dict[str, float] = {}
        self._level = self._bond = 0.0
        self._records = 0
        self._first = self._last = (0.0, 0.0, 0)

    def window(self, records: int = WINDOW, level: float = 0.0, bond: float = 0.0) -> None:
        """A window has ended.

        Args:
            records: tasks in it that were in none before.
            level: sum of the metrics' means.
            bond: sum of their correlation matrix.
        """
        self.windows += 1
        self._records += records
        self._level += level
        self._bond += bond
        self._last = time.monotonic(), time.process_time(), self._records
        if self.windows == 1:
            self._first = self._last

    def say(self) -> None:
        """The line: between the first window's end and the last's is the steady part."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        (began, computed, before), (ended, all_computed, records) = self._first, self._last
        line = {
            "windows": self.windows,
            "records": records - before,
            "first_s": began - self.began,
            "steady_s": ended - began,
            "steady_cpu_s": all_computed - computed,
            "level": self._level,
            "bond": self._bond,
            "whole_cpu_s": used.ru_utime + used.ru_stime,
        }
        print(json.dumps({**line, **self.told}), flush=True)
