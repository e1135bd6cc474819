"""Numbers by name of many records, as one flat list of cells: what a table is filled from in a few calls."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import chain, compress, count
from struct import pack
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AT_ONCE", "Cells", "cells_of"]

AT_ONCE = 100_000
"""Elements that numpy takes from Python objects in one call: it holds the interpreter's lock for about 0.5 ms then."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The numbers of k records.

    Attributes:
        names: the distinct names, in no particular order.
        rows: shape (c,), which of the records each number belongs to.
        columns: shape (c,), which of the names it goes by.
        values: shape (c,), the numbers.
    """

    names: tuple[str, ...]
    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    values: npt.NDArray[np.float64]

    def used_names(self) -> list[str]:
        """The names that any cell goes by."""
        used = np.zeros(len(self.names), dtype=np.bool_)
        used[self.columns] = True
        return list(compress(self.names, used.tolist()))

    def only(self, which: npt.NDArray[np.bool_]) -> Cells:
        """The cells for which `which`, shape (c,), holds."""
        return Cells(self.names, self.rows[which], self.columns[which], self.values[which])

    def only_rows(self, good: npt.NDArray[np.bool_]) -> Cells:
        """The cells of the records for which `good`, shape (k,), holds; these are counted anew from 0."""
        left = self.only(good[self.rows])
        return left.in_rows(np.cumsum(good) - 1)

    def in_rows(self, rows: npt.NDArray[np.intp]) -> Cells:
        """The same cells where record i stands in row `rows[i]`."""
        return Cells(self.names, rows[self.rows], self.columns, self.values)


def cells_of(records: Sequence[dict[str, float]]) -> Cells:
    """The cells of some records."""
    column_of: dict[str, int] = defaultdict(count().__next__)
    sizes = np.fromiter(map(len, records), np.intp, len(records))
    step = max(1, AT_ONCE // max(1, int(sizes.max(initial=1))))
    columns, values = [], []
    for start in range(0, len(records), step):
        part = records[start : start + step]
        total = int(sizes[start : start + step].sum())
        # Looking a name up numbers it when it is new.
        columns.append(np.fromiter(map(column_of.__getitem__, chain.from_iterable(part)), np.intp, total))
        values.append(np.frombuffer(pack(f"{total}d", *chain.from_iterable(map(dict.values, part)))))
    return Cells(
        names=tuple(column_of),
        rows=np.repeat(np.arange(len(records)), sizes),
        columns=np.concatenate(columns) if columns else np.empty(0, np.intp),
        values=np.concatenate(values) if values else np.empty(0),
    )
