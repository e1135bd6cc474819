from __future__ import annotations

from math import inf, nan

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from crackle_stream.detect import cohesion as module
from crackle_stream.detect.cohesion import Cohesion, cohesion
from crackle_stream.detect.distances import Points, Rows

Floats = npt.NDArray[np.float64]
ALL = 10**9


def never() -> bool:
    return False


def one_cluster(values: Floats, max_pairs: int = ALL, seed: int = 0) -> Cohesion:
    rows = np.arange(len(values))
    (made,) = cohesion(Points.of(values), [rows], max_pairs, lambda: np.random.default_rng(seed), never)
    assert made is not None
    return made


@pytest.mark.parametrize("size", [2, 3, 40, 500, 1500])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_the_average_over_all_pairs_agrees_with_scipy(size: int, offset: float) -> None:
    values = np.random.default_rng(1).normal(size=(size, 5)) + offset
    made = one_cluster(values)
    assert made.average == pytest.approx(pdist(values).mean(), rel=1e-10)
    assert (made.pairs, made.sampled, made.apart) == (size * (size - 1) // 2, 0, 0)


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.integers(1, 6), st.sampled_from([0.0, 0.2, 0.7]))
def test_products_and_single_measurements_give_the_same_average(seed: int, n: int, m: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(size=(n, m)), 1) + 1e5  # many duplicates, on an offset
    values[rng.random(values.shape) < missing] = nan
    values[:, 0] = np.where(np.isnan(values).all(axis=1), 0.0, values[:, 0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MEASURED_NUMBERS", 0)
        patch.setattr(module, "SIDE", 16)
        multiplied = one_cluster(values)
    measured = one_cluster(values)
    assert multiplied.average == pytest.approx(measured.average, rel=1e-10, abs=1e-12)
    assert multiplied.apart == measured.apart


def test_copies_of_two_points_are_as_far_apart_as_the_points() -> None:
    # the difference of two nearly equal squares loses every digit of the distance between copies: 0
    points = np.random.default_rng(7).normal(size=(2, 48))
    made = one_cluster(np.repeat(points, 60, axis=0))
    assert made.average == pytest.approx(float(np.linalg.norm(points[0] - points[1])) * 3600 / 7140, rel=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_an_offset_does_not_force_pairs_to_be_measured_one_by_one(
    missing: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[int] = []
    distances = Points.distances

    def counting(points: Points, first: Rows, second: Rows) -> Floats:
        measured.append(len(first))
        return distances(points, first, second)

    monkeypatch.setattr(Points, "distances", counting)
    values = np.random.default_rng(8).normal(size=(600, 8)) + 1.79e9
    values[np.random.default_rng(9).random(values.shape) < missing] = nan
    one_cluster(values)
    assert sum(measured) < 600


def test_a_cluster_of_equal_tasks_has_an_average_of_exactly_zero() -> None:
    assert one_cluster(np.full((900, 7), 1.79e9 + 0.1)).average == 0.0


def test_pairs_without_a_common_metric_are_counted_and_make_the_average_infinite() -> None:
    values = np.array([[0.0, 0.0], [1.0, nan], [nan, 1.0]])
    assert one_cluster(values) == Cohesion(inf, 3, apart=1)


@pytest.mark.parametrize("large", [1e160, 1e300])
def test_numbers_too_large_to_square_make_the_average_infinite_not_undefined(large: float) -> None:
    # a leader without the second metric does not keep tasks out that differ in it
    values = np.random.default_rng(10).normal(size=(200, 2))
    values[1:, 1] *= large
    values[0, 1] = nan
    assert one_cluster(values).average == inf


def test_several_clusters_are_measured_each_on_its_own() -> None:
    values = np.array([[0.0], [10.0], [1.0], [13.0], [3.0]])
    near, far = np.array([0, 2, 4]), np.array([1, 3])
    made = cohesion(Points.of(values), [near, far], ALL, lambda: np.random.default_rng(0), never)
    assert made == [Cohesion(2.0, 3), Cohesion(3.0, 1)]


def test_more_small_clusters_than_are_measured_at_once_keep_their_places() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(30_000, 2))
    clusters = np.split(np.arange(30_000), np.arange(6, 30_000, 6))
    made = cohesion(Points.of(values), clusters, ALL, lambda: rng, never)
    for place in (0, 2500, 4999):
        expected = pdist(values[clusters[place]]).mean()
        assert [each.average if each else None for each in made[place : place + 1]] == [pytest.approx(expected)]


def test_an_average_over_too_many_pairs_is_sampled_says_so_and_comes_close() -> None:
    values = np.random.default_rng(3).normal(size=(3000, 8))
    made = one_cluster(values, max_pairs=1_000_000)
    assert (made.pairs, made.sampled) == (4_498_500, module.SAMPLED_PAIRS)
    exact = pdist(values)
    error = exact.std() / exact.mean() / module.SAMPLED_PAIRS**0.5
    assert error < 0.01
    assert made.average == pytest.approx(exact.mean(), rel=4 * error)


def test_the_bound_is_the_last_number_of_pairs_that_is_exact() -> None:
    values = np.random.default_rng(4).normal(size=(10, 2))
    assert one_cluster(values, max_pairs=45).sampled == 0
    assert one_cluster(values, max_pairs=44).sampled == 44


def test_the_same_generator_draws_the_same_sample() -> None:
    values = np.random.default_rng(5).normal(size=(100, 2))
    assert one_cluster(values, 50, seed=1) == one_cluster(values, 50, seed=1) != one_cluster(values, 50, seed=2)


def test_a_sample_never_pairs_a_task_with_itself() -> None:
    apart = np.arange(0.0, 30.0, 5.0).reshape(6, 1)
    assert all(one_cluster(apart, max_pairs=1, seed=seed).average >= 5.0 for seed in range(30))


def test_a_bound_of_no_pairs_still_draws_one() -> None:
    assert one_cluster(np.array([[0.0], [5.0]]), max_pairs=0) == Cohesion(5.0, 1, sampled=1)


@pytest.mark.parametrize("max_pairs", [ALL, 1000])
def test_work_that_is_stopped_leaves_the_rest_unmeasured(max_pairs: int) -> None:
    values = np.random.default_rng(6).normal(size=(2000, 4))
    clusters = [np.array([0, 1]), np.arange(2, 1000), np.arange(1000, 2000)]
    answers = iter([False, False])
    made = cohesion(
        Points.of(values), clusters, max_pairs, lambda: np.random.default_rng(0), lambda: next(answers, True)
    )
    assert made[0] is not None
    assert made[2] is None


def test_a_pair_whose_two_halves_round_to_different_sides_is_measured_once() -> None:
    norms = np.ones(3)
    least = module.SAFE_SHARE * 2.0
    squares = np.full((3, 3), 1.0)
    squares[0, 1], squares[1, 0] = least * 1.01, least * 0.99
    first, second = module._take_out_close(squares, norms, norms, itself=True)
    assert (first.tolist(), second.tolist()) == ([0], [1])
    np.testing.assert_array_equal(squares, [[0, 0, 1], [0, 0, 1], [1, 1, 0]])
