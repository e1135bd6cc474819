"""What a cooling of the evidence family takes: `python -m benchmarks.detectors [--rounds N] [--largest N]`.

All detectors at `per_window=0.05` on noise of several kinds with one balance in it. Shares are of each detector in the
median cooling; what all of them share (types, whitening) falls to the first, shift. The second table is about time that
is bounded: the longest gap between two asks of `stop()`, and how long a cooling takes beyond a limit it cannot keep,
both by a clock that counts this process's own computing, so that others' work on the machine does not show.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from statistics import median

from benchmarks.machine import describe
from benchmarks.rounds import interleaved, milliseconds
from benchmarks.windows import EVIDENCE_KINDS, evidence_window
from crackle_stream import ThermalProfile, Window, cool
from crackle_stream.history import History
from crackle_stream.profile import EVIDENCE_DETECTORS

SIZES = ((1_000, 16), (1_000, 48), (10_000, 48))

BARS_S = {(1_000, 16): 0.1, (1_000, 48): 0.4, (10_000, 48): 3.0}
"""Seconds of one core that a cooling may take."""

GAP_S = 0.05
"""Longest time that may pass between two asks whether to stop."""

LIMIT_SHARE = 0.4
"""Share of its usual time that a cooling is given, to see whether it keeps a limit."""

OVERRUN_S = 0.1
"""Seconds a cooling may take beyond its limit: one gap, and what is done with the findings."""

PROFILE = ThermalProfile.evidence(per_window=0.05)

MISSING = 0.1

KNOWN_WINDOWS = 6


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    tasks: int
    metrics: int
    kind: str
    missing: float = 0.0
    known: bool = False

    def __str__(self) -> str:
        words = f"{self.kind}{', 10% missing' if self.missing else ''}{', known' if self.known else ''}"
        return f"{f'{self.tasks:,} x {self.metrics}':>11}  {words:<20}"

    def window(self, seed: int = 1) -> Window:
        return evidence_window(self.kind, self.tasks, self.metrics, missing=self.missing, seed=seed)

    def history(self) -> History:
        history = History()
        for seed in range(2, 2 + KNOWN_WINDOWS) if self.known else ():
            history = cool(self.window(seed), PROFILE, history).history
        return history


@dataclass
class WatchedClock:
    """Counts computing, and notes when it was asked: a cooling asks whenever a detector asks `stop()`."""

    asked: list[float] = field(default_factory=list)

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        now = time.process_time()
        self.asked.append(now)
        return now

    def longest_gap(self) -> float:
        """Seconds between two asks, the longest."""
        return max((later - one for one, later in pairwise(self.asked)), default=0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all cases (5)")
    parser.add_argument("--largest", type=int, default=10_000, help="leave out windows of more tasks (10000)")
    options = parser.parse_args()
    print(describe())
    sizes = [(tasks, metrics) for tasks, metrics in SIZES if tasks <= options.largest]
    cases = [Case(tasks, metrics, kind) for tasks, metrics in sizes for kind in EVIDENCE_KINDS]
    cases += [Case(tasks, metrics, "ar", missing=MISSING) for tasks, metrics in sizes]
    cases += [Case(tasks, metrics, "ar", known=True) for tasks, metrics in sizes]
    cases.sort(key=lambda case: (case.tasks, case.metrics))
    _print_times(cases, options.rounds)
    _print_bounds([case for case in cases if case.kind in ("ar", "mixed") and not case.missing and not case.known])


def _print_times(cases: list[Case], rounds: int) -> None:
    prepared = {str(case): (case.window(), case.history()) for case in cases}
    calls = {name: partial(cool, window, PROFILE, history) for name, (window, history) in prepared.items()}
    timings = interleaved(calls, rounds)
    print(f"\ncool(), evidence family, milliseconds: median of {rounds} rounds (smallest .. largest), and CPU time\n")
    names = "".join(f"{name:>11}" for name in EVIDENCE_DETECTORS)
    print(f"tasks x metrics  {'data':<17}  median {'':<18}     CPU   at most{names}")
    for case in cases:
        timing, bar = timings[str(case)], BARS_S[case.tasks, case.metrics]
        shares = _shares(*prepared[str(case)], rounds)
        cells = "".join(f"{shares[name]:>11.0%}" for name in EVIDENCE_DETECTORS)
        # the gate is of one core: on a machine that others use too, the clock also counts their work
        over = "  MISSED" if median(timing.cpu) > bar else ""
        print(f"{case}  {timing}  {milliseconds(bar):>8}{cells}{over}", flush=True)


def _shares(window: Window, history: History, rounds: int) -> dict[str, float]:
    """Each detector's share of the CPU time, the median over rounds."""
    made: dict[str, list[float]] = {name: [] for name in EVIDENCE_DETECTORS}
    for _ in range(rounds):
        begun: list[tuple[str, float]] = []
        cool(window, PROFILE, history, entering=partial(_note, begun))
        begun.append(("", time.process_time()))
        total = begun[-1][1] - begun[0][1]
        for (name, start), (_, end) in pairwise(begun):
            made[name].append((end - start) / total)
    return {name: median(values) for name, values in made.items()}


def _note(begun: list[tuple[str, float]], name: str) -> None:
    begun.append((name, time.process_time()))


def _print_bounds(cases: list[Case]) -> None:
    gap, over = milliseconds(GAP_S), milliseconds(OVERRUN_S)
    print(f"\nms of computing: the longest gap between two asks of stop(), best of three (gate {gap}), and what a")
    print(f"cooling that is given {LIMIT_SHARE:.0%} of its time takes beyond that (gate {over})\n")
    for case in cases:
        window = case.window()
        gaps, durations = [], []
        for _ in range(3):
            clock = WatchedClock()
            durations.append(cool(window, PROFILE, clock=clock).duration)
            gaps.append(clock.longest_gap())
        limit = LIMIT_SHARE * min(durations)
        hurried = cool(window, PROFILE.with_max_cooling_duration(limit), clock=WatchedClock())
        beyond = hurried.duration - limit
        overran = [failure.detector for failure in hurried.failures if failure.overran]
        missed = "" if min(gaps) <= GAP_S else "MISSED: gap "
        missed += "" if overran and beyond <= OVERRUN_S else "MISSED: limit"
        print(
            f"{case}  gap {milliseconds(min(gaps)):>7}  limit {milliseconds(limit):>7}  "
            f"beyond {milliseconds(beyond):>7}  overran: {', '.join(overran)}  {missed}".rstrip(),
            flush=True,
        )


if __name__ == "__main__":
    main()
