"""What a cooling takes beside the Rust crate: all four threshold detectors at the normal rate.

"Scattered" metrics have unit variance and hardly anything clusters: the leader pass then compares every pair of tasks.
"Grouped" tasks fall into five tight groups, all metrics of which correlate: average distances, correlations and
descriptions then cost most. "Cycles" are three windows as the crate was reviewed with, and their row is the sum of
cooling and information functions of all three.

Both sides have their turn in every round, and both are measured by the processor time that they got, so that what else
the machine does falls on neither. That they find the same is checked in the same run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isclose
from statistics import median

import numpy as np

from benchmarks.crate import Crate, CrateAbsentError, crate_of
from benchmarks.cycles import cycles
from benchmarks.rounds import milliseconds
from benchmarks.tables import Table, ratios, spread
from benchmarks.windows import window
from crackle_stream import CracklePattern, ThermalProfile, Window, cool
from crackle_stream.information import (
    distribution_shift,
    jsd_shift,
    mutual_information_matrix,
    permutation_entropies,
)

__all__ = ["measure"]

PROFILE = ThermalProfile.default()
BINS, ORDER = 10, 3

ROUNDS = 9

SHORT_S = 0.03
"""Work is repeated within its turn until it has taken this long; its time is then the mean."""

LONG_S = 1.0
"""What takes the crate longer has one turn only: at 10,000 x 48 it takes minutes."""

LARGEST_S = 10.0
"""Seconds that 50,000 x 48 may take, of whatever data."""

EXACT, SAMPLED = 1e-9, 0.02
"""How far two confidences may differ: by rounding, or where an average distance was sampled, by its error."""


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the table.

    Attributes:
        size: how the table calls it.
        data: likewise.
        windows: what is worked on, one after another.
        times: how many times as fast as the crate it must be; 0 where nothing is asked.
        cooled: whether the windows are cooled.
        informed: whether the information functions are computed.
        beside: whether the crate has a turn.
    """

    size: str
    data: str
    windows: tuple[Window, ...]
    times: float = 0.0
    cooled: bool = True
    informed: bool = False
    beside: bool = True

    def work(self) -> None:
        """Our side."""
        for each in self.windows:
            if self.cooled:
                cool(each, PROFILE)
            if self.informed:
                _inform(each)

    def of(self, crate: Crate, first: int) -> float:
        """The crate's side, seconds of processor; `first` is its number of the first window."""
        numbers = range(first, first + len(self.windows))
        taken = [crate.cool(number)[1] for number in numbers if self.cooled]
        return sum(taken) + sum(crate.inform(number)[1] for number in numbers if self.informed)


@dataclass(slots=True)
class Sides:
    """Seconds of processor, a number a round."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)


def measure(quick: bool) -> list[Table]:
    """Cool, beside the crate where it can be had."""
    cases = list(_cases(quick))
    with _crate(cases) as (crate, absent):
        sides = {id(case): Sides() for case in cases}
        for turn in range(1 if quick else ROUNDS):
            first = 0
            for case in cases:
                _take_turns(case, sides[id(case)], crate if case.beside else None, first, turn)
                first += len(case.windows) if case.beside else 0
        different = [] if crate is None else list(_differences(cases, crate))
    rows = tuple(_row(case, sides[id(case)]) for case in cases)
    missed = (*different, *(each for case in cases for each in _missed(case, sides[id(case)])))
    head = ("tasks x metrics", "data", "crackle_stream, ms", "the crate, ms", "times as fast", "at least")
    note = (
        f"Medians (least .. most) of up to {ROUNDS} rounds in turn, milliseconds of processor on one core; ratios are "
        "of single rounds. The crate is crackle-runtime 0.2.0 in release mode, its kilns filled beforehand. Without a "
        "figure it was left out for time: it takes minutes at 10,000 x 48 and half an hour at 50,000 x 48. "
    )
    return [Table("cooling", head, rows, note + absent, missed)]


def _cases(quick: bool) -> Iterator[Case]:
    both = (("", 0.0), (", 10 % missing", 0.1))
    for word, missing in both:
        yield Case("3 of 334 x 9, informed", f"cycles{word}", cycles(missing), 2.0, informed=True)
    for word, missing in both:
        grouped = tuple(window(334, 9, missing=missing, groups=5, seed=seed) for seed in range(3))
        yield Case("3 of 334 x 9, informed", f"grouped{word}", grouped, 2.0, informed=True)
    for kind, groups in (("scattered", 0), ("grouped", 5)):
        for word, missing in both:
            yield Case("1,000 x 16", f"{kind}{word}", (window(1_000, 16, missing=missing, groups=groups),), 12.0)
    for word, missing in both:
        seen = (window(1_000, 16, missing=missing),)
        yield Case("1,000 x 16, information only", f"scattered{word}", seen, cooled=False, informed=True)
    for tasks in () if quick else (10_000, 50_000):
        for kind, groups in (("scattered", 0), ("grouped", 5)):
            for word, missing in both:
                seen = (window(tasks, 48, missing=missing, groups=groups),)
                # of the scattered ones the crate has the complete window only: another takes it two minutes more
                beside = tasks == 10_000 and (groups > 0 or not missing)
                yield Case(f"{tasks:,} x 48", f"{kind}{word}", seen, 50.0 if beside else 0.0, beside=beside)


@contextmanager
def _crate(cases: list[Case]) -> Iterator[tuple[Crate | None, str]]:
    """The crate with the windows of all cases that it has a turn in; or why there is none."""
    try:
        with crate_of([each for case in cases if case.beside for each in case.windows]) as crate:
            yield crate, ""
    except CrateAbsentError as absent:
        print(absent, flush=True)
        yield None, f"{absent}."


def _take_turns(case: Case, sides: Sides, crate: Crate | None, first: int, turn: int) -> None:
    if turn and max([*sides.ours, *sides.theirs]) > LONG_S:
        return
    if not turn:
        case.work()
    sides.ours.append(_mean(lambda: _processor(case.work)))
    if crate is not None:
        sides.theirs.append(_mean(lambda: case.of(crate, first)))


def _mean(taken: Callable[[], float]) -> float:
    times: list[float] = []
    while sum(times) < SHORT_S:
        times.append(taken())
    return sum(times) / len(times)


def _processor(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _inform(seen: Window) -> None:
    distribution_shift(seen.names, seen.values, BINS)
    jsd_shift(seen.names, seen.values, BINS)
    permutation_entropies(seen.names, seen.values, ORDER)
    mutual_information_matrix(seen.values, BINS)


def _row(case: Case, sides: Sides) -> tuple[str, ...]:
    ours = _milliseconds(sides.ours)
    if not sides.theirs:
        return case.size, case.data, ours, "", "", ""
    times = _times(ratios(sides.theirs, sides.ours))
    return case.size, case.data, ours, _milliseconds(sides.theirs), times, f"{case.times:g}" if case.times else ""


def _times(quotients: tuple[float, ...]) -> str:
    return spread(quotients, 1) if len(quotients) > 1 else f"{quotients[0]:,.1f}"


def _milliseconds(seconds: list[float]) -> str:
    if len(seconds) == 1:
        return milliseconds(seconds[0])
    return f"{milliseconds(median(seconds))} ({milliseconds(min(seconds))} .. {milliseconds(max(seconds))})"


def _missed(case: Case, sides: Sides) -> Iterator[str]:
    what = f"{case.size} {case.data}"
    if sides.theirs and (times := median(ratios(sides.theirs, sides.ours))) < case.times:
        yield f"{what}: {times:.2f} times as fast as the crate, not {case.times:g}"
    if len(case.windows[0]) == 50_000 and median(sides.ours) > LARGEST_S:
        yield f"{what}: {median(sides.ours):.1f} s, not {LARGEST_S:g}"


def _differences(cases: list[Case], crate: Crate) -> Iterator[str]:
    """What the two sides find in different ways, a sentence each.

    Divergences are left out: the crate bins each half on its own range and so sees no shift. Mutual information is
    compared where no metric is missing: the crate pairs values by their place among those that are there.
    """
    first = 0
    for case in cases:
        for number, seen in enumerate(case.windows, start=first) if case.beside else ():
            what = f"{case.size} {case.data}: the crate finds"
            if case.cooled and not _alike(cool(seen, PROFILE).patterns, crate.patterns(number)):
                yield f"{what} other patterns"
            if case.informed and not np.isnan(seen.values).any() and not _told_alike(seen, crate.figures(number)):
                yield f"{what} other mutual informations or permutation entropies"
        first += len(case.windows) if case.beside else 0


def _alike(ours: tuple[CracklePattern, ...], theirs: list[tuple[str, float]]) -> bool:
    """Whether both name the same number of patterns of each kind with the same confidences."""
    near = SAMPLED if any("sampled_pairs" in pattern.metrics for pattern in ours) else EXACT
    pairs = sorted((str(pattern.kind), pattern.confidence) for pattern in ours)
    both = list(zip(pairs, sorted(theirs), strict=False))
    return len(ours) == len(theirs) and all(
        one[0] == other[0] and isclose(one[1], other[1], abs_tol=near) for one, other in both
    )


def _told_alike(seen: Window, theirs: list[float]) -> bool:
    informations = np.sort(mutual_information_matrix(seen.values, BINS), axis=None)
    entropies = sorted(share for _, share in permutation_entropies(seen.names, seen.values, ORDER))
    return np.allclose(np.concatenate([informations, entropies]), theirs, rtol=0.0, atol=EXACT)
