from __future__ import annotations

from math import nan

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats

from crackle_stream.cooling import cool
from crackle_stream.detect.distances import Points
from crackle_stream.detect.threshold import pearson
from crackle_stream.detect.threshold.columns import Table
from crackle_stream.detect.threshold.pearson import raw_sum_pearson, screen
from crackle_stream.model import CracklePattern, Examination, Nature, NearMiss, Skip
from crackle_stream.profile import THRESHOLD_DETECTORS, ThermalProfile
from crackle_stream.window import Window

ALONE = ThermalProfile.default().without_detectors(set(THRESHOLD_DETECTORS) - {"correlation"})  # threshold 0.7


def never() -> bool:
    return False


def examined(**columns: npt.ArrayLike) -> Examination:
    table = np.column_stack([np.array(column, dtype=np.float64) for column in columns.values()])
    labels = [f"t{k}" for k in range(len(table))]
    report = cool(Window.from_columns(labels, np.arange(len(table)), list(columns), table), ALONE)
    assert not report.failures
    return report.examined["correlation"]


def patterns(**columns: npt.ArrayLike) -> list[CracklePattern]:
    return [candidate.pattern for candidate in examined(**columns).candidates]


def test_a_correlation_says_which_two_how_strong_and_in_which_direction() -> None:
    (pair,) = patterns(rate=[1, 2, 3, 4], latency=[8, 6, 4, 2])
    assert pair.kind == "correlation"
    assert pair.description == "strong negative correlation between 'latency' and 'rate' (r = -1.000)"
    assert pair.confidence == pytest.approx(1.0)
    assert pair.involved_tasks == ("t0", "t1", "t2", "t3")
    assert pair.metrics == {"correlation": pytest.approx(-1.0)}
    assert pair.metric_names == ("latency", "rate")
    assert (pair.nature, pair.form, pair.direction, pair.at) == (Nature.FACT, "linear", "negative", None)


def test_the_tasks_involved_are_those_that_have_both_and_not_the_first_few() -> None:
    (pair,) = patterns(a=[nan, 1, 2, 3, 4], b=[5, nan, 2, 3, 4])
    assert pair.involved_tasks == ("t2", "t3", "t4")
    assert pair.direction == "positive"


def test_an_r_of_just_the_threshold_is_reported() -> None:
    at_bar = ThermalProfile.fast_cooling().without_detectors(ALONE.without)
    half = [1, 3, 2], [1, 2, 3]  # r is exactly 0.5, the bar of the fast rate
    window = Window.from_columns(list("abc"), range(3), ["x", "y"], np.column_stack(half))
    (pair,) = cool(window, at_bar).patterns
    assert pair.metrics["correlation"] == 0.5


def test_pairs_that_fewer_than_three_tasks_have_are_skipped_by_name_or_by_number() -> None:
    made = examined(a=[1, 2, 3, nan], b=[nan, 2, 3, 4], c=[1, 2, 3, 4])
    assert made.tests == 2
    assert made.skipped == (Skip("a ~ b", "fewer than 3 tasks have both"),)
    many = {f"m{k}": [nan, 1, 2, nan] for k in range(8)}
    assert examined(**many).skipped == (Skip("28 pairs", "fewer than 3 tasks have both"),)


def test_the_strongest_pair_under_the_bar_says_how_near_anything_came() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=200)
    y = 0.6 * x + 0.8 * rng.normal(size=200)
    made = examined(y=y, x=x, noise=rng.normal(size=200))
    assert made.candidates == ()
    assert made.nearest == NearMiss("x ~ y", made.nearest.value if made.nearest else 0.0, 0.7, "|r|")
    assert made.nearest.value == pytest.approx(scipy.stats.pearsonr(x, y).statistic)
    assert made.tests == 3


def test_a_constant_correlates_with_nothing() -> None:
    made = examined(constant=[7.5, 7.5, 7.5, 7.5], x=[1, 2, 3, 4])
    assert made.candidates == ()
    assert made.nearest is None


def test_one_metric_makes_no_pair() -> None:
    made = examined(alone=[1, 2, 3])
    assert (made.candidates, made.tests, made.nearest) == ((), 0, None)


@pytest.mark.parametrize("offset", [0.0, 10.0, 1e4])
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_the_screen_agrees_with_scipy_and_its_error_bounds_the_raw_sum_formula(offset: float, missing: float) -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(300, 6)) + rng.normal(size=(300, 1)) + offset
    values[rng.random(values.shape) < missing] = nan
    window = Window.from_columns([""] * 300, np.zeros(300), list("abcdef"), values)

    table = Table(window)
    pairs = screen(table.points, never)

    assert pairs is not None
    ((places, raw),) = raw_sum_pearson(table, pairs, np.arange(len(pairs.r)), never)
    assert places.tolist() == list(range(15))
    for i, j, r in zip(pairs.first, pairs.second, pairs.r, strict=True):
        both = ~np.isnan(values[:, [i, j]]).any(axis=1)
        assert r == pytest.approx(scipy.stats.pearsonr(values[both, i], values[both, j]).statistic, rel=1e-9)
    assert np.isfinite(pairs.error).all()
    assert (np.abs(raw - pairs.r) <= pairs.error).all()


def test_nothing_is_known_of_a_pair_whose_values_hardly_vary_so_it_is_recomputed() -> None:
    values = np.column_stack([1e9 + np.arange(6) * 1e-7, np.arange(6) * 1e-9, np.arange(6.0), np.full(6, 0.1)])
    pairs = screen(Points.of(values), never)
    assert pairs is not None
    known = {(int(i), int(j)) for i, j, e in zip(pairs.first, pairs.second, pairs.error, strict=True) if e < 0.1}
    assert known == {(1, 2)}


def test_many_pairs_in_small_steps_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    columns = {f"m{k}": column for k, column in enumerate(rng.normal(size=(6, 90)) + rng.normal(size=90) * 2)}
    columns["m2"] = np.where(np.arange(90) % 5 == 0, nan, columns["m2"])
    whole = examined(**columns)
    monkeypatch.setattr(pearson, "PRODUCTS_AT_ONCE", 36 * 7)
    monkeypatch.setattr(pearson, "NUMBERS_AT_ONCE", 200)
    stepped = examined(**columns)
    assert len(whole.candidates) > 5
    assert stepped.candidates == whole.candidates
    assert stepped.tests == whole.tests == 15


def test_values_too_large_to_square_give_no_pattern_and_no_warning() -> None:
    made = examined(x=[1e300, 2e300, 3e300], y=[1, 2, 3])
    assert made.candidates == ()
