"""What a cooling of the evidence family takes, and that it keeps its limits.

All detectors at `per_window=0.05` on noise of several kinds with one balance in it. Shares are of each detector in the
median cooling; what all of them share (types, whitening) falls to the first, shift. The second table is about time that
is bounded: the longest gap between two asks of `stop()`, and how long a cooling takes beyond a limit it cannot keep,
both by a clock that counts this process's own computing, so that others' work on the machine does not show.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from statistics import median

from benchmarks.rounds import Timing, interleaved, milliseconds
from benchmarks.tables import Table
from benchmarks.windows import EVIDENCE_KINDS, evidence_window
from crackle_stream import ThermalProfile, Window, cool
from crackle_stream.history import History
from crackle_stream.profile import EVIDENCE_DETECTORS

__all__ = ["measure"]

ROUNDS = 3

SIZES = ((1_000, 16), (1_000, 48), (10_000, 48))

LARGEST, LARGEST_KINDS = (10_000, 48), ("ar", "mixed")
"""Of the largest windows, which take seconds, two kinds are enough, and so they are where limits are tried."""

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

    @property
    def size(self) -> str:
        return f"{self.tasks:,} x {self.metrics}"

    @property
    def data(self) -> str:
        return f"{self.kind}{', 10 % missing' if self.missing else ''}{', known' if self.known else ''}"

    def __str__(self) -> str:
        return f"{self.size} {self.data}"

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


def measure(quick: bool) -> list[Table]:
    """Cool windows of several kinds; then what is bounded, of two kinds."""
    sizes = SIZES[:1] if quick else SIZES
    cases = [Case(*size, kind) for size in sizes for kind in EVIDENCE_KINDS if size != LARGEST or kind in LARGEST_KINDS]
    cases += [Case(*size, "ar", missing=MISSING) for size in sizes]
    cases += [Case(*size, "ar", known=True) for size in sizes]
    cases.sort(key=lambda case: (case.tasks, case.metrics))
    plain = [case for case in cases if case.kind in LARGEST_KINDS and not case.missing and not case.known]
    return [_times(cases, 1 if quick else ROUNDS), _bounds(plain)]


def _times(cases: list[Case], rounds: int) -> Table:
    prepared = {str(case): (case.window(), case.history()) for case in cases}
    calls = {name: partial(cool, window, PROFILE, history) for name, (window, history) in prepared.items()}
    timings = interleaved(calls, rounds)
    rows, missed = [], []
    for case in cases:
        timing, bar = timings[str(case)], BARS_S[case.tasks, case.metrics]
        shares = _shares(*prepared[str(case)], rounds)
        cells = (f"{shares[name]:.0%}" for name in EVIDENCE_DETECTORS)
        rows.append((case.size, case.data, _milliseconds(timing), milliseconds(bar), *cells))
        if median(timing.cpu) > bar:
            missed.append(f"{case}: {milliseconds(median(timing.cpu))} ms, not {milliseconds(bar)}")
    head = ("tasks x metrics", "data", "ms", "at most", *EVIDENCE_DETECTORS)
    note = (
        f"Milliseconds of processor, median (least .. most) of {rounds} rounds in turn, and each detector's share; "
        f"*known*: the kiln remembers {KNOWN_WINDOWS} windows."
    )
    return Table("cooling-evidence", head, tuple(rows), note, tuple(missed))


def _milliseconds(timing: Timing) -> str:
    least, typical, most = (milliseconds(each(timing.cpu)) for each in (min, median, max))
    return f"{typical} ({least} .. {most})"


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


def _bounds(cases: list[Case]) -> Table:
    rows, missed = [], []
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
        cells = (milliseconds(min(gaps)), milliseconds(limit), milliseconds(beyond), ", ".join(overran))
        rows.append((case.size, case.data, *cells))
        if min(gaps) > GAP_S:
            missed.append(f"{case}: {milliseconds(min(gaps))} ms between two asks, not {milliseconds(GAP_S)}")
        if not overran or beyond > OVERRUN_S:
            missed.append(f"{case}: {milliseconds(beyond)} ms beyond its limit, not {milliseconds(OVERRUN_S)}")
    head = ("tasks x metrics", "data", "longest gap, ms", "limit, ms", "beyond it, ms", "cut short")
    note = (
        "Milliseconds of processor. The longest time between two asks whether to stop, the best of three coolings (at "
        f"most {milliseconds(GAP_S)}), and what a cooling that is given {LIMIT_SHARE:.0%} of its time takes beyond it "
        f"(at most {milliseconds(OVERRUN_S)})."
    )
    return Table("cooling-bounds", head, tuple(rows), note, tuple(missed))
