"""Autoregressions of many series at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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


def gram(y: Floats, p: int, target: Floats | None = None) -> Floats:
    """Cross products of a constant, the p lags and the target: shape (k, p + 2, p + 2).

    Args:
        y: shape (n, k).
        p: number of lags.
        target: shape (n - p, k), what is regressed; the series itself by default.
    """
    n, k = y.shape
    design = np.empty((k, p + 2, n - p))
    design[:, 0] = 1.0
    for lag in range(1, p + 1):
        design[:, lag] = y[p - lag : n - lag].T
    design[:, p + 1] = (y[p:] if target is None else target).T
    return np.asarray(design @ design.transpose(0, 2, 1))


def fit(products: Floats, rows: int) -> Ints:
    """The order of each series by Akaike's criterion, at least 1: shape (k,).

    One Cholesky factor gives the residual sums of all orders: the squares of its last row, summed from the end.
    At least one lag is always fitted, so that a weak autocorrelation that no test would notice is paid for.

    Args:
        products: what `gram` returns.
        rows: rows behind the products.
    """
    size = products.shape[1]
    factor = np.linalg.cholesky(products + _ridge(products))
    residual = np.cumsum(factor[:, -1, ::-1] ** 2, axis=1)[:, ::-1][:, 1:size]
    criterion = rows * np.log(residual) + LAG_PENALTY * np.arange(size - 1)
    criterion[:, 0] = np.inf
    return np.asarray(np.argmin(criterion, axis=1))


def solve(products: Floats, orders: Ints) -> Autoregression:
    """Least-squares coefficients, each series with its own order."""
    size = products.shape[1] - 1
    left = (products + _ridge(products))[:, :-1, :-1]
    right = products[:, :-1, -1].copy()
    unused = np.arange(size) > orders[:, None]
    left[unused[:, :, None] | unused[:, None, :]] = 0.0
    diagonal = np.arange(size)
    left[:, diagonal, diagonal] += unused
    right[unused] = 0.0
    found = np.linalg.solve(left, right[..., None])[..., 0]
    return Autoregression(np.asarray(found[:, 1:], dtype=np.float64), np.asarray(found[:, 0], dtype=np.float64))


def innovations(y: Floats, model: Autoregression) -> Floats:
    """What the past does not explain: shape (n - p, k)."""
    n, p = len(y), model.phi.shape[1]
    e = y[p:] - model.constant
    for lag in range(1, p + 1):
        e -= model.phi[:, lag - 1] * y[p - lag : n - lag]
    return e


def clipped(e: Floats, at: float = CLIP) -> Floats:
    """Innovations cut at so many robust standard deviations from their median."""
    middle, width = middle_and_width(e)
    return np.asarray(np.clip(e, middle - at * width, middle + at * width))


def middle_and_width(e: Floats) -> tuple[Floats, Floats]:
    """Median and robust standard deviation of each column, from evenly spaced rows where there are very many."""
    some = e[:: max(len(e) // WIDTH_ROWS, 1)]
    middle = np.median(some, axis=0)
    return middle, NORMAL_MAD * np.median(np.abs(some - middle), axis=0)


def robust_fit(y: Floats, p: int, orders: Ints | None = None) -> tuple[Autoregression, Ints]:
    """Coefficients by one step of Huber's pseudo-observations, and the orders.

    Args:
        y: shape (n, k).
        p: lags the products are taken for.
        orders: orders to use; chosen by Akaike's criterion by default.

    References:
        [1] P. Huber, Robust Statistics, 1981, section 7.8 (modified residuals).
    """
    products = gram(y, p)
    chosen = fit(products, len(y) - p) if orders is None else orders
    e = innovations(y, solve(products, chosen))
    return solve(gram(y, p, y[p:] - e + clipped(e)), chosen), chosen


def _ridge(products: Floats) -> Floats:
    size = products.shape[1]
    weight = RIDGE * np.trace(products, axis1=1, axis2=2) / size + np.finfo(float).tiny
    return np.asarray(weight[:, None, None] * np.eye(size))
