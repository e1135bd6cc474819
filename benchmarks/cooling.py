"""What a cooling takes: `python -m benchmarks.cooling [--rounds N] [--largest N]`.

All four threshold detectors at the normal rate. "Scattered" metrics have unit variance and hardly anything clusters:
the leader pass then compares every pair of tasks. "Grouped" tasks fall into five tight groups, all metrics of which
correlate: the average distances, correlations and descriptions then cost most.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.machine import describe
from benchmarks.rounds import interleaved, milliseconds
from benchmarks.windows import window
from crackle_stream import ThermalProfile, Window, cool
from crackle_stream.information import (
    distribution_shift,
    jsd_shift,
    mutual_information_matrix,
    permutation_entropies,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = ((334, 9), (1_000, 16), (1_000, 48), (5_000, 16), (10_000, 48), (50_000, 48))

BARS_S = {(1_000, 16): 0.006, (10_000, 48): 0.4, (50_000, 48): 10.0}
"""Seconds that scattered windows may take, missing metrics or not."""

MISSING = 0.1


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    tasks: int
    metrics: int
    grouped: bool
    missing: float

    @property
    def bar_s(self) -> float | None:
        return None if self.grouped else BARS_S.get((self.tasks, self.metrics))

    def __str__(self) -> str:
        data = "grouped" if self.grouped else "scattered"
        return f"{f'{self.tasks:,} x {self.metrics}':>17}  {data:<9}  {self.missing:>4.0%}"

    def window(self) -> Window:
        return window(self.tasks, self.metrics, missing=self.missing, groups=5 if self.grouped else 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all cases (5)")
    parser.add_argument("--largest", type=int, default=50_000, help="leave out windows of more tasks (50000)")
    options = parser.parse_args()
    print(describe())
    _coolings(options.rounds, options.largest)
    _information(options.rounds)


def _coolings(rounds: int, largest: int) -> None:
    cases = [
        Case(tasks, metrics, grouped, missing)
        for tasks, metrics in SIZES
        if tasks <= largest
        for grouped in (False, True)
        for missing in (0.0, MISSING)
    ]
    profile = ThermalProfile.default()
    timings = interleaved({str(case): partial(cool, case.window(), profile) for case in cases}, rounds)
    print(f"\ncool(), four detectors, milliseconds: median of {rounds} rounds (smallest .. largest), and CPU time\n")
    print(f"  tasks x metrics  data     missing  median {'':<18}     CPU   at most")
    for case in cases:
        timing = timings[str(case)]
        bar = "" if case.bar_s is None else milliseconds(case.bar_s)
        over = "  MISSED" if case.bar_s is not None and timing.typical > case.bar_s else ""
        print(f"{case}  {timing}  {bar:>8}{over}")


def _information(rounds: int) -> None:
    sizes = ((334, 9), (1_000, 16), (1_000, 48), (10_000, 48))
    functions: dict[str, Callable[[Window], object]] = {
        "mutual_information_matrix": lambda seen: mutual_information_matrix(seen.values),
        "jsd_shift": lambda seen: jsd_shift(seen.names, seen.values),
        "distribution_shift": lambda seen: distribution_shift(seen.names, seen.values),
        "permutation_entropies": lambda seen: permutation_entropies(seen.names, seen.values),
    }
    cases = {
        f"{f'{tasks:,} x {metrics}':>17}  {name:<26}": partial(function, window(tasks, metrics))
        for tasks, metrics in sizes
        for name, function in functions.items()
    }
    print("\nInformation functions of a whole window, 10 bins or order 3, milliseconds, as above\n")
    for name, timing in interleaved(cases, rounds).items():
        print(f"{name}{timing}")


if __name__ == "__main__":
    main()
