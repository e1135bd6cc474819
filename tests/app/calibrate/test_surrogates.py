"""Surrogates keep what they promise to keep, and lose the rest: held against closed forms."""

import numpy as np
import pytest

from crackle_stream.app.calibrate.intervals import rate_interval, share_interval
from crackle_stream.app.calibrate.surrogates import (
    METHODS,
    Floats,
    Resample,
    block_length,
    shuffled_blocks,
    sieve,
    surrogate_of,
    yule_walker,
)
from crackle_stream.detect.evidence.metric_types import MetricType

PHI = 0.9
N = 4000

both = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def autoregressive(seed: int, n: int = N) -> Floats:
    """AR(1) whose innovations are skewed: its marginal is not normal."""
    e = np.random.default_rng(seed).exponential(size=n)
    x = np.empty(n)
    x[0] = e[0] / (1 - PHI)
    for t in range(1, n):
        x[t] = PHI * x[t - 1] + e[t]
    return x


def autocorrelation(x: Floats, lag: int = 1) -> float:
    y = x - x.mean()
    return float(y[lag:] @ y[:-lag] / (y @ y))


def test_a_sieve_keeps_the_autocorrelation_of_an_autoregression_within_its_error() -> None:
    x = autoregressive(1)
    error = np.sqrt((1 - PHI**2) / N)  # of the estimate of phi, by Bartlett
    made = [autocorrelation(sieve(x, N, np.random.default_rng(seed))) for seed in range(20)]
    assert abs(np.mean(made) - autocorrelation(x)) < 3 * error
    assert np.std(made) < 3 * error


def test_blocks_keep_the_autocorrelation_but_for_their_seams() -> None:
    x = autoregressive(1)
    made = np.mean([autocorrelation(shuffled_blocks(x, N, np.random.default_rng(seed))) for seed in range(20)])
    assert autocorrelation(x) * (1 - 1 / block_length(x)) == pytest.approx(made, abs=0.01)


@both
def test_the_values_are_the_same_ones_each_as_often(method: Resample) -> None:
    x = np.round(autoregressive(2), 1)  # with ties
    made = method(x, 3 * N, np.random.default_rng(0))
    assert np.array_equal(np.sort(made), np.sort(np.tile(x, 3)))
    assert not np.array_equal(made[:N], x)


@both
def test_what_went_together_goes_together_no_more(method: Resample) -> None:
    x = autoregressive(3)
    table = np.column_stack([x, x + 0.1 * np.random.default_rng(4).normal(size=N)])
    made = surrogate_of(table, (MetricType.GAUGE,) * 2, 1, method, np.random.default_rng(5))
    # two independent autoregressions are worth N (1 - phi^2) / (1 + phi^2) independent pairs
    error = np.sqrt((1 + PHI**2) / (1 - PHI**2) / N)
    assert abs(np.atleast_2d(np.corrcoef(table.T))[0, 1]) > 0.99
    assert abs(np.atleast_2d(np.corrcoef(made.T))[0, 1]) < 4 * error


@both
def test_counters_are_added_up_again_and_resets_are_gone(method: Resample) -> None:
    steps = np.random.default_rng(1).poisson(5.0, size=200).astype(float)
    total = np.concatenate([np.cumsum(steps), np.cumsum(steps)])  # a reset in the middle
    made = surrogate_of(total[:, None], (MetricType.COUNTER,), 2, method, np.random.default_rng(0))[:, 0]
    assert made[0] == total[0]
    assert np.all(np.diff(made) >= 0)
    assert set(np.diff(made).tolist()) <= set(steps.tolist())


@both
def test_what_is_not_tested_as_a_number_stays_and_what_rises_goes_on_rising(method: Resample) -> None:
    rows = np.arange(50.0)
    table = np.column_stack([rows, 1.7e9 + 2 * rows, np.full(50, 7.0), np.repeat([3.0, 1.0], 25)])
    types = (MetricType.ID, MetricType.TIMESTAMP, MetricType.CONSTANT, MetricType.CODE)
    made = surrogate_of(table, types, 2, method, np.random.default_rng(0))
    assert np.array_equal(made[:, 0], np.arange(100.0))
    assert np.array_equal(made[:, 1], 1.7e9 + 2 * np.arange(100.0))
    assert np.array_equal(made[:, 2:], np.tile(table[:, 2:], (2, 1)))


@both
def test_a_metric_is_absent_where_it_was(method: Resample) -> None:
    table = np.random.default_rng(0).normal(size=(60, 2))
    table[::3, 0] = np.nan
    table[1:, 1] = np.nan
    made = surrogate_of(table, (MetricType.GAUGE,) * 2, 2, method, np.random.default_rng(0))
    assert np.array_equal(np.isnan(made), np.isnan(np.tile(table, (2, 1))))


@both
def test_one_seed_gives_one_surrogate_and_another_another(method: Resample) -> None:
    x = autoregressive(4)
    one, again, other = (method(x, N, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@both
@pytest.mark.parametrize("values", [[1.0, 2.0], [5.0] * 100], ids=["two", "constant"])
def test_too_few_or_equal_values_only_change_places(method: Resample, values: list[float]) -> None:
    made = method(np.array(values), 2 * len(values), np.random.default_rng(0))
    assert np.array_equal(np.sort(made), np.sort(values * 2))


def test_the_autoregression_is_found_and_is_stationary_where_least_squares_would_not_be() -> None:
    phi = yule_walker(autoregressive(5))
    assert phi[0] == pytest.approx(PHI, abs=0.04)
    walk = np.cumsum(np.random.default_rng(0).normal(size=2000)) + np.arange(2000.0)
    coefficients = yule_walker(walk)
    roots = np.roots(np.concatenate([[1.0], -coefficients]))
    assert np.abs(roots).max() < 1


def test_blocks_are_longer_where_the_past_weighs_more() -> None:
    noise = np.random.default_rng(0).normal(size=N)
    assert block_length(noise) == 10
    assert block_length(autoregressive(6)) == pytest.approx(10 * (1 + PHI) / (1 - PHI), rel=0.35)


def test_intervals_are_exact() -> None:
    # Garwood: 3 events, 0.619 to 8.767; Clopper and Pearson: 2 of 10, .0252 to .5561
    assert (rate_interval(3, 1.0).low, rate_interval(3, 1.0).high) == pytest.approx((0.6187, 8.7673), abs=1e-4)
    assert (share_interval(2, 10).low, share_interval(2, 10).high) == pytest.approx((0.0252, 0.5561), abs=1e-4)
    assert (rate_interval(0, 2.0).low, share_interval(10, 10).high) == (0.0, 1.0)
