"""Metrics that are another one in other units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["affine_copies"]

Floats = npt.NDArray[np.float64]

EXACT = 1e-9
"""Largest deviation, in standard deviations, of a copy: rounding of the last digits, no measurement error."""


def affine_copies(table: Floats, columns: Sequence[int]) -> dict[int, int]:
    """Columns that equal a constant plus a multiple of an earlier column, absent in the same rows.

    Args:
        table: shape (n, m), NaN where absent.
        columns: which ones to compare.

    Returns:
        The earlier column for each copy.

    >>> celsius = np.array([20.0, 21.5, 19.0])
    >>> affine_copies(np.column_stack([celsius, 32 + 1.8 * celsius]), [0, 1])
    {1: 0}
    """
    copies: dict[int, int] = {}
    first_of: dict[bytes, list[tuple[int, Floats]]] = {}
    for column in columns:
        x = table[:, column]
        present = ~np.isnan(x)
        values = x[present]
        spread = float(values.std()) if len(values) > 1 else 0.0
        if spread == 0:
            continue
        z = (values - values.mean()) / spread
        z *= np.sign(z[np.argmax(np.abs(z) > EXACT)]) or 1.0
        known = first_of.setdefault(present.tobytes() + np.round(z[:3], 6).tobytes(), [])
        like = next((other for other, its in known if float(np.abs(z - its).max()) <= EXACT), None)
        if like is None:
            known.append((column, z))
        else:
            copies[column] = like
    return copies
