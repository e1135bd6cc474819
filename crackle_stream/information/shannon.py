"""How much one metric varies, and how much two of them tell about each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crackle_stream.information.histogram import (
    CELLS_PER_ROW,
    Codes,
    Floats,
    bin_codes,
    bits,
    count_codes,
    entropy_of_codes,
    metric_columns,
    own_codes,
    paired,
    sample,
)

__all__ = ["entropy", "joint_entropy", "mutual_information", "mutual_information_matrix"]

PAIRED_AT_ONCE = 1 << 15
"""Codes of all pairs that are put into tables at once: a few arrays of a quarter of a megabyte, which stay in a core's
own cache."""


def entropy(values: npt.ArrayLike, bins: int = 10) -> float:
    """Shannon entropy H(X) of a binned sample, in bits.

    H(X) = -sum p log2 p over equal-width bins between the sample's minimum and maximum [1]_.

    Args:
        values: shape (n,); NaN is left out.
        bins: number of bins; 0 or fewer give 0.

    Returns:
        Bits in [0, log2(bins)]; 0 for an empty or constant sample.

    Raises:
        InvalidColumns: the values are not one-dimensional, or one of them is infinite.

    References:
        .. [1] C. E. Shannon, "A Mathematical Theory of Communication", 1948,
           doi:10.1002/j.1538-7305.1948.tb01338.x

    >>> entropy([1, 2, 3, 4], bins=4)
    2.0
    """
    column = sample(values)
    if bins <= 0 or not len(column):
        return 0.0
    return entropy_of_codes(own_codes(column, bins), bins)


def joint_entropy(x: npt.ArrayLike, y: npt.ArrayLike, bins: int = 10) -> float:
    """Entropy H(X, Y) of two metrics of the same tasks, in bits.

    Args:
        x: shape (n,).
        y: shape (n,); each is binned on its own range, over the rows in which neither is NaN.
        bins: number of bins of each; 0 or fewer give 0.

    Returns:
        Bits in [max(H(X), H(Y)), H(X) + H(Y)]; 0 for empty samples.

    Raises:
        InvalidColumns: x and y differ in length, are not one-dimensional, or a value is infinite.

    >>> joint_entropy([0, 0, 1, 1], [0, 1, 0, 1], bins=2)
    2.0
    """
    a, b = paired(x, y)
    if bins <= 0 or not len(a):
        return 0.0
    return entropy_of_codes(own_codes(a, bins) * bins + own_codes(b, bins), bins * bins)


def mutual_information(x: npt.ArrayLike, y: npt.ArrayLike, bins: int = 10) -> float:
    """What x tells about y and y about x, in bits: I(X; Y) = H(X) + H(Y) - H(X, Y), at least 0.

    Independent samples of n rows still give about (bins - 1)^2 / (2 n ln 2) bits.

    Args:
        x: shape (n,).
        y: shape (n,); each is binned on its own range, over the rows in which neither is NaN.
        bins: number of bins of each; 0 or fewer give 0.

    Returns:
        Bits in [0, min(H(X), H(Y))]; 0 for empty samples.

    Raises:
        InvalidColumns: x and y differ in length, are not one-dimensional, or a value is infinite.

    >>> mutual_information([0, 0, 1, 1], [5, 5, 9, 9], bins=2)
    1.0
    """
    a, b = paired(x, y)
    if bins <= 0 or not len(a):
        return 0.0
    codes_a, codes_b = own_codes(a, bins), own_codes(b, bins)
    joint = entropy_of_codes(codes_a * bins + codes_b, bins * bins)
    return max(0.0, entropy_of_codes(codes_a, bins) + entropy_of_codes(codes_b, bins) - joint)


def mutual_information_matrix(values: npt.ArrayLike, bins: int = 10) -> Floats:
    """`mutual_information` of every pair of columns of a table, with each column's `entropy` on the diagonal.

    Args:
        values: shape (n, m), n tasks and m metrics; NaN where a task lacks a metric. A pair is taken over the rows
            that have both.
        bins: number of bins of each metric; 0 or fewer give zeros.

    Returns:
        Symmetric, shape (m, m), bits.

    Raises:
        InvalidColumns: the table is not two-dimensional, or a value is infinite.

    >>> mutual_information_matrix([[0, 5], [0, 5], [1, 9], [1, 9]], bins=2).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    table = np.asarray(values, dtype=np.float64)
    columns = metric_columns([""] * table.shape[-1] if table.ndim else [], table)
    m, n = columns.shape
    matrix = np.zeros((m, m))
    if bins <= 0 or n == 0:
        return matrix
    if (bins + 1) ** 2 > CELLS_PER_ROW * n + 1024:
        _fill_one_by_one(matrix, columns, bins)
    else:
        _fill(matrix, columns, bins)
    return np.asarray(np.triu(matrix) + np.triu(matrix, 1).T)


def _fill_one_by_one(matrix: Floats, columns: Floats, bins: int) -> None:
    """Fill the upper triangle where a table of a pair would be mostly zeros."""
    m = len(columns)
    np.fill_diagonal(matrix, [entropy(column, bins) for column in columns])
    for i in range(m):
        for j in range(i + 1, m):
            matrix[i, j] = mutual_information(columns[i], columns[j], bins)


def _fill(matrix: Floats, columns: Floats, bins: int) -> None:
    """Fill the upper triangle, many pairs at once."""
    m, n = columns.shape
    codes, alike = _codes_once(columns, bins)
    counts = count_codes(codes + np.arange(0, m * (bins + 1), bins + 1)[:, np.newaxis], m * (bins + 1))
    np.fill_diagonal(matrix, bits(counts.reshape(m, bins + 1)[:, :bins]))
    first, second = np.triu_indices(m, 1)
    step = max(1, PAIRED_AT_ONCE // n)
    for start in range(0, len(first), step):
        i, j = first[start : start + step], second[start : start + step]
        x, y = codes[i], codes[j]
        apart = np.flatnonzero(~alike[i, j])
        if len(apart):
            x[apart], y[apart] = _codes_of_both(columns[i[apart]], columns[j[apart]], bins)
        matrix[i, j] = _informations(x, y, bins)


def _codes_once(columns: Floats, bins: int) -> tuple[Codes, npt.NDArray[np.bool_]]:
    """Each column binned once on its own range, and the pairs for which that is the right binning.

    It is wherever the rows that have both metrics reach the minimum and the maximum of each. A missing value has the
    code `bins`.
    """
    m = len(columns)
    present = ~np.isnan(columns)
    if present.all():
        low, high = columns.min(axis=1, keepdims=True), columns.max(axis=1, keepdims=True)
        return bin_codes(columns, bins, low, high), np.ones((m, m), dtype=bool)
    low, high, codes = _coded(columns, present, bins)
    have = present.astype(np.float32)
    lowest = (columns == low).astype(np.float32) @ have.T
    highest = (columns == high).astype(np.float32) @ have.T
    reached = (lowest > 0) & (highest > 0)
    return codes, reached & reached.T


def _codes_of_both(x: Floats, y: Floats, bins: int) -> tuple[Codes, Codes]:
    """The codes of k pairs of columns, shapes (k, n), each binned on its range over the rows that have both."""
    both = ~(np.isnan(x) | np.isnan(y))
    return _coded(x, both, bins)[2], _coded(y, both, bins)[2]


def _coded(columns: Floats, present: npt.NDArray[np.bool_], bins: int) -> tuple[Floats, Floats, Codes]:
    """Lower and upper end of each row over what is present, shapes (k, 1), and its codes, `bins` for what is not."""
    low = np.where(present, columns, np.inf).min(axis=1, keepdims=True)
    high = np.where(present, columns, -np.inf).max(axis=1, keepdims=True)
    absent = ~present.any(axis=1, keepdims=True)
    low[absent] = high[absent] = 0.0
    codes = bin_codes(np.where(present, columns, low), bins, low, high)
    codes[~present] = bins
    return low, high, codes


def _informations(x: Codes, y: Codes, bins: int) -> Floats:
    """Mutual information of k pairs of coded samples, shapes (k, n): a table a pair."""
    pairs = len(x)
    side = bins + 1  # one more row and column take the rows that lack a metric
    cells = x * side
    cells += y
    cells += np.arange(0, pairs * side * side, side * side)[:, np.newaxis]
    tables = count_codes(cells, pairs * side * side).reshape(pairs, side, side)[:, :bins, :bins].astype(np.float64)
    rows, columns = tables.sum(axis=2, keepdims=True), tables.sum(axis=1, keepdims=True)
    total = np.maximum(rows.sum(axis=1, keepdims=True), 1.0)
    # I = sum p log2(p / (p_row p_column)): one logarithm a cell where three entropies would take more.
    ratio = np.divide(tables * total, rows * columns, out=np.ones(tables.shape), where=tables > 0)
    informations: Floats = np.maximum(0.0, (tables * np.log2(ratio)).sum(axis=(1, 2)) / total[:, 0, 0])
    return informations
