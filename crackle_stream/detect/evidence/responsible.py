"""Which tasks carry a correlation, and how few of them it rests on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

__all__ = ["carriers", "fragility"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

CARRIED = 0.8
"""Share of a correlation that the responsible tasks carry together."""


def carriers(a: Floats, b: Floats, sign: float) -> Ints:
    """Rows that carry four fifths of a correlation, the heaviest first.

    Args:
        a: shape (n,), scores; NaN where absent.
        b: shape (n,), likewise.
        sign: of the correlation.
    """
    weight = np.nan_to_num(a * b) * sign
    order = np.argsort(-weight, kind="stable")
    total = weight.sum()
    if total <= 0:
        return order[:1]
    carried = np.cumsum(weight[order])
    return order[: int(np.searchsorted(carried, CARRIED * total)) + 1]


def fragility(a: Floats, b: Floats, sign: float, bar: float) -> int:
    """How many tasks, the heaviest first, must go before the correlation's p value is above the bar.

    Args:
        a: shape (n,), scores; NaN where absent.
        b: shape (n,), likewise.
        sign: of the correlation.
        bar: the p value that was needed.
    """
    both = ~(np.isnan(a) | np.isnan(b))
    x, y = a[both], b[both]
    order = np.argsort(-(x * y) * sign, kind="stable")
    x, y = x[order], y[order]
    left = len(x) - np.arange(len(x))
    mean_x, mean_y = _left(x) / left, _left(y) / left
    covariance = _left(x * y) / left - mean_x * mean_y
    variance = (_left(x * x) / left - mean_x**2) * (_left(y * y) / left - mean_y**2)
    r = sign * covariance / np.sqrt(np.maximum(variance, 1e-12))
    r = np.clip(r, 0.0, 1 - 1e-12)
    free = np.maximum(left - 2.0, 1.0)
    p = 2 * special.stdtr(free, -r * np.sqrt(free / (1 - r * r)))
    gone = np.flatnonzero(p > bar)
    return int(gone[0]) if len(gone) else len(x)


def _left(v: Floats) -> Floats:
    """Sums over the rows that are left when those before are gone."""
    return np.asarray(np.cumsum(v[::-1])[::-1])
