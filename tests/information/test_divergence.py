from __future__ import annotations

from math import inf, log2

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import jensenshannon

from crackle_stream.errors import InvalidColumns
from crackle_stream.information import distribution_shift, jsd, jsd_shift, kl_divergence

Floats = npt.NDArray[np.float64]
samples = hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(-100, 100, allow_nan=False))


def shares(current: Floats, baseline: Floats, bins: int) -> tuple[Floats, Floats]:
    edges = np.histogram_bin_edges(np.concatenate([current, baseline]), bins)
    p, q = (np.histogram(sample, edges)[0] / len(sample) for sample in (current, baseline))
    return p, q


def test_kl_divergence_agrees_with_scipy_on_common_edges() -> None:
    rng = np.random.default_rng(1)
    current, baseline = rng.normal(size=400), np.concatenate([rng.normal(size=400), rng.uniform(-4, 4, 4000)])
    p, q = shares(current, baseline, 6)
    assert kl_divergence(current, baseline, bins=6) == pytest.approx(scipy.stats.entropy(p, q, base=2))


def test_jsd_is_the_square_of_the_distance_scipy_gives() -> None:
    rng = np.random.default_rng(2)
    current, baseline = rng.normal(size=300), rng.normal(1.0, 2.0, size=500)
    p, q = shares(current, baseline, 10)
    assert jsd(current, baseline) == pytest.approx(jensenshannon(p, q, base=2) ** 2)


def test_a_pure_shift_and_a_pure_change_of_scale_are_seen_because_the_edges_are_common() -> None:
    baseline = np.random.default_rng(3).normal(size=1000)
    assert jsd(baseline + 1000, baseline) == 1.0
    assert jsd(baseline * 5, baseline) > 0.15
    assert kl_divergence(baseline + 1000, baseline) == inf


def test_support_that_the_baseline_lacks_makes_kl_infinite_and_the_reverse_does_not() -> None:
    assert kl_divergence([0, 1, 2, 3], [0, 1, 1, 3], bins=4) == inf
    assert kl_divergence([0, 1, 1, 3], [0, 1, 2, 3], bins=4) == pytest.approx(0.5)


def test_two_samples_of_one_equal_value_do_not_diverge() -> None:
    assert kl_divergence([4, 4], [4, 4, 4]) == jsd([4, 4], [4, 4, 4]) == 0.0


def test_two_different_constants_diverge_as_far_as_can_be() -> None:
    assert jsd([4, 4], [5, 5]) == 1.0


@pytest.mark.parametrize(("current", "baseline", "bins"), [([], [1, 2], 4), ([1, 2], [], 4), ([1, 2], [3, 4], 0)])
def test_an_empty_sample_or_no_bins_give_zero(current: list[float], baseline: list[float], bins: int) -> None:
    assert kl_divergence(current, baseline, bins) == jsd(current, baseline, bins) == 0.0


def test_nan_is_left_out_of_each_sample_on_its_own() -> None:
    nan = float("nan")
    assert jsd([nan, 1, 2, nan], [1, nan, 2]) == 0.0


def test_an_infinite_value_is_an_error_that_says_so() -> None:
    with pytest.raises(InvalidColumns, match="an infinite one was given"):
        jsd([1, inf], [1, 2])


@settings(derandomize=True, deadline=None)
@given(samples, samples, st.integers(1, 20))
def test_jsd_is_symmetric_within_0_and_1_and_0_against_itself(a: Floats, b: Floats, bins: int) -> None:
    assert jsd(a, b, bins) == pytest.approx(jsd(b, a, bins), abs=1e-12)
    assert 0.0 <= jsd(a, b, bins) <= 1.0
    assert jsd(a, a, bins) == kl_divergence(a, a, bins) == 0.0


@settings(derandomize=True, deadline=None)
@given(samples, samples, st.integers(1, 20))
def test_jsd_is_at_most_half_of_both_kl_divergences_together(a: Floats, b: Floats, bins: int) -> None:
    both = kl_divergence(a, b, bins) + kl_divergence(b, a, bins)
    assert jsd(a, b, bins) <= both / 4 + 1e-12


def test_a_metric_of_a_table_is_compared_half_against_half_the_largest_first() -> None:
    #          first half      second half
    table = [[1, 1, 0], [2, 2, 0], [1, 1, 9], [2, 1, 9]]
    some = jsd([1, 1], [1, 2], 2)
    assert jsd_shift(["same", "some", "all"], table, bins=2) == [("all", 1.0), ("some", some), ("same", 0.0)]
    assert distribution_shift(["same", "some", "all"], table, bins=2) == [("all", inf), ("some", 1.0), ("same", 0.0)]


def test_equal_shifts_stand_in_the_order_of_their_names() -> None:
    table = [[0, 0], [9, 9]]
    assert [name for name, _ in jsd_shift(["b", "a"], table)] == ["a", "b"]


def test_of_an_odd_number_of_tasks_the_first_half_is_the_shorter_one() -> None:
    # halves [1] and [2, 2]
    assert distribution_shift(["x"], [[1], [2], [2]], bins=2) == [("x", inf)]
    assert jsd_shift(["x"], [[1], [2], [1]], bins=2) == [("x", jsd([2, 1], [1], 2))]


def test_halves_are_those_of_the_tasks_that_have_the_metric() -> None:
    nan = float("nan")
    # of x the tasks are [1, 1 | 5, 5], though all of them stand in the window's first half
    table = np.array([[1, 0], [1, 0], [5, 0], [5, 0], [nan, 0], [nan, 0], [nan, 0], [nan, 0]])
    assert dict(jsd_shift(["x", "y"], table))["x"] == 1.0


def test_a_metric_that_fewer_than_two_tasks_have_has_no_halves_and_gives_zero() -> None:
    nan = float("nan")
    assert jsd_shift(["once", "never"], [[1, nan], [nan, nan]]) == [("never", 0.0), ("once", 0.0)]


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_the_table_form_agrees_with_the_sample_form_on_each_metric(missing: float) -> None:
    rng = np.random.default_rng(4)
    table = rng.normal(size=(301, 5)) * np.linspace(1, 2, 301)[:, np.newaxis]
    table[rng.random(table.shape) < missing] = np.nan
    names = list("abcde")

    by_name = dict(jsd_shift(names, table)), dict(distribution_shift(names, table))

    for name, column in zip(names, table.T, strict=True):
        values = column[~np.isnan(column)]
        old, new = values[: len(values) // 2], values[len(values) // 2 :]
        assert by_name[0][name] == pytest.approx(jsd(new, old))
        assert by_name[1][name] == pytest.approx(kl_divergence(new, old))


def test_no_rows_or_no_bins_give_zero_for_every_metric() -> None:
    assert jsd_shift(["a"], np.empty((0, 1))) == [("a", 0.0)]
    assert distribution_shift(["a"], [[1], [2]], bins=0) == [("a", 0.0)]
    assert jsd_shift([], np.empty((3, 0))) == []


def test_a_table_with_another_number_of_columns_than_names_is_an_error() -> None:
    with pytest.raises(InvalidColumns, match=r"shape \(1, 2\) for 1 names"):
        jsd_shift(["a"], [[1, 2]])


def test_the_divergence_of_two_biased_coins_is_the_textbook_sum() -> None:
    assert kl_divergence([0] * 3 + [1], [0] * 2 + [1] * 2, bins=2) == pytest.approx(
        0.75 * log2(0.75 / 0.5) + 0.25 * log2(0.25 / 0.5)
    )
