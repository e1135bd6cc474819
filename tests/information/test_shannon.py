from __future__ import annotations

from collections.abc import Callable
from math import log, log2

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import mutual_info_score  # type: ignore[import-untyped]

from crackle_stream.errors import InvalidColumns
from crackle_stream.information import entropy, joint_entropy, mutual_information, mutual_information_matrix, shannon

Floats = npt.NDArray[np.float64]
Two = Callable[[npt.ArrayLike, npt.ArrayLike, int], float]

finite = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 3))
samples = hnp.arrays(np.float64, st.integers(1, 60), elements=finite)
tables = hnp.arrays(np.float64, st.tuples(st.integers(1, 60), st.just(2)), elements=finite)
holed = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 40), st.integers(1, 6)),
    elements=st.sampled_from([*map(float, range(6)), np.nan]),
)


def histogram_codes(values: Floats, bins: int) -> Floats:
    """The bins of numpy's own histogram, an independent reading of equal-width bins."""
    edges = np.histogram_bin_edges(values, bins)
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1).astype(np.float64)


def test_entropy_of_equally_full_bins_is_the_logarithm_of_their_number() -> None:
    assert entropy(np.arange(80), bins=8) == pytest.approx(3.0)


def test_entropy_agrees_with_scipy_on_numpy_histogram_counts() -> None:
    values = np.random.default_rng(1).normal(size=500)
    counts = np.histogram(values, bins=12)[0]
    assert entropy(values, bins=12) == pytest.approx(scipy.stats.entropy(counts, base=2))


def test_a_constant_sample_has_no_entropy_at_all() -> None:
    assert entropy([7.5] * 40, bins=10) == 0.0
    assert str(entropy([7.5] * 40, bins=10)) == "0.0"


def test_empty_samples_and_no_bins_give_zero() -> None:
    for bins in (0, -3):
        assert entropy([1, 2], bins) == 0.0
        assert joint_entropy([1, 2], [3, 4], bins) == 0.0
        assert mutual_information([1, 2], [3, 4], bins) == 0.0
        assert mutual_information_matrix([[1, 2], [3, 4]], bins).tolist() == [[0, 0], [0, 0]]
    assert entropy([]) == joint_entropy([], []) == mutual_information([], []) == 0.0
    assert mutual_information_matrix(np.empty((0, 2))).tolist() == [[0, 0], [0, 0]]


def test_a_row_with_nan_in_either_sample_is_left_out_of_both() -> None:
    nan = float("nan")
    assert entropy([1, nan, 2, 3, 4], bins=4) == 2.0
    assert joint_entropy([0, 0, nan, 1, 1], [0, 1, 5, 0, 1], bins=2) == 2.0
    assert mutual_information([0, 0, 9, 1, 1], [5, 5, nan, 9, 9], bins=2) == 1.0


@pytest.mark.parametrize("function", [joint_entropy, mutual_information])
def test_samples_of_different_length_are_an_error_that_names_both(function: Two) -> None:
    with pytest.raises(InvalidColumns, match="x has 3 values and y has 2: they must be of the same tasks"):
        function([1, 2, 3], [1, 2], 10)


def test_an_infinite_value_is_an_error() -> None:
    with pytest.raises(InvalidColumns, match="finite or NaN"):
        entropy([1.0, float("inf")])
    with pytest.raises(InvalidColumns, match="finite or NaN"):
        mutual_information_matrix([[1.0, float("inf")]])


def test_a_table_where_a_sample_belongs_is_an_error() -> None:
    with pytest.raises(InvalidColumns, match=r"one dimension, not the shape \(1, 2\)"):
        entropy([[1.0, 2.0]])
    with pytest.raises(InvalidColumns, match="one row a task and one column a metric"):
        mutual_information_matrix([1.0, 2.0])


def test_the_widest_range_a_float_can_have_is_binned_without_overflow() -> None:
    assert entropy([-1.7e308, 0.0, 1.7e308], bins=3) == pytest.approx(log2(3))


def test_the_narrowest_range_a_float_can_have_is_binned_without_a_division_by_zero() -> None:
    assert entropy([0.0, 5e-324], bins=10) == 1.0


def test_many_more_bins_than_values_cost_memory_by_the_values_only() -> None:
    x = np.random.default_rng(2).random(50)
    assert joint_entropy(x, x, bins=10**6) == pytest.approx(log2(50))
    assert mutual_information_matrix(np.column_stack([x, x]), bins=10**6)[0, 1] == pytest.approx(log2(50))


@settings(derandomize=True, deadline=None)
@given(tables, st.integers(1, 20))
def test_joint_entropy_lies_between_the_larger_entropy_and_the_sum(table: Floats, bins: int) -> None:
    x, y = table.T
    joint, single = joint_entropy(x, y, bins), (entropy(x, bins), entropy(y, bins))
    assert max(single) - 1e-9 <= joint <= sum(single) + 1e-9


@settings(derandomize=True, deadline=None)
@given(samples, st.integers(1, 20))
def test_a_sample_tells_all_of_itself(x: Floats, bins: int) -> None:
    assert joint_entropy(x, x, bins) == pytest.approx(entropy(x, bins))
    assert mutual_information(x, x, bins) == pytest.approx(entropy(x, bins))


@settings(derandomize=True, deadline=None)
@given(tables, st.integers(1, 20))
def test_mutual_information_is_symmetric_and_bounded_by_either_entropy(table: Floats, bins: int) -> None:
    x, y = table.T
    information = mutual_information(x, y, bins)
    assert information == pytest.approx(mutual_information(y, x, bins), abs=1e-12)
    assert 0.0 <= information <= min(entropy(x, bins), entropy(y, bins)) + 1e-9


@settings(derandomize=True, deadline=None)
@given(samples, st.integers(1, 20), st.integers(-8, 8), st.integers(-1000, 1000))
def test_entropy_does_not_depend_on_unit_or_offset(x: Floats, bins: int, power: int, offset: int) -> None:
    whole = np.round(x)
    assert entropy(whole * 2.0**power, bins) == entropy(whole, bins)
    assert entropy(np.flip(whole), bins) == pytest.approx(entropy(whole, bins))


def test_mutual_information_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=800)
    y = x + rng.normal(size=800)
    expected = mutual_info_score(histogram_codes(x, 8), histogram_codes(y, 8)) / log(2)
    assert mutual_information(x, y, bins=8) == pytest.approx(expected)


def test_a_constant_metric_tells_exactly_nothing() -> None:
    y = np.random.default_rng(4).normal(size=300)
    assert mutual_information(np.full(300, 3.3), y) == 0.0
    assert mutual_information_matrix(np.column_stack([np.full(300, 3.3), y]))[0, 1] == 0.0


@settings(derandomize=True, deadline=None)
@given(holed, st.integers(1, 20), st.sampled_from([1, 90, 1 << 15]))
def test_the_matrix_is_that_of_single_pairs_whoever_lacks_what(table: Floats, bins: int, at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shannon, "PAIRED_AT_ONCE", at_once)
        actual = mutual_information_matrix(table, bins)
    pairs = np.array([[mutual_information(x, y, bins) for y in table.T] for x in table.T])
    np.fill_diagonal(pairs, [entropy(x, bins) for x in table.T])
    assert actual == pytest.approx(pairs, abs=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.2, 0.9])
@pytest.mark.parametrize("bins", [1, 4, 10, 60])
def test_the_matrix_holds_the_mutual_information_of_every_pair(missing: float, bins: int) -> None:
    rng = np.random.default_rng(5)
    table = rng.normal(size=(400, 6)) + rng.normal(size=(400, 1))
    table[rng.random(table.shape) < missing] = np.nan

    actual = mutual_information_matrix(table, bins)

    expected = [[mutual_information(x, y, bins) for y in table.T] for x in table.T]
    np.fill_diagonal(pairs := np.array(expected), [entropy(x, bins) for x in table.T])
    assert actual == pytest.approx(pairs, abs=1e-12)
    assert (actual == actual.T).all()


def test_the_matrix_of_more_rows_than_are_counted_at_once_is_the_same() -> None:
    rng = np.random.default_rng(6)
    x = rng.integers(0, 4, 250_000)
    table = np.column_stack([x, 3 - x, rng.integers(0, 4, 250_000)])
    matrix = mutual_information_matrix(table, bins=4)
    assert matrix[0, 1] == pytest.approx(matrix[0, 0]) == pytest.approx(2.0, abs=1e-3)
    assert matrix[0, 2] < 1e-3


def test_a_metric_nobody_has_tells_nothing_in_the_matrix() -> None:
    matrix = mutual_information_matrix([[1, np.nan], [2, np.nan], [3, np.nan]], bins=3)
    assert matrix.tolist() == [[pytest.approx(log2(3)), 0.0], [0.0, 0.0]]
