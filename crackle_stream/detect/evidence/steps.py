"""All changes of level in a window: after the best one, the next in what is left, and each again given the others."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.bumps import find_level
from crackle_stream.detect.evidence.lengths import Lengths, counts_of, filled_below, means, of_columns

if TYPE_CHECKING:
    from crackle_stream.detect.evidence.level import Levels
from crackle_stream.detect.evidence.staircase import find_staircases

__all__ = ["APART", "REPORTED", "WORTH_REMOVING", "Step", "between", "removed", "steps_in", "worth_removing"]

Floats = npt.NDArray[np.float64]

MAX_STEPS = 6
"""Changes of one metric in one window that are told apart."""

WORTH_REMOVING = 0.002
"""P value under which a step is taken out before anything else is judged; more than a report needs, so that a shift
just under the bar does not pass for another pattern."""

REPORTED = 0.0224
"""Largest p value, over all metrics, of a step that any budget reports: the most that a window may take, times the
shares of shifts and of levels. Of fewer than a dozen metrics a step may be news that is not worth removing else."""

SLOW = 0.4
"""Sum of the coefficients from which many levels are tried as the explanation of the memory."""

MIN_STAIRCASE_ROWS = 100
"""Rows of a window in which more than a few levels can stand."""

STAIRCASE_SHARE = 0.02
"""Share of a metric's chance of a false step that staircases have; they hold by many orders of magnitude or not."""

APART = 10
"""Rows closer together than this are one change."""


@dataclass(frozen=True, slots=True)
class Step:
    """A lasting change of level.

    Attributes:
        row: where it begins.
        size: by how much, in the series' unit.
        p: its p value, given the steps found before it.
    """

    row: int
    size: float
    p: float


def worth_removing(metrics: int) -> float:
    """P value under which a step of one of so many metrics is taken out: all that may be reported, at least."""
    return max(WORTH_REMOVING, REPORTED / max(metrics, 1))


def steps_in(
    y: Floats,
    levels: Levels,
    *,
    bar: float = WORTH_REMOVING,
    remembered: bool = False,
    lengths: Lengths | None = None,
) -> tuple[tuple[Step, ...], ...]:
    """The steps of each series, in order of row.

    Args:
        y: shape (n, k).
        levels: the best single step of each.
        bar: p value under which the best step is one; those in what it leaves need `WORTH_REMOVING`.
        remembered: whether the autoregression is known from earlier windows; then no staircase passes for memory.
        lengths: of the series.
    """
    found: list[list[Step]] = [[] for _ in range(y.shape[1])]
    active = np.flatnonzero(levels.p < bar)
    best, place = levels, active
    for _ in range(MAX_STEPS):
        news = []
        for at, column in zip(place.tolist(), active.tolist(), strict=True):
            row = int(best.row[at])
            if all(abs(row - known.row) >= APART for known in found[column]):
                found[column].append(Step(row, float(best.size[at]), float(best.p[at])))
                news.append(column)
        active = np.array(news, dtype=np.intp)
        if not len(active):
            break
        their = of_columns(lengths, active)
        rest = removed(y[:, active], tuple(tuple(found[column]) for column in news), their)
        best = find_level(rest, their)
        place = np.flatnonzero(best.p < WORTH_REMOVING)  # the chance of a false step is spent on the first
        active = active[place]
    ends = counts_of(y, lengths).tolist()
    settled = [_settled(y[:end, column], steps) for column, (end, steps) in enumerate(zip(ends, found, strict=True))]
    if remembered:
        return tuple(settled)
    slow = np.flatnonzero((levels.p >= bar) & (levels.phi.sum(axis=1) > SLOW))
    if len(slow) and len(y) >= MIN_STAIRCASE_ROWS:
        chances, starts = find_staircases(y[:, slow], of_columns(lengths, slow))
        for at in np.flatnonzero(chances < STAIRCASE_SHARE * bar).tolist():
            column = int(slow[at])
            p = float(chances[at]) / STAIRCASE_SHARE
            settled[column] = between(y[: ends[column], column], list(starts[at]), [p] * len(starts[at]))
            levels.p[column] = p
    return tuple(settled)


def removed(y: Floats, steps: tuple[tuple[Step, ...], ...], lengths: Lengths | None = None) -> Floats:
    """The series with every segment between steps centred on its own mean: shape (n, k)."""
    flat = filled_below(y - means(y, lengths), lengths)
    ends = counts_of(y, lengths).tolist()
    for column, known in enumerate(steps):
        if not known:
            continue
        edges = sorted({0, ends[column], *(step.row for step in known)})
        for start, end in itertools.pairwise(edges):
            flat[start:end, column] = y[start:end, column] - y[start:end, column].mean()
    return np.asarray(flat)


def _settled(y: Floats, steps: list[Step]) -> tuple[Step, ...]:
    """Steps in order of row, each placed again between its neighbours, near where it was."""
    ordered = sorted(steps, key=lambda step: step.row)
    if len(ordered) < 2:
        return tuple(ordered)
    edges = [0, *(step.row for step in ordered), len(y)]
    for place in range(1, len(edges) - 1):
        start, here, end = edges[place - 1 : place + 2]
        part = y[start:end] - y[start:end].mean()
        rows = np.arange(max(here - APART, start + 2), min(here + APART, end - 2)) - start
        if len(rows):
            gain = np.cumsum(part)[rows - 1] ** 2 / (rows * (len(part) - rows))
            edges[place] = start + int(rows[np.argmax(gain)])
    return between(y, edges[1:-1], [step.p for step in ordered])


def between(y: Floats, rows: list[int], chances: list[float]) -> tuple[Step, ...]:
    """Steps at the given rows, in order, each as large as the means around it are apart."""
    sizes = np.diff([part.mean() for part in np.split(y, rows)])
    return tuple(Step(row, float(size), p) for row, size, p in zip(rows, sizes, chances, strict=True))
