"""Figures that depend on the order of the tasks."""

from __future__ import annotations

from math import lgamma, log
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.errors import InvalidColumns
from crackle_stream.information.histogram import (
    COUNTED_AT_ONCE,
    Codes,
    Floats,
    bits,
    count_codes,
    entropy_of_codes,
    metric_columns,
    own_codes,
    paired,
    sample,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["permutation_entropies", "permutation_entropy", "transfer_entropy"]

LARGEST_CODE = 2**62
"""Codes of longer patterns are renumbered before they would leave 64 bits."""


def transfer_entropy(x: npt.ArrayLike, y: npt.ArrayLike, lag: int = 1, bins: int = 4) -> float:
    """What the past of x tells about y beyond the past of y itself, in bits.

    T(X -> Y) = H(Yf, Yp) + H(Xp, Yp) - H(Yp) - H(Yf, Xp, Yp), at least 0, where Yf = y[lag:], Yp = y[:-lag] and
    Xp = x[:-lag], each binned on its own range [1]_. Short samples are biased upwards: the three-way table has
    bins^3 cells, so give at least ten rows a cell or compare with a shuffled x.

    Args:
        x: shape (n,), the supposed driver, in time order.
        y: shape (n,), the supposed follower. Rows in which either is NaN are left out and time closes up over them.
        lag: how many rows x is ahead; 0 gives 0.
        bins: number of bins of each; 0 or fewer give 0.

    Returns:
        Bits, at least 0; 0 where n <= lag + 1.

    Raises:
        InvalidColumns: the lag is negative, or x and y differ in length, are not one-dimensional, or a value is
            infinite.

    References:
        .. [1] T. Schreiber, "Measuring Information Transfer", 2000, doi:10.1103/PhysRevLett.85.461

    A coin that y repeats one toss later tells its one bit forward and nothing backward:

    >>> x = [0, 0, 0, 1, 0, 1, 1, 1] * 4
    >>> y = [0, *x[:-1]]
    >>> round(transfer_entropy(x, y, bins=2), 2), round(transfer_entropy(y, x, bins=2), 2)
    (1.0, 0.01)
    """
    if lag < 0:
        raise InvalidColumns(f"the lag is {lag}: it must be 0 or more rows; swap x and y to look the other way")
    a, b = paired(x, y)
    n = len(a)
    if bins <= 0 or n <= lag + 1:
        return 0.0
    future, past, driver = (own_codes(column, bins) for column in (b[lag:], b[: n - lag], a[: n - lag]))
    gain = (
        entropy_of_codes(future * bins + past, bins**2)
        + entropy_of_codes(driver * bins + past, bins**2)
        - entropy_of_codes(past, bins)
        - entropy_of_codes((future * bins + driver) * bins + past, bins**3)
    )
    return max(0.0, gain)


def permutation_entropy(values: npt.ArrayLike, order: int = 3) -> float:
    """Entropy of the orders in which `order` neighbouring values rise and fall, as a share of its maximum.

    Each run of `order` values is replaced by the permutation that sorts it; equal values keep their places [1]_. The
    entropy of these permutations is divided by log2(order!).

    Args:
        values: shape (n,), in time order; NaN is left out and time closes up over it.
        order: length of the runs; less than 2 gives 0.

    Returns:
        0 for a monotonic sample, near 1 for noise; 0 where n < order.

    Raises:
        InvalidColumns: the values are not one-dimensional, or one of them is infinite.

    References:
        .. [1] C. Bandt and B. Pompe, "Permutation Entropy: A Natural Complexity Measure for Time Series", 2002,
           doi:10.1103/PhysRevLett.88.174102

    >>> permutation_entropy([1, 2, 3, 4]), permutation_entropy([1, 3, 1, 3], order=2) > 0.9
    (0.0, True)
    """
    return float(_permutation_entropies(sample(values)[np.newaxis], order)[0])


def permutation_entropies(names: Sequence[str], values: npt.ArrayLike, order: int = 3) -> list[tuple[str, float]]:
    """`permutation_entropy` of each metric of a table.

    Args:
        names: m metric names.
        values: shape (n, m), n tasks in order; NaN where a task lacks a metric, which is then left out.
        order: length of the runs; less than 2 gives 0.

    Returns:
        One (name, share) a metric, in the order of the names.

    Raises:
        InvalidColumns: the table has not one column a name, or a value is infinite.

    >>> permutation_entropies(["up", "down"], [[1, 9], [2, 8], [3, 7]])
    [('up', 0.0), ('down', 0.0)]
    """
    columns = metric_columns(names, values)
    return list(zip(names, _permutation_entropies(columns, order).tolist(), strict=True))


def _permutation_entropies(columns: Floats, order: int) -> Floats:
    """Of each row of a table, shape (m, n); NaN is left out."""
    m, n = columns.shape
    if order < 2 or n < order or m == 0:
        return np.zeros(m)
    columns, lengths = _closed_up(columns)
    step = max(1, COUNTED_AT_ONCE // n)
    entropies = []
    for start in range(0, m, step):
        codes, cells = _pattern_codes(columns[start : start + step], order)
        entropies.append(_entropies(codes, cells, lengths[start : start + step] - order + 1))
    return np.minimum(1.0, np.concatenate(entropies) / (lgamma(order + 1) / log(2)))


def _closed_up(columns: Floats) -> tuple[Floats, Codes]:
    """Each row with its numbers first, in their order, and NaN after them; and how many numbers it has."""
    missing = np.isnan(columns)
    n = columns.shape[1]
    if not missing.any():
        return columns, np.full(len(columns), n)
    lengths = n - missing.sum(axis=1)
    closed = np.full_like(columns, np.nan)
    closed[np.arange(n) < lengths[:, np.newaxis]] = columns[~missing]  # both masks are read row by row
    return closed, lengths


def _entropies(codes: Codes, cells: int, runs: Codes) -> Floats:
    """Entropy in bits of each row of codes, shape (k, n), of which the first so many count."""
    rows, n = codes.shape
    if cells > n + 1024:
        return np.array([entropy_of_codes(row[: max(0, count)], cells) for row, count in zip(codes, runs, strict=True)])
    if runs.min() < n:
        codes = np.where(np.arange(n) < runs[:, np.newaxis], codes, cells)  # one more cell takes the others
    offsets = np.arange(0, rows * (cells + 1), cells + 1)[:, np.newaxis]
    return bits(count_codes(codes + offsets, rows * (cells + 1)).reshape(rows, cells + 1)[:, :cells])


def _pattern_codes(columns: Floats, order: int) -> tuple[Codes, int]:
    """A number for each run's permutation, shape (m, n - order + 1), and how many there can be.

    The number is the permutation's Lehmer code, which counts for each place how many later values are smaller:
    comparisons instead of a sort a run, and equal values keep their places.
    """
    runs = columns.shape[1] - order + 1
    codes = np.zeros((len(columns), runs), dtype=np.intp)
    cells = 1
    for place in range(order - 1):
        later = order - place
        if cells > LARGEST_CODE // later:
            numbers = np.unique(codes, return_inverse=True)
            codes, cells = numbers[1].reshape(codes.shape), len(numbers[0])
        codes *= later
        here = columns[:, place : place + runs]
        for other in range(place + 1, order):
            codes += columns[:, other : other + runs] < here
        cells *= later
    return codes, cells
