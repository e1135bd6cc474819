"""Modes of a density beside the plain way to them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.detect.evidence.group_modes import density_modes, nearest_neighbours

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]


def plainly(near: Labels, squared: Floats, dimensions: int, prominence: float) -> list[set[int]]:
    """Hills as sets of points: each point joins its densest neighbour's, low tops are absorbed at saddles."""
    height = -0.5 * dimensions * np.log(squared.mean(axis=1))
    hills: dict[int, set[int]] = {}
    for place in np.argsort(-height).tolist():
        above = [one for one in near[place].tolist() if height[one] > height[place]]
        if not above:
            hills[place] = {place}
            continue
        tops = sorted((next(top for top in hills if one in hills[top]) for one in set(above)), key=lambda t: -height[t])
        densest = max(above, key=lambda one: float(height[one]))
        next(hill for hill in hills.values() if densest in hill).add(place)
        for one in dict.fromkeys(tops):
            mine = next(top for top in hills if place in hills[top])
            lower, upper = sorted((mine, one), key=lambda top: float(height[top]))
            if mine != one and one in hills and height[lower] - height[place] < prominence:
                hills[upper] |= hills.pop(lower)
    return list(hills.values())


@given(st.integers(0, 10_000), st.integers(12, 60), st.integers(1, 4), st.sampled_from([0.2, 1.0, 2.5]))
@settings(max_examples=60, deadline=None)
def test_modes_are_the_hills_of_the_plain_way(seed: int, count: int, dimensions: int, prominence: float) -> None:
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((count, dimensions)) + 5.0 * rng.integers(0, 3, (count, 1))
    near, squared = nearest_neighbours(np.square(points[:, None] - points).sum(axis=2), 6)
    labels = density_modes(near, squared, dimensions, prominence)
    found = [set(np.flatnonzero(labels == mode).tolist()) for mode in range(int(labels.max()) + 1)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, plainly(near, squared, dimensions, prominence)))
    assert [len(hill) for hill in found] == sorted(map(len, found), reverse=True)
