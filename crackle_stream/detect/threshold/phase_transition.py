"""Metrics whose mean differs between the first and the second half of the tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from crackle_stream.detect.threshold.columns import (
    EPSILON,
    first_with,
    in_order,
    table_of,
)
from crackle_stream.detect.threshold.verdict import Verdict, skips, too_few_tasks
from crackle_stream.model import CracklePattern, Nature, NearMiss, Onset, PatternKind

if TYPE_CHECKING:
    from crackle_stream.detect.threshold.columns import Columns, Floats, Mask, Rows, Table
    from crackle_stream.model import Examination
    from crackle_stream.protocols import Context
    from crackle_stream.window import Window

__all__ = ["PhaseTransition"]

TOO_SHORT = "fewer than 2 tasks have it"
NO_MEAN = "its mean is 0, and a shift is measured by the mean"


@dataclass(frozen=True, slots=True)
class PhaseTransition:
    """|mean of second half - mean of first half| / |mean of all| above a sensitivity.

    The first half are the first n // 2 of the n tasks that have the metric. Noise around 0 has a small mean and
    fires: this is the crate's rule, and its known weakness.

    Attributes:
        sensitivity: relative shift above which a metric is reported.
        least: fewer tasks give no pattern.
    """

    sensitivity: float
    least: int = 2

    @property
    def name(self) -> str:
        """By which failures and memory go."""
        return "phase_transition"

    def examine(self, window: Window, context: Context) -> Examination:
        """Look for shifts."""
        nothing = too_few_tasks(self.name, window, self.least)
        if nothing is not None:
            return nothing
        verdict = Verdict()
        reasons: dict[str, list[str]] = {TOO_SHORT: [], NO_MEAN: []}
        table = table_of(window, context)
        for columns in table.blocks(verdict.stopping(context.stop)):
            self._judge(table, columns, verdict, reasons)
        for why, names in reasons.items():
            verdict.skipped += skips(why, "metrics", len(names), names)
        return verdict.examination()

    def _judge(self, table: Table, columns: Columns, verdict: Verdict, reasons: dict[str, list[str]]) -> None:
        half = columns.counts // 2
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            sums = _half_sums(columns)
            first, second = sums.first / half, sums.second / (columns.counts - half)
            mean = columns.totals / columns.counts
            shift = np.abs(second - first) / np.abs(mean)
        enough = columns.counts >= 2
        level = np.abs(mean) >= EPSILON
        verdict.tests += int((enough & level).sum())
        for k, name in enumerate(table.window.names[columns.start : columns.start + len(shift)]):
            if not enough[k]:
                reasons[TOO_SHORT].append(name)
            elif not level[k]:
                reasons[NO_MEAN].append(name)
            elif shift[k] > self.sensitivity:
                has = columns.tasks(k)
                halves = _Halves(has, int(sums.begins[k]), float(first[k]), float(second[k]))
                verdict.add(_pattern(table, name, float(shift[k]), halves), first_with(has))
            elif verdict.nearest is None or shift[k] > verdict.nearest.value:
                verdict.nearest = NearMiss(name, float(shift[k]), self.sensitivity, "relative shift of the mean")


@dataclass(frozen=True, slots=True, eq=False)
class _HalfSums:
    """Sums of k metrics over their halves, and the rows at which the second ones begin, each of shape (k,)."""

    first: Floats
    second: Floats
    begins: Rows


def _half_sums(columns: Columns) -> _HalfSums:
    values = columns.values
    if columns.turned is None:
        half = len(values) // 2
        begins = np.full(values.shape[1], half)
        return _HalfSums(in_order(values[:half]), in_order(values[half:]), begins)
    begins = _second_halves(columns.turned, columns.counts)
    # Only in the rows between the first that begins a second half and the last do the metrics differ in theirs.
    start, end = int(begins.min()), int(begins.max())
    later = np.arange(start, end)[:, np.newaxis] >= begins
    first, second = values[:end].copy(), values[start:].copy()
    first[start:][later] = 0.0  # as what is missing is
    second[: end - start][~later] = 0.0
    return _HalfSums(in_order(first), in_order(second), begins)


def _second_halves(turned: Mask, counts: Rows) -> Rows:
    """For each metric the row of the task after the first counts // 2 that have it; 0 where none has it.

    The rows of one metric stand together in the turned table, so that the wanted one is looked up, not counted to.
    """
    k, n = turned.shape
    places = np.flatnonzero(turned)
    begins = np.zeros(k, dtype=np.intp)
    some = counts > 0
    starts = np.cumsum(counts) - counts
    begins[some] = places[(starts + counts // 2)[some]] % n
    return begins


@dataclass(frozen=True, slots=True, eq=False)
class _Halves:
    """One metric's halves: who has it, where the second begins, and their means."""

    present: Mask | None
    begins: int
    first: float
    second: float


def _pattern(table: Table, name: str, shift: float, halves: _Halves) -> CracklePattern:
    return CracklePattern(
        kind=PatternKind.PHASE_TRANSITION,
        form="mean",
        nature=Nature.EVENT,
        direction="up" if halves.second > halves.first else "down",
        description=f"metric '{name}' shifted by {shift * 100.0:.1f}% between first and second half of tasks",
        # A shift over the sensitivity is reported with full confidence: that is the crate's min(shift / bar, 1).
        confidence=1.0,
        involved_tasks=table.tasks_with(halves.present),
        metric_names=(name,),
        metrics={"shift_magnitude": shift, "first_half_avg": halves.first, "second_half_avg": halves.second},
        at=Onset(halves.begins, float(table.window.times[halves.begins])),
        key=table.window.key,
        window_id=table.window.id,
    )
