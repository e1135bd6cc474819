"""Matrix products of a window's size on the thread that asks for them."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["ALONE", "applied", "cross", "gram", "grams"]

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


def grams(tables: Floats) -> Floats:
    """The same of t tables at once: from shape (t, n, m) to (t, m, m)."""
    rows, size = tables.shape[1], tables.shape[2] ** 2
    across = np.ascontiguousarray(np.swapaxes(tables, 1, 2))
    step = max(1, ALONE // size)
    products = np.matmul(across[:, :, :step], tables[:, :step])
    for first in range(step, rows, step):
        products += np.matmul(across[:, :, first : first + step], tables[:, first : first + step])
    return np.asarray((products + np.swapaxes(products, 1, 2)) / 2)


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


def applied(table: Floats, matrix: Floats) -> Floats:
    """The product `table @ matrix`, likewise in parts.

    Args:
        table: shape (n, k).
        matrix: shape (k, m).

    Returns:
        Shape (n, m).
    """
    if len(table) * matrix.size >= WORTH_THREADS:
        return np.asarray(table @ matrix)
    step = max(1, ALONE // max(matrix.size, 1))
    products = np.empty((len(table), matrix.shape[1]))
    for first in range(0, len(table), step):
        np.matmul(table[first : first + step], matrix, out=products[first : first + step])
    return products
