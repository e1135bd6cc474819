"""Series that stand on many levels in turn, which an autoregression would explain as slow wandering."""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt
from scipy import special

from crackle_stream.detect.evidence.autoregression import clipped, innovations, order_for, robust_fit

__all__ = ["find_staircases"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

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


def find_staircases(y: Floats) -> tuple[Floats, tuple[tuple[int, ...], ...]]:
    """For each series the chance that noise with memory looks like so many levels, and where they begin.

    Levels are found by binary segmentation of the clipped series, their number by Bayes' criterion as if the noise
    were white; so they always are many where the noise is slow. What counts is the next step: the likelihood ratio of
    levels plus an autoregression against an autoregression alone, for m changes at any of n rows by Bonferroni's
    bound, C(n, m) P(chi2_m+1 > ratio). A random walk of 500 rows does not pass it, its innovations being no smaller
    when levels are taken off.

    Args:
        y: shape (n, k), no NaN.

    Returns:
        P values of shape (k,), and for each series the rows where levels begin.

    References:
        [1] P. Fryzlewicz, Wild binary segmentation for multiple change-point detection, Ann. Statist. 42, 2014.
            doi:10.1214/14-AOS1245
    """
    n, k = y.shape
    p = order_for(n)
    tame = clipped(y)
    rows = [_levels(tame[:, column]) for column in range(k)]
    flat = y - y.mean(axis=0)
    for column, starts in enumerate(rows):
        for part in np.split(np.arange(n), starts):
            flat[part, column] = y[part, column] - np.median(y[part, column])
    without = _left(y - y.mean(axis=0), p)
    ratio = (n - p) * (1 - min(ESTIMATION_ROWS / n, 0.5)) * np.log(without / _left(flat, p))
    changes = np.array([len(starts) for starts in rows], dtype=np.float64)
    places = special.gammaln(n + 1) - special.gammaln(changes + 1) - special.gammaln(n - changes + 1)
    tail = special.gammaincc((changes + 1) / 2, np.maximum(ratio, 0.0) / 2)
    chance = np.exp(np.minimum(places + np.log(np.maximum(tail, 1e-300)), 0.0))
    counted = (changes >= FEWEST) & (changes < MAX_STAIRS)
    return np.where(counted, chance, 1.0), tuple(tuple(starts) for starts in rows)


def _left(y: Floats, p: int) -> Floats:
    model, _ = robust_fit(y, p)
    e = innovations(y, model)
    middle = np.median(e, axis=0)
    return np.asarray(np.maximum(np.sum(clipped(e - middle) ** 2, axis=0), 1e-300))


def _levels(y: Floats) -> list[int]:
    """Rows where new levels begin, their number by Bayes' criterion under white noise."""
    n = len(y)
    total = np.concatenate([[0.0], np.cumsum(y)])
    left = float(np.sum((y - y.mean()) ** 2))
    waiting = [_best_split(total, 0, n)]
    splits: list[int] = []
    best, score = 0, n * np.log(max(left, 1e-300))
    while waiting and len(splits) < MAX_STAIRS:
        gain, row, start, end = heapq.heappop(waiting)
        if row < 0:
            break
        left += gain
        splits.append(row)
        for a, b in ((start, row), (row, end)):
            heapq.heappush(waiting, _best_split(total, a, b))
        now = n * np.log(max(left, 1e-300)) + PRICE * len(splits) * np.log(n)
        if now < score:
            best, score = len(splits), now
    return sorted(splits[:best])


def _best_split(total: Floats, start: int, end: int) -> tuple[float, int, int, int]:
    """Minus the gain of the best split, its row (-1 for none) and the stretch."""
    size = end - start
    rows = np.arange(start + MIN_STAIR, end - MIN_STAIR + 1)
    if not len(rows):
        return 0.0, -1, start, end
    ahead = (total[rows] - total[start]) - (total[end] - total[start]) * (rows - start) / size
    gain = ahead**2 * size / ((rows - start) * (end - rows))
    place = int(np.argmax(gain))
    return -float(gain[place]), int(rows[place]), start, end
