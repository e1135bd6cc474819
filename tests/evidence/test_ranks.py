"""Order statistics beside numpy's and scipy's own, and the other quick ways of whitening beside the plain ones."""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from crackle_stream.detect.evidence import staircase
from crackle_stream.detect.evidence.autoregression import fit, gram, innovations, robust_fit, solve
from crackle_stream.detect.evidence.ranks import (
    legendre_of_ranks,
    legendre_scores,
    median,
    medians,
    normal_scores,
    quantiles,
    standard_legendre_of_ranks,
    uniform_ranks,
)
from crackle_stream.detect.evidence.scan import neighbour_drops, scan_step, scan_white, split_off, white_drops
from crackle_stream.detect.evidence.seasonality import sinusoids

Floats = npt.NDArray[np.float64]
SEEDS = st.integers(0, 10_000)


def series(seed: int, n: int, k: int, order: str = "C") -> Floats:
    """Slow noise of different scales, in either layout."""
    rng = np.random.default_rng(seed)
    y = np.cumsum(rng.standard_normal((n, k)), axis=0) * 0.3 + rng.standard_normal((n, k))
    return np.array(y * rng.choice([0.01, 1.0, 300.0], k), order="F" if order == "F" else "C")


@given(SEEDS, st.integers(1, 60), st.integers(1, 5), st.sampled_from(["C", "F"]))
@settings(deadline=None, max_examples=60)
def test_medians_are_numpys(seed: int, n: int, k: int, order: str) -> None:
    x = series(seed, n, k, order)
    before = x.copy()
    np.testing.assert_allclose(medians(x), np.median(x, axis=0), rtol=1e-15)
    assert median(x[:, 0]) == pytest.approx(float(np.median(x[:, 0])), rel=1e-15)
    assert np.array_equal(x, before)


@given(SEEDS, st.integers(1, 60), st.lists(st.floats(0.0, 1.0), min_size=1, max_size=4))
@settings(deadline=None, max_examples=60)
def test_quantiles_are_numpys(seed: int, n: int, shares: list[float]) -> None:
    x = series(seed, n, 1)[:, 0]
    np.testing.assert_allclose(quantiles(x, shares), np.quantile(x, shares), rtol=1e-12, atol=1e-12)


def test_the_median_of_nothing_is_undefined() -> None:
    assert np.isnan(medians(np.empty((0, 2)))).all()


@given(SEEDS, st.integers(2, 80), st.integers(1, 5), st.sampled_from(["C", "F"]))
@settings(deadline=None, max_examples=60)
def test_scores_are_those_of_scipys_ranks(seed: int, n: int, k: int, order: str) -> None:
    x = series(seed, n, k, order)
    u = (stats.rankdata(x, axis=0) - 0.5) / n
    np.testing.assert_allclose(uniform_ranks(x), u, rtol=1e-15)
    np.testing.assert_allclose(normal_scores(x), special.ndtri(u), rtol=1e-13, atol=1e-15)
    plainly = np.hstack([legendre_scores(u, degree) for degree in (2, 3)])
    np.testing.assert_allclose(legendre_of_ranks(x, 2, 3), plainly, rtol=1e-12, atol=1e-12)


@given(SEEDS, st.integers(12, 80), st.integers(1, 5))
@settings(deadline=None, max_examples=40)
def test_standard_scores_have_mean_zero_and_variance_one(seed: int, n: int, k: int) -> None:
    x = series(seed, n, k)
    plainly = legendre_of_ranks(x, 1, 6)
    plainly = (plainly - plainly.mean(axis=0)) / plainly.std(axis=0)
    np.testing.assert_allclose(standard_legendre_of_ranks(x, 6), plainly, rtol=1e-9, atol=1e-12)


def test_what_is_given_back_may_be_written_to() -> None:
    x = series(1, 30, 2)
    first = normal_scores(x)
    first *= 2.0
    np.testing.assert_allclose(normal_scores(x), first / 2)


@given(SEEDS, st.integers(12, 90), st.integers(1, 4), st.integers(1, 8))
@settings(deadline=None, max_examples=60)
def test_cross_products_of_lags_are_those_of_the_design(seed: int, n: int, k: int, p: int) -> None:
    y = series(seed, n, k)
    products = gram(y, p)
    for column in range(k):
        lags = [y[p - lag : n - lag, column] for lag in range(1, p + 1)]
        design = np.array([np.ones(n - p), *lags, y[p:, column]])
        expected = design @ design.T
        np.testing.assert_allclose(products[column], expected, rtol=1e-9, atol=1e-11 * np.abs(expected).max())


@given(SEEDS, st.integers(40, 120), st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_robust_coefficients_are_those_of_two_plain_regressions(seed: int, n: int, k: int) -> None:
    y, p = series(seed, n, k), 3
    y = y / y.std(axis=0)
    found, orders = robust_fit(y, p)
    for column in range(k):
        order = int(orders[column])
        assert order == int(fit(gram(y[:, [column]], p), n - p)[0])
        design = np.column_stack([np.ones(n - p), *(y[p - lag : n - lag, column] for lag in range(1, order + 1))])
        target = y[p:, column]
        e = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
        width = 1.4826 * np.median(np.abs(e - np.median(e)))
        cut = np.clip(e, np.median(e) - 4 * width, np.median(e) + 4 * width)
        again = np.linalg.lstsq(design, target - e + cut, rcond=None)[0]
        np.testing.assert_allclose(found.phi[column, :order], again[1:], rtol=1e-4, atol=1e-5)
        assert not found.phi[column, order:].any()


def test_innovations_of_mixed_orders_leave_no_lag_out() -> None:
    y = series(3, 60, 2)
    model = solve(gram(y, 4), np.array([1, 4]))
    lags = [y[4 - lag : 60 - lag] for lag in range(1, 5)]
    plainly = y[4:] - model.constant - sum(model.phi[:, at] * lag for at, lag in enumerate(lags))
    np.testing.assert_allclose(innovations(y, model), plainly, rtol=1e-9, atol=1e-9)


@given(SEEDS, st.integers(13, 90), st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_the_best_split_is_the_one_that_leaves_least(seed: int, n: int, k: int) -> None:
    y = series(seed, n, k)
    edge = max(min(6, n // 4), int(0.05 * n), 1)
    for column in range(k):
        x = y[:, column]
        splits = [np.concatenate([x[:at] - x[:at].mean(), x[at:] - x[at:].mean()]) for at in range(edge, n - edge + 1)]
        least = min(float(np.sum(one**2)) for one in splits)
        flat = split_off(y)[:, column]
        assert float(np.sum(flat**2)) == pytest.approx(least, rel=1e-9)
        assert abs(float(flat.mean())) < 1e-9 * np.abs(x).max()


@pytest.mark.parametrize("prior", [0.0, 250.0])
def test_neighbouring_statistics_are_correlated_as_said(prior: float) -> None:
    n, phi = 60, np.array([[0.5, 0.3]])
    units = np.eye(n)
    answers = scan_step(units, np.tile(phi, (n, 1)), prior).statistic  # row: a statistic's weights over innovations
    covariance = answers @ answers.T
    if prior:  # what earlier windows leave open of the level is noise that all rows share
        covariance += np.outer(answers.sum(axis=1), answers.sum(axis=1)) / prior
    spread = np.sqrt(np.diagonal(covariance))
    plainly = 1 - np.diagonal(covariance, 1) / (spread[1:] * spread[:-1])
    np.testing.assert_allclose(neighbour_drops(n, phi, prior)[:, 0], plainly, atol=1e-9)


@given(SEEDS, st.integers(12, 300), st.integers(1, 4), st.sampled_from([0.05, 0.08]))
@settings(deadline=None, max_examples=60)
def test_a_scan_without_memory_is_the_general_one(seed: int, n: int, k: int, trim: float) -> None:
    e = np.random.default_rng(seed).standard_normal((n, k))
    e -= e.mean(axis=0)
    white = np.zeros((1, 1))
    found, plainly = scan_white(e, trim), scan_step(e, white, trim=trim)
    assert found.first == plainly.first
    np.testing.assert_allclose(found.statistic, plainly.statistic, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.size, plainly.size, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(white_drops(n, trim), neighbour_drops(n, white, trim=trim))


@given(st.integers(1, 200), st.lists(st.floats(0.001, 0.5), min_size=1, max_size=4))
@settings(deadline=None, max_examples=40)
def test_turning_points_are_sines_and_cosines(n: int, frequencies: list[float]) -> None:
    angle = 2 * np.pi * np.outer(np.arange(n), frequencies)
    expected = np.hstack([np.ones((n, 1)), np.cos(angle), np.sin(angle)])
    np.testing.assert_allclose(sinusoids(n, tuple(frequencies)), expected, atol=1e-12)


def plain_levels(y: Floats) -> list[int]:
    """Binary segmentation of one series: the cut that gains most, again and again."""
    n, left = len(y), float(np.sum((y - y.mean()) ** 2))

    def best(start: int, end: int) -> tuple[float, int, int, int]:
        gains = [(0.0, -1)]
        for row in range(start + staircase.MIN_STAIR, end - staircase.MIN_STAIR + 1):
            a, b, size = y[start:row].mean(), y[row:end].mean(), end - start
            gains.append((-((a - b) ** 2) * (row - start) * (end - row) / size, row))
        gain, row = min(gains)
        return gain, row, start, end

    waiting = [best(0, n)]
    splits: list[int] = []
    scores = [n * np.log(left)]
    while len(splits) < staircase.MAX_STAIRS:
        gain, row, start, end = heapq.heappop(waiting)
        if row < 0:
            break
        left += gain
        splits.append(row)
        for piece in ((start, row), (row, end)):
            heapq.heappush(waiting, best(*piece))
        scores.append(n * np.log(left) + staircase.PRICE * len(splits) * np.log(n))
    return sorted(splits[: int(np.argmin(scores))])


@given(SEEDS, st.integers(60, 140))
@settings(deadline=None, max_examples=20)
def test_series_cut_in_step_are_cut_as_each_alone(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    levels = np.repeat(rng.standard_normal((5, 3)) * [0.0, 3.0, 8.0], -(-n // 5), axis=0)[:n]
    y = levels + rng.standard_normal((n, 3))
    assert staircase.stairs_of(y) == [plain_levels(y[:, column]) for column in range(3)]
