"""A step of unknown size at an unknown row, in noise that remembers: the matched filter, for many series at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = [
    "SCORE_TRIM",
    "TRIM",
    "Scan",
    "neighbour_drops",
    "scan_step",
    "scan_white",
    "split_off",
    "step_profile",
    "white_drops",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

TRIM = 0.05
"""Share of the rows at each end where no change is looked for: too few rows stand on one side."""

SCORE_TRIM = 0.08
"""The same for scores of spread and shape: they are skewed, and sums of 25 of them reach 4.5 deviations seven times too
often; two in three false changes of spread lay within 42 rows of the window's end."""

MIN_SIDE = 6
"""... and the rows at least, where a window has that many."""


PROFILES_KEPT = 64
"""Numbers of rows, times two trims, whose profiles in white noise are kept; they depend on nothing else."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Evidence for a step at each of s rows, for k series.

    Attributes:
        statistic: shape (s, k), standard normal where nothing happened, if the innovations have unit variance.
        size: shape (s, k), the step that fits best.
        first: the innovation's row that the first statistic is about.
    """

    statistic: Floats
    size: Floats
    first: int


def scan_step(
    e: Floats, phi: Floats, prior_rows: Floats | float = 0.0, pulse: Floats | None = None, *, trim: float = TRIM
) -> Scan:
    """Look for a step of the series in its innovations.

    A step of size d at row t shows in the innovations of an autoregression as d times (1, 1 - phi_1,
    1 - phi_1 - phi_2, ...): a pulse, then the part of the step that the past does not explain. Matching that profile
    uses both. The unknown level is projected off; memory of earlier windows counts as so many rows of innovations
    with mean zero, and lets a window be compared with what came before it, from its first row on.

    Args:
        e: shape (n, k), innovations.
        phi: shape (k, p), coefficients; shape (1, p) where they are the same for all.
        prior_rows: rows of memory, shape (k,) or a number; 0 for none.
        pulse: shape (n, k), what a row's innovation counts for where the step begins at that row; e by default.
        trim: share of the rows at each end where no step is looked for.

    References:
        [1] R. Tsay, Outliers, level shifts, and variance changes in time series, J. Forecasting 7, 1988.
            doi:10.1002/for.3980070102
    """
    n, k = e.shape
    p = phi.shape[1]
    prior = np.asarray(prior_rows, dtype=np.float64)
    rows = _looked_at(n, prior, trim)
    later = np.zeros((n + p + 1, k), order="F")
    np.cumsum(e[::-1], axis=0, out=later[:n][::-1])
    matched = later[rows].copy(order="F")
    used = np.flatnonzero(phi.any(axis=0))  # the orders differ; most series need few lags
    for lag in (used + 1).tolist():
        matched -= phi[:, lag - 1] * later[rows.start + lag : rows.stop + lag]
    total = n + prior
    mass, norm = _mass_and_norm(step_profile(phi), n - np.arange(rows.start, rows.stop), total)
    matched -= mass * (later[0] / total)
    if pulse is not None:
        matched += pulse[rows]
        matched -= e[rows]
    size = matched / norm
    return Scan(size * np.sqrt(norm), size, rows.start)


def scan_white(e: Floats, trim: float) -> Scan:
    """What `scan_step` finds in innovations without memory, whose profiles depend on the number of rows alone.

    Args:
        e: shape (n, k), innovations of mean 0.
        trim: as in `scan_step`.
    """
    first, norm, root = _white_norms(len(e), trim)
    before = np.cumsum(e[: first + len(norm) - 1], axis=0, out=np.empty_like(e[: first + len(norm) - 1], order="F"))
    matched = before[first - 1 :]
    return Scan(matched / -root, matched / -norm, first)


@lru_cache(maxsize=PROFILES_KEPT)
def _white_norms(n: int, trim: float) -> tuple[int, Floats, Floats]:
    """The first row looked at, squared norms of the profiles that begin there and after, and their roots: (s, 1)."""
    rows = _looked_at(n, np.zeros(()), trim)
    left = np.arange(n - rows.start, n - rows.stop, -1.0)[:, None]
    norm = left - left**2 / n
    return rows.start, norm, np.sqrt(norm)


@lru_cache(maxsize=PROFILES_KEPT)
def white_drops(n: int, trim: float) -> Floats:
    """What `neighbour_drops` says of n innovations without memory: shape (s - 1, 1)."""
    drops = neighbour_drops(n, np.zeros((1, 1)), trim=trim)
    drops.flags.writeable = False
    return drops


def neighbour_drops(rows: int, phi: Floats, prior_rows: Floats | float = 0.0, *, trim: float = TRIM) -> Floats:
    """1 minus the correlation of the statistics of neighbouring rows, as `scan_step` gives them: shape (s - 1, k).

    Args:
        rows: n, of the innovations.
        phi: shape (k, p), coefficients.
        prior_rows: as in `scan_step`.
        trim: as in `scan_step`.
    """
    p = phi.shape[1]
    prior = np.asarray(prior_rows, dtype=np.float64)
    total = rows + prior
    looked_at = _looked_at(rows, prior, trim)
    weights, left = step_profile(phi), rows - np.arange(looked_at.start, looked_at.stop)
    mass, norm = _mass_and_norm(weights, left, total)
    shared = _profile_sums(weights[:p] * weights[1:], weights[p] ** 2, left[1:]) - mass[1:] * mass[:-1] / total
    return np.asarray(1 - shared / np.sqrt(norm[:-1] * norm[1:]))


def step_profile(phi: Floats) -> Floats:
    """What a step of height 1 is in the innovations, from its row on until it stays: shape (p + 1, k)."""
    profile = np.ones((phi.shape[1] + 1, len(phi)))
    profile[1:] -= phi.T.cumsum(axis=0)
    return profile


def _looked_at(n: int, prior: Floats, trim: float) -> slice:
    edge = _edge(n, trim)
    return slice(0 if bool(np.all(prior > 0)) else edge, n - edge)


def _edge(n: int, trim: float = TRIM) -> int:
    return max(min(MIN_SIDE, n // 4), int(trim * n), 1)


def _mass_and_norm(weights: Floats, left: Ints, total: Floats) -> tuple[Floats, Floats]:
    """Sums of the profiles of which so many rows are left, and of their squares without the level: shape (s, k)."""
    mass = _profile_sums(weights[:-1], weights[-1], left)
    norm = _profile_sums(weights[:-1] ** 2, weights[-1] ** 2, left)
    norm -= mass**2 / total
    return mass, np.maximum(norm, 1e-12, out=norm)


def _profile_sums(head: Floats, rest: Floats, left: Ints) -> Floats:
    """Sums over the first `left` terms of a sequence that is `head` and then `rest` for ever: shape (len(left), k).

    Args:
        head: shape (p, k).
        rest: shape (k,).
        left: descending.
    """
    p = len(head)
    sums = (rest[:, None] * (left - p) + head.sum(axis=0)[:, None]).T
    if left[-1] < p:  # of short windows
        few = left < p
        sums[few] = np.vstack([np.zeros(head.shape[1]), np.cumsum(head, axis=0)])[left[few]]
    return np.asarray(sums)


def split_off(y: Floats) -> Floats:
    """The series without their best single split in the mean: shape (n, k).

    Takes a shift away before autocorrelation is judged; where there is none it takes little.
    """
    n = len(y)
    centred = y - y.mean(axis=0)
    edge, before = _edge(n), np.arange(1, n)
    sums = np.cumsum(centred, axis=0, out=np.empty_like(centred, order="F"))
    looked_at = slice(edge - 1, n - edge)
    gain = sums[looked_at] ** 2 / (before * (n - before))[looked_at, None]
    split = np.argmax(gain, axis=0) + edge
    ahead = sums[split - 1, np.arange(y.shape[1])]  # what stands after the split sums to as much, less than nothing
    for column, row in enumerate(split.tolist()):
        centred[:row, column] -= ahead[column] / row
        centred[row:, column] += ahead[column] / (n - row)
    return np.asarray(centred)
