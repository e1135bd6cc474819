from __future__ import annotations

from math import nan

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.cooling import cool
from crackle_stream.detect.threshold.phase_transition import _second_halves
from crackle_stream.model import CracklePattern, Examination, Nature, NearMiss, Onset, Skip
from crackle_stream.profile import THRESHOLD_DETECTORS, ThermalProfile
from crackle_stream.window import Window

ALONE = ThermalProfile.default().without_detectors(set(THRESHOLD_DETECTORS) - {"phase_transition"})  # sensitivity 0.5


def examined(**columns: npt.ArrayLike) -> Examination:
    table = np.column_stack([np.array(column, dtype=np.float64) for column in columns.values()])
    labels = [f"t{k}" for k in range(len(table))]
    report = cool(Window.from_columns(labels, 100.0 + np.arange(len(table)), list(columns), table), ALONE)
    assert not report.failures
    return report.examined["phase_transition"]


def patterns(**columns: npt.ArrayLike) -> list[CracklePattern]:
    return [candidate.pattern for candidate in examined(**columns).candidates]


def test_a_shift_says_by_how_much_from_what_to_what_and_since_when() -> None:
    #   1 1 | 3 3      mean 2, shift 2 / 2
    (shift,) = patterns(latency=[1, 1, 3, 3])
    assert shift.kind == "phase transition"
    assert shift.description == "metric 'latency' shifted by 100.0% between first and second half of tasks"
    assert shift.confidence == 1.0
    assert shift.involved_tasks == ("t0", "t1", "t2", "t3")
    assert shift.metrics == {"shift_magnitude": 1.0, "first_half_avg": 1.0, "second_half_avg": 3.0}
    assert shift.metric_names == ("latency",)
    assert (shift.nature, shift.form, shift.direction) == (Nature.EVENT, "mean", "up")
    assert shift.at == Onset(2, 102.0)


def test_a_fall_goes_down_also_below_zero() -> None:
    assert [shift.direction for shift in patterns(x=[3, 3, 1, 1])] == ["down"]
    assert [shift.direction for shift in patterns(x=[-1, -1, -3, -3])] == ["down"]
    assert [shift.direction for shift in patterns(x=[-3, -3, -1, -1])] == ["up"]


def test_of_an_odd_number_of_tasks_the_first_half_is_the_shorter_one() -> None:
    #   1 1 | 4 4 4
    (shift,) = patterns(x=[1, 1, 4, 4, 4])
    assert (shift.metrics["first_half_avg"], shift.metrics["second_half_avg"]) == (1.0, 4.0)
    assert shift.at == Onset(2, 102.0)


def test_halves_and_onset_are_those_of_the_tasks_that_have_the_metric() -> None:
    #   t1=1  t2=1 | t4=5  t6=5
    (shift,) = patterns(x=[nan, 1, 1, nan, 5, nan, 5])
    assert shift.involved_tasks == ("t1", "t2", "t4", "t6")
    assert (shift.metrics["first_half_avg"], shift.metrics["second_half_avg"]) == (1.0, 5.0)
    assert shift.at == Onset(4, 104.0)


def test_a_shift_of_just_the_sensitivity_is_none_and_is_the_nearest_miss() -> None:
    #   means 3 and 5 around 4: exactly 0.5
    made = examined(x=[3, 3, 5, 5], steady=[4, 5, 4, 5])
    assert made.candidates == ()
    assert made.nearest == NearMiss("x", 0.5, 0.5, "relative shift of the mean")
    assert made.tests == 2


def test_a_metric_whose_mean_is_zero_or_that_one_task_has_is_skipped_with_the_reason() -> None:
    made = examined(balanced=[-1, 1, -1, 1], lone=[nan, nan, 4, nan], absent=[nan] * 4, fine=[1, 1, 1, 1])
    assert made.tests == 1
    assert set(made.skipped) == {
        Skip("balanced", "its mean is 0, and a shift is measured by the mean"),
        Skip("lone", "fewer than 2 tasks have it"),
        Skip("absent", "fewer than 2 tasks have it"),
    }


def test_a_mean_just_over_the_guard_is_measured_as_the_crate_does() -> None:
    made = examined(x=[-1, -1, 1, 1 + 2**-49])
    (shift,) = (candidate.pattern for candidate in made.candidates)
    assert shift.metrics["shift_magnitude"] == pytest.approx(2 / 2**-51, rel=1e-3)


def test_metrics_beyond_one_block_are_all_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crackle_stream.detect.threshold.columns.NUMBERS_AT_ONCE", 8)
    columns = {f"m{k}": [1, 1, 3, 3] for k in range(7)}
    assert sorted(shift.metric_names[0] for shift in patterns(**columns)) == sorted(columns)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.integers(1, 60), st.integers(1, 8), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 0.6, 0.97, 1.0]))
def test_the_second_half_begins_where_counting_task_by_task_says(n: int, k: int, seed: int, missing: float) -> None:
    present = np.random.default_rng(seed).random((n, k)) >= missing
    counts = present.sum(axis=0)
    later = present & (present.cumsum(axis=0) > counts // 2)
    assert _second_halves(present.T, counts).tolist() == later.argmax(axis=0).tolist()
