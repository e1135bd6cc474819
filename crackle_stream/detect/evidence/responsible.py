"""Which tasks carry a correlation, and how few of them it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import special

from crackle_stream.model import NearMiss, Skip

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crackle_stream.model import CracklePattern

__all__ = ["Weighed", "carried_by_few", "carriers", "curve_fragility", "fragility", "too_fragile", "weighed"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

ROUNDS = 20
"""Times, at most, at which the excess of a table's cells is looked at while tasks are taken away."""

FEW_SHARE, FEW_TASKS = 0.01, 2
"""Share of the tasks, and tasks at the least, without which a dependence must still stand to be told as a fact."""

CARRIED = 0.8
"""Share of a correlation that the responsible tasks carry together."""


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """Tasks by what they add to a correlation, the heaviest first.

    Attributes:
        rows: shape (s,), the s tasks that have both metrics.
        x: shape (s,), scores of the first metric, turned so that the correlation is positive.
        y: shape (s,), scores of the second.
    """

    rows: Ints
    x: Floats
    y: Floats


def weighed(a: Floats, b: Floats, sign: float) -> Weighed:
    """Weigh the tasks of a pair.

    Args:
        a: shape (n,), scores; NaN where absent.
        b: shape (n,), likewise.
        sign: of the correlation.
    """
    weight = a * b * sign
    rows = np.flatnonzero(~np.isnan(weight))
    rows = rows[np.argsort(-weight[rows], kind="stable")]
    return Weighed(rows, a[rows] * sign, b[rows])


def carriers(pair: Weighed) -> Ints:
    """Rows that carry four fifths of a correlation, the heaviest first."""
    carried = np.cumsum(pair.x * pair.y)
    if not len(carried) or carried[-1] <= 0:
        return pair.rows[:1]
    return pair.rows[: int(np.argmax(carried >= CARRIED * carried[-1])) + 1]


def fragility(pair: Weighed, bar: float) -> int:
    """How many tasks, the heaviest first, must go before the correlation's p value is above the bar.

    Args:
        pair: its tasks.
        bar: the p value that was needed, under 1.
    """
    x, y = pair.x, pair.y
    left = len(x) - np.arange(len(x))
    sums = np.cumsum(np.stack([x, y, x * y, x * x, y * y])[:, ::-1], axis=1)[:, ::-1]
    mean_x, mean_y, products, squares_x, squares_y = sums / left
    variance = (squares_x - mean_x**2) * (squares_y - mean_y**2)
    r = np.clip((products - mean_x * mean_y) / np.sqrt(np.maximum(variance, 1e-12)), 0.0, 1 - 1e-12)
    free = np.maximum(left - 2.0, 1.0)
    t = r * np.sqrt(free / (1 - r * r))
    # Student's tail is heavier than the normal one: where the normal tail is above the bar, his is, and where his own
    # with the fewest degrees is not, none is. In between it has to be worked out.
    above = np.flatnonzero(t < -special.ndtri(bar / 2))
    end = int(above[0]) if len(above) else len(x)
    doubtful = np.flatnonzero(t[:end] <= -special.stdtrit(free[max(end - 1, 0)], bar / 2)) if end else above[:0]
    gone = doubtful[2 * special.stdtr(free[doubtful], -t[doubtful]) > bar]
    return int(gone[0]) if len(gone) else end


def carried_by_few(pattern: CracklePattern) -> NearMiss | None:
    """How far a dependence is from being a fact, if it vanishes without one task in a hundred, or without two.

    So few tasks are an incident and no rule of the stream; and among thousands of tasks it is a dependence that is
    there, but too weak to matter. None where it stands without them, or where that is not known.
    """
    fragile, tasks = pattern.metrics.get("fragility"), pattern.metrics["tasks"]
    few = max(FEW_TASKS, FEW_SHARE * tasks)
    if fragile is None or fragile > few:
        return None
    return NearMiss(" ~ ".join(pattern.metric_names), fragile, few, f"of {tasks:.0f} tasks without which it vanishes")


def too_fragile(misses: Iterable[NearMiss]) -> list[Skip]:
    """The dependences left untold because few tasks carry them, for the account of what was tested."""
    return [
        Skip(miss.what, f"vanishes without {miss.value:.0f} {miss.unit.partition(' tasks')[0]} tasks")
        for miss in misses
    ]


def curve_fragility(cells: Ints, bins: int, bar: float) -> int:
    """How many tasks must go before a table of bins shows no dependence any more, those in overfull cells first.

    The excess over what the margins let expect is looked at anew after every `ROUNDS`-th of the tasks, because the
    margins change as tasks go. Only in the round that ends above the bar is every task looked at.

    Args:
        cells: shape (s, 2), the bin of each task in both metrics.
        bins: bins a metric.
        bar: the p value that was needed; 0 is returned where Pearson's chi-squared does not reach it with all tasks.
    """
    flat = cells[:, 0] * bins + cells[:, 1]
    number = _number_in_cell(flat, bins)
    left = np.arange(len(flat))
    while True:
        table = np.bincount(flat[left], minlength=bins * bins)
        if _chance(table[None], bins)[0] > bar:
            return len(flat) - len(left)
        expected = np.maximum(_expected(table.reshape(1, bins, bins).astype(np.float64)).ravel(), 1e-9)[flat[left]]
        excess = (number[left] + 1 - expected) / np.sqrt(expected)
        count = min(-(-len(flat) // ROUNDS), len(left))
        going = np.argpartition(-excess, count - 1)[:count]
        stays = np.ones(len(left), dtype=np.bool_)
        stays[going] = False
        if _chance(np.bincount(flat[left[stays]], minlength=bins * bins)[None], bins)[0] > bar:
            going = going[np.argsort(-excess[going], kind="stable")]
            gone = np.cumsum(flat[left[going]][:, None] == np.arange(bins * bins), axis=0)
            above = np.flatnonzero(_chance(table - gone, bins) > bar)
            return len(flat) - len(left) + int(above[0]) + 1
        left = left[stays]


def _number_in_cell(flat: Ints, bins: int) -> Ints:
    """The how many-th of its cell each task is."""
    counts = np.bincount(flat, minlength=bins * bins)
    number = np.empty(len(flat), dtype=np.intp)
    number[np.argsort(flat, kind="stable")] = np.arange(len(flat)) - np.repeat(np.cumsum(counts) - counts, counts)
    return number


def _chance(tables: Ints, bins: int) -> Floats:
    """P values of Pearson's chi-squared of flat tables, shape (tables,); 1 for an empty one."""
    counts = tables.reshape(-1, bins, bins).astype(np.float64)
    expected = _expected(counts)
    excess = np.sum((counts - expected) ** 2 / np.maximum(expected, 1e-9), axis=(1, 2))
    return np.asarray(special.chdtrc(float((bins - 1) ** 2), excess))


def _expected(counts: Floats) -> Floats:
    """Counts that tables with the same margins have where the metrics are independent, shape (tables, bins, bins)."""
    both = counts.sum(axis=2)[:, :, None] * counts.sum(axis=1)[:, None, :]
    return np.asarray(both / np.maximum(counts.sum(axis=(1, 2)), 1.0)[:, None, None])
