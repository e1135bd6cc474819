"""How far apart the members of each cluster are, on average over all its pairs.

The pairs are the one quadratic thing where clusters are few. Those of a large cluster are taken in blocks that fit a
core's own cache: one matrix product gives the squared distances, one look at the least of them whether any has lost
digits, one pass the roots and one their sum. A block of tasks with themselves is taken whole and halved, which costs
less than cutting a triangle out of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from crackle_stream.detect.distances import Encoding, Floats, Points, Rows, chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Cohesion", "cohesion"]

SAMPLED_PAIRS = 20_000
"""Pairs of a sampled average: the distances within a cluster spread by less than their mean, so its standard error is
under 1 % of it."""

MEASURED_NUMBERS = 1 << 13
"""Pairs times metrics up to which a cluster is measured pair by pair; a product of its own costs more below."""

SIDE = 256
"""Rows and columns of a block of pairs taken as one product: half a megabyte, which stays in a core's own cache through
the passes that follow."""

SAFE_SHARE = 1e-5
"""A squared distance out of the product below this share of |a|^2 + |b|^2 is measured instead: cancellation leaves the
others with ten digits or more. Pairs without a common metric come out of it as exactly 0, and are measured too."""


@dataclass(frozen=True, slots=True)
class Cohesion:
    """The average distance within one cluster.

    Attributes:
        average: mean distance; infinite where a pair has no metric in common.
        pairs: how many pairs there are.
        sampled: how many of them were drawn, or 0 where all were taken.
        apart: pairs taken that have no metric in common.
    """

    average: float
    pairs: int
    sampled: int = 0
    apart: int = 0


def cohesion(
    points: Points,
    clusters: Sequence[Rows],
    max_pairs: int,
    generator: Callable[[], np.random.Generator],
    stop: Callable[[], bool],
) -> list[Cohesion | None]:
    """The average distance within each cluster.

    Args:
        points: all tasks.
        clusters: rows of each cluster, at least two, increasing.
        max_pairs: pairs of a cluster up to which all are taken; of more, a sample is drawn.
        generator: gives what draws it; asked only where a sample is drawn, as making one takes longer than a small
            cluster.
        stop: asked every few milliseconds; True ends the work.

    Returns:
        One a cluster, in order; None for those that `stop` left unmeasured.
    """
    found: list[Cohesion | None] = [None] * len(clusters)
    sizes = np.array([len(rows) for rows in clusters], dtype=np.int64)
    pairs = sizes * (sizes - 1) // 2
    sampled = pairs > max_pairs
    small = ~sampled & (pairs * points.values.shape[1] <= MEASURED_NUMBERS)
    for batch in _batches(np.flatnonzero(small), pairs, points.pairs_at_once):
        if stop():
            return found
        for place, made in zip(batch.tolist(), _measured(points, [clusters[k] for k in batch]), strict=True):
            found[place] = made
    for place in np.flatnonzero(~small).tolist():
        if sampled[place]:
            found[place] = _drawn(points, clusters[place], max(1, min(max_pairs, SAMPLED_PAIRS)), generator(), stop)
        else:
            found[place] = _multiplied(points.take(clusters[place]), stop)
        if found[place] is None:
            return found
    return found


def _batches(places: Rows, pairs: Rows, pairs_at_once: int) -> list[Rows]:
    """Neighbouring clusters together, up to about `pairs_at_once` pairs."""
    if not len(places):
        return []
    number = np.cumsum(pairs[places]) // pairs_at_once
    return np.split(places, np.flatnonzero(np.diff(number)) + 1)


def _measured(points: Points, clusters: Sequence[Rows]) -> list[Cohesion]:
    """All pairs one by one, summed in the order of a plain double loop."""
    members = np.concatenate(clusters)
    sizes = np.array([len(rows) for rows in clusters])
    cluster = np.repeat(np.arange(len(clusters)), sizes)
    last = np.cumsum(sizes)[cluster] - 1
    later = last - np.arange(len(members))  # pairs of each member with those after it
    first = np.repeat(np.arange(len(members)), later)
    starts = np.cumsum(later) - later
    second = first + 1 + np.arange(len(first)) - starts[first]
    distances = points.distances(members[first], members[second])
    apart = np.isinf(distances)
    totals = np.bincount(cluster[first], weights=distances, minlength=len(clusters))
    aparts = np.bincount(cluster[first][apart], minlength=len(clusters))
    pairs = sizes * (sizes - 1) // 2
    return [
        Cohesion(total / count, count, apart=none)
        for total, count, none in zip(totals.tolist(), pairs.tolist(), aparts.tolist(), strict=True)
    ]


def _multiplied(points: Points, stop: Callable[[], bool]) -> Cohesion | None:
    """All pairs of one cluster by products of its points, seen from their leader."""
    with np.errstate(over="ignore"):
        shifted = Points(points.values - _anchor(points), points.present)
        encoding = Encoding.of(shifted, points.shared())
        encoding.left[:] *= -2.0  # so that a product is a squared distance
    total, apart, n = 0.0, 0, len(points)
    for rows in chunks(n, SIDE):
        for columns in chunks(n, SIDE):
            if columns.start < rows.start:
                continue
            if stop():
                return None
            with np.errstate(over="ignore", invalid="ignore"):
                squares = encoding.left[rows] @ encoding.right[columns].T
            first, second = _take_out_close(squares, encoding.norms[rows], encoding.norms[columns], rows == columns)
            some = float(np.sqrt(squares, out=squares).sum())
            # each pair stands twice in a block of rows with themselves
            total += some / 2 if rows == columns else some
            for part in chunks(len(first), points.pairs_at_once):
                if stop():
                    return None
                distances = points.distances(first[part] + rows.start, second[part] + columns.start)
                apart += int(np.isinf(distances).sum())
                total += float(distances.sum())
    pairs = n * (n - 1) // 2
    return Cohesion(total / pairs, pairs, apart=apart)


def _take_out_close(squares: Floats, left: Floats, right: Floats, itself: bool) -> tuple[Rows, Rows]:
    """Set to 0 what a product of some rows and some columns does not tell: pairs too close, and tasks with themselves.

    Args:
        squares: shape (a, b), squared distances; changed in place.
        left: shape (a,), |a|^2 of the rows.
        right: shape (b,), likewise of the columns.
        itself: whether the columns are the rows.

    Returns:
        Places of the pairs that are to be measured, each once.
    """
    diagonal = np.einsum("ii->i", squares) if itself else squares[:0]  # a view
    diagonal[...] = np.inf
    first = second = np.empty(0, dtype=np.intp)
    # one look at the least of them spares most blocks the comparison of each
    if not squares.min() > SAFE_SHARE * (left.max() + right.max()):
        close = ~(squares > SAFE_SHARE * (left[:, np.newaxis] + right))  # also where numbers are too large to square
        if itself:
            close |= close.T  # the two halves may round to different sides
        squares[close] = 0.0
        first, second = np.nonzero(np.triu(close, 1) if itself else close)
    diagonal[...] = 0.0
    return first, second


def _anchor(points: Points) -> Floats:
    """The leader's values, and for metrics it lacks those of the first member that has them."""
    if points.present is None:
        return np.asarray(points.values[0])
    first = points.present.argmax(axis=0)
    anchor = points.values[first, np.arange(points.values.shape[1])]
    anchor[np.isnan(anchor)] = 0.0  # a metric that none of them has
    return np.asarray(anchor)


def _drawn(
    points: Points, rows: Rows, draws: int, rng: np.random.Generator, stop: Callable[[], bool]
) -> Cohesion | None:
    """Pairs of two different members, drawn with replacement."""
    n = len(rows)
    first = rng.integers(0, n, draws)
    second = (first + rng.integers(1, n, draws)) % n
    total, apart = 0.0, 0
    for part in chunks(draws, points.pairs_at_once):
        if stop():
            return None
        distances = points.distances(rows[first[part]], rows[second[part]])
        apart += int(np.isinf(distances).sum())
        total += float(distances.sum())
    return Cohesion(total / draws, n * (n - 1) // 2, draws, apart)
