"""The scan for a level: closed forms, null rates and power."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from benchmarks.families import ar_noise
from crackle_stream.budget import PER_WINDOW_LIMIT, SHARES
from crackle_stream.detect.evidence.autoregression import fit, gram, innovations, solve
from crackle_stream.detect.evidence.bumps import find_level
from crackle_stream.detect.evidence.level import ranked, scan_level
from crackle_stream.detect.evidence.ranks import normal_scores
from crackle_stream.detect.evidence.scan import scan_step
from crackle_stream.detect.evidence.shift import LEVEL_SHARE
from crackle_stream.detect.evidence.steps import REPORTED, WORTH_REMOVING, steps_in, worth_removing
from crackle_stream.detect.evidence.tails import chi_scan_tail, overshoot

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = npt.NDArray[np.float64]


def test_for_independent_maxima_the_tail_is_bonferronis() -> None:
    x = np.array([5.0])
    expected = 101 * 2 * stats.norm.sf(5.0)
    assert chi_scan_tail(x, np.ones((100, 1)))[0] == pytest.approx(expected, rel=0.06)


def test_without_steps_the_tail_is_that_of_one_chi_variable() -> None:
    for degrees in (1, 6):
        expected = stats.chi2.sf(16.0, degrees)
        assert chi_scan_tail(np.array([4.0]), np.zeros((1, 1)), degrees)[0] == pytest.approx(expected)


def test_equal_steps_may_be_counted() -> None:
    x, drops = np.array([3.0, 4.5]), np.array([[0.1, 0.02]])
    np.testing.assert_allclose(
        chi_scan_tail(x, drops, times=np.array([300, 300])), chi_scan_tail(x, np.tile(drops, (300, 1))), rtol=1e-12
    )


def test_the_overshoot_correction_has_its_two_limits() -> None:
    assert overshoot(np.array([1e-9]))[0] == pytest.approx(1.0, abs=1e-6)
    assert overshoot(np.array([60.0]))[0] == pytest.approx(2 / 60**2, rel=0.01)


def test_the_matched_filter_is_the_t_statistic_of_every_step_in_the_regression() -> None:
    rng = np.random.default_rng(0)
    e = rng.standard_normal((80, 1))
    phi = np.array([[0.5, -0.2]])
    found = scan_step(e, phi)
    row = 30
    step = (np.arange(80) >= row).astype(float)
    filtered = step.copy()
    filtered[1:] -= 0.5 * step[:-1]
    filtered[2:] += 0.2 * step[:-2]
    profile = filtered - filtered.mean()
    expected = float(profile @ e[:, 0]) / np.sqrt(float(profile @ profile))
    assert found.statistic[row - found.first, 0] == pytest.approx(expected)
    assert found.size[row - found.first, 0] == pytest.approx(expected / np.sqrt(float(profile @ profile)))


def test_rows_of_memory_count_as_that_many_innovations_of_mean_zero() -> None:
    rng = np.random.default_rng(1)
    e = rng.standard_normal((100, 1)) + 0.4
    longer = np.vstack([np.zeros((200, 1)), e])
    white = np.zeros((1, 1))
    expected = scan_step(longer, white)
    found = scan_step(e, white, prior_rows=200.0)
    assert found.first == 0
    assert found.statistic[40, 0] == pytest.approx(expected.statistic[240 - expected.first, 0])


def test_the_autoregression_is_least_squares_at_every_order() -> None:
    y = ar_noise(np.random.default_rng(2), 300, 2, 0.7)
    products = gram(y, 8)
    model = solve(products, np.array([2, 2]))
    design = np.column_stack([np.ones(292), y[7:-1, 0], y[6:-2, 0]])
    expected = np.linalg.lstsq(design, y[8:, 0], rcond=None)[0]
    assert model.constant[0] == pytest.approx(expected[0], abs=1e-6)
    assert model.phi[0, :2] == pytest.approx(expected[1:], abs=1e-6)
    assert model.phi[0, 2:].tolist() == [0.0] * 6
    assert np.abs(np.sum(innovations(y, model)[:, 0])) < 1e-5
    assert fit(products, 292).min() >= 1


NOISE: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "independent": lambda rng, m: rng.standard_normal((300, m)),
    "AR .9": lambda rng, m: ar_noise(rng, 300, m, 0.9),
    "random walk": lambda rng, m: np.cumsum(rng.standard_normal((300, m)), axis=0),
    "AR .9 with t3": lambda rng, m: ar_noise(rng, 300, m, 0.9, rng.standard_t(3, (700, m))),
}


@pytest.mark.parametrize("kind", NOISE)
def test_p_values_of_quiet_series_are_not_smaller_than_they_should_be(kind: str) -> None:
    p = scan_level(NOISE[kind](np.random.default_rng(7), 1500)).p
    for nominal in (0.05, 0.01):
        expected = 1500 * nominal
        assert np.sum(p < nominal) <= 1.8 * expected + 3 * np.sqrt(expected)


def test_a_step_is_located_and_measured() -> None:
    rng = np.random.default_rng(3)
    y = rng.standard_normal((400, 40))
    y[150:] += 1.5
    found = scan_level(y)
    assert found.p.max() < 1e-5
    assert np.median(np.abs(found.row - 150)) <= 1
    assert np.median(found.size) == pytest.approx(1.5, abs=0.15)


def test_a_jump_in_slow_noise_is_seen() -> None:
    y = ar_noise(np.random.default_rng(4), 500, 60, 0.9)
    y[250:] += 3.0
    found = scan_level(y)
    assert np.mean(found.p < 2e-3) >= 0.8
    assert np.median(np.abs(found.row - 250)) == 0


def test_a_level_that_goes_up_and_comes_back_has_two_changes() -> None:
    y = np.random.default_rng(5).standard_normal((500, 10))
    y[150:330] += 2.5
    steps = steps_in(y, find_level(y))
    both = [found for found in steps if len(found) == 2]
    assert len(both) >= 9
    assert np.median([abs(found[0].row - 150) for found in both]) <= 2
    assert np.median([abs(found[1].row - 330) for found in both]) <= 2
    assert all(found[0].size > 0 > found[1].size for found in both)


def test_an_innovation_counts_at_most_so_much_more_than_its_rank_by_how_many_are_outliers() -> None:
    e = np.random.default_rng(3).standard_normal((500, 1))
    top = int(np.argmax(e))
    e[top] = 50.0
    by_rank = float(normal_scores(e)[top, 0] * e.std())
    counted = [float(ranked(e, np.array([far]))[top, 0]) for far in (1, 2, 3)]
    assert counted == pytest.approx([1.7 * by_rank, 1.3 * by_rank, 1.0 * by_rank])


def test_a_jump_of_3_sd_in_ar_9_is_seen_in_one_window() -> None:
    rng = np.random.default_rng(31)
    y = ar_noise(rng, 500, 300, 0.9)
    y += 3.0 * (np.arange(500)[:, None] >= rng.integers(125, 375, 300))
    assert np.mean(find_level(y).p < 0.0017) >= 0.94


def test_slow_noise_beneath_as_much_quicker_noise_hardly_passes_for_steps() -> None:
    rng = np.random.default_rng(32)
    y = 0.7 * ar_noise(rng, 500, 1000, 0.9) + 0.7 * ar_noise(rng, 500, 1000, 0.5)
    assert np.mean(find_level(y).p < 0.01) <= 0.025


def test_every_step_that_a_budget_may_report_is_taken_for_one() -> None:
    assert pytest.approx(PER_WINDOW_LIMIT * SHARES["shift"] * LEVEL_SHARE) == REPORTED
    assert worth_removing(1) == REPORTED
    assert worth_removing(100) == WORTH_REMOVING
    for seed in range(40):
        y = np.random.default_rng(seed).standard_normal((300, 1))
        y[150:] += 0.42
        levels = find_level(y)
        found = bool(steps_in(y, levels, bar=worth_removing(1))[0])
        assert found == bool(levels.p[0] < REPORTED)
