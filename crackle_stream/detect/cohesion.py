"""How far apart the members of each cluster are, on average over all its pairs."""

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

MEASURED_NUMBERS = 1 << 15
"""Pairs times metrics up to which a cluster is measured pair by pair; a product of its own costs more below."""

SIDE = 1024
"""Rows and columns of a block of pairs taken as one product: 8 MB."""

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
    rng: np.random.Generator,
    stop: Callable[[], bool],
) -> list[Cohesion | None]:
    """The average distance within each cluster.

    Args:
        points: all tasks.
        clusters: rows of each cluster, at least two, increasing.
        max_pairs: pairs of a cluster up to which all are taken; of more, a sample is drawn.
        rng: draws it.
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
            found[place] = _drawn(points, clusters[place], max(1, min(max_pairs, SAMPLED_PAIRS)), rng, stop)
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
    shifted = Points(points.values - _anchor(points), points.present)
    encoding = Encoding.of(shifted, points.shared())
    total, apart, n = 0.0, 0, len(points)
    for rows in chunks(n, SIDE):
        for columns in chunks(n, SIDE):
            if columns.start < rows.start:
                continue
            if stop():
                return None
            squares = encoding.left[rows] @ encoding.right[columns].T
            squares *= -2.0
            close = squares <= SAFE_SHARE * (encoding.norms[rows, np.newaxis] + encoding.norms[columns])
            if rows == columns:
                squares, close = np.triu(squares, 1), np.triu(close, 1)
            first, second = np.nonzero(close)
            squares[first, second] = 0.0
            total += float(np.sqrt(squares, out=squares).sum())
            for part in chunks(len(first), points.pairs_at_once):
                if stop():
                    return None
                distances = points.distances(first[part] + rows.start, second[part] + columns.start)
                apart += int(np.isinf(distances).sum())
                total += float(distances.sum())
    pairs = n * (n - 1) // 2
    return Cohesion(total / pairs, pairs, apart=apart)


def _anchor(points: Points) -> Floats:
    """The leader's values, and for metrics it lacks those of the first member that has them."""
    if points.present is None:
        return np.asarray(points.values[0])
    first = points.present.argmax(axis=0)
    return np.asarray(np.nan_to_num(points.values[first, np.arange(points.values.shape[1])]))


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
