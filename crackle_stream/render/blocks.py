"""Numbers as a row of terminal blocks."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["sparkline", "strip"]

BLOCKS = "▁▂▃▄▅▆▇█"
MIDDLE = BLOCKS[3]
"""Of a series that never changes: neither its least nor its greatest."""

MARK = "╎"


def sparkline(values: Sequence[float], width: int = 60) -> str:
    """The course of a series: lowest block at its minimum, highest at its maximum.

    A longer series is drawn by the means of `width` equal stretches; NaN and infinities are absent, and a stretch
    with nothing in it is blank.

    >>> sparkline([0, 1, 2, 3, 4, 5, 6, 7]), sparkline([5, 5]), sparkline([0, float("nan"), 1])
    ('▁▂▃▄▅▆▇█', '▄▄', '▁ █')
    """
    return _drawn([_stretches(values, width)])[0]


def strip(values: Sequence[float], at: int, width: int = 60) -> str:
    """The course of a series before and after a row, on one scale, with a mark between.

    Args:
        values: n numbers.
        at: the first row after the change; 0 and n leave one side empty.
        width: most cells, the mark's included.

    >>> strip([1, 1, 1, 8, 8], 3)
    '▁▁▁╎██'
    """
    before, after = values[: max(at, 0)], values[max(at, 0) :]
    cells = width - 1
    if len(values) > cells:
        share = round(cells * len(before) / len(values))
        left = min(max(share, bool(before)), cells - bool(after))
        both = [_stretches(before, left), _stretches(after, cells - left)]
    else:
        both = [list(before), list(after)]
    return MARK.join(_drawn(both))


def _stretches(values: Sequence[float], count: int) -> list[float]:
    """Means of `count` equal stretches, or the values themselves where there are fewer."""
    total = len(values)
    if total <= count:
        return list(values)
    edges = [total * number // count for number in range(count + 1)]
    return [_mean(values[start:end]) for start, end in itertools.pairwise(edges)]


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    # Divided before they are added: a sum of large numbers must not overflow.
    return sum(value / len(finite) for value in finite) if finite else math.nan


def _drawn(parts: list[list[float]]) -> list[str]:
    """Each part as blocks, all on the scale of all."""
    finite = [value for part in parts for value in part if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    return ["".join(_block(value, low, high) for value in part) for part in parts]


def _block(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return " "
    if low == high:
        return MIDDLE
    span = high - low
    # The span of two numbers of opposite sign may be more than a float holds; half of the least of spans is nothing.
    share = (value - low) / span if math.isfinite(span) else (value / 2 - low / 2) / (high / 2 - low / 2)
    return BLOCKS[min(int(share * len(BLOCKS)), len(BLOCKS) - 1)]
