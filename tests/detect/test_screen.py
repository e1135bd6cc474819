from __future__ import annotations

from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.detect import screen as module
from crackle_stream.detect.distances import Encoding, Points
from crackle_stream.detect.screen import Screen, closest, surely_near


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    m=st.integers(1, 40),
    spread=st.sampled_from([1e-3, 0.3, 1.0, 1e3, 1e7, 1e160]),
    missing=st.sampled_from([0.0, 0.1, 0.6]),
    precision=st.sampled_from([np.float32, np.float64]),
)
def test_no_near_pair_is_ruled_out_and_no_far_one_is_taken_for_sure(
    seed: int, m: int, spread: float, missing: float, precision: type[np.floating]
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(60, m)) * spread
    # a third of the tasks stands a hair inside or outside the threshold from another one
    step = rng.normal(size=(20, m))
    step *= 2.5 / np.linalg.norm(step, axis=1, keepdims=True) * (1 + rng.normal(size=(20, 1)) * 1e-9)
    values[40:] = values[:20] + step
    values[rng.random(values.shape) < missing] = nan
    points = Points.of(values)
    rows = np.arange(60)
    screen = Screen(points, 2.5, precision)
    tasks = screen.encode(rows)

    product = screen.product(tasks, tasks)

    one, other = (grid.ravel() for grid in np.meshgrid(rows, rows, indexing="ij"))
    near = points.distances(one, other).reshape(60, 60) < 2.5
    assert (product[near] > 0).all()
    sure = surely_near(product.ravel(), tasks.margin[one], tasks.margin[other]).reshape(60, 60)
    comparable = ~np.isinf(points.distances(one, other)).reshape(60, 60)
    assert near[sure & comparable].all()


@pytest.mark.parametrize("offset", [0.0, 1.79e9])
def test_most_pairs_are_decided_without_measuring_them_whatever_the_offset(offset: float) -> None:
    points = Points.of(np.random.default_rng(1).normal(size=(400, 16)) + offset)
    screen = Screen(points, 5.0)
    tasks = screen.encode(np.arange(400))
    product = screen.product(tasks, tasks)
    one, other = np.nonzero(product > 0)
    unsure = ~surely_near(product[one, other], tasks.margin[one], tasks.margin[other])
    assert len(one) > 10_000
    assert unsure.sum() < len(one) / 1000


def test_the_encoding_gives_squared_distances_over_common_metrics() -> None:
    values = np.array([[1.0, 2.0, nan], [4.0, 6.0, 1.0], [0.0, nan, 3.0]])
    points = Points.of(values)
    encoding = Encoding.of(points, points.shared())
    #  0-1: 3, 4 and nothing       0-2: 1            1-2: 4 and 2
    expected = np.array([[0.0, 25.0, 1.0], [25.0, 0.0, 20.0], [1.0, 20.0, 0.0]])
    assert -2.0 * encoding.left @ encoding.right.T == pytest.approx(expected)
    assert encoding.norms.tolist() == [5.0, 53.0, 9.0]


def test_the_closest_two_points_are_found_with_their_distance() -> None:
    points = Points.of(np.array([[0.0, 0.0], [9.0, 0.0], [9.0, 4.0], [0.0, 30.0]]))
    assert closest(points, 2.5) == (1, 2, 4.0)


def test_points_without_a_common_metric_are_not_the_closest() -> None:
    points = Points.of(np.array([[0.0, nan], [nan, 0.0], [50.0, nan]]))
    assert closest(points, 2.5) == (0, 2, 50.0)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 32), st.integers(1, 6), st.sampled_from([0.0, 0.2, 0.7]))
def test_the_closest_of_a_few_points_are_those_that_a_screen_finds(seed: int, n: int, m: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, m))
    values[rng.random(values.shape) < missing] = nan
    measured = closest(Points.of(values), 2.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MEASURED_POINTS", 0)
        assert measured == closest(Points.of(values), 2.5)


@pytest.mark.parametrize("values", [[[1.0, 2.0]], [[1.0, nan], [nan, 1.0]], [[], []]])
def test_where_no_two_points_compare_there_is_no_closest_pair(values: list[list[float]]) -> None:
    assert closest(Points.of(np.array(values)), 2.5) is None


@pytest.mark.parametrize(
    ("values", "comparable"),
    [
        ([[1, 2], [3, 4]], True),
        ([[1, nan], [3, 4], [5, nan]], True),  # all have the first metric
        ([[1, 2, nan], [nan, 2, 3], [1, nan, 3]], True),  # any two of three share one
        ([[1, nan], [nan, 4]], False),
        ([[nan, nan, nan], [1, 2, 3]], False),
    ],
)
def test_points_are_known_to_be_comparable_only_where_any_two_share_a_metric(
    values: list[list[float]], comparable: bool
) -> None:
    points = Points.of(np.array(values, dtype=np.float64))
    assert points.always_comparable(points.shared()) is comparable
