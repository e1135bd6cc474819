"""An alert stays as long as the exit threshold and `hold` let it: less flapping."""

from dataclasses import replace

import pytest
from alerting_windows import alarm, course, shift, told, window

from crackle_stream.alerting import AlertPolicy, Hush, Silence, SilenceBook
from crackle_stream.model import CracklePattern, Evidence, Nature

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


def test_of_what_nobody_was_told_nothing_is_held() -> None:
    silent = Hush(SilenceBook((Silence(0, 1e9, "kim", "load test", metric=("latency",)),)))
    windows = window(1000, shift(950)), window(1020, shift(1000, "down"))
    lifecycle, said = course(*windows, policy=HELD, hushes={1000: silent})
    assert (said, dict(lifecycle.active)) == ([[], []], {})


def test_what_is_over_and_only_held_is_not_said_again_though_a_silence_ends() -> None:
    silent = Hush(SilenceBook((Silence(0, 1e9, "kim", "load test", metric=("latency",)),)))
    policy = replace(HELD, repeat_interval=20)
    windows = window(1000, shift(950)), window(1020, shift(950)), window(1030, shift(1010, "down")), window(1040)
    said = told(*windows, window(1100), policy=policy, hushes={1020: silent, 1040: Hush()})
    assert said == [["raised latency"], [], [], [], ["resolved latency it returned: latency went down"]]


def test_what_came_back_within_the_hold_is_measured_by_where_it_went_this_time() -> None:
    def went(time: float, direction: str, before: float, after: float) -> CracklePattern:
        return replace(shift(time, direction), metrics={"before": before, "after": after})

    windows = (
        window(1000, went(950, "up", 100, 160)),
        window(1020, went(1010, "down", 160, 104)),
        window(1060, went(1050, "up", 104, 200)),
        window(1140, went(1100, "down", 200, 150)),  # 48 % is left of the second way, 83 % of the first
    )
    assert told(*windows, policy=HELD)[-1] == ["resolved latency it returned: latency went down"]


def test_a_second_fall_is_no_return_of_what_has_returned() -> None:
    windows = window(1000, shift(950)), window(1020, shift(1000, "down")), window(1060, shift(1050, "down"))
    assert told(*windows, policy=HELD) == [["raised latency"], [], ["raised latency"]]


STRONG = Evidence(1e-20, 1e-18, 1.0, 500.0, calibrated=True)
LAW = CracklePattern(
    "conservation law", "in = out", 0.99, metric_names=("in", "out"), form="linear law", evidence=STRONG
)


def test_a_fact_that_holds_again_is_told_so_when_its_alert_was_held_long_enough() -> None:
    policy = replace(POLICY, hold=500)
    windows = [window(100.0 * number, *([LAW] if number < 5 or number > 6 else [])) for number in range(13)]
    said = told(*windows, policy=policy)
    assert [number for number, alerts in enumerate(said) if alerts] == [0, 6, 11]
    assert said[11] == ["resolved in it holds again"]
    assert told(*windows, policy=POLICY)[7] == ["resolved in it holds again"]


def test_a_break_that_is_hardly_sure_any_more_still_keeps_facts_of_its_metrics_from_dissolving() -> None:
    link = replace(LAW, kind="correlation", form="linear", fingerprint="")
    broken = replace(LAW, form="broken law", nature=Nature.EVENT, direction="up", fingerprint="")
    unsure = replace(broken, confidence=0.8)
    windows = [window(100.0 * number, link) for number in range(5)]
    windows += [window(500, broken), *(window(100.0 * number, unsure) for number in range(6, 12))]
    assert [alerts for alerts in told(*windows, policy=replace(POLICY, exit_confidence=0.7))[6:] if alerts] == []
    assert told(*windows, policy=POLICY)[7] == ["raised in", "resolved in not seen in 2 coolings"]
