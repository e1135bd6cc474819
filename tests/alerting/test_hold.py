"""An alert stays as long as the exit threshold and `hold` let it: less flapping."""

from dataclasses import replace

import pytest
from alerting_windows import alarm, course, shift, told, window

from crackle_stream.alerting import AlertPolicy
from crackle_stream.model import CracklePattern

POLICY = AlertPolicy(min_confidence=0.9, repeat_interval=1e9, resolve_after=2)
HELD = replace(POLICY, hold=100)


def test_a_pattern_between_the_thresholds_goes_on_with_an_alert_and_begins_none() -> None:
    policy = replace(POLICY, exit_confidence=0.7)
    sure, unsure, weak = alarm(), alarm(confidence=0.7), alarm(confidence=0.69)
    assert told(window(0, unsure), policy=policy) == [[]]
    windows = window(0, sure), *(window(float(number), unsure) for number in range(1, 6)), window(6, weak), window(7)
    assert told(*windows, policy=policy)[1:] == [[]] * 6 + [["resolved depth not seen in 2 coolings"]]
    assert told(*windows, policy=POLICY)[2] == ["resolved depth not seen in 2 coolings"]


def test_an_unsure_return_takes_nothing_back() -> None:
    policy = replace(POLICY, exit_confidence=0.7)
    said = told(window(1000, shift(950)), window(1020, shift(1000, "down", confidence=0.8)), policy=policy)
    assert said == [["raised latency"], []]


def test_a_known_fact_holds_down_to_the_exit_threshold_and_an_unknown_one_is_not_told() -> None:
    fact = CracklePattern("correlation", "a follows b", 0.95, metric_names=("a", "b"))
    policy = replace(POLICY, exit_confidence=0.7)
    unsure = replace(fact, confidence=0.8)
    assert told(window(0, unsure), window(1, fact), policy=policy) == [[], ["raised a"]]
    lifecycle, _ = course(window(0, fact), window(1, unsure), policy=policy)
    assert lifecycle.facts.records[fact.fingerprint].missed == 0


def test_a_held_alert_is_resolved_by_the_first_window_after_its_time() -> None:
    said = told(window(0, alarm()), *(window(float(time)) for time in range(20, 121, 20)), policy=HELD)
    assert said == [["raised depth"], [], [], [], [], ["resolved depth not seen in 5 coolings"], []]


def test_a_return_is_held_too_and_told_with_its_reason() -> None:
    up, down = shift(950), shift(1000, "down")
    windows = window(1000, up), window(1020, up, down), window(1040, up, down), window(1101, down)
    assert told(*windows, policy=HELD) == [
        ["raised latency"],
        [],
        [],
        ["resolved latency it returned: latency went down"],
    ]


def test_what_flaps_within_the_hold_is_one_alert() -> None:
    #                 up at 950      down at 1010     up at 1050      down at 1090 (held no longer)
    windows = window(1000, shift(950)), window(1020, shift(1010, "down")), window(1060, shift(1050))
    last = window(1140, shift(1100, "down"))
    lifecycle, said = course(*windows, policy=HELD)
    assert [len(alerts) for alerts in said] == [1, 0, 0]
    assert [(alert.windows, alert.over) for alert in lifecycle.active.values()] == [(2, "")]
    assert told(*windows, last, policy=HELD)[-1] == ["resolved latency it returned: latency went down"]
    assert [len(alerts) for alerts in course(*windows, policy=POLICY)[1]] == [1, 1, 1]


def test_what_gives_way_to_another_alert_is_not_held() -> None:
    up = replace(shift(950), metrics={"before": 100.0, "after": 160.0})
    down = replace(shift(990, "down"), metrics={"before": 160.0, "after": 20.0})
    said = told(window(1000, up), window(1020, down), policy=HELD)
    assert said[1] == ["resolved latency it changed again: latency went down", "raised latency"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hold": -1}, "hold must be at least 0 seconds, not -1"),
        ({"exit_confidence": 0.95, "min_confidence": 0.9}, r"between 0 and min_confidence \(0.9\), not 0.95"),
        ({"exit_confidence": -0.1}, r"exit_confidence must be between 0 and min_confidence \(1\), not -0.1"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AlertPolicy(**change)  # type: ignore[arg-type]
