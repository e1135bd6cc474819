"""Statistics of pairs against scipy, and their null rates."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from crackle_stream.detect.evidence.pairs import binned_p, correlations_at, curved_p, own_memory
from crackle_stream.detect.evidence.ranks import normal_scores
from crackle_stream.detect.evidence.responsible import carriers, fragility, weighed


def test_correlations_are_pearsons_at_every_lag() -> None:
    z = normal_scores(np.random.default_rng(0).standard_normal((200, 3)))
    z -= z.mean(axis=0)
    for lag in (0, 3):
        found = correlations_at(z, lag)
        a, b = z[: 200 - lag, 0], z[lag:, 1]
        expected = float(a @ b) / np.sqrt(float(a @ a) * float(b @ b))
        assert found.r[0, 1] == pytest.approx(expected)
        assert found.p[0, 1] == pytest.approx(
            2 * stats.t.sf(abs(expected) * np.sqrt((198 - lag) / (1 - expected**2)), 198 - lag)
        )


def test_gaps_leave_out_the_rows_that_either_lacks() -> None:
    z = np.random.default_rng(1).standard_normal((120, 2))
    z[:40, 0] = np.nan
    z[100:, 1] = np.nan
    found = correlations_at(z, 0)
    a, b = z[40:100, 0], z[40:100, 1]
    assert found.shared[0, 1] == 60
    assert found.r[0, 1] == pytest.approx(float(a @ b) / np.sqrt(float(a @ a) * float(b @ b)))


def test_too_few_common_rows_say_nothing() -> None:
    z = np.random.default_rng(2).standard_normal((50, 2))
    z[10:, 0] = np.nan
    assert correlations_at(z, 0).p[0, 1] == 1.0


def test_the_binned_statistic_is_pearsons_chi_squared() -> None:
    z = np.random.default_rng(3).standard_normal((400, 2))
    cells = np.floor(special.ndtr(z) * 4).astype(int)
    table = np.zeros((4, 4))
    np.add.at(table, (cells[:, 0], cells[:, 1]), 1)
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert binned_p(z, 4, np.ones((2, 2)))[0, 1] == pytest.approx(expected, rel=1e-6)


def test_white_scores_have_no_memory_and_slow_ones_widen_the_variance() -> None:
    rng = np.random.default_rng(4)
    white = rng.standard_normal((2000, 2))
    slow = np.cumsum(rng.standard_normal((2000, 2)), axis=0)
    assert own_memory(white)[0, 1] < 1.1
    assert own_memory(slow - slow.mean(axis=0))[0, 1] > 20


def test_p_values_of_independent_scores_lie_on_the_diagonal() -> None:
    z = normal_scores(np.random.default_rng(5).standard_normal((400, 60)))
    above = np.triu_indices(60, 1)
    ones = np.ones((60, 60))
    mixed, spreads = curved_p(z)
    for p in (correlations_at(z, 0).p, binned_p(z, 4, ones), binned_p(z, 8, ones), mixed, spreads):
        assert np.mean(p[above] < 0.05) == pytest.approx(0.05, abs=0.02)
        assert np.mean(p[above] < 0.005) <= 0.011


def test_a_correlation_that_two_tasks_carry_is_fragile() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.standard_normal(200), rng.standard_normal(200)
    a[[20, 90]] = b[[20, 90]] = 9.0
    r = float(np.corrcoef(a, b)[0, 1])
    assert set(carriers(weighed(a, b, np.sign(r)))[:2].tolist()) == {20, 90}
    assert fragility(weighed(a, b, np.sign(r)), 1e-4) <= 2


def test_a_strong_correlation_survives_the_loss_of_many_tasks() -> None:
    rng = np.random.default_rng(7)
    a = rng.standard_normal(300)
    b = 0.9 * a + 0.4 * rng.standard_normal(300)
    assert fragility(weighed(a, b, 1.0), 1e-4) > 60
