"""A step of unknown size at an unknown row, in noise that remembers: the matched filter, for many series at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.lengths import Lengths, closed, counts_of, filled_below, means

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
    e: Floats,
    phi: Floats,
    prior_rows: Floats | float = 0.0,
    pulse: Floats | None = None,
    *,
    trim: float = TRIM,
    lengths: Lengths | None = None,
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
        lengths: of the series; rows beyond what is looked at have a statistic of 0.

    References:
        [1] R. Tsay, Outliers, level shifts, and variance changes in time series, J. Forecasting 7, 1988.
            doi:10.1002/for.3980070102
    """
    n, k = e.shape
    p = phi.shape[1]
    prior = np.asarray(prior_rows, dtype=np.float64)
    rows = _looked_at(n, prior, trim) if lengths is None else _looked_at_in(lengths, prior, trim)
    later = np.zeros((n + p + 1, k), order="F")
    np.cumsum(e[::-1], axis=0, out=later[:n][::-1])
    matched = later[rows].copy(order="F")
    used = np.flatnonzero(phi.any(axis=0))  # the orders differ; most series need few lags
    for lag in (used + 1).tolist():
        matched -= phi[:, lag - 1] * later[rows.start + lag : rows.stop + lag]
    total = (n if lengths is None else lengths.counts) + prior
    mass, norm = _mass_and_norm(step_profile(phi), _left(n, rows, lengths), total)
    matched -= mass * (later[0] / total)
    if pulse is not None:
        matched += pulse[rows]
        matched -= e[rows]
    size = matched / norm
    statistic = size * np.sqrt(norm)
    if lengths is not None:
        statistic *= _within(rows, lengths, prior, trim)
    return Scan(statistic, size, rows.start)


def scan_white(e: Floats, trim: float, lengths: Lengths | None = None) -> Scan:
    """What `scan_step` finds in innovations without memory, whose profiles depend on the number of rows alone.

    Args:
        e: shape (n, k), innovations of mean 0.
        trim: as in `scan_step`.
        lengths: as in `scan_step`.
    """
    if lengths is None:
        first, norm, root = _white_norms(len(e), trim)
    else:
        nothing = np.zeros(())
        rows = _looked_at_in(lengths, nothing, trim)
        first, norm = rows.start, _white_norm(_left(len(e), rows, lengths), lengths.counts)
        root = np.where(_within(rows, lengths, nothing, trim), np.sqrt(norm), np.inf)
    before = np.cumsum(e[: first + len(norm) - 1], axis=0, out=np.empty_like(e[: first + len(norm) - 1], order="F"))
    matched = before[first - 1 :]
    return Scan(matched / -root, matched / -norm, first)


@lru_cache(maxsize=PROFILES_KEPT)
def _white_norms(n: int, trim: float) -> tuple[int, Floats, Floats]:
    """The first row looked at, squared norms of the profiles that begin there and after, and their roots: (s, 1)."""
    rows = _looked_at(n, np.zeros(()), trim)
    norm = _white_norm(_left(n, rows, None)[:, None], n)
    return rows.start, norm, np.sqrt(norm)


def _white_norm(left: Ints, total: int | Ints) -> Floats:
    return np.asarray(np.maximum(left - left**2.0 / total, 1e-12))


def white_drops(n: int, trim: float, lengths: Lengths | None = None) -> Floats:
    """What `neighbour_drops` says of innovations without memory: shape (s - 1, 1), or (s - 1, k)."""
    if lengths is None:
        return _white_drops(n, trim)
    return closed([_white_drops(count, trim)[:, 0] for count in lengths.counts.tolist()])[0]


@lru_cache(maxsize=PROFILES_KEPT)
def _white_drops(n: int, trim: float) -> Floats:
    drops = neighbour_drops(n, np.zeros((1, 1)), trim=trim)
    drops.flags.writeable = False
    return drops


def neighbour_drops(
    rows: int,
    phi: Floats,
    prior_rows: Floats | float = 0.0,
    *,
    trim: float = TRIM,
    lengths: Lengths | None = None,
) -> Floats:
    """1 minus the correlation of the statistics of neighbouring rows, as `scan_step` gives them: shape (s - 1, k).

    Of rows that are not looked at in a shorter series it is 0, as if their statistics were those of the next.

    Args:
        rows: n, of the innovations.
        phi: shape (k, p), coefficients.
        prior_rows: as in `scan_step`.
        trim: as in `scan_step`.
        lengths: as in `scan_step`.
    """
    p = phi.shape[1]
    prior = np.asarray(prior_rows, dtype=np.float64)
    total = (rows if lengths is None else lengths.counts) + prior
    looked_at = _looked_at(rows, prior, trim) if lengths is None else _looked_at_in(lengths, prior, trim)
    weights, left = step_profile(phi), _left(rows, looked_at, lengths)
    mass, norm = _mass_and_norm(weights, left, total)
    shared = _profile_sums(weights[:p] * weights[1:], weights[p] ** 2, left[1:]) - mass[1:] * mass[:-1] / total
    drops = np.asarray(1 - shared / np.sqrt(norm[:-1] * norm[1:]))
    if lengths is not None:
        within = _within(looked_at, lengths, prior, trim)
        drops *= within[:-1] & within[1:]
    return drops


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


def _edges(lengths: Lengths, trim: float) -> Ints:
    return np.array([_edge(count, trim) for count in lengths.counts.tolist()], dtype=np.intp)


def _looked_at_in(lengths: Lengths, prior: Floats, trim: float) -> slice:
    """The rows that are looked at in any of the series."""
    edges = _edges(lengths, trim)
    return slice(0 if bool(np.all(prior > 0)) else int(edges.min()), int((lengths.counts - edges).max()))


def _within(rows: slice, lengths: Lengths, prior: Floats, trim: float) -> npt.NDArray[np.bool_]:
    """Whether each row is looked at in each series: shape (s, k)."""
    row, edges = np.arange(rows.start, rows.stop)[:, None], _edges(lengths, trim)
    return np.asarray((row >= (0 if bool(np.all(prior > 0)) else edges)) & (row < lengths.counts - edges))


def _left(n: int, rows: slice, lengths: Lengths | None) -> Ints:
    """How many rows each series has left from each row on: shape (s,), or (s, k) where that differs."""
    here = np.arange(rows.start, rows.stop)
    return n - here if lengths is None else lengths.counts - here[:, None]


def _mass_and_norm(weights: Floats, left: Ints, total: Floats) -> tuple[Floats, Floats]:
    """Sums of the profiles of which so many rows are left, and of their squares without the level: shape (s, k)."""
    mass = _profile_sums(weights[:-1], weights[-1], left)
    norm = _profile_sums(weights[:-1] ** 2, weights[-1] ** 2, left)
    norm -= mass**2 / total
    return mass, np.maximum(norm, 1e-12, out=norm)


def _profile_sums(head: Floats, rest: Floats, left: Ints) -> Floats:
    """Sums over the first `left` terms of a sequence that is `head` and then `rest` for ever: shape (s, k).

    Args:
        head: shape (p, k).
        rest: shape (k,).
        left: shape (s,), descending; shape (s, k) where it differs, at least p then wherever it matters.
    """
    p = len(head)
    sums = (rest[:, None] * (left - p).T + head.sum(axis=0)[:, None]).T
    if left.ndim == 1 and left[-1] < p:  # of short windows
        few = left < p
        sums[few] = np.vstack([np.zeros(head.shape[1]), np.cumsum(head, axis=0)])[left[few]]
    return np.asarray(sums)


def split_off(y: Floats, lengths: Lengths | None = None) -> Floats:
    """The series without their best single split in the mean: shape (n, k).

    Takes a shift away before autocorrelation is judged; where there is none it takes little.
    """
    n = len(y)
    centred = filled_below(y - means(y, lengths), lengths)
    sums = np.cumsum(centred, axis=0, out=np.empty_like(centred, order="F"))
    if lengths is None:
        rows = slice(_edge(n), n - _edge(n) + 1)
        before = np.arange(rows.start, rows.stop)[:, None]
        gain = sums[rows.start - 1 : rows.stop - 1] ** 2 / (before * (n - before))
    else:
        edges = _edges(lengths, TRIM)
        rows = slice(int(edges.min()), int((lengths.counts - edges).max()) + 1)
        before = np.arange(rows.start, rows.stop)[:, None]
        within = (before >= edges) & (before <= lengths.counts - edges)
        gain = sums[rows.start - 1 : rows.stop - 1] ** 2 * within / np.maximum(before * (lengths.counts - before), 1)
    split = np.argmax(gain, axis=0) + rows.start
    ahead = sums[split - 1, np.arange(y.shape[1])]  # what stands after the split sums to as much, less than nothing
    ends = counts_of(y, lengths).tolist()
    for column, (row, end) in enumerate(zip(split.tolist(), ends, strict=True)):
        centred[:row, column] -= ahead[column] / row
        centred[row:end, column] += ahead[column] / (end - row)
    return np.asarray(centred)
