"""Statistics of every pair of metrics at once, from whitened scores that may have gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from crackle_stream.detect.evidence.spread import legendre_scores

__all__ = ["Correlations", "binned_p", "correlations_at", "curved_p", "own_memory"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

MIN_PAIRS = 20
"""Rows that two metrics must share before anything is said about the pair."""

MEMORY_LAGS = 20
"""Lags of the scores' own autocorrelation that widen a pair's variance (Bartlett's formula)."""


@dataclass(frozen=True, slots=True)
class Correlations:
    """Correlations of all ordered pairs at one lag.

    Attributes:
        r: shape (k, k); r[a, b] is the correlation of a with b `lag` rows later; 0 where rows are too few.
        shared: shape (k, k), rows behind each.
        p: shape (k, k), two-sided; 1 where rows are too few.
    """

    r: Floats
    shared: Floats
    p: Floats


def correlations_at(z: Floats, lag: int, widening: Floats | float = 1.0) -> Correlations:
    """Correlations of scores with one another, `lag` rows apart.

    Args:
        z: shape (n, k), NaN where absent.
        lag: rows by which the second metric is read later.
        widening: shape (k, k), by how much the scores' own memory widens the variance of each correlation.
    """
    n = len(z)
    early, late = z[: n - lag], z[lag:]
    if not np.isnan(z).any():
        x, y = early, late
        r = x.T @ y / np.sqrt(np.outer(np.sum(x * x, axis=0), np.sum(y * y, axis=0)) + np.finfo(float).tiny)
        shared = np.full(r.shape, float(n - lag))
    else:
        seen, later = (~np.isnan(early)).astype(np.float64), (~np.isnan(late)).astype(np.float64)
        x, y = np.nan_to_num(early), np.nan_to_num(late)
        norm = np.sqrt(((x * x).T @ later) * (seen.T @ (y * y)))
        r = (x.T @ y) / np.maximum(norm, np.finfo(float).tiny)
        shared = seen.T @ later
    return Correlations(*_judged(r, shared, widening))


def own_memory(z: Floats) -> Floats:
    """Bartlett's widening of every pair's variance: 1 + 2 sum_h rho_a(h) rho_b(h), at least 1; shape (k, k).

    Exactly white scores give 1; it guards against what whitening left in both metrics of a pair.

    References:
        [1] M. Bartlett, Some aspects of the time-correlation problem, J. Royal Stat. Soc. 98, 1935. doi:10.2307/2342284
    """
    filled = np.nan_to_num(z)
    norm = np.maximum(np.sum(filled * filled, axis=0), np.finfo(float).tiny)
    lags = range(1, min(MEMORY_LAGS, len(z) // 4) + 1)
    own = np.array([np.sum(filled[h:] * filled[:-h], axis=0) / norm for h in lags]).reshape(len(lags), z.shape[1])
    return np.asarray(np.maximum(1 + 2 * own.T @ own, 1.0))


def binned_p(z: Floats, bins: int, widening: Floats) -> Floats:
    """Pearson's chi-squared on equal-frequency bins of every pair: p values, shape (k, k).

    Args:
        z: shape (n, k), scores, NaN where absent.
        bins: bins a metric.
        widening: shape (k, k), the squares' own memory.
    """
    n, k = z.shape
    cell = np.floor(special.ndtr(np.nan_to_num(z)) * bins).astype(np.intp).clip(0, bins - 1)
    present = ~np.isnan(z)
    hot = np.zeros((n, k, bins), dtype=np.float32)  # counts up to 2^24 are exact
    rows, columns = np.nonzero(present)
    hot[rows, columns, cell[rows, columns]] = 1.0
    flat = hot.reshape(n, k * bins)
    counts = (flat.T @ flat).astype(np.float64).reshape(k, bins, k, bins).transpose(0, 2, 1, 3)
    shared = counts.sum(axis=(2, 3))
    expected = counts.sum(axis=3)[..., :, None] * counts.sum(axis=2)[..., None, :]
    expected /= np.maximum(shared, 1.0)[..., None, None]
    excess = np.sum((counts - expected) ** 2 / np.maximum(expected, 1e-9), axis=(2, 3))
    p = special.chdtrc(float((bins - 1) ** 2), excess / widening)
    return np.where(shared >= max(MIN_PAIRS, 5 * bins * bins), p, 1.0)


def curved_p(z: Floats) -> tuple[Floats, Floats]:
    """Correlation between the levels and the spreads of each pair, and between their spreads.

    Returns:
        Two arrays of p values, shape (k, k): that b's level or a's level goes with the other's distance from its
        middle (the smaller of both, doubled), and that both distances go together.
    """
    level = z
    spread = legendre_scores(special.ndtr(z), 2)
    k = z.shape[1]
    both = correlations_at(np.hstack([level, spread]), 0, own_memory(np.hstack([level, spread])))
    mixed = np.minimum(both.p[:k, k:], both.p[k:, :k])
    return np.minimum(2 * mixed, 1.0), both.p[k:, k:]


def _judged(r: Floats, shared: Floats, widening: Floats | float) -> tuple[Floats, Floats, Floats]:
    enough = shared >= MIN_PAIRS
    free = np.maximum(shared / widening - 2, 1.0)
    t = np.abs(r) * np.sqrt(free / np.maximum(1 - r * r, 1e-12))
    p = np.where(enough, 2 * special.stdtr(free, -t), 1.0)
    return np.where(enough, r, 0.0), shared, p
