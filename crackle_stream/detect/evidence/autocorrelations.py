"""How much each column of a table goes with its own past."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Autocorrelations", "quick_length"]

Floats = npt.NDArray[np.float64]


class Autocorrelations:
    """Autocorrelations of a table's columns, each worked out when it is first asked for."""

    def __init__(self, table: Floats) -> None:
        self._table = table
        self._known: dict[int, Floats] = {}

    def of(self, columns: Sequence[int]) -> Floats:
        """Those of some columns up to half the rows, shape (n // 2, k)."""
        new = [column for column in columns if column not in self._known]
        if new:
            self._known.update(zip(new, _autocorrelations(self._table[:, new]), strict=True))
        return np.stack([self._known[column] for column in columns], axis=1)


def _autocorrelations(table: Floats) -> Floats:
    """Autocorrelations of every column up to half the rows, shape (m, n // 2)."""
    rows = len(table)
    # Lags up to half the rows do not wrap around in one and a half times the rows.
    length = quick_length(rows + rows // 2)
    spectrum = np.fft.rfft(np.ascontiguousarray((table - table.mean(axis=0)).T), length)
    products = np.fft.irfft(np.abs(spectrum) ** 2, length)[:, : rows // 2]
    memory: Floats = products / np.maximum(products[:, :1], 1e-300)
    return memory


def quick_length(least: int) -> int:
    """The least power of two, or three quarters of one, that is long enough: lengths with a large prime take long."""
    power = 1 << (least - 1).bit_length()
    return power * 3 // 4 if power * 3 // 4 >= least else power
