"""Autoregressions of many series at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.lengths import Lengths, closed, counts_of, filled_below, later
from crackle_stream.detect.evidence.ranks import medians

__all__ = [
    "CLIP",
    "LAG_PENALTY",
    "MAX_ORDER",
    "Autoregression",
    "clipped",
    "fit",
    "gram",
    "innovations",
    "middle_and_width",
    "order_for",
    "robust_fit",
    "solve",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

MAX_ORDER = 8
"""Lags an autoregression may have; more cost power and gain nothing on noise without seasons."""

ROWS_PER_LAG = 12
"""Rows a window must have for each lag."""

CLIP = 4.0
"""Robust standard deviations at which an innovation is cut: a single outlier is no shift."""

LAG_PENALTY = 2.2
"""What a lag must gain in likelihood ratio: Akaike's 2 explains away one step of .6 sd in 70, 2.5 leaves slow noise in
(AR .9 under as much AR .5: p values of .002 three times too frequent instead of 1.7 times)."""

WIDTH_ROWS = 500
"""Rows that a robust width is taken from: it decides where outliers begin, and four per cent are enough for that."""

RIDGE = 1e-9
"""Share of the trace added to a Gram matrix, for series that determine themselves."""

TINY = float(np.finfo(np.float64).tiny)

NORMAL_MAD = 1.4826


@dataclass(frozen=True, slots=True)
class Autoregression:
    """y_t = c + phi_1 y_t-1 + ... + e_t for k series.

    Attributes:
        phi: shape (k, p), zeros beyond a series' own order.
        constant: shape (k,).
    """

    phi: Floats
    constant: Floats


def order_for(rows: int) -> int:
    """The largest order tried on a window of so many rows."""
    return int(np.clip(rows // ROWS_PER_LAG, 1, MAX_ORDER))


def gram(y: Floats, p: int, lengths: Lengths | None = None) -> Floats:
    """Cross products of a constant, the p lags and the series itself: shape (k, p + 2, p + 2).

    Args:
        y: shape (n, k).
        p: number of lags.
        lengths: of the series.
    """
    return _gram(np.ascontiguousarray(y.T), p, lengths)


def _gram(rows: Floats, p: int, lengths: Lengths | None) -> Floats:
    """The same of series that stand in rows, shape (k, n).

    The products of two lags are those of the lags before them with one term more and one less at the ends, so p + 1
    sums over the rows give all (p + 2)^2.
    """
    k, n = rows.shape
    products = np.empty((k, p + 2, p + 2))
    # by lag: 0 is the series, and the constant comes after the last lag; reordered at the end
    own = rows[:, p:]
    for lag in range(p + 1):
        products[:, 0, lag] = np.vecdot(own, rows[:, p - lag : n - lag])
    products[:, 0, p + 1] = own.sum(axis=1)
    first, last = rows[:, p - 1 :: -1], _last(rows, p, lengths)  # what a further lag gains, and loses
    ends = np.concatenate([first, np.ones((k, 1))], axis=1), np.concatenate([last, np.ones((k, 1))], axis=1)
    change = first[:, :, None] * ends[0][:, None] - last[:, :, None] * ends[1][:, None]
    for lag in range(p):
        products[:, lag + 1, 0] = products[:, 0, lag + 1]
        products[:, lag + 1, 1 : p + 1] = products[:, lag, :p] + change[:, lag, :p]
        products[:, lag + 1, p + 1] = products[:, lag, p + 1] + change[:, lag, p]
    products[:, p + 1, : p + 1] = products[:, : p + 1, p + 1]
    products[:, p + 1, p + 1] = n - p if lengths is None else lengths.counts - p
    order = [p + 1, *range(1, p + 1), 0]
    return np.asarray(products[:, order][:, :, order])


def _last(rows: Floats, p: int, lengths: Lengths | None) -> Floats:
    """The last p values of each series, the last one first: shape (k, p)."""
    if lengths is None:
        return rows[:, -1 : -1 - p : -1]
    return np.asarray(rows[np.arange(len(rows))[:, None], lengths.counts[:, None] - 1 - np.arange(p)])


def _with_target(products: Floats, rows: Floats, target: Floats) -> Floats:
    """Cross products with another target in the place of the series.

    Args:
        products: what `_gram` returns for the rows, shape (k, p + 2, p + 2).
        rows: shape (k, n).
        target: shape (k, n - p).
    """
    p, n = products.shape[1] - 2, rows.shape[1]
    changed = products.copy()
    changed[:, -1, 0] = target.sum(axis=1)
    for lag in range(1, p + 1):
        changed[:, -1, lag] = np.vecdot(target, rows[:, p - lag : n - lag])
    changed[:, -1, -1] = np.vecdot(target, target)
    changed[:, :, -1] = changed[:, -1]
    return changed


def fit(products: Floats, rows: int | Ints) -> Ints:
    """The order of each series by Akaike's criterion, at least 1: shape (k,).

    One Cholesky factor gives the residual sums of all orders: the squares of its last row, summed from the end.
    At least one lag is always fitted, so that a weak autocorrelation that no test would notice is paid for.

    Args:
        products: what `gram` returns.
        rows: rows behind the products, the same for all series or shape (k,).
    """
    size = products.shape[1]
    factor = np.linalg.cholesky(_ridged(products))
    residual = np.cumsum(factor[:, -1, ::-1] ** 2, axis=1)[:, ::-1][:, 1:size]
    criterion = np.reshape(rows, (-1, 1)) * np.log(residual) + LAG_PENALTY * np.arange(size - 1)
    criterion[:, 0] = np.inf
    return np.asarray(np.argmin(criterion, axis=1))


def solve(products: Floats, orders: Ints) -> Autoregression:
    """Least-squares coefficients, each series with its own order."""
    size = int(orders.max(initial=0)) + 1  # with the constant; most series need few lags
    left = _ridged(products)[:, :size, :size]
    right = products[:, :size, -1].copy()
    unused = np.arange(size) > orders[:, None]
    if unused.any():
        left[unused[:, :, None] | unused[:, None, :]] = 0.0
        np.einsum("kii->ki", left)[unused] = 1.0
        right[unused] = 0.0
    found = np.linalg.solve(left, right[..., None])[..., 0]
    phi = np.zeros((len(products), products.shape[1] - 2))
    phi[:, : size - 1] = found[:, 1:]
    return Autoregression(phi, np.ascontiguousarray(found[:, 0]))


def innovations(y: Floats, model: Autoregression, lengths: Lengths | None = None) -> Floats:
    """What the past does not explain: shape (n - p, k)."""
    return _innovations(np.ascontiguousarray(y.T), model, lengths).T


def _innovations(rows: Floats, model: Autoregression, lengths: Lengths | None) -> Floats:
    """The same of series that stand in rows, shape (k, n - p)."""
    n, p = rows.shape[1], model.phi.shape[1]
    e = rows[:, p:] - model.constant[:, None]
    used = np.flatnonzero(model.phi.any(axis=0))  # the orders differ; most series need few lags
    for lag in (used + 1).tolist():
        e -= model.phi[:, lag - 1, None] * rows[:, p - lag : n - lag]
    filled_below(e.T, later(lengths, p))
    return np.asarray(e)


def clipped(e: Floats, at: float = CLIP, lengths: Lengths | None = None) -> Floats:
    """Innovations cut at so many robust standard deviations from their median."""
    middle, width = middle_and_width(e, lengths)
    return filled_below(np.clip(e, middle - at * width, middle + at * width), lengths)


def middle_and_width(e: Floats, lengths: Lengths | None = None) -> tuple[Floats, Floats]:
    """Median and robust standard deviation of each column, from evenly spaced rows where there are very many."""
    if lengths is None:
        some = e[:: max(len(e) // WIDTH_ROWS, 1)]
    else:
        some, lengths = _spaced(e, lengths)
    middle = medians(some, lengths)
    return middle, NORMAL_MAD * medians(np.abs(some - middle), lengths)


def _spaced(e: Floats, lengths: Lengths) -> tuple[Floats, Lengths]:
    """The evenly spaced rows of columns of different lengths."""
    steps = np.maximum(lengths.counts // WIDTH_ROWS, 1)
    if (steps == steps[0]).all():
        return e[:: int(steps[0])], Lengths.of(-(-lengths.counts // steps))
    ends = zip(lengths.counts.tolist(), steps.tolist(), strict=True)
    return closed([e[:count:step, column] for column, (count, step) in enumerate(ends)])


def robust_fit(
    y: Floats,
    p: int,
    orders: Ints | None = None,
    products: Floats | None = None,
    lengths: Lengths | None = None,
) -> tuple[Autoregression, Ints]:
    """Coefficients by one step of Huber's pseudo-observations, and the orders.

    Args:
        y: shape (n, k).
        p: lags the products are taken for.
        orders: orders to use; chosen by Akaike's criterion by default.
        products: what `gram` says of the series, where that is known.
        lengths: of the series.

    References:
        [1] P. Huber, Robust Statistics, 1981, section 7.8 (modified residuals).
    """
    rows = np.ascontiguousarray(y.T)
    products = _gram(rows, p, lengths) if products is None else products
    chosen = fit(products, counts_of(y, lengths) - p) if orders is None else orders
    e = _innovations(rows, solve(products, chosen), lengths)
    middle, width = middle_and_width(e.T, later(lengths, p))
    target = np.clip(e, (middle - CLIP * width)[:, None], (middle + CLIP * width)[:, None])
    target += rows[:, p:] - e
    filled_below(target.T, later(lengths, p))
    return solve(_with_target(products, rows, target), chosen), chosen


def _ridged(products: Floats) -> Floats:
    """The products with a little on their diagonals."""
    k, size = products.shape[:2]
    ridged = products.copy(order="C")
    diagonals = ridged.reshape(k, size * size)[:, :: size + 1]  # a view
    diagonals += (RIDGE / size * np.add.reduce(diagonals, axis=1) + TINY)[:, None]
    return ridged
