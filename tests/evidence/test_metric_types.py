"""What sort of number a metric carries."""

from __future__ import annotations

import numpy as np
import pytest

from crackle_stream.detect.evidence.metric_types import MetricType, infer, infer_all, steps_of

RNG = np.random.default_rng(2024)
ROWS = np.arange(300)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("latency_ms", RNG.lognormal(3, 1, 300), MetricType.GAUGE),
        ("retries", RNG.poisson(0.5, 300), MetricType.GAUGE),
        ("level", np.cumsum(RNG.standard_normal(300)), MetricType.GAUGE),
        ("jobs_total", np.cumsum(RNG.poisson(3, 300)), MetricType.COUNTER),
        ("row", ROWS + 1000, MetricType.ID),
        ("order_id", RNG.integers(1, 2**31, 300), MetricType.ID),
        ("slot", ROWS % 16, MetricType.ID),
        ("port", np.full(300, 8080), MetricType.CONSTANT),
        ("ratio", 99.9 + RNG.normal(0, 1e-9, 300), MetricType.CONSTANT),
        ("flag", (ROWS == 100).astype(float), MetricType.CONSTANT),
        ("version", np.repeat([3.0, 9.0, 4.0], 100), MetricType.CODE),
        ("started", 1.79e9 + np.cumsum(RNG.exponential(0.5, 300)), MetricType.TIMESTAMP),
        ("created_at", 1.79e12 + RNG.uniform(0, 1e6, 300), MetricType.TIMESTAMP),
    ],
)
def test_the_type_follows_from_the_values_and_only_then_from_the_name(
    name: str, values: np.ndarray[tuple[int], np.dtype[np.float64]], expected: MetricType
) -> None:
    assert expected == infer(name, np.asarray(values, dtype=np.float64)).type


def test_a_counter_that_was_reset_is_still_a_counter_and_its_reset_is_no_step() -> None:
    total = np.cumsum(np.random.default_rng(5).poisson(3, 300)).astype(float)
    total[200:] -= total[199]
    assert infer("total", total).type is MetricType.COUNTER
    steps = steps_of(total)
    assert np.flatnonzero(np.isnan(steps)).tolist() == [0, 200] or np.flatnonzero(np.isnan(steps)).tolist() == [0]
    assert np.nanmin(steps) >= 0


def test_a_total_that_falls_by_little_is_a_gauge() -> None:
    total = np.cumsum(np.ones(300) + np.random.default_rng(1).random(300))
    total[200:] -= 10
    assert infer("total", total).type is MetricType.GAUGE


def test_the_configuration_wins_over_the_values() -> None:
    typed = infer_all(("a",), np.arange(50.0)[:, None], {"a": MetricType.GAUGE})
    assert (typed[0].type, typed[0].why, typed[0].given) == (MetricType.GAUGE, "stated in the configuration", True)


def test_the_reason_says_what_was_seen() -> None:
    assert infer("flag", (ROWS == 100).astype(float)).why == "0 in 99.7% of the tasks"
    assert infer("slot", (ROWS % 16).astype(float)).why == "repeats exactly every 16 tasks"
