"""Pearson's r of all pairs of columns: quickly by products, and in the crate's own arithmetic where that decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.distances import chunks
from crackle_stream.detect.threshold.columns import EPSILON, Floats, Mask, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crackle_stream.detect.distances import Points
    from crackle_stream.detect.threshold.columns import Table

__all__ = ["Pairs", "raw_sum_pearson", "screen"]

Places = npt.NDArray[np.intp]

NUMBERS_AT_ONCE = 1 << 17
"""Products summed one after another in one go: about a millisecond."""

NARROWEST = 8
"""Columns that are summed together however long they are: numpy's step from row to row costs as much as adding eight
numbers."""

PRODUCTS_AT_ONCE = 1 << 24
"""Multiplications of a screening step: a millisecond or so for its four products."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """All pairs of m metrics as the screen sees them.

    Attributes:
        first: shape (p,), place of one metric.
        second: shape (p,), place of the other, always later.
        tasks: shape (p,), how many tasks have both.
        r: shape (p,), NaN where it is undefined.
        error: shape (p,), bound on how far the crate's r may lie from this one; infinite where nothing is known.
    """

    first: Places
    second: Places
    tasks: npt.NDArray[np.float64]
    r: Floats
    error: Floats


def screen(points: Points, stop: Callable[[], bool]) -> Pairs | None:
    """Pearson's r of all pairs from products of centred columns, and a bound on all rounding.

    The raw-sum formula subtracts two sums that both grow with the offset of the data, and loses digits in proportion
    to kappa = n sum x^2 / (n sum x^2 - (sum x)^2); centred columns lose next to none [1]_. The bound is that of both
    ways to compute r together.

    Args:
        points: n tasks of m metrics.
        stop: asked every few milliseconds.

    Returns:
        The pairs, or None where `stop` ended it.

    References:
        .. [1] T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for Computing the Sample Variance: Analysis and
           Recommendations", 1983, doi:10.1080/00031305.1983.10483115
    """
    n, m = points.values.shape
    centre = points.centre
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        moments = _moments(points, stop)
        if moments is None:
            return None
        tasks, sums, squares, products = moments
        spread = tasks * squares - sums * sums
        scale = np.sqrt(spread * spread.T)
        r = (tasks * products - sums * sums.T) / scale
        # (x + c)^2 <= 2 x^2 + 2 c^2 bounds the raw sums of squares; the centred ones are added.
        size = 3.0 * squares.diagonal() + 2.0 * tasks.diagonal() * centre * centre
        kappa = tasks * size[:, np.newaxis] / spread
        error = 4.0 * (n + 8) * (EPSILON / 2) * (kappa + kappa.T)
    error[~(np.isfinite(error) & np.isfinite(r) & (spread > 0) & (spread.T > 0))] = np.inf
    first, second = np.triu_indices(m, 1)
    return Pairs(first, second, tasks[first, second], r[first, second], error[first, second])


def _moments(points: Points, stop: Callable[[], bool]) -> tuple[Floats, Floats, Floats, Floats] | None:
    """Of each ordered pair (i, j) over the tasks that have both: their number, sum x_i, sum x_i^2, sum x_i x_j."""
    n, m = points.values.shape
    tasks, sums, squares, products = np.zeros((4, m, m))
    for part in chunks(n, max(1, PRODUCTS_AT_ONCE // max(1, m * m))):
        if stop():
            return None
        x = points.filled[part] - points.centre
        if points.present is None:
            tasks += len(x)
            sums += np.einsum("ij->j", x)[:, np.newaxis]
            squares += np.einsum("ij,ij->j", x, x)[:, np.newaxis]
        else:
            have = points.present[part].astype(np.float64)
            x *= have
            tasks += have.T @ have
            sums += x.T @ have
            squares += (x * x).T @ have
        products += x.T @ x
    return tasks, sums, squares, products


def raw_sum_pearson(
    table: Table, pairs: Pairs, wanted: Places, stop: Callable[[], bool]
) -> Iterator[tuple[Places, Floats]]:
    """Pearson's r of the wanted pairs as the crate computes it, until `stop`.

    With sums from the first task to the last, r = (n Sxy - Sx Sy) / sqrt((n Sxx - Sx^2) (n Syy - Sy^2)), and 0 where
    the denominator is under 2.22e-16. Where values hardly vary on a large offset the outcome is rounding, and may be
    NaN or beyond 1; it is reproduced all the same.

    Yields:
        Some places among the pairs and their r.
    """
    values = table.values
    sums = squares = np.empty(0)
    if table.points.present is None:
        sums, squares = table.totals, _squared_sums(values, stop)
    for part in chunks(len(wanted), _columns_at_once(values)):
        if stop():
            return
        places = wanted[part]
        first, second = pairs.first[places], pairs.second[places]
        with np.errstate(over="ignore", invalid="ignore"):
            if table.points.present is None:
                sxy = in_order(values.take(first, axis=1) * values.take(second, axis=1))
                sx, sy, sxx, syy = sums[first], sums[second], squares[first], squares[second]
            else:
                sx, sy, sxx, syy, sxy = _sums_over_both(values, table.points.present, first, second)
            n = pairs.tasks[places]
            numerator = n * sxy - sx * sy
            denominator = np.sqrt((n * sxx - sx * sx) * (n * syy - sy * sy))
            defined = ~(np.abs(denominator) < EPSILON)
            yield places, np.divide(numerator, denominator, out=np.zeros(len(places)), where=defined)


def _sums_over_both(values: Floats, present: Mask, first: Places, second: Places) -> tuple[Floats, ...]:
    """Of each pair the sums of x, y, x^2, y^2 and x y over the tasks that have both, each of shape (p,)."""
    p = len(first)
    sides = values.take(np.concatenate([first, second]), axis=1)
    products = in_order(sides[:, :p] * sides[:, p:])  # 0 already where a task lacks either
    sides *= present.take(np.concatenate([second, first]), axis=1)
    sums = in_order(sides)
    sides *= sides
    squares = in_order(sides)
    return sums[:p], sums[p:], squares[:p], squares[p:], products


def _squared_sums(values: Floats, stop: Callable[[], bool]) -> Floats:
    """The sum of squares of each column, from first to last; zeros from where `stop` ended it."""
    m = values.shape[1]
    squares = np.zeros(m)
    for part in chunks(m, _columns_at_once(values)):
        if stop():
            break
        with np.errstate(over="ignore"):
            squares[part] = in_order(np.square(values[:, part]))
    return squares


def _columns_at_once(values: Floats) -> int:
    """Columns, or products of two, that are summed in one go."""
    return max(NARROWEST, NUMBERS_AT_ONCE // max(1, len(values)))
