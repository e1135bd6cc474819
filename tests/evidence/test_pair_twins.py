"""The quick ways through all pairs beside the plain ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from crackle_stream.detect.evidence import DependenceDetector, LaggedDetector, dependence, lagged, pairs
from crackle_stream.detect.evidence.dependence import APART_P
from crackle_stream.detect.evidence.lagged import lags_for
from crackle_stream.detect.evidence.look import Context
from crackle_stream.detect.evidence.pairs import (
    LaggedScores,
    binned_p,
    binned_parts,
    correlations_at,
    own_memory,
    steadied,
    with_spreads,
)
from crackle_stream.detect.evidence.responsible import fragility, weighed
from crackle_stream.history import History
from crackle_stream.window import Window

Floats = npt.NDArray[np.float64]
seeds = st.integers(0, 10_000)


def scores(seed: int, rows: int, columns: int, gaps: float, shared: float = 0.5) -> Floats:
    """Dependent scores, some of them absent."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((rows, columns)) + shared * rng.standard_normal((rows, 1))
    z /= np.sqrt(1 + shared**2)
    z[rng.random(z.shape) < gaps] = np.nan
    return z


def plain_r(x: Floats, y: Floats) -> float:
    both = ~np.isnan(x * y)
    return float(x[both] @ y[both]) / float(np.sqrt((x[both] @ x[both]) * (y[both] @ y[both])))


@given(seeds, st.integers(0, 12), st.sampled_from([0.0, 0.2]))
@settings(max_examples=25, deadline=None)
def test_correlations_of_all_pairs_are_those_of_each(seed: int, lag: int, gaps: float) -> None:
    z = scores(seed, 120, 4, gaps)
    found = LaggedScores(z).at(lag)
    for a in range(4):
        for b in range(4):
            assert found.r[a, b] == pytest.approx(plain_r(z[: 120 - lag, a], z[lag:, b]), abs=1e-12)


@given(seeds, st.floats(1e-9, 1.0), st.sampled_from([0.0, 0.2]))
@settings(max_examples=40, deadline=None)
def test_a_bar_leaves_every_p_value_under_it_as_it_is(seed: int, bar: float, gaps: float) -> None:
    z = scores(seed, 80, 6, gaps)
    widening = own_memory(z)
    every, some = LaggedScores(z).at(1, widening).p, LaggedScores(z).at(1, widening, bar).p
    np.testing.assert_array_equal(some[every <= bar], every[every <= bar])
    assert np.all((some == every) | (some == 1.0))


@given(seeds, st.sampled_from([0.0, 0.1]), st.sampled_from([1.0, 1e5, 1e9]))
@settings(max_examples=25, deadline=None)
def test_tables_in_parts_are_those_of_four_and_eight_bins(seed: int, gaps: float, products: float) -> None:
    z = scores(seed, 500, 5, gaps, 0.3)
    widening = own_memory(z)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "PART_PRODUCTS", products)
        found = binned_parts(z, widening, lambda: False)
    assert found is not None
    above = np.triu_indices(5, 1)
    expected = np.minimum(binned_p(z, 4, widening), binned_p(z, 8, widening))
    np.testing.assert_allclose(found[above], expected[above], rtol=1e-9)


def test_bartletts_widening_is_its_formula() -> None:
    z = np.cumsum(np.random.default_rng(0).standard_normal((150, 3)), axis=0)
    z -= z.mean(axis=0)
    z[70, 1] = np.nan
    x = np.nan_to_num(z)
    rho = [np.sum(x[h:] * x[:-h], axis=0) / np.sum(x * x, axis=0) for h in range(1, 21)]
    expected = np.maximum(1 + 2 * sum(np.outer(one, one) for one in rho), 1.0)
    np.testing.assert_allclose(own_memory(z), expected, rtol=1e-12)


@given(seeds, st.floats(1e-12, 0.9), st.floats(0.0, 2.0), st.sampled_from([0.0, 0.3]))
@settings(max_examples=60, deadline=None)
def test_the_fragility_of_a_pair_is_what_taking_tasks_one_by_one_shows(
    seed: int, bar: float, shared: float, gaps: float
) -> None:
    z = scores(seed, 90, 2, gaps, shared)
    pair = weighed(z[:, 0], z[:, 1], 1.0)
    assert fragility(pair, bar) == one_by_one(pair.x, pair.y, bar)


def one_by_one(x: Floats, y: Floats, bar: float) -> int:
    for gone in range(len(x)):
        a, b = x[gone:], y[gone:]
        variance = max(float(a.var() * b.var()), 1e-12)
        r = float(np.clip((np.mean(a * b) - a.mean() * b.mean()) / np.sqrt(variance), 0.0, 1 - 1e-12))
        free = max(len(a) - 2.0, 1.0)
        if 2 * special.stdtr(free, -r * np.sqrt(free / (1 - r * r))) > bar:
            return gone
    return len(x)


def window_of(values: Floats) -> Window:
    n, m = values.shape
    return Window.from_columns(
        [f"t{i}" for i in range(n)], np.arange(n, dtype=float), [f"m{c}" for c in range(m)], values
    )


def context_of(window: Window, calls: int | None = None) -> Context:
    """A context whose time is used up after so many questions; never by default."""

    class Limited(Context):
        asked = 0

        def stop(self) -> bool:
            self.asked += 1
            return calls is not None and self.asked > calls

    return Limited(window, History(), None, 0)


@pytest.mark.parametrize("seed", range(4))
def test_pairs_left_to_the_lagged_detector_are_those_that_each_alone_would_leave(seed: int) -> None:
    rng = np.random.default_rng(seed)
    driver = rng.standard_normal(410)
    values = rng.standard_normal((400, 6))
    for column, lag in enumerate((0, 0, 1, 4)):
        values[:, column] += rng.uniform(0.5, 2) * driver[10 - lag : 410 - lag]
    values[:, 4] = 0.5 * values[:, 0] + 0.5 * np.roll(values[:, 0], 3) + 0.3 * values[:, 4]
    window = window_of(values)
    context = context_of(window)
    z = context.prepared.whitened.scores
    found = {one.pattern.metric_names for one in DependenceDetector().examine(window, context).candidates}
    for names in found:
        a, b = (int(name[1:]) for name in names)
        assert not better_apart(z[:, [a, b]])
    assert ("m0", "m1") in found
    assert ("m0", "m3") not in found


def better_apart(z: Floats) -> bool:
    at_once = abs(float(correlations_at(z, 0).r[0, 1]))
    return any(
        max(abs(float(found.r[0, 1])), abs(float(found.r[1, 0]))) > at_once
        and found.p[~np.eye(2, dtype=bool)].min() < APART_P
        for found in (correlations_at(z, lag) for lag in range(1, lags_for(len(z)) + 1))
    )


@pytest.mark.parametrize("detector", [DependenceDetector(), LaggedDetector()], ids=["dependence", "lagged"])
def test_a_detector_of_pairs_stopped_at_any_time_gives_the_strongest_and_says_so(
    detector: DependenceDetector | LaggedDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    driver = rng.standard_normal(303)
    values = 0.3 * rng.standard_normal((300, 8))
    values[:, :6] += np.where(np.arange(6) % 2, driver[3:, None], driver[:-3, None])
    window = window_of(values)
    free = context_of(window)
    whole = detector.examine(window, free)
    asked = vars(free)["asked"]
    assert whole.complete
    assert [one.p for one in whole.candidates] == sorted(one.p for one in whole.candidates if one.p is not None)
    for module in (dependence, lagged):
        monkeypatch.setattr(module, "TOLD_LATE", 2)
    made = [detector.examine(window, context_of(window, calls)) for calls in range(asked)]
    assert not any(one.complete for one in made)
    assert len(made[-1].candidates) >= 2
    assert {one.pattern.metric_names for one in made[-1].candidates} < {
        one.pattern.metric_names for one in whole.candidates
    }


@pytest.mark.parametrize(("detector", "tests"), [(DependenceDetector(), 15), (LaggedDetector(), 600)])
def test_noise_leaves_a_nearest_miss_that_is_under_its_bar(
    detector: DependenceDetector | LaggedDetector, tests: int
) -> None:
    window = window_of(np.random.default_rng(8).standard_normal((300, 6)))
    made = detector.examine(window, context_of(window))
    assert (made.candidates, made.tests) == ((), tests)
    assert made.nearest is not None
    assert " ~ " in made.nearest.what
    assert made.nearest.value < made.nearest.bar == pytest.approx(-np.log10(0.05))


def test_two_metrics_of_one_calendar_do_not_depend_on_each_other_by_their_spread() -> None:
    rng = np.random.default_rng(9)
    season = 0.5 + 0.4 * np.cos(2 * np.pi * np.arange(600) / 50)[:, None]
    z = rng.standard_normal((600, 2)) * season
    z /= z.std(axis=0)
    either, seen = with_spreads(z), with_spreads(z, [(0.02,), (0.02,)])
    np.testing.assert_array_equal(seen[:, :2], z)
    assert correlations_at(either, 0).p[2, 3] < 1e-4
    assert correlations_at(seen, 0).p[2, 3] > 0.05
    waves = np.exp(2j * np.pi * np.outer([0.02, 0.04], np.arange(600)))
    np.testing.assert_allclose(np.abs(waves @ seen[:, 2:]), 0.0, atol=1e-9)


def test_metrics_that_share_a_season_and_nothing_else_are_no_pairs() -> None:
    found = 0
    for seed in range(6):
        rng = np.random.default_rng([seed, 10])
        phase, rows = rng.uniform(0, 2 * np.pi, 8), np.arange(500)[:, None]
        values = 100 + 30 * np.sin(2 * np.pi * rows / rng.uniform(12, 120) + phase) + 8 * rng.standard_normal((500, 8))
        window = window_of(values)
        found += any(
            one.p is not None and one.p < 1e-4 / 28
            for one in DependenceDetector().examine(window, context_of(window)).candidates
        )
    assert found == 0


def test_scores_over_their_seasons_spread_are_as_loud_at_every_hour() -> None:
    rng = np.random.default_rng(3)
    phase = 2 * np.pi * np.arange(4000) / 50
    loud = np.sqrt(1 + 0.7 * np.cos(phase))
    z = rng.standard_normal((4000, 2)) * np.column_stack([loud, np.ones(4000)])
    z[::7, 0] = np.nan
    steady = steadied(z, [[1 / 50], []])
    np.testing.assert_array_equal(steady[:, 1], z[:, 1])
    np.testing.assert_allclose(steady[:, 0], z[:, 0] / loud, atol=0.2)
    for hours in (np.cos(phase) > 0.7, np.cos(phase) < -0.7):
        assert np.nanmean(steady[hours, 0] ** 2) == pytest.approx(1, abs=0.15)


def test_without_seasons_scores_stay_as_they_are() -> None:
    z = scores(5, 100, 3, 0.1)
    assert steadied(z, [(), (), ()]) is z


def test_what_goes_with_the_seasons_is_the_least_squares_fit_of_their_waves() -> None:
    x = np.random.default_rng(6).standard_normal(300)
    x[::11] = np.nan
    rows = np.flatnonzero(~np.isnan(x))
    phases = 2 * np.pi * np.outer(rows, [0.02, 0.04, 1 / 37, 2 / 37])
    waves = np.hstack([np.ones((len(rows), 1)), np.cos(phases), np.sin(phases)])
    expected = x[rows] - waves @ np.linalg.lstsq(waves, x[rows])[0]
    found = pairs._without_seasons(x, [0.02, 1 / 37])
    np.testing.assert_allclose(found[rows], expected, atol=1e-10)
    assert np.isnan(found[::11]).all()
