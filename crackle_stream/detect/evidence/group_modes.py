"""Modes of a density that stand out from their surroundings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["density_modes", "nearest_neighbours"]

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]


@dataclass(slots=True)
class _Forest:
    """Hills that grow from their tops down and are joined at saddles."""

    parent: list[int]

    def top(self, place: int) -> int:
        while self.parent[place] != place:
            self.parent[place] = self.parent[self.parent[place]]
            place = self.parent[place]
        return place


def nearest_neighbours(squared: Floats, count: int) -> tuple[Labels, Floats]:
    """The nearest points of each point, nearest first, and their squared distances; both of shape (n, count).

    Args:
        squared: shape (n, n), squared distances.
        count: neighbours of each point, itself left out.
    """
    others = squared + np.diag(np.full(len(squared), np.inf))
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
    points = len(near)
    height = (-0.5 * dimensions * np.log(squared.mean(axis=1) + 1e-300)).tolist()
    order = sorted(range(points), key=lambda place: -height[place])
    rank = np.empty(points, dtype=np.intp)
    rank[order] = np.arange(points)
    forest = _Forest(list(range(points)))
    ordered = near[order]
    higher = rank[ordered] < np.arange(points)[:, None]
    densest = ordered[np.arange(points), rank[ordered].argmin(axis=1)].tolist()
    # All lists of higher neighbours as one: an array's row a point would cost more than the joining.
    above, ends = ordered[higher].tolist(), np.cumsum(np.count_nonzero(higher, axis=1)).tolist()
    begin = 0
    for place, top, end in zip(order, densest, ends, strict=True):
        if end > begin:
            _join(forest, height, place, top, above[begin:end], prominence)
            begin = end
    tops = np.array([forest.top(place) for place in range(points)])
    _, labels, sizes = np.unique(tops, return_inverse=True, return_counts=True)
    by_size = np.empty(len(sizes), dtype=np.intp)
    by_size[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    named: Labels = by_size[labels]
    return named


def _join(forest: _Forest, height: list[float], place: int, densest: int, above: list[int], prominence: float) -> None:
    parent = forest.parent
    parent[place] = forest.top(densest)
    # Most neighbours hang below the same few points: only these are followed up to their tops.
    for other in {forest.top(one) for one in {parent[one] for one in above}}:
        mine = forest.top(place)
        if mine == other:
            continue
        lower, upper = (mine, other) if height[mine] < height[other] else (other, mine)
        if height[lower] - height[place] < prominence:
            parent[lower] = upper
