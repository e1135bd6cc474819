from __future__ import annotations

from math import nan, sqrt

import numpy as np
import numpy.typing as npt
import pytest

from crackle_stream.cooling import cool
from crackle_stream.model import CracklePattern, Examination, Nature, NearMiss, Skip
from crackle_stream.profile import THRESHOLD_DETECTORS, ThermalProfile
from crackle_stream.window import Window

ALONE = ThermalProfile.default().without_detectors(set(THRESHOLD_DETECTORS) - {"conservation"})  # tolerance 0.3


def examined(**columns: npt.ArrayLike) -> Examination:
    table = np.column_stack([np.array(column, dtype=np.float64) for column in columns.values()])
    labels = [f"t{k}" for k in range(len(table))]
    report = cool(Window.from_columns(labels, np.arange(len(table)), list(columns), table), ALONE)
    assert not report.failures
    return report.examined["conservation"]


def patterns(**columns: npt.ArrayLike) -> list[CracklePattern]:
    return [candidate.pattern for candidate in examined(**columns).candidates]


def test_a_conserved_metric_says_its_sum_and_how_little_it_varies() -> None:
    #   9 11 9 11: mean 10, population deviation 1
    (law,) = patterns(budget=[9, 11, 9, 11])
    assert law.kind == "conservation law"
    assert law.description == "metric 'budget' is conserved across 4 tasks (sum: 40.000, std_dev: 1.000)"
    assert law.confidence == 0.9
    assert law.involved_tasks == ("t0", "t1", "t2", "t3")
    assert law.metrics == {"total": 40.0, "std_dev": 1.0, "coefficient_of_variation": 0.1}
    assert law.metric_names == ("budget",)
    assert (law.nature, law.form, law.direction, law.at) == (Nature.FACT, "constant", "", None)


def test_a_negative_level_is_conserved_as_well_and_its_sum_keeps_its_sign() -> None:
    (law,) = patterns(x=[-9, -11, -9, -11])
    assert law.description == "metric 'x' is conserved across 4 tasks (sum: -40.000, std_dev: 1.000)"


def test_a_small_negative_sum_prints_as_the_crate_prints_it() -> None:
    (law,) = patterns(x=[-1e-4, -1e-4, -1e-4])
    assert law.description == "metric 'x' is conserved across 3 tasks (sum: -0.000, std_dev: 0.000)"


def test_only_tasks_that_have_the_metric_count_and_are_involved() -> None:
    (law,) = patterns(x=[nan, 9, nan, 11])
    assert law.involved_tasks == ("t1", "t3")
    assert law.metrics["std_dev"] == 1.0


def test_a_variation_of_just_the_tolerance_is_too_much_and_is_the_nearest_miss() -> None:
    #   7 13: mean 10, deviation 3
    made = examined(x=[7, 13, 7, 13], wild=[1, 99, 1, 99])
    assert made.candidates == ()
    assert made.nearest == NearMiss("x", 0.3, 0.3, "coefficient of variation")
    assert made.tests == 2


def test_the_deviation_is_that_of_the_population() -> None:
    values = np.random.default_rng(1).normal(50, 3, size=200)
    (law,) = patterns(x=values)
    assert law.metrics["std_dev"] == pytest.approx(values.std(ddof=0))
    assert law.metrics["coefficient_of_variation"] == pytest.approx(values.std() / values.mean())


def test_an_offset_does_not_wash_out_a_small_deviation() -> None:
    (law,) = patterns(stamp=1.79e9 + np.array([0.0, 1.0, 2.0, 3.0]))
    assert law.metrics["std_dev"] == pytest.approx(sqrt(1.25), rel=1e-9)


def test_a_metric_whose_mean_is_zero_or_that_one_task_has_is_skipped_with_the_reason() -> None:
    made = examined(zero=[0, 0, 0], lone=[nan, 4, nan], fine=[1, 1, 1])
    assert made.tests == 1
    assert made.skipped == (
        Skip("lone", "fewer than 2 tasks have it"),
        Skip("zero", "its mean is 0, and variation is measured by the mean"),
    )
