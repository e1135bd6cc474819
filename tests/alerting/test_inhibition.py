"""A shift that another explains by a known lag is held back while that one is active."""

import json
from dataclasses import replace

import pytest
from alerting_windows import course, shift, told, window

from crackle_stream.alerting import AlertPolicy, Hush, Lifecycle, Match, Route, Routes, Silence, SilenceBook
from crackle_stream.model import CracklePattern, Onset
from crackle_stream.render.sentence import sentence

POLICY = AlertPolicy(repeat_interval=1e9, resolve_after=2)


def follows(leader: str, follower: str, seconds: float = 12.0, r: float = 0.8) -> CracklePattern:
    """The fact that a metric follows another."""
    return CracklePattern(
        "correlation",
        f"{follower} follows {leader}",
        0.99,
        metric_names=(leader, follower),
        metrics={"lag_seconds": seconds, "r": r},
        form="lagged",
        direction=f"{leader} leads",
    )


LAG = follows("depth", "latency")
DEPTH, LATENCY = shift(950, metrics=("depth",)), shift(962)


def test_what_is_explained_is_said_in_the_alert_that_explains_it() -> None:
    _, said = course(window(990, LAG), window(1000, LATENCY, DEPTH), policy=POLICY)
    (alert,) = said[1]
    assert (alert.pattern.metric_names, alert.explains) == (("depth",), ("latency went up",))
    assert sentence(alert) == "depth went up; explains: latency went up"
    lifecycle, _ = Lifecycle().after(window(1000, LAG, DEPTH, LATENCY), POLICY)
    assert [(str(one.verdict.why), one.verdict.by) for one in lifecycle.hushed] == [
        ("inhibited", "explained by depth went up")
    ]


def test_it_is_told_when_the_one_that_explains_it_has_ended_and_it_has_not() -> None:
    back = shift(1040, "down", ("depth",))
    windows = window(1000, LAG, DEPTH, LATENCY), window(1050, LATENCY, back), window(1070, LATENCY)
    assert told(*windows, policy=POLICY)[1:] == [
        ["resolved depth it returned: depth went down", "raised latency"],
        [],
    ]
    alone = course(window(1000, LATENCY), policy=POLICY)[1]
    assert course(*windows, policy=POLICY)[1][1][1].id == alone[0][0].id


def test_it_is_over_without_a_word_if_it_ends_first() -> None:
    windows = window(1000, LAG, DEPTH, LATENCY), window(1050, DEPTH, shift(1040, "down")), window(1070, DEPTH)
    assert told(*windows, policy=POLICY)[1:] == [[], []]


def test_who_was_told_of_the_cause_before_is_told_at_once_what_it_explains() -> None:
    _, said = course(window(955, LAG, DEPTH), window(1000, DEPTH, LATENCY), window(1010, LATENCY), policy=POLICY)
    assert [[f"{alert.status} {alert.pattern.metric_names[0]}" for alert in alerts] for alerts in said[1:]] == [
        ["repeated depth"],
        [],
    ]
    assert said[1][0].explains == ("latency went up",)


def test_what_is_explained_by_what_is_explained_stands_in_the_first_ones_alert() -> None:
    lags = LAG, follows("latency", "errors", 5)
    errors = shift(967, metrics=("errors",))
    _, said = course(window(1000, *lags, DEPTH, LATENCY, errors), policy=POLICY)
    (alert,) = (one for one in said[0] if one.pattern.nature == "event")
    assert alert.explains == ("latency went up", "errors went up")


@pytest.mark.parametrize(
    ("effect", "lag"),
    [
        (shift(968), LAG),  # a tolerance of five tasks and no more
        (shift(956), LAG),
        (shift(962, metrics=("latency", "errors")), LAG),  # of errors nobody knows why
        (shift(962, "down"), LAG),
        (shift(962), follows("depth", "latency", r=-0.8)),
        (shift(962), follows("other", "latency")),
        (shift(962), follows("latency", "depth")),
        (replace(shift(962), at=Onset(0, 962.0)), LAG),  # it began before the window: nobody knows when
        (replace(shift(962), kind="alarm", fingerprint=""), LAG),
    ],
)
def test_what_is_not_wholly_explained_is_told(effect: CracklePattern, lag: CracklePattern) -> None:
    said = told(window(990, lag), window(1000, DEPTH, effect), policy=POLICY)[1]
    assert said == ["raised depth", "raised latency"] or said == ["raised latency", "raised depth"]


def test_a_second_change_of_a_metric_that_changed_with_the_cause_is_told() -> None:
    joint = shift(950, metrics=("depth", "latency"))
    assert told(window(990, LAG), window(1000, joint, LATENCY), policy=POLICY)[1] == ["raised depth", "raised latency"]


def test_a_cause_comes_first_whatever_the_errors_of_onsets_allow() -> None:
    before = window(990, follows("depth", "latency", seconds=2), DEPTH), window(1000, DEPTH, shift(948))
    after = window(990, follows("depth", "latency", seconds=2), DEPTH), window(1000, DEPTH, shift(951))
    assert told(*before, policy=POLICY)[1] == ["raised latency"]
    assert told(*after, policy=POLICY)[1] == ["repeated depth"]


def test_a_reversed_lag_explains_a_shift_the_other_way_and_a_spread_has_no_way() -> None:
    reverse = follows("depth", "latency", r=-0.8)
    assert len(told(window(1000, reverse, DEPTH, shift(962, "down")), policy=POLICY)[0]) == 2
    spread = replace(shift(962, "down"), form="variance", fingerprint="")
    assert len(told(window(1000, LAG, DEPTH, spread), policy=POLICY)[0]) == 2


def test_a_lag_that_has_dissolved_or_a_policy_that_says_no_explains_nothing() -> None:
    off = replace(POLICY, inhibit=False)
    assert len(told(window(1000, LAG, DEPTH, LATENCY), policy=off)[0]) == 3
    stored = json.loads(json.dumps(course(window(900, LAG), policy=POLICY)[0].to_dict()))
    stored["facts"][0]["dissolved"] = True
    _, alerts = Lifecycle.from_dict(stored).after(window(1000, DEPTH, LATENCY), POLICY)
    assert len(alerts) == 2


def test_a_cause_that_is_over_and_only_held_explains_nothing_new() -> None:
    held = replace(POLICY, hold=1000)
    windows = window(955, LAG, DEPTH), window(961, shift(958, "down", ("depth",))), window(1000, LATENCY)
    assert told(*windows, policy=held)[-1] == ["raised latency"]


def test_nothing_is_held_back_from_whoever_is_not_told_of_the_cause() -> None:
    depth_only = Routes(
        {"a": Match(), "b": Match()},
        (Route(("a",), Match(metric=("depth",))), Route(("a", "b"))),
    )
    everywhere = Routes({"a": Match(), "b": Match()})
    windows = window(990, LAG), window(1000, DEPTH, LATENCY)
    assert told(*windows, policy=replace(POLICY, routes=depth_only))[1] == ["raised depth", "raised latency"]
    assert told(*windows, policy=replace(POLICY, routes=everywhere))[1] == ["raised depth"]


def test_an_alert_whose_inhibition_ends_in_a_silence_waits_for_the_silences_end() -> None:
    silent = Hush(SilenceBook((Silence(0, 1e9, "kim", "load test", metric=("latency",)),)))
    back = shift(1040, "down", ("depth",))
    windows = window(1000, LAG, DEPTH, LATENCY), window(1050, LATENCY, back), window(1060, LATENCY)
    said = told(*windows, policy=POLICY, hushes={1050: silent, 1060: Hush()})
    assert said[1:] == [["resolved depth it returned: depth went down"], ["raised latency"]]
