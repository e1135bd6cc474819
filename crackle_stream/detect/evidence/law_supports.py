"""Which sets of metrics could be the members of a law."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crackle_stream.detect.evidence.concentration import Concentrate

__all__ = ["MAX_TERMS", "Tight", "tight_sets"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

MAX_TERMS = 6
"""Most members of a law: more can be read by nobody and chance finds them more easily."""

PAIR_UNEXPLAINED = 0.05**2
"""Share of a member's variance that a law of two terms may leave open: r .95 is a correlation, r .999 an alias."""

UNEXPLAINED = 0.2
"""The same for three terms and more, for every member: 3 % noise on a total leaves 14 % of a tenth part's open."""

SURVIVING = 0.25
"""Share left open by all other metrics together above which a metric is in no law; loose, it only saves work."""

MOST_SURVIVING = 40
"""Metrics looked at together, those that are least open first: elimination costs their number to the fourth power."""

MOST_SETS = 3000
"""Sets listed exhaustively; beyond, backward elimination proposes them."""

TWIN = 1e-9
"""Open share under which two metrics are one, of which the larger sets take the first; what little is left open above
that may be a third member's: in = out + dropped, where hardly anything is dropped."""

RIDGE = 1e-12
"""Added to a correlation matrix before it is inverted: an exact law makes it singular."""


@dataclass(frozen=True, slots=True, eq=False)
class Tight:
    """A set of metrics in which the others determine each.

    Attributes:
        members: column numbers, ascending.
        precision: shape (s, s), inverse correlation matrix; row j holds the coefficients of the regression of j.
        unexplained: shape (s,), share of each member's variance that the others leave open.
        spread: shape (s,), standard deviations.
        rows: rows it was seen in.
        rivals: about how many sets were as tight, for the chance that one of them has simple coefficients.
    """

    members: tuple[int, ...]
    precision: Floats
    unexplained: Floats
    spread: Floats
    rows: int
    rivals: int = 1


def tight_sets(block: Concentrate) -> Iterator[list[Tight]]:
    """Sets in which every member is determined by the others and all regressions agree on the signs.

    With noise in any of the members the law lies between the regressions of each member on the others, provided
    they agree in sign [1]_; metrics that merely share a driver do not agree, since all their partial correlations are
    positive.

    Args:
        block: correlations of rows that agree with each other.

    Yields:
        The sets of one batch of supports; between batches the caller may stop.

    References:
        .. [1] Klepper, S., Leamer, E. E. (1984). Consistent sets of estimates for regressions with errors in all
           variables. Econometrica 52, 163-184. doi:10.2307/1911466
    """
    surviving = _surviving(block)
    if len(surviving) < 2:
        return
    pairs = _combined(surviving, 2)
    twins = _evaluate(block, pairs, PAIR_UNEXPLAINED)
    yield twins
    second = {tight.members[1] for tight in twins if tight.unexplained.max() < TWIN}
    alone = np.array([place for place in surviving.tolist() if place not in second], dtype=np.intp)
    for sets, chosen_from in _larger(block, alone):
        yield _evaluate(block, sets, UNEXPLAINED, chosen_from)


def _surviving(block: Concentrate) -> Places:
    """Columns that all others together determine, shape (k,)."""
    keep = block.varying
    while len(keep) > 1:
        matrix = block.correlation[np.ix_(keep, keep)] + RIDGE * np.eye(len(keep))
        fitted = block.rows / max(block.rows - len(keep), 1)
        open_share = fitted / np.diagonal(np.linalg.inv(matrix))
        nearer = keep[open_share < SURVIVING]
        if len(nearer) == len(keep):
            return np.sort(keep[np.argsort(open_share, kind="stable")[:MOST_SURVIVING]])
        keep = nearer
    return keep[:0]


def _combined(places: Places, size: int) -> Places:
    return places[_choices(len(places), size)]


@lru_cache(maxsize=64)
def _choices(count: int, size: int) -> Places:
    """All ways of choosing `size` of `count`, shape (N, size); small, and asked for again and again."""
    chosen = np.array(list(combinations(range(count), size)), dtype=np.intp).reshape(-1, size)
    chosen.flags.writeable = False
    return chosen


def _larger(block: Concentrate, places: Places) -> Iterator[tuple[Places, int]]:
    """Sets of three to six members: all of them while they are few, then those that elimination ends with.

    Beside them by how many the tight ones must be multiplied: elimination picks the tightest of many.
    """
    most = min(MAX_TERMS, len(places))
    listed, size = 0, 3
    while size <= most and listed + comb(len(places), size) <= MOST_SETS:
        listed += comb(len(places), size)
        yield _combined(places, size), 1
        size += 1
    if size <= most:
        for sets in _eliminated(block, places, size):
            yield sets, len(places)


def _eliminated(block: Concentrate, places: Places, smallest: int) -> Iterator[Places]:
    """The last sets of a backward elimination from every metric, all metrics at once.

    Removing a regressor from a precision matrix is a rank-one update, so one step for all k targets costs k^3.
    """
    k = len(places)
    target = np.arange(k)
    matrix = block.correlation[np.ix_(places, places)] + 1e-9 * np.eye(k)
    precision = np.repeat(np.linalg.inv(matrix)[None], k, axis=0)
    active = np.ones((k, k), dtype=bool)
    sets: dict[int, set[tuple[int, ...]]] = {size: set() for size in range(smallest, MAX_TERMS + 1)}
    for size in range(k - 1, smallest - 1, -1):
        weakest = _weakest(precision, active, target)
        column = precision[target, :, weakest]
        pivot = column[target, weakest]
        precision -= column[:, :, None] * (column / pivot[:, None])[:, None, :]
        active[target, weakest] = False
        precision[target, weakest, :] = 0.0
        precision[target, :, weakest] = 0.0
        if size in sets:
            sets[size].update(tuple(places[row].tolist()) for row in active)
    for size, found in sets.items():
        yield np.array(sorted(found), dtype=np.intp).reshape(-1, size)


def _weakest(precision: Floats, active: npt.NDArray[np.bool_], target: Places) -> Places:
    """For every target the regressor whose removal costs least, shape (k,)."""
    row = precision[target, target]
    own = np.diagonal(precision, axis1=1, axis2=2)
    free = np.maximum(own * row[target, target][:, None] - row**2, 1e-100)
    cost = np.where(active, row**2 / free, np.inf)
    cost[target, target] = np.inf
    weakest: Places = cost.argmin(axis=1)
    return weakest


def _evaluate(block: Concentrate, sets: Places, bar: float, chosen_from: int = 1) -> list[Tight]:
    """The tight ones among N sets of s members, tightest first."""
    size = sets.shape[1]
    if not len(sets) or block.rows <= 2 * size:
        return []
    matrices = block.correlation[sets[:, :, None], sets[:, None, :]] + RIDGE * np.eye(size)
    precision = np.linalg.inv(matrices)
    fitted = block.rows / (block.rows - size)
    unexplained = fitted / np.diagonal(precision, axis1=1, axis2=2)
    sign = np.sign(precision)
    agree = (sign == sign[:, 0, :, None] * sign[:, 0, None, :]).all(axis=(1, 2))
    worst = unexplained.max(axis=1)
    good = np.flatnonzero((worst <= bar) & agree)
    return [
        Tight(
            tuple(sets[q].tolist()),
            precision[q],
            unexplained[q],
            block.spread[sets[q]],
            block.rows,
            len(good) * chosen_from,
        )
        for q in good[np.argsort(worst[good], kind="stable")]
    ]
