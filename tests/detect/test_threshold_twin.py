"""The four detectors against plain loops, on data where rounding decides."""

from __future__ import annotations

from collections.abc import Callable
from math import nan

import crate_twin
import numpy as np
import numpy.typing as npt
import pytest
from crate_twin import Finding
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.cooling import cool
from crackle_stream.model import CracklePattern
from crackle_stream.profile import THRESHOLD_DETECTORS, CoolingRate, ThermalProfile
from crackle_stream.window import Window

Table = npt.NDArray[np.floating | np.integer]

SHAPES: dict[str, Callable[[np.random.Generator, int, int], Table]] = {
    "noise around 0": lambda rng, n, m: rng.normal(size=(n, m)),
    "noise around 10": lambda rng, n, m: rng.normal(10, 3, size=(n, m)) + rng.normal(size=(n, 1)) * 3,
    "small integers": lambda rng, n, m: rng.integers(-2, 3, size=(n, m)),
    "tenths": lambda rng, n, m: rng.integers(-3, 4, size=(n, m)) * 0.1,
    "constants": lambda rng, n, m: np.tile(rng.choice([0.1, 7.5, 1e-9, 3.3e9, 0.0], size=m), (n, 1)),
    "nearly constant": lambda rng, n, m: (
        1e6 + rng.integers(0, 2, size=(n, m)) * 2.0 ** rng.integers(-28, 2, size=(1, m))
    ),
    "a constant but for its last bit": lambda rng, n, m: 0.1 * (1 + rng.integers(0, 2, size=(n, m)) * 2.3e-16),
    "one common factor": lambda rng, n, m: rng.normal(size=(n, 1)) * rng.normal(size=(1, m)) + 1e5,
    "tiny": lambda rng, n, m: rng.normal(size=(n, m)) * 1e-9,
    "huge": lambda rng, n, m: rng.normal(size=(n, m)) * 10.0 ** rng.integers(70, 160, size=(1, m)),
    "a step": lambda rng, n, m: np.where(
        np.arange(n)[:, np.newaxis] < n // 2, 1.0, rng.choice([1.5, 1.3, 1.8], (1, m))
    ),
}

tables = st.fixed_dictionaries(
    {
        "shape": st.sampled_from(sorted(SHAPES)),
        "seed": st.integers(0, 2**32 - 1),
        "n": st.integers(0, 40),
        "m": st.integers(0, 6),
        "missing": st.sampled_from([0.0, 0.0, 0.2, 0.7]),
    }
)
rates = st.sampled_from(list(CoolingRate))


def window_of(table: dict[str, object]) -> Window:
    rng = np.random.default_rng(table["seed"])  # type: ignore[arg-type]
    n, m = int(str(table["n"])), int(str(table["m"]))
    values = SHAPES[str(table["shape"])](rng, n, m).astype(np.float64)
    values[rng.random(values.shape) < float(str(table["missing"]))] = nan
    return Window.from_columns([f"t{k}" for k in range(n)], np.arange(n), [f"m{k}" for k in range(m)], values)


def rows_of(window: Window) -> list[crate_twin.Row]:
    return [{name: x for name, x in zip(window.names, row, strict=True) if x == x} for row in window.values.tolist()]


def only(detector: str, rate: CoolingRate) -> ThermalProfile:
    return ThermalProfile(rate=rate).without_detectors(set(THRESHOLD_DETECTORS) - {detector})


def found(window: Window, detector: str, rate: CoolingRate) -> list[CracklePattern]:
    report = cool(window, only(detector, rate))
    assert not report.failures
    return list(report.patterns)


def as_finding(pattern: CracklePattern, *figures: str) -> Finding:
    rows = tuple(int(label[1:]) for label in pattern.involved_tasks)
    numbers = tuple(pattern.metrics[figure] for figure in figures)
    return Finding(str(pattern.kind), pattern.metric_names, rows, pattern.confidence, numbers)


def enough(window: Window, rate: CoolingRate) -> bool:
    return len(window) >= rate.min_tasks_for_detection


@settings(derandomize=True, max_examples=300, deadline=None)
@given(tables, rates)
def test_phase_transitions_equal_the_loop_to_the_last_bit(table: dict[str, object], rate: CoolingRate) -> None:
    window = window_of(table)
    figures = "shift_magnitude", "first_half_avg", "second_half_avg"
    actual = {as_finding(pattern, *figures) for pattern in found(window, "phase_transition", rate)}
    plain = crate_twin.phase_transitions(rows_of(window), rate.phase_transition_sensitivity)
    assert actual == (plain if enough(window, rate) else set())


@settings(derandomize=True, max_examples=300, deadline=None)
@given(tables, rates)
def test_conserved_metrics_equal_the_loop_to_the_last_bit(table: dict[str, object], rate: CoolingRate) -> None:
    window = window_of(table)
    figures = "total", "std_dev", "coefficient_of_variation"
    actual = {as_finding(pattern, *figures) for pattern in found(window, "conservation", rate)}
    plain = crate_twin.conserved(rows_of(window), rate.conservation_tolerance)
    assert actual == (plain if enough(window, rate) else set())


@settings(derandomize=True, max_examples=600, deadline=None)
@given(tables, rates)
def test_correlations_equal_the_loop_to_the_last_bit_even_where_r_is_rounding(
    table: dict[str, object], rate: CoolingRate
) -> None:
    window = window_of(table)
    actual = {as_finding(pattern, "correlation") for pattern in found(window, "correlation", rate)}
    plain = crate_twin.correlations(rows_of(window), rate.correlation_threshold)
    assert actual == (plain if enough(window, rate) else set())


@settings(derandomize=True, max_examples=200, deadline=None)
@given(tables, rates)
def test_clusters_equal_the_loop(table: dict[str, object], rate: CoolingRate) -> None:
    window = window_of(table)
    actual = found(window, "clustering", rate)
    plain = crate_twin.clusters(rows_of(window), rate.cluster_threshold) if enough(window, rate) else set()
    by_rows = {finding.rows: finding for finding in plain}
    assert len(actual) == len(by_rows)
    for pattern in actual:
        expected = by_rows[tuple(int(label[1:]) for label in pattern.involved_tasks)]
        assert pattern.metric_names == expected.names
        assert pattern.metrics.get("avg_distance", np.inf) == pytest.approx(expected.figures[0], rel=1e-12)
        assert pattern.confidence == pytest.approx(expected.confidence, rel=1e-12, abs=1e-12)
