from __future__ import annotations

import math
from typing import Any

import pytest
from sample_alerts import a_pattern, an_alert
from sample_figures import an_exhibit

from crackle_stream.model import AlertStatus, Onset
from crackle_stream.render.headline import headline

LEVELS = {"before": 100.25, "after": 160.0, "effect": 6.02}


def told(**fields: Any) -> str:
    return headline(a_pattern(**{"metrics": LEVELS, **fields}))


def test_a_change_of_level_is_one_sentence_of_whom_how_much_when_and_after_what() -> None:
    alert = an_alert(pattern=a_pattern(metrics=LEVELS))
    assert headline(alert, an_exhibit()) == (
        "latency_ms of checkout rose 100.2 → 160 (+6.0 sd) at 20:41:07, 12 s after queue_depth"
    )


def test_what_is_over_says_so_and_why() -> None:
    alert = an_alert(pattern=a_pattern(metrics=LEVELS), status=AlertStatus.RESOLVED, reason="it returned")
    assert headline(alert) == "resolved: latency_ms of checkout rose 100.2 → 160 (+6.0 sd) at 20:41:07 (it returned)"


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (("a",), " with a at "),
        (("a", "b"), " with a and b at "),
        (("a", "b", "c"), " with a, b and 1 other metric at "),
        (("a", "b", "c", "d"), " with a, b and 2 other metrics at "),
    ],
)
def test_metrics_that_changed_with_it_are_named_or_counted(others: tuple[str, ...], expected: str) -> None:
    assert expected in told(metric_names=("latency_ms", *others))


def test_a_change_from_before_the_window_says_so() -> None:
    assert told(at=Onset(0, 1.0), key="").endswith("(+6.0 sd) before the window began")


def test_what_has_no_time_names_none() -> None:
    assert told(at=None).endswith("(+6.0 sd)")
    assert told(at=Onset(7, math.nan)).endswith("(+6.0 sd)")


def test_a_fall_and_the_gain_of_a_counter_are_called_so() -> None:
    metrics = {"before": 9.0, "after": 3.0, "effect": -2.0}
    assert told(metrics=metrics, description="the gain of x a task fell", at=None, key="") == (
        "the gain of latency_ms fell 9 → 3 (-2.0 sd)"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"form": "variance"},
        {"kind": "mine"},
        {"metric_names": ()},
        {"metrics": {**LEVELS, "after": math.nan}},
        {"metrics": {}},
    ],
)
def test_everything_else_is_told_in_the_detectors_own_words(fields: dict[str, Any]) -> None:
    assert told(**fields) == "latency_ms rose from 100 to 160 [checkout]"
