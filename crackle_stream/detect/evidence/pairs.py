"""Statistics of every pair of metrics at once, from whitened scores that may have gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import special

from crackle_stream.detect.evidence.products import cross
from crackle_stream.detect.evidence.ranks import legendre_scores
from crackle_stream.detect.evidence.seasonality import waves
from crackle_stream.model import NearMiss

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crackle_stream.detect.evidence.prepared import Prepared

__all__ = [
    "NOTED",
    "TOLD_LATE",
    "Correlations",
    "LaggedScores",
    "binned_p",
    "binned_parts",
    "correlations_at",
    "curved_p",
    "nearest_miss",
    "own_lags",
    "own_memory",
    "seasons_of",
    "steadied",
    "strongest_first",
    "widened",
    "with_spreads",
]

Floats = npt.NDArray[np.float64]

MIN_PAIRS = 20
"""Rows that two metrics must share before anything is said about the pair."""

MEMORY_LAGS = 20
"""Lags of the scores' own autocorrelation that widen a pair's variance (Bartlett's formula)."""

NOTED = 10.0
"""Expected number of independent pairs under whose p value a pair's is worked out: far above what can be news, but the
report names the nearest miss."""

TOLD_LATE = 10
"""Pairs, the strongest first, that are written down even where the time is used up: some milliseconds."""

LEAST_POWER = 0.2
"""Mean square of scores, of 1 over the window, that a season is taken to leave at its calmest."""

COARSE, FINE = 4, 8
"""Bins a metric of the two tables that are looked at; each coarse bin is two fine ones."""

PART_PRODUCTS = 3e8
"""Products of one part of the tables' matrix product: some 10 ms, after which the deadline is asked for."""


@dataclass(frozen=True, slots=True)
class Correlations:
    """Correlations of all ordered pairs at one lag.

    Attributes:
        r: shape (k, k); r[a, b] is the correlation of a with b `lag` rows later; 0 where rows are too few.
        shared: shape (k, k), rows behind each.
        p: shape (k, k), two-sided; 1 where rows are too few, and where it is above the bar that was asked for.
    """

    r: Floats
    shared: Floats
    p: Floats


class LaggedScores:
    """Scores made ready to be correlated with one another at many lags.

    Args:
        z: shape (n, k), NaN where absent.
    """

    def __init__(self, z: Floats) -> None:
        self._seen = None if not np.isnan(z).any() else (~np.isnan(z)).astype(np.float64)
        self._z = z if self._seen is None else np.nan_to_num(z)
        self._squares = self._z * self._z
        self._power = self._squares.sum(axis=0)

    def at(self, lag: int, widening: Floats | float = 1.0, bar: float = 1.0) -> Correlations:
        """Correlations of scores with one another, `lag` rows apart.

        Args:
            lag: rows by which the second metric is read later.
            widening: shape (k, k), by how much the scores' own memory widens the variance of each correlation.
            bar: p values above it need not be known.
        """
        rows = len(self._z) - lag
        early, late = self._z[:rows], self._z[lag:]
        if self._seen is None:
            before, after = (
                self._power - self._squares[rows:].sum(axis=0),
                self._power - self._squares[:lag].sum(axis=0),
            )
            norm = np.sqrt(np.outer(np.maximum(before, 0.0), np.maximum(after, 0.0)) + np.finfo(float).tiny)
            shared = np.full(norm.shape, float(rows))
        else:
            seen, later = self._seen[:rows], self._seen[lag:]
            power = cross(self._squares[:rows], later) * cross(seen, self._squares[lag:])
            norm = np.maximum(np.sqrt(power), np.finfo(float).tiny)
            shared = cross(seen, later)
        return _judged(cross(early, late) / norm, shared, widening, bar)


def correlations_at(z: Floats, lag: int, widening: Floats | float = 1.0) -> Correlations:
    """Correlations of scores with one another, `lag` rows apart; see `LaggedScores.at`."""
    return LaggedScores(z).at(lag, widening)


def own_memory(z: Floats) -> Floats:
    """Bartlett's widening of every pair's variance: 1 + 2 sum_h rho_a(h) rho_b(h), at least 1; shape (k, k).

    Exactly white scores give 1; it guards against what whitening left in both metrics of a pair.

    References:
        [1] M. Bartlett, Some aspects of the time-correlation problem, J. Royal Stat. Soc. 98, 1935. doi:10.2307/2342284
    """
    return widened(own_lags(z))


def own_lags(z: Floats) -> Floats:
    """Autocorrelations of each metric's scores at the lags from 1: shape (lags, k)."""
    filled = np.ascontiguousarray(np.nan_to_num(z).T)
    norm = np.maximum(np.vecdot(filled, filled), np.finfo(float).tiny)
    lags = range(1, min(MEMORY_LAGS, len(z) // 4) + 1)
    own = np.array([np.vecdot(filled[:, h:], filled[:, :-h]) / norm for h in lags])
    return own.reshape(len(lags), z.shape[1])


def widened(own: Floats) -> Floats:
    """Bartlett's widening of every pair from autocorrelations of shape (lags, k); see `own_memory`."""
    return np.asarray(np.maximum(1 + 2 * own.T @ own, 1.0))


def with_spreads(z: Floats, frequencies: Sequence[Sequence[float]] | None = None) -> Floats:
    """Scores and, beside them, how far each is from its middle (its second Legendre score); shape (n, 2 k).

    Args:
        z: shape (n, k), scores, NaN where absent.
        frequencies: of each metric's seasons, in cycles a row, if known. A metric whose noise is larger at one time of
            its day has a spread that keeps the calendar, so what goes with the seasons and at twice their pace (peaks
            and troughs) is taken off: two metrics of one calendar do not depend on each other for that.
    """
    spreads = legendre_scores(special.ndtr(z), 2)
    for column, seasons in enumerate(frequencies or ()):
        if len(seasons):
            spreads[:, column] = _without_seasons(spreads[:, column], seasons)
    return np.hstack([z, spreads])


def seasons_of(prepared: Prepared) -> list[Sequence[float]]:
    """The frequencies of each tested metric's seasons, as far as whitening saw them in all rows."""
    seasons: list[Sequence[float]] = [()] * len(prepared.tested)
    for block in prepared.whitened.blocks:
        if len(block.rows) == len(prepared.window):
            for place, frequencies in zip(block.columns, block.white.frequencies, strict=True):
                seasons[place] = frequencies
    return seasons


def steadied(z: Floats, frequencies: Sequence[Sequence[float]]) -> Floats:
    """Scores over the spread that their seasons give them; shape (n, k).

    Two metrics whose noise is loud at the same hours have products that are large together, at whatever lag fits the
    hours, so their correlation varies more than its p value takes it to.

    Args:
        z: shape (n, k), scores, NaN where absent.
        frequencies: of each metric's seasons, in cycles a row.
    """
    if not any(map(len, frequencies)):
        return z
    steady = z.copy()
    for column, seasons in enumerate(frequencies):
        if len(seasons):
            power = z[:, column] ** 2
            usual = power - _without_seasons(power, seasons)
            steady[:, column] /= np.sqrt(np.maximum(usual, LEAST_POWER))
    return steady


def _without_seasons(x: Floats, frequencies: Sequence[float]) -> Floats:
    rows = np.flatnonzero(~np.isnan(x))
    turning = waves(len(x), frequencies)[rows]
    cosine, sine = turning.real, turning.imag
    # Twice the pace by the double angle, and the fit by its normal equations: waves are nearly orthogonal.
    design = np.hstack([np.ones((len(rows), 1)), cosine, sine, 2 * cosine * cosine - 1, 2 * cosine * sine])
    fitted = np.linalg.lstsq(cross(design, design), cross(design, x[rows, None]))[0]
    left = x.copy()
    left[rows] -= (design @ fitted)[:, 0]
    return left


def curved_p(z: Floats) -> tuple[Floats, Floats]:
    """Correlation between the levels and the spreads of each pair, and between their spreads.

    Returns:
        Two arrays of p values, shape (k, k): that b's level or a's level goes with the other's distance from its
        middle (the smaller of both, doubled), and that both distances go together.
    """
    both = with_spreads(z)
    p = correlations_at(both, 0, own_memory(both)).p
    k = z.shape[1]
    mixed = np.minimum(p[:k, k:], p[k:, :k])
    return np.minimum(2 * mixed, 1.0), p[k:, k:]


def binned_p(z: Floats, bins: int, widening: Floats) -> Floats:
    """Pearson's chi-squared on equal-frequency bins of every pair: p values, shape (k, k).

    Args:
        z: shape (n, k), scores, NaN where absent.
        bins: bins a metric.
        widening: shape (k, k), the squares' own memory.
    """
    hot = _one_hot(z, bins)
    k = z.shape[1]
    return _independence_p(_tables(hot.T @ hot, k, k, bins), widening)


def binned_parts(z: Floats, widening: Floats, stop: Callable[[], bool]) -> Floats | None:
    """The lesser of `binned_p` with 4 and with 8 bins for every pair, in parts between which it may be stopped.

    Args:
        z: shape (n, k), scores, NaN where absent.
        widening: shape (k, k), the squares' own memory.
        stop: whether the time is used up.

    Returns:
        Shape (k, k), 1 below the diagonal; None where it was stopped.
    """
    n, k = z.shape
    if stop():
        return None
    hot = _one_hot(z, FINE)
    p = np.ones((k, k))
    size = int(np.clip(PART_PRODUCTS // max(n * k * FINE**2, 1), 1, k))
    for first in range(0, k, size):
        if stop():
            return None
        part = slice(first, min(first + size, k))
        pairs = hot[:, part.start * FINE : part.stop * FINE].T @ hot[:, first * FINE :]
        fine = _tables(pairs, part.stop - first, k - first, FINE)
        halves = (*fine.shape[:2], COARSE, FINE // COARSE, COARSE, FINE // COARSE)
        coarse = fine.reshape(halves).sum(axis=(3, 5))
        wide = widening[part, first:]
        p[part, first:] = np.minimum(_independence_p(fine, wide), _independence_p(coarse, wide))
    return np.triu(p) + np.tril(np.ones((k, k)), -1)


def strongest_first(flags: npt.NDArray[np.bool_], p: Floats) -> list[tuple[int, int]]:
    """The flagged ordered pairs, those of the least p value first."""
    first, second = np.nonzero(flags)
    order = np.argsort(p[first, second], kind="stable")
    return list(zip(first[order].tolist(), second[order].tolist(), strict=True))


def nearest_miss(p: Floats, names: Sequence[str], tests: int, bar: float) -> NearMiss | None:
    """The ordered pair of the least p value, or None where none is worth a word.

    Args:
        p: shape (k, k); 0 and 1 where there is nothing to say.
        names: k metric names.
        tests: number of tests, by which p is multiplied.
        bar: what that had to be under.
    """
    told = np.where(p > 0, p, 1.0)
    a, b = divmod(int(told.argmin()), len(told))
    if told[a, b] >= 1.0:
        return None
    value = -float(np.log10(told[a, b] * tests))
    return NearMiss(f"{names[a]} ~ {names[b]}", value, -float(np.log10(bar)), "-log10 of p over all tests")


def _one_hot(z: Floats, bins: int) -> npt.NDArray[np.float32]:
    """Shape (n, k * bins): 1 in the bin of every score that is present; as float32, counts up to 2^24 are exact."""
    cell = np.floor(special.ndtr(np.nan_to_num(z)) * bins).clip(0, bins - 1).astype(np.int8)
    cell[np.isnan(z)] = -1
    hot: npt.NDArray[np.float32] = (cell[:, :, None] == np.arange(bins, dtype=np.int8)).astype(np.float32)
    return hot.reshape((len(z), z.shape[1] * bins))


def _tables(counts: npt.NDArray[np.float32], first: int, second: int, bins: int) -> Floats:
    return counts.astype(np.float64).reshape(first, bins, second, bins).transpose(0, 2, 1, 3)


def _independence_p(counts: Floats, widening: Floats) -> Floats:
    """P values of Pearson's chi-squared of tables, shape (a, b, bins, bins) -> (a, b)."""
    bins = counts.shape[-1]
    shared = counts.sum(axis=(2, 3))
    expected = counts.sum(axis=3)[..., :, None] * counts.sum(axis=2)[..., None, :]
    expected /= np.maximum(shared, 1.0)[..., None, None]
    excess = np.sum((counts - expected) ** 2 / np.maximum(expected, 1e-9), axis=(2, 3))
    p = special.chdtrc(float((bins - 1) ** 2), excess / widening)
    return np.where(shared >= max(MIN_PAIRS, 5 * bins * bins), p, 1.0)


def _judged(r: Floats, shared: Floats, widening: Floats | float, bar: float) -> Correlations:
    enough = shared >= MIN_PAIRS
    free = np.maximum(shared / widening - 2, 1.0)
    t = np.abs(r) * np.sqrt(free / np.maximum(1 - r * r, 1e-12))
    # Student's tail is heavier than the normal one: where the normal tail is above the bar, his is.
    known = enough & (t >= -special.ndtri(min(bar, 1.0) / 2))
    p = np.ones(r.shape)
    p[known] = 2 * special.stdtr(free[known], -t[known])
    return Correlations(np.where(enough, r, 0.0), shared, p)
