"""Matrix products of a window's size on the thread that asks for them."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["ALONE", "cross", "each_applied", "gram", "grams"]

Floats = npt.NDArray[np.float64]
Real = TypeVar("Real", np.float32, np.float64)

ALONE = 2**18
"""Multiplications up to which OpenBLAS computes a product on the calling thread (65,536 times a threshold of 4)."""

WORTH_THREADS = 2**24
"""Multiplications from which a product is left whole: some 10 ms, beside which handing out work costs nothing."""


def gram(table: Floats) -> Floats:
    """Products of all pairs of columns, `table.T @ table`; see `cross`.

    Args:
        table: shape (n, m).

    Returns:
        Shape (m, m), symmetric to the last digit.
    """
    products = cross(table, table)
    return np.asarray((products + products.T) / 2)


def grams(some: Floats, tables: Floats) -> Floats:
    """Products of all pairs of columns of t tables at once, likewise.

    Args:
        some: shape (t, m, n), tables whose columns stand in rows; 0 in rows that do not count.
        tables: shape (t, m, n), the same with all rows. In an array of its own, as a table times itself would become
            another routine of BLAS, with a threshold of its own.

    Returns:
        Shape (t, m, m), symmetric to the last digit.
    """
    rows, size = tables.shape[2], tables.shape[1] ** 2
    across = np.swapaxes(tables, 1, 2)
    step = max(1, ALONE // size)
    products = np.matmul(some[:, :, :step], across[:, :step])
    for first in range(step, rows, step):
        products += np.matmul(some[:, :, first : first + step], across[:, first : first + step])
    return np.asarray((products + np.swapaxes(products, 1, 2)) / 2)


def each_applied(matrices: Floats, tables: Floats, out: Floats) -> Floats:
    """The products `matrices @ tables` of each of t tables whose columns stand in rows, likewise.

    Args:
        matrices: shape (t, k, m).
        tables: shape (t, m, n).
        out: shape (t, k, n), where they are written.
    """
    rows, step = tables.shape[2], max(1, ALONE // max(matrices[0].size, 1))
    for first in range(0, rows, step):
        part = slice(first, first + step)
        np.matmul(matrices, tables[:, :, part], out=out[:, :, part])
    return out


def cross(one: npt.NDArray[Real], other: npt.NDArray[Real]) -> npt.NDArray[Real]:
    """Products of the columns of two tables, `one.T @ other`, in parts that BLAS does not hand to other threads.

    A product of some 10 microseconds that waits for a thread which the machine's other work keeps from running takes
    as long as that work's time slice; a search with hundreds of them stood still for seconds on two busy cores.

    Args:
        one: shape (n, a).
        other: shape (n, b).

    Returns:
        Shape (a, b).
    """
    rows, size = len(one), one.shape[1] * other.shape[1]
    # A table times itself would become another routine of BLAS, with a threshold of its own.
    across = np.ascontiguousarray(one.T) if one.ctypes.data == other.ctypes.data else one.T
    if rows * size >= WORTH_THREADS:
        return np.asarray(across @ other)
    step = max(1, ALONE // max(size, 1))
    products = across[:, :step] @ other[:step]
    for first in range(step, rows, step):
        products += across[:, first : first + step] @ other[first : first + step]
    return np.asarray(products)
