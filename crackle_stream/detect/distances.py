"""Euclidean distances over the metrics that both tasks have: measured exactly, and many at once as one product.

The distance of tasks a and b is sqrt(sum (a_k - b_k)^2) over the metrics k that both have, and infinite where they
have none in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Encoding", "Points", "chunks", "counted", "gathered"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
Number = TypeVar("Number", bound=np.generic)

MEASURED_AT_ONCE = 1 << 18
"""Numbers subtracted in one go when pairs are measured: about a millisecond, and few enough to stay in the cache."""


ROWS_AVERAGED = 4096
"""Rows that stand for all when columns are centred: their mean lies within a few hundredths of a standard deviation."""


@dataclass(frozen=True, eq=False)
class Points:
    """Tasks as points; what follows from them is computed once, when it is first asked for.

    Attributes:
        values: shape (n, m), NaN where a task lacks a metric.
        present: shape (n, m), where it does not; None where no metric is missing.
    """

    values: Floats
    present: npt.NDArray[np.bool_] | None

    @classmethod
    def of(cls, values: Floats) -> Self:
        """The points of a table of shape (n, m) with NaN for what is missing."""
        present = values == values  # NaN alone differs from itself; a third of the time of isnan and its inverse
        return cls(values, None if present.all() else present)

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def filled(self) -> Floats:
        """Shape (n, m), the values, and 0 where a task lacks a metric."""
        return self.values if self.present is None else np.where(self.present, self.values, 0.0)

    @cached_property
    def counts(self) -> Rows:
        """Shape (m,), how many tasks have each metric."""
        n, m = self.values.shape
        return np.full(m, n) if self.present is None else counted(self.present)

    @cached_property
    def centre(self) -> Floats:
        """A level near each metric's mean, shape (m,): the mean over a few thousand of the tasks.

        Centring needs no more, and a metric such as an epoch time, a small spread on a huge offset, needs that. The
        values are divided before they are summed, so that the sum cannot overflow.
        """
        step = max(1, len(self) // ROWS_AVERAGED)
        some = self if step == 1 else self.take(slice(None, None, step))
        return np.asarray(np.einsum("ij->j", some.filled / np.maximum(some.counts, 1)))

    def take(self, rows: Rows | slice) -> Points:
        """The points of the given rows; a slice copies nothing."""
        if isinstance(rows, slice):
            return Points(self.values[rows], None if self.present is None else self.present[rows])
        return Points(gathered(self.values, rows), None if self.present is None else gathered(self.present, rows))

    @property
    def pairs_at_once(self) -> int:
        """Pairs to measure in one go, so that stopping can be asked between."""
        return int(max(1, MEASURED_AT_ONCE // max(4, self.values.shape[1])))

    def distances(self, first: Rows, second: Rows) -> Floats:
        """The distance of each pair, shape (p,), in the order of operations of a plain loop over the metrics.

        Squares are added one metric after another, not pairwise, so that a distance on a threshold falls on the same
        side as it does in that loop.
        """
        if not len(first) or not self.values.shape[1]:
            return np.full(len(first), np.inf)
        with np.errstate(over="ignore"):
            squares = gathered(self.values, first)
            squares -= gathered(self.values, second)
            squares *= squares
            if self.present is None:
                return np.sqrt(_along_rows(squares))
            apart = np.isnan(squares)
            squares[apart] = 0.0
            distances = np.sqrt(_along_rows(squares))
        distances[~(~apart @ np.ones(apart.shape[1], dtype=np.bool_))] = np.inf
        return distances

    def shared(self) -> npt.NDArray[np.bool_] | None:
        """The metrics that all tasks have, shape (m,); None where no metric is missing."""
        return None if self.present is None else np.asarray(self.present.all(axis=0))

    def bare(self) -> npt.NDArray[np.bool_] | None:
        """The points without any metric, shape (n,); None where no metric is missing."""
        if self.present is None:
            return None
        # a product of truths is "any" without the step from row to row that a reduction of short rows costs
        return np.asarray(~(self.present @ np.ones(self.present.shape[1], dtype=np.bool_)))

    def always_comparable(self, shared: npt.NDArray[np.bool_] | None) -> bool:
        """Whether any two points surely have a metric in common; False where it takes a look at the pair.

        Args:
            shared: the metrics that all tasks have, as `shared` gives them.
        """
        if self.present is None or shared is None:
            return bool(self.values.shape[1] > 0)
        if len(self) < 2 or shared.any():
            return True
        # Two sets of more than m members in all, drawn from m metrics, meet.
        counts = np.partition(np.einsum("ij->i", self.present, dtype=np.intp), 1)
        return bool(counts[0] + counts[1] > self.values.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """Points as two tables such that left[a] · right[b] = -d(a, b)^2 / 2, the sum running over common metrics.

    With |a - b|^2 = |a|^2 + |b|^2 - 2 a · b and zero for what is missing, a metric that all tasks have costs one
    column and one that some lack costs three: a · b - (a^2 · has_b + has_a · b^2) / 2. Pairs without a common metric
    come out at distance 0.

    Attributes:
        left: shape (n, k). Its last two columns are -|a|^2 / 2 over the metrics all tasks have, and 1.
        right: shape (n, k). Its last two columns are 1 and -|b|^2 / 2.
        norms: shape (n,) float64, |a|^2 over all metrics that a has.
    """

    left: npt.NDArray[np.floating]
    right: npt.NDArray[np.floating]
    norms: Floats

    @classmethod
    def of(cls, points: Points, shared: npt.NDArray[np.bool_] | None, dtype: type[np.floating] = np.float64) -> Self:
        """Encode points whose values are finite and of moderate size.

        Args:
            points: n tasks.
            shared: shape (m,), the metrics that all tasks have, also those encoded apart from these; None where no
                metric is missing.
            dtype: precision of the tables.
        """
        values = points.values
        if points.present is not None and shared is not None:
            return cls(*_with_holes(values, points.present, shared, dtype))
        halves = np.einsum("ij,ij->i", values, values) / -2.0
        left, right = np.empty((2, len(values), values.shape[1] + 2), dtype=dtype)
        left[:, :-2] = right[:, :-2] = values
        left[:, -2] = right[:, -1] = halves
        left[:, -1] = right[:, -2] = 1.0
        return cls(left, right, -2.0 * halves)


def _with_holes(
    values: Floats, present: npt.NDArray[np.bool_], shared: npt.NDArray[np.bool_], dtype: type[np.floating]
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating], Floats]:
    """The two tables of points of which some lack some metrics, and their norms."""
    whole = values[:, :0]
    if shared.any():
        whole, values, present = values[:, shared], values[:, ~shared], present[:, ~shared]
    holed = np.where(present, values, 0.0)
    squares = holed * holed
    squares *= -0.5
    halves = np.einsum("ij,ij->i", whole, whole)[:, np.newaxis] / -2.0
    ones = np.ones_like(halves)
    left = np.concatenate((whole, holed, squares, present, halves, ones), axis=1, dtype=dtype, casting="same_kind")
    right = np.concatenate((whole, holed, present, squares, ones, halves), axis=1, dtype=dtype, casting="same_kind")
    return left, right, -2.0 * (halves[:, 0] + np.einsum("ij->i", squares))


def gathered(table: npt.NDArray[Number], rows: Rows) -> npt.NDArray[Number]:
    """Some rows of a table.

    `take` copies them in half the time of indexing, but a table whose rows do not lie one after another it copies
    whole before.
    """
    return table.take(rows, axis=0) if table.flags.c_contiguous else table[rows]


def _along_rows(table: Floats) -> Floats:
    """The sum of each row of a table of shape (p, m), from the first column to the last, shape (p,).

    Turned, numpy adds all rows' numbers of a metric in one step. A single row it would add by pairs.
    """
    if len(table) == 1:
        return np.asarray(np.add.accumulate(table, axis=1)[:, -1])
    return np.asarray(np.add.reduce(np.ascontiguousarray(table.T), axis=0))


def counted(mask: npt.NDArray[np.bool_]) -> Rows:
    """How often each column of a table of shape (n, k) is true, shape (k,).

    A narrow table takes `einsum` half the time that numpy's step from row to row takes, and no copy.
    """
    return np.asarray(np.einsum("ij->j", mask, dtype=np.intp))


def chunks(total: int, step: int) -> Iterator[slice]:
    """Slices of at most `step` that cover range(total)."""
    for start in range(0, total, step):
        yield slice(start, min(start + step, total))
