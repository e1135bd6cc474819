from __future__ import annotations

from collections import Counter
from math import factorial, log2

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crackle_stream.errors import InvalidColumns
from crackle_stream.information import (
    entropy,
    joint_entropy,
    mutual_information,
    permutation_entropies,
    permutation_entropy,
    transfer_entropy,
)

Floats = npt.NDArray[np.float64]
samples = hnp.arrays(np.float64, st.integers(0, 60), elements=st.sampled_from([0.0, -0.0, 1.0, 2.0, 2.5, -7.0]))


def test_a_follower_one_step_behind_receives_two_bits_and_returns_next_to_none() -> None:
    x = np.random.default_rng(1).random(4000)
    y = np.concatenate([[0.5], x[:-1]])
    assert transfer_entropy(x, y, lag=1, bins=4) == pytest.approx(2.0, abs=0.01)
    assert transfer_entropy(y, x, lag=1, bins=4) < 0.02


def test_the_bits_arrive_at_the_lag_at_which_they_were_planted_and_at_no_other() -> None:
    x = np.random.default_rng(2).random(4000)
    y = np.concatenate([np.full(3, 0.5), x[:-3]])
    by_lag = {lag: transfer_entropy(x, y, lag, bins=4) for lag in range(1, 6)}
    assert by_lag.pop(3) > 1.95
    assert max(by_lag.values()) < 0.02


def test_transfer_entropy_is_the_conditional_mutual_information_it_is_defined_as() -> None:
    rng = np.random.default_rng(3)
    x = rng.integers(0, 3, 500)
    y = (np.roll(x, 1) + rng.integers(0, 2, 500)) % 3
    future, past, driver = y[1:], y[:-1], x[:-1]
    # I(Yf; Xp | Yp), summed over the values of Yp
    expected = sum(
        float(np.mean(past == value)) * mutual_information(future[past == value], driver[past == value], 3)
        for value in range(3)
    )
    assert transfer_entropy(x, y, bins=3) == pytest.approx(expected)


def test_two_streams_of_noise_transfer_little_more_than_the_bias() -> None:
    x, y = np.random.default_rng(4).random((2, 5000))
    # (bins - 1)^2 bins / (2 n ln 2): three-way chi-square over 4 values of the past
    assert 0.0 <= transfer_entropy(x, y) < 2.5 * 9 * 4 / (2 * 5000 * np.log(2))


def test_a_copy_at_the_same_instant_transfers_nothing_that_its_own_past_does_not_say() -> None:
    x = np.random.default_rng(5).random(1000)
    assert transfer_entropy(x, x) == 0.0


@pytest.mark.parametrize(("n", "lag", "bins"), [(0, 1, 4), (2, 1, 4), (5, 4, 4), (50, 1, 0), (50, 0, 4)])
def test_too_few_rows_no_bins_or_no_lag_give_zero(n: int, lag: int, bins: int) -> None:
    x, y = np.random.default_rng(6).random((2, n))
    assert transfer_entropy(x, y, lag, bins) == pytest.approx(0.0, abs=1e-12)


def test_a_negative_lag_is_an_error_that_says_how_to_look_the_other_way() -> None:
    with pytest.raises(InvalidColumns, match="the lag is -1: it must be 0 or more rows; swap x and y") as caught:
        transfer_entropy([1, 2, 3], [1, 2, 3], lag=-1)
    assert isinstance(caught.value, ValueError)


def test_samples_of_different_length_are_an_error() -> None:
    with pytest.raises(InvalidColumns, match="x has 3 values and y has 4"):
        transfer_entropy([1, 2, 3], [1, 2, 3, 4])


def test_time_closes_up_over_rows_with_nan() -> None:
    x = np.random.default_rng(7).random(200)
    y = np.concatenate([[0.5], x[:-1]])
    holed = np.insert(x, [20, 90], np.nan), np.insert(y, [20, 90], 1.0)
    assert transfer_entropy(*holed) == transfer_entropy(x, y)


def plain_permutation_entropy(values: Floats, order: int) -> float:
    runs = [values[k : k + order].tolist() for k in range(len(values) - order + 1)]
    counts = Counter(tuple(sorted(range(order), key=run.__getitem__)) for run in runs)
    return float(scipy.stats.entropy(list(counts.values()), base=2)) / log2(factorial(order))


@settings(derandomize=True, deadline=None)
@given(samples, st.integers(2, 7))
def test_permutation_entropy_counts_the_orders_of_all_runs_with_ties_by_position(values: Floats, order: int) -> None:
    expected = plain_permutation_entropy(values, order) if len(values) >= order else 0.0
    assert permutation_entropy(values, order) == pytest.approx(expected, abs=1e-12)


@settings(derandomize=True, deadline=None)
@given(
    hnp.arrays(
        np.float64, st.tuples(st.integers(0, 40), st.integers(1, 5)), elements=st.sampled_from([0.0, 1.0, 2.5, np.nan])
    ),
    st.integers(2, 8),
)
def test_in_a_table_time_closes_up_over_what_each_metric_lacks(table: Floats, order: int) -> None:
    present = [column[~np.isnan(column)] for column in table.T]
    expected = [plain_permutation_entropy(each, order) if len(each) >= order else 0.0 for each in present]
    actual = permutation_entropies([f"m{k}" for k in range(table.shape[1])], table, order)
    assert [figure for _, figure in actual] == pytest.approx(expected, abs=1e-12)


def test_all_orders_equally_often_give_one() -> None:
    # its six runs of three hold each of the six orders once
    assert permutation_entropy([1, 2, 6, 5, 4, 8, 3, 7]) == pytest.approx(1.0)


def test_noise_comes_near_one() -> None:
    assert permutation_entropy(np.random.default_rng(8).random(100_000)) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("values", [range(30), range(30, 0, -1), [4.0] * 30])
def test_a_sample_that_only_rises_falls_or_stands_has_none(values: npt.ArrayLike) -> None:
    assert permutation_entropy(values) == 0.0


@pytest.mark.parametrize(("values", "order"), [([1, 2], 3), ([1, 2, 3], 1), ([1, 2, 3], 0), ([], 3)])
def test_too_short_a_sample_or_order_gives_zero(values: list[float], order: int) -> None:
    assert permutation_entropy(values, order) == 0.0


def test_orders_whose_factorial_leaves_64_bits_still_count_right() -> None:
    values = np.random.default_rng(9).random(90)
    assert permutation_entropy(values, order=30) == pytest.approx(log2(61) / log2(factorial(30)))
    waves = np.tile(values[:40], 4)
    assert permutation_entropy(waves, order=25) == pytest.approx(plain_permutation_entropy(waves, 25))


def test_the_first_place_of_a_very_long_run_counts_like_any_other() -> None:
    #   100 1 2 ... 69 | 1 2 ... 70: two orders that differ in where the first value belongs
    assert permutation_entropy([100, *range(1, 71)], order=70) == pytest.approx(1 / log2(factorial(70)))


def test_the_table_form_gives_each_metric_in_the_order_of_the_names() -> None:
    rng = np.random.default_rng(10)
    table = rng.normal(size=(200, 4)).cumsum(axis=0)
    table[rng.random(200) < 0.2, 1] = np.nan
    table[:, 2] = np.nan
    names = ["d", "c", "b", "a"]
    expected = [(name, permutation_entropy(column)) for name, column in zip(names, table.T, strict=True)]
    assert permutation_entropies(names, table) == expected
    assert expected[2] == ("b", 0.0)


def test_more_metrics_than_are_counted_at_once_give_the_same() -> None:
    table = np.random.default_rng(11).random((30_000, 7))
    assert permutation_entropies(list("abcdefg"), table, order=4) == [
        (name, permutation_entropy(column, 4)) for name, column in zip("abcdefg", table.T, strict=True)
    ]


def test_transfer_entropy_never_exceeds_what_the_future_holds_beyond_its_past() -> None:
    rng = np.random.default_rng(12)
    x, y = rng.random((2, 300))
    own_past_leaves = joint_entropy(y[1:], y[:-1], 4) - entropy(y[:-1], 4)
    assert 0.0 < transfer_entropy(x, y) <= own_past_leaves + 1e-12
