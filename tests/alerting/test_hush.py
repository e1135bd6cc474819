"""What is silenced or muted is told when that ends, if it is still there, under the id that it would have had."""

from dataclasses import replace

import pytest
from alerting_windows import alarm, course, told, window

from crackle_stream.alerting import AlertPolicy, Hush, Lifecycle, MuteTime, Said, Silence, SilenceBook
from crackle_stream.model import CracklePattern, Nature

POLICY = AlertPolicy(repeat_interval=1e9, resolve_after=2)
DEPTH = Silence(0, 1e9, "kim", "load test", metric=("depth",))
SILENT, LOUD = Hush(SilenceBook((DEPTH,))), Hush()


def test_a_silenced_alert_is_raised_when_the_silence_has_ended_under_the_id_it_would_have_had() -> None:
    windows = window(0, alarm()), window(10, alarm()), window(20, alarm())
    loud = course(*windows, policy=POLICY)[1]
    late = course(*windows, policy=POLICY, hushes={0: SILENT, 20: LOUD})[1]
    assert [len(alerts) for alerts in late] == [0, 0, 1]
    assert late[2][0].id == loud[0][0].id
    assert (late[2][0].raised_at, late[2][0].windows) == (0, 3)


def test_it_is_told_by_a_window_that_does_not_show_it_as_long_as_it_is_not_resolved() -> None:
    said = told(window(0, alarm()), window(10), window(20), policy=POLICY, hushes={0: SILENT, 10: LOUD})
    assert said == [[], ["raised depth"], ["resolved depth not seen in 2 coolings"]]


def test_of_what_nobody_was_told_nobody_is_told_that_it_is_over() -> None:
    windows = window(0, alarm()), window(10), window(20)
    assert told(*windows, policy=POLICY, hushes={0: SILENT}) == [[], [], []]
    lifecycle, _ = course(window(0, alarm(), alarm("other")), policy=POLICY, hushes={0: SILENT})
    closed = lifecycle.closed(window(10), "key closed")[1]
    assert [alert.pattern.metric_names for alert in closed] == [("other",)]


def test_who_was_told_is_told_that_it_is_over_silence_or_not() -> None:
    said = told(window(0, alarm()), window(10), window(20), policy=POLICY, hushes={10: SILENT})
    assert said == [["raised depth"], [], ["resolved depth not seen in 2 coolings"]]


def test_what_a_killed_process_may_have_told_is_said_to_be_over_and_not_said_to_have_begun() -> None:
    again = window(0, alarm(), again=True)
    lifecycle, _ = course(again, policy=POLICY, hushes={0: SILENT})
    assert [alert.said for alert in lifecycle.active.values()] == [Said.PERHAPS]
    said = told(again, window(10), window(20), policy=POLICY, hushes={0: SILENT})
    assert said == [[], [], ["resolved depth not seen in 2 coolings"]]
    # also where it was silenced before, and may have been told by the window that is made again
    later = told(window(0, alarm()), window(10, again=True), window(20), policy=POLICY, hushes={0: SILENT})
    assert later[-1] == ["resolved depth not seen in 2 coolings"]


def test_a_repetition_that_was_held_back_is_said_once_when_the_silence_ends() -> None:
    policy = replace(POLICY, repeat_interval=10)
    windows = [window(float(time), alarm()) for time in (0, 10, 20, 25, 30)]
    hushes: dict[float, Hush] = {10: SILENT, 25: LOUD}
    assert told(*windows, policy=policy, hushes=hushes) == [
        ["raised depth"],
        [],
        [],
        ["repeated depth"],
        ["repeated depth"],
    ]
    loud, late = course(*windows, policy=policy)[1], course(*windows, policy=policy, hushes=hushes)[1]
    assert late[3][0].id == loud[2][0].id
    assert late[4][0].id == loud[4][0].id


def test_a_fact_that_is_new_while_it_is_silenced_is_never_told() -> None:
    fact = CracklePattern("correlation", "a and depth", 0.99, metric_names=("a", "depth"))
    said = told(window(0, fact), window(10, fact), policy=POLICY, hushes={0: SILENT, 10: LOUD})
    assert said == [[], []]


def test_muted_alerts_wait_as_well_and_every_decision_says_what_made_it() -> None:
    mute = MuteTime("nights")
    first, alerts = Lifecycle().after(window(0, alarm()), POLICY, Hush(mutes=(mute,)))
    second, _ = first.after(window(10, alarm("other"), alarm()), POLICY, SILENT)
    third, _ = second.after(window(20, alarm("depth2")), POLICY, Hush(SILENT.silences, (mute,)))
    decisions = [(str(one.verdict.why), one.verdict.by) for one in (*first.hushed, *second.hushed, *third.hushed)]
    assert alerts == ()
    assert decisions == [("muted", "nights"), ("muted", "nights")]
    fourth, _ = Lifecycle().after(window(0, alarm()), POLICY, SILENT)
    assert [one.verdict.by for one in fourth.hushed] == [f"{DEPTH.id} by kim: load test"]


@pytest.mark.parametrize(
    ("change", "covered"),
    [
        ({"metric": ("dep*",)}, True),
        ({"metric": ("latency",)}, False),
        ({"kind": ("al*",), "metric": ("depth", "x")}, True),
        ({"kind": ("correlation",), "metric": ("depth",)}, False),
        ({"form": ("mean",), "metric": ()}, False),
        ({"key": ("checkout",), "metric": ()}, True),
        ({"key": ("orders",), "metric": ()}, False),
        ({"metric": (), "fingerprint": ("nobody",)}, False),
    ],
)
def test_a_silence_is_about_what_all_its_matchers_fit(change: dict[str, tuple[str, ...]], covered: bool) -> None:
    pattern = replace(alarm(), key="checkout", fingerprint="")
    _, (alert,) = Lifecycle().after(window(0, pattern), POLICY)
    silence = replace(DEPTH, **change)  # type: ignore[arg-type]
    assert silence.covers(alert) is covered
    assert replace(DEPTH, metric=(), fingerprint=(alert.fingerprint,)).covers(alert)


def test_a_silence_is_about_facts_too() -> None:
    fact = CracklePattern("correlation", "a and depth", 0.99, metric_names=("a", "depth"), nature=Nature.FACT)
    _, (alert,) = Lifecycle().after(window(0, fact), POLICY)
    assert DEPTH.covers(alert)


def test_an_alert_is_told_at_last_also_where_a_repetition_is_due() -> None:
    policy = replace(POLICY, repeat_interval=10)
    windows = [window(float(time), alarm()) for time in (0, 10, 20)]
    assert told(*windows, policy=policy, hushes={0: SILENT, 10: LOUD}) == [[], ["raised depth"], ["repeated depth"]]
