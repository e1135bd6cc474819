"""Straight drifts are told apart from steps and from slow noise, and taken out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from benchmarks.families import ar_noise
from crackle_stream import ThermalProfile, Window, cool
from crackle_stream.detect.evidence.drift import drifts_of

Floats = npt.NDArray[np.float64]

ROWS, SERIES = 500, 12
TIME = np.linspace(0, 1, ROWS)[:, None]


def window(values: Floats) -> Window:
    names = [f"m{column}" for column in range(values.shape[1])]
    return Window.from_columns([f"t{row}" for row in range(len(values))], np.arange(len(values)) * 1.0, names, values)


def test_a_slope_is_that_of_the_plain_regression() -> None:
    x = 3 * TIME + np.random.default_rng(0).standard_normal((ROWS, 1))
    expected = stats.linregress(np.arange(ROWS), x[:, 0]).slope
    found = drifts_of(x)
    assert found.slopes == pytest.approx([expected], rel=1e-3)
    assert not found.growing.any()
    assert abs(stats.linregress(np.arange(ROWS), found.taken_from(x)[:, 0]).slope) < 1e-5


def test_growth_with_its_noise_is_a_drift_of_the_logarithm() -> None:
    rng = np.random.default_rng(1)
    x = np.exp(2 * TIME + 0.3 * rng.standard_normal((ROWS, 3)))
    found = drifts_of(x)
    assert found.growing.all()
    assert found.slopes * (ROWS - 1) == pytest.approx([2.0] * 3, abs=0.2)
    level = found.taken_from(x)
    assert level.min() > 0
    assert level[:100].std(axis=0) / level[-100:].std(axis=0) == pytest.approx([1.0] * 3, rel=0.5)


@pytest.mark.parametrize("size", [0.6, 1.0, 3.0])
def test_a_step_is_no_drift(size: float) -> None:
    rng = np.random.default_rng(2)
    x = np.where(TIME < 0.4, 0.0, size) + rng.standard_normal((ROWS, 40))
    assert np.count_nonzero(drifts_of(x).slopes) <= 1


def test_two_steps_up_are_no_drift() -> None:
    rng = np.random.default_rng(3)
    x = np.where(TIME < 0.33, 0.0, np.where(TIME < 0.67, 2.0, 4.0)) + rng.standard_normal((ROWS, 40))
    assert not drifts_of(x).slopes.any()


@pytest.mark.parametrize("phi", [0.0, 0.9, 0.99, 1.0])
def test_noise_that_wanders_does_not_drift(phi: float) -> None:
    rng = np.random.default_rng(4)
    x = np.cumsum(rng.standard_normal((ROWS, 200)), axis=0) if phi == 1.0 else ar_noise(rng, ROWS, 200, phi)[-ROWS:]
    assert np.count_nonzero(drifts_of(x).slopes) <= 1


def test_one_wild_value_neither_makes_a_drift_nor_hides_one() -> None:
    x = np.random.default_rng(5).standard_normal((ROWS, 2))
    x[:, 1] += 3 * TIME[:, 0]
    x[-1] -= 200.0
    found = drifts_of(x).slopes * (ROWS - 1)
    assert found == pytest.approx([0.0, 3.0], abs=0.5)


def test_windows_that_drift_have_no_change_and_say_what_was_taken_out() -> None:
    shown, named = 0, 0
    for seed in range(20):
        rng = np.random.default_rng(100 + seed)
        slopes = rng.choice([-1, 1], SERIES) * rng.uniform(2, 4, SERIES)
        report = cool(
            window(slopes * TIME + rng.standard_normal((ROWS, SERIES))), ThermalProfile.evidence(per_window=0.05)
        )
        shown += bool(report.patterns)
        named += sum(skip.what.startswith("the drift of m") for skip in report.examined["shift"].skipped)
    assert shown <= 3  # before drifts were taken out 18 of 20 such windows told of steps
    assert named >= 0.95 * 20 * SERIES


def test_a_step_beside_a_drift_is_still_found() -> None:
    rng = np.random.default_rng(6)
    values = rng.standard_normal((ROWS, 2))
    values[:, 0] += 3 * TIME[:, 0]
    values[300:, 1] += 1.5
    patterns = cool(window(values), ThermalProfile.evidence(per_window=0.05)).patterns
    assert [(pattern.metric_names, pattern.form) for pattern in patterns] == [(("m1",), "mean")]
