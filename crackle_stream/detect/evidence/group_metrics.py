"""Which metrics could carry groups: those that depend on each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, erfc

from crackle_stream.detect.evidence.pairs import own_memory
from crackle_stream.detect.evidence.products import cross, gram
from crackle_stream.detect.evidence.ranks import medians, normal_scores, uniform_ranks

__all__ = ["Dependent", "dependent_sets", "nearest_pair", "pair_chances"]

Floats = npt.NDArray[np.float64]

BINS = 4
"""Rank bins of the contingency tables: nine degrees of freedom see most forms at a few hundred rows."""

PAIR_P = 1e-3
"""Chance, over all pairs and tests, below which two metrics are taken to depend on each other."""

CLIPPED = 8.0
"""Robust standard deviations at which values are clipped for the plain correlation, which sees a few far tasks."""

MOST_METRICS = 6
"""Metrics in which density is estimated; in more dimensions every task is alone."""


@dataclass(frozen=True, slots=True)
class Dependent:
    """Metrics that depend on each other.

    Attributes:
        columns: their column numbers, most dependent first.
        p: chance of so strong a dependence among independent metrics, over all pairs and tests.
    """

    columns: tuple[int, ...]
    p: float


def dependent_sets(chances: Floats) -> list[Dependent]:
    """Sets of metrics joined by dependent pairs, the most dependent set first.

    Groups that differ in two metrics or more make these depend on each other, whatever the groups look like; where
    no metric depends on another there are no such groups.

    Args:
        chances: shape (m, m), of `pair_chances`.
    """
    count = max(1, len(chances) * (len(chances) - 1) // 2)
    bound = np.minimum(chances * count * 3, 1.0)
    np.fill_diagonal(bound, 1.0)
    joined = bound <= PAIR_P
    sets = []
    for columns in _components(joined):
        inner = bound[np.ix_(columns, columns)]
        strength = -np.log(np.maximum(inner, 1e-300)).sum(axis=1)
        ordered = [columns[place] for place in np.argsort(-strength, kind="stable")[:MOST_METRICS]]
        sets.append(Dependent(tuple(ordered), float(max(inner.min(), 1e-300))))
    return sorted(sets, key=lambda one: one.p)


def nearest_pair(chances: Floats) -> tuple[int, int, float]:
    """The two columns that depend on each other most, and their p value over all pairs and tests.

    Args:
        chances: shape (m, m), of `pair_chances`.
    """
    apart = np.where(np.eye(len(chances), dtype=bool), 1.0, chances)
    one, other = np.unravel_index(int(apart.argmin()), apart.shape)
    pairs = len(chances) * (len(chances) - 1) / 2
    return int(one), int(other), min(1.0, max(float(apart[one, other]) * 3 * pairs, 1e-300))


def pair_chances(table: Floats) -> Floats:
    """The least p value of three tests of independence for every pair, shape (m, m), before multiplicity.

    Correlation of normal scores, correlation of clipped values, and Pearson's chi-squared on rank bins, each as widened
    by what both metrics remember: two slow metrics that have nothing to do with each other carry no groups, and tasks
    of a group that come one after another are a shift.

    Args:
        table: shape (n, m), in the order of time, no NaN, no ties to speak of.
    """
    rows, columns = table.shape
    if columns < 2 or rows < 4 * BINS * BINS:
        return np.ones((columns, columns))
    ranks = np.rint(uniform_ranks(table) * rows - 0.5).astype(np.intp)
    scores = normal_scores(table)
    widening = own_memory(scores)
    centre = medians(table)
    scale = 1.4826 * medians(np.abs(table - centre))
    clipped = np.clip((table - centre) / np.where(scale > 0, scale, 1.0), -CLIPPED, CLIPPED)
    least = np.minimum(_correlated(scores, widening), _correlated(clipped, widening))
    chances: Floats = np.minimum(least, _associated(ranks * BINS // rows, widening))
    return chances


def _correlated(table: Floats, widening: Floats) -> Floats:
    """P values of Pearson's r by Fisher's transform, shape (m, m)."""
    spread = table.std(axis=0)
    scaled = (table - table.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    r = np.clip(gram(scaled) / len(table), -1 + 1e-15, 1 - 1e-15)
    p: Floats = erfc(np.abs(np.arctanh(r)) * np.sqrt((len(table) - 3) / (2 * widening)))
    return p


def _associated(bins: npt.NDArray[np.intp], widening: Floats) -> Floats:
    """P values of the chi-squared statistic of every pair's table of bins, shape (m, m)."""
    rows, columns = bins.shape
    # As float32 whole numbers up to 2^24 are exact, and the rows are a few thousand.
    hot = (bins.astype(np.int8)[:, :, None] == np.arange(BINS, dtype=np.int8)).astype(np.float32)
    flat = hot.reshape(rows, columns * BINS)
    counts = cross(flat, flat).astype(np.float64)
    totals = np.diagonal(counts)
    expected = np.outer(totals, totals) / rows
    cells = ((counts - expected) ** 2 / np.maximum(expected, 1e-12)).reshape(columns, BINS, columns, BINS)
    p: Floats = chdtrc((BINS - 1) ** 2, cells.sum(axis=(1, 3)) / widening)
    return p


def _components(joined: npt.NDArray[np.bool_]) -> list[list[int]]:
    """Connected sets of two columns or more."""
    left = set(range(len(joined)))
    found = []
    while left:
        front = [left.pop()]
        reached = list(front)
        while front:
            near = [place for place in np.flatnonzero(joined[front.pop()]).tolist() if place in left]
            left.difference_update(near)
            front += near
            reached += near
        if len(reached) > 1:
            found.append(sorted(reached))
    return found
