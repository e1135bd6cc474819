"""Columns of different lengths in one table.

Metrics that are absent from different tasks close up over their gaps, so that each fills a number of rows of its own
from the top of a table. Below its last row a column is zero: sums along columns, products of lags and sums from the end
are then what they are of the column alone. What is no sum is told the lengths. Where all columns fill all rows, as most
do, lengths are None and the functions here are numpy's; `tests/evidence/test_lengths.py` holds the one against the
other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Lengths", "closed", "counts_of", "filled_below", "later", "means", "of_columns", "variances"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Lengths:
    """How many rows each of k columns fills.

    Attributes:
        counts: shape (k,), rows filled.
        least: the smallest of them; no column is empty above it.
    """

    counts: Ints
    least: int

    @classmethod
    def of(cls, counts: Ints | Sequence[int]) -> Self:
        """Columns of so many rows."""
        known = np.asarray(counts, dtype=np.intp)
        return cls(known, int(known.min()) if len(known) else 0)

    def columns(self, chosen: Ints | slice | list[int]) -> Lengths:
        """Those of some columns."""
        return Lengths.of(self.counts[chosen])

    def without(self, first: int) -> Lengths:
        """Those of the columns without so many of their first rows."""
        return Lengths(self.counts - first, self.least - first)

    def repeated(self, times: int) -> Lengths:
        """Those of a table in which all columns stand side by side so many times."""
        return Lengths(np.tile(self.counts, times), self.least)


def later(lengths: Lengths | None, first: int) -> Lengths | None:
    """The lengths without so many first rows, None where all columns fill all rows."""
    return None if lengths is None else lengths.without(first)


def of_columns(lengths: Lengths | None, chosen: Ints | slice | list[int]) -> Lengths | None:
    """The lengths of some columns, None where all columns fill all rows."""
    return None if lengths is None else lengths.columns(chosen)


def counts_of(y: Floats, lengths: Lengths | None) -> Ints:
    """Rows of each column, shape (k,)."""
    return np.full(y.shape[1], len(y), dtype=np.intp) if lengths is None else lengths.counts


def filled_below(y: Floats, lengths: Lengths | None, value: float = 0.0) -> Floats:
    """The table itself, with a value written below the last row of each column."""
    if lengths is not None:
        rest = y[lengths.least :]
        rest[np.arange(lengths.least, len(y))[:, None] >= lengths.counts] = value
    return y


def means(y: Floats, lengths: Lengths | None) -> Floats:
    """The mean of each column, shape (k,)."""
    return np.asarray(np.add.reduce(y, axis=0) / (len(y) if lengths is None else lengths.counts))


def variances(y: Floats, lengths: Lengths | None) -> Floats:
    """The variance of each column, shape (k,)."""
    centred = filled_below(y - means(y, lengths), lengths)
    return np.asarray(np.vecdot(centred.T, centred.T) / (len(y) if lengths is None else lengths.counts))


def closed(columns: Sequence[Floats]) -> tuple[Floats, Lengths]:
    """One table of columns of different lengths, shape (n,) each, and the lengths."""
    lengths = Lengths.of([len(column) for column in columns])
    table = np.zeros((int(lengths.counts.max(initial=0)), len(columns)), order="F")
    for place, column in enumerate(columns):
        table[: len(column), place] = column
    return table, lengths
