"""Equal-width bins: from samples to codes, from codes to counts, from counts to bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.errors import InvalidColumns

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["bin_codes", "bits", "count_codes", "entropy_of_codes", "metric_columns", "paired", "sample"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

COUNTED_AT_ONCE = 100_000
"""Codes handed to `np.bincount` in one call: it keeps the interpreter's lock for its whole length, and half a
millisecond of that (about 5 ns a code) is what an event loop in another thread may be kept waiting."""

CELLS_PER_ROW = 4
"""A table with many more cells than there are rows is mostly zeros; sorting the codes is then cheaper than counting."""


def sample(values: npt.ArrayLike) -> Floats:
    """One sample as an array of shape (n,), NaN left out.

    Raises:
        InvalidColumns: the values are not one-dimensional, or one of them is infinite.
    """
    column = _column(values)
    return column[~np.isnan(column)]


def paired(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Two samples of equal length; rows in which either is NaN are left out of both.

    Raises:
        InvalidColumns: they differ in length, are not one-dimensional, or a value is infinite.
    """
    a, b = _column(x), _column(y)
    if len(a) != len(b):
        raise InvalidColumns(f"x has {len(a)} values and y has {len(b)}: they must be of the same tasks, row by row")
    both = ~(np.isnan(a) | np.isnan(b))
    return (a, b) if both.all() else (a[both], b[both])


def metric_columns(names: Sequence[str], values: npt.ArrayLike) -> Floats:
    """A table of n tasks in rows and m metrics in columns, turned so that each metric is contiguous: shape (m, n).

    Raises:
        InvalidColumns: the table has not one column a name, or a value is infinite.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(names):
        raise InvalidColumns(
            f"values of shape {table.shape} for {len(names)} names: one row a task and one column a metric are needed"
        )
    if np.isinf(table).any():
        raise InvalidColumns("values must be finite or NaN (left out), an infinite one was given")
    return np.ascontiguousarray(table.T)


def bin_codes(values: Floats, bins: int, low: npt.ArrayLike, high: npt.ArrayLike) -> Codes:
    """The bin of each value among `bins` equal-width bins between `low` and `high`.

    Args:
        values: finite numbers in [low, high].
        bins: number of bins, at least 1.
        low: lower end, a number or an array that broadcasts against the values.
        high: upper end; it falls in the last bin, and where it equals `low` everything falls in bin 0.

    >>> bin_codes(np.array([0.0, 0.5, 1.0]), 2, 0.0, 1.0).tolist()
    [0, 1, 1]
    """
    bottom, top = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    with np.errstate(over="ignore"):
        span = top - bottom
    if np.isinf(span).any():
        # The range of two finite numbers overflows; a quarter of it does not, and the bins are the same.
        return bin_codes(values / 4.0, bins, bottom / 4.0, top / 4.0)
    width = np.where(span > 0.0, span, 1.0)
    codes = ((values - bottom) / width * bins).astype(np.intp)
    return np.minimum(codes, bins - 1, out=codes)


def own_codes(values: Floats, bins: int) -> Codes:
    """The bins of a sample between its own minimum and maximum; it must not be empty."""
    return bin_codes(values, bins, values.min(), values.max())


def count_codes(codes: Codes, cells: int) -> npt.NDArray[np.intp]:
    """How often each of the codes 0 .. cells - 1 stands among `codes`, which may have any shape."""
    flat = codes.reshape(-1)
    counts = np.bincount(flat[:COUNTED_AT_ONCE], minlength=cells)
    for start in range(COUNTED_AT_ONCE, len(flat), COUNTED_AT_ONCE):
        counts += np.bincount(flat[start : start + COUNTED_AT_ONCE], minlength=cells)
    return counts


def entropy_of_codes(codes: Codes, cells: int) -> float:
    """Entropy in bits of a sample of codes 0 .. cells - 1; 0 for an empty one."""
    if cells <= CELLS_PER_ROW * len(codes) + 1024:
        counts = count_codes(codes, cells)
    else:
        counts = np.unique(codes, return_counts=True)[1]
    return float(bits(counts[counts > 0]))


def bits(counts: npt.NDArray[np.intp]) -> Floats:
    """Entropy in bits of each row of counts (the last axis); 0 where a row is empty.

    >>> bits(np.array([[1, 1, 2], [4, 0, 0]])).tolist()
    [1.5, 0.0]
    """
    share = counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    surprise = np.log2(share, out=np.zeros_like(share), where=counts > 0)
    return np.asarray(0.0 - (share * surprise).sum(axis=-1))


def _column(values: npt.ArrayLike) -> Floats:
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1:
        raise InvalidColumns(f"a sample has one dimension, not the shape {column.shape}: give one metric's values")
    if np.isinf(column).any():
        raise InvalidColumns("values must be finite or NaN (left out), an infinite one was given")
    return column
