"""Series that stand on many levels in turn, which an autoregression would explain as slow wandering."""

from __future__ import annotations

import heapq
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import special

from crackle_stream.detect.evidence.autoregression import clipped, innovations, order_for, robust_fit
from crackle_stream.detect.evidence.lengths import Lengths, counts_of, filled_below, later, means, of_columns
from crackle_stream.detect.evidence.ranks import median, medians

__all__ = ["PRICE", "find_staircases", "stairs_of"]

Floats = npt.NDArray[np.float64]
_Split = tuple[float, int, int, int]

MAX_STAIRS = 20
"""Changes of level that are tried; what needs as many is slow noise and no staircase."""

FEWEST = 2
"""Changes under which the scan for one step does better."""

MIN_STAIR = 5
"""Rows of the shortest level."""

PRICE = 4.0
"""What a change must gain, in log n of likelihood ratio: twice the row's and the size's price under white noise, as
real levels are never quite flat."""

ESTIMATION_ROWS = 24.0
"""Rows that estimating the autoregression costs, as in the scan for one step."""


def find_staircases(y: Floats, lengths: Lengths | None = None) -> tuple[Floats, tuple[tuple[int, ...], ...]]:
    """For each series the chance that noise with memory looks like so many levels, and where they begin.

    Levels are found by binary segmentation of the clipped series, their number by Bayes' criterion as if the noise
    were white; so they always are many where the noise is slow. What counts is the next step: the likelihood ratio of
    levels plus an autoregression against an autoregression alone, for m changes at any of n rows by Bonferroni's
    bound, C(n, m) P(chi2_m+1 > ratio). A random walk of 500 rows does not pass it, its innovations being no smaller
    when levels are taken off.

    Args:
        y: shape (n, k), no NaN.
        lengths: of the series.

    Returns:
        P values of shape (k,), and for each series the rows where levels begin.

    References:
        [1] P. Fryzlewicz, Wild binary segmentation for multiple change-point detection, Ann. Statist. 42, 2014.
            doi:10.1214/14-AOS1245
    """
    rows = stairs_of(clipped(y, lengths=lengths), lengths=lengths)
    chances = np.ones(y.shape[1])
    counted = [column for column, starts in enumerate(rows) if FEWEST <= len(starts) < MAX_STAIRS]
    if counted:
        their = [rows[column] for column in counted]
        chances[counted] = _chances(y[:, counted], their, of_columns(lengths, counted))
    return chances, tuple(tuple(starts) for starts in rows)


def _chances(y: Floats, rows: list[list[int]], lengths: Lengths | None) -> Floats:
    """P values of series with levels that begin at these rows, shape (k,)."""
    n, p = counts_of(y, lengths), order_for(len(y))
    flat = np.zeros_like(y)
    for column, starts in enumerate(rows):
        for start, end in pairwise([0, *starts, int(n[column])]):
            flat[start:end, column] = y[start:end, column] - median(y[start:end, column])
    without = _left(filled_below(y - means(y, lengths), lengths), p, lengths)
    ratio = (n - p) * (1 - np.minimum(ESTIMATION_ROWS / n, 0.5)) * np.log(without / _left(flat, p, lengths))
    changes = np.array([len(starts) for starts in rows], dtype=np.float64)
    places = special.gammaln(n + 1) - special.gammaln(changes + 1) - special.gammaln(n - changes + 1)
    tail = special.gammaincc((changes + 1) / 2, np.maximum(ratio, 0.0) / 2)
    return np.asarray(np.exp(np.minimum(places + np.log(np.maximum(tail, 1e-300)), 0.0)))


def _left(y: Floats, p: int, lengths: Lengths | None) -> Floats:
    model, _ = robust_fit(y, p, lengths=lengths)
    ends = later(lengths, p)
    e = innovations(y, model, lengths)
    tame = clipped(e - medians(e, ends), lengths=ends)
    return np.asarray(np.maximum(np.sum(tame**2, axis=0), 1e-300))


def stairs_of(y: Floats, most: int = MAX_STAIRS, lengths: Lengths | None = None) -> list[list[int]]:
    """Rows where new levels begin in each series, their number by Bayes' criterion under white noise.

    All series are cut in step, one cut each a round: the pieces of a round are looked at together.

    Args:
        y: shape (n, k).
        most: cuts at most.
        lengths: of the series.
    """
    n, k = y.shape
    total = np.zeros((k, n + 1))
    np.cumsum(y.T, axis=1, out=total[:, 1:])
    ends = counts_of(y, lengths).tolist()
    power = np.sum(filled_below(y - means(y, lengths), lengths) ** 2, axis=0).tolist()
    courses = [_Course(end, left, most) for end, left in zip(ends, power, strict=True)]
    pieces = [(series, 0, ends[series]) for series in range(k)]
    while pieces:
        for (series, _, _), split in zip(pieces, _best_splits(total, pieces), strict=True):
            heapq.heappush(courses[series].waiting, split)
        pieces = [(series, *piece) for series, course in enumerate(courses) for piece in course.cut()]
    return [sorted(course.splits[: course.best]) for course in courses]


class _Course:
    """The segmentation of one series on its way.

    Attributes:
        waiting: minus the gain of the best cut of each piece, its row (-1 for none) and the piece; a heap.
        splits: the cuts made, in order.
        best: how many of them make the best score.
    """

    def __init__(self, rows: int, left: float, most: int) -> None:
        self.waiting: list[_Split] = []
        self.splits: list[int] = []
        self.best = 0
        self._rows = rows
        self._most = most
        self._left = left
        self._score = rows * np.log(max(left, 1e-300))

    def cut(self) -> tuple[tuple[int, int], ...]:
        """Make the cut that gains most; the two new pieces, none where nothing is left to cut."""
        if len(self.splits) >= self._most or not self.waiting:
            return ()
        gain, row, start, end = heapq.heappop(self.waiting)
        if row < 0:
            self.waiting.clear()
            return ()
        self._left += gain
        self.splits.append(row)
        n = self._rows
        score = n * np.log(max(self._left, 1e-300)) + PRICE * len(self.splits) * np.log(n)
        if score < self._score:
            self.best, self._score = len(self.splits), score
        return (start, row), (row, end)


def _best_splits(total: Floats, pieces: list[tuple[int, int, int]]) -> list[_Split]:
    """Minus the gain of the best cut of each piece (series, start, end), its row (-1 for none) and the piece."""
    series, start, end = np.array(pieces).T
    size = end - start
    counts = np.maximum(size - 2 * MIN_STAIR + 1, 0)
    edges = np.concatenate([[0], np.cumsum(counts)])
    piece = np.repeat(np.arange(len(pieces)), counts)
    before = np.arange(edges[-1]) - edges[piece] + MIN_STAIR  # rows of the piece that come before the cut
    whole = (total[series, end] - total[series, start]) / size
    ahead = total[series[piece], start[piece] + before] - total[series, start][piece] - whole[piece] * before
    gain = ahead * ahead * (size[piece] / (before * (size[piece] - before)))
    found: list[_Split] = []
    for place, (low, high) in enumerate(pairwise(edges.tolist())):
        best = int(gain[low:high].argmax()) if high > low else -1
        _, first, last = pieces[place]
        row = first + MIN_STAIR + best if high > low else -1
        found.append((-float(gain[low + best]) if high > low else 0.0, row, first, last))
    return found
