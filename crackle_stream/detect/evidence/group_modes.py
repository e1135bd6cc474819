"""Modes of a density that stand out from their surroundings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["density_modes", "nearest_neighbours"]

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]


def nearest_neighbours(squared: Floats, count: int) -> tuple[Labels, Floats]:
    """The nearest points of each point, nearest first, and their squared distances; both of shape (n, count).

    Args:
        squared: shape (n, n), squared distances.
        count: neighbours of each point, itself left out.
    """
    others = squared.copy()
    np.fill_diagonal(others, np.inf)
    near = np.argpartition(others, count - 1, axis=1)[:, :count]
    distances = np.take_along_axis(others, near, axis=1)
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(near, order, axis=1), np.take_along_axis(distances, order, axis=1)


def density_modes(near: Labels, squared: Floats, dimensions: int, prominence: float) -> Labels:
    """The mode each point belongs to, by the topology of a nearest-neighbour density.

    Points are taken from the densest down; each joins the hill of its densest neighbour, and where two hills meet the
    lower one is absorbed if its top rises above the saddle by less than `prominence` [1]_. A curve, however bent, and
    a blob of any shape are one hill; what lies between groups is a saddle.

    Args:
        near: shape (n, k), the k nearest points of each point.
        squared: shape (n, k), their squared distances; the mean is the scale of the density at a point.
        dimensions: of the space they are distances in.
        prominence: least difference of the logarithms of a mode's density and its saddle's.

    Returns:
        Shape (n,): the same number for points of one mode, counted from 0, the most populous mode first.

    References:
        .. [1] Chazal, F., Guibas, L. J., Oudot, S. Y., Skraba, P. (2013). Persistence-based clustering in Riemannian
           manifolds. J. ACM 60 (6), 41. doi:10.1145/2535927
    """
    height = -0.5 * dimensions * np.log(squared.mean(axis=1) + 1e-300)
    rank = np.empty(len(near), dtype=np.intp)
    rank[np.argsort(-height, kind="stable")] = np.arange(len(near))
    hill = _hills(near, rank)
    parent = _joined(hill, near, rank, height, prominence)
    _, labels, sizes = np.unique(parent[hill], return_inverse=True, return_counts=True)
    by_size = np.empty(len(sizes), dtype=np.intp)
    by_size[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    named: Labels = by_size[labels]
    return named


def _hills(near: Labels, rank: Labels) -> Labels:
    """The top above each point, reached by going to the densest neighbour again and again: shape (n,)."""
    ranks = rank[near]
    densest = near[np.arange(len(near)), ranks.argmin(axis=1)]
    above = np.where(ranks.min(axis=1) < rank, densest, np.arange(len(near)))
    while True:
        higher = above[above]  # twice as far each time
        if np.array_equal(higher, above):
            return above
        above = higher


def _joined(hill: Labels, near: Labels, rank: Labels, height: Floats, prominence: float) -> Labels:
    """For each top the one of the hill that has absorbed its own, for all other points themselves: shape (n,).

    Saddles are looked at from the highest down, of any two hills the highest alone: what stood out above that one
    stands out above lower ones, too, whatever has been absorbed meanwhile. So there are some dozen to join and not
    as many as neighbours.
    """
    points = np.arange(len(near))
    parent = points.copy()
    lower, neighbour = np.nonzero(rank[near] < rank[:, None])
    one, other = hill[lower], hill[near[lower, neighbour]]
    apart = one != other
    lower, one, other = lower[apart], one[apart], other[apart]
    descending = np.argsort(rank[lower], kind="stable")
    pairs = np.minimum(one, other)[descending] * len(near) + np.maximum(one, other)[descending]
    _, highest = np.unique(pairs, return_index=True)  # the first of each pair, which is its highest saddle
    for place in descending[np.sort(highest)].tolist():
        mine, its = _top(parent, int(one[place])), _top(parent, int(other[place]))
        low, high = (mine, its) if height[mine] < height[its] else (its, mine)
        if low != high and height[low] - height[lower[place]] < prominence:
            parent[low] = high
    for top in np.flatnonzero(parent != points).tolist():
        parent[top] = _top(parent, top)
    return parent


def _top(parent: Labels, place: int) -> int:
    while parent[place] != place:
        place = int(parent[place])
    return place
