"""A change is told once by its onset, resolved when it returned, and accepted when it stays."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crackle_stream.alerting import AlertPolicy, Lifecycle, Sighting
from crackle_stream.alerting.told import MOST_TOLD, Told, tolerance_tasks
from crackle_stream.model import Alert, CracklePattern, Evidence, Nature, Onset, PatternKind

POLICY = AlertPolicy(repeat_interval=1e9, resolve_after=2, accept_after=5)
ROWS = 100


def shift(
    time: float,
    direction: str = "up",
    metrics: tuple[str, ...] = ("latency",),
    *,
    form: str = "mean",
    index: int = 50,
    effect: float = 2.0,
    levels: tuple[float, float] | None = None,
    name: str = "",
) -> CracklePattern:
    """A change at a time; one task a second, so seconds are rows."""
    numbers = {} if levels is None else {"before": levels[0], "after": levels[1]}
    return CracklePattern(
        PatternKind.PHASE_TRANSITION,
        f"{metrics[0]} went {direction}",
        0.99,
        metric_names=metrics,
        metrics=numbers,
        form=form,
        nature=Nature.EVENT,
        direction=direction,
        evidence=Evidence(1e-9, 1e-6, effect, 100.0, calibrated=True),
        at=Onset(index, time),
        fingerprint=name,
    )


def window(end: float, *patterns: CracklePattern, conclusive: bool = True) -> Sighting:
    """The hundred tasks up to a time, one a second."""
    return Sighting(f"to {end}", end, patterns, conclusive, began=end - ROWS + 1, tasks=ROWS)


def course(*windows: Sighting, policy: AlertPolicy = POLICY) -> list[list[Alert]]:
    lifecycle, said = Lifecycle(), []
    for one in windows:
        lifecycle, alerts = lifecycle.after(one, policy)
        said.append(list(alerts))
    return said


def told(*windows: Sighting, policy: AlertPolicy = POLICY) -> list[list[str]]:
    """Status and reason of what each window says."""
    return [
        [f"{alert.status} {alert.reason}".strip() for alert in alerts] for alerts in course(*windows, policy=policy)
    ]


def test_a_change_found_again_after_it_was_resolved_is_not_raised_again() -> None:
    #        |-- found --|  missed  missed  |-- found again, two tasks off --|
    found = shift(1000), shift(1002, name="another face")
    said = told(window(1010, found[0]), window(1020), window(1030), window(1040, found[1]), window(1050, found[1]))
    assert said == [["raised"], [], ["resolved not seen in 2 coolings"], [], []]


@pytest.mark.parametrize(("row", "said"), [(10, []), (11, ["raised"])])
def test_one_event_found_in_another_metric_is_no_news_within_the_errors_of_both_onsets(
    row: int, said: list[str]
) -> None:
    first = window(1050, shift(1000, metrics=("done", "produced"), name="the burst"))
    again = window(1090, shift(1000 - row, metrics=("received",), name="the burst"))
    assert told(first, window(1060), window(1070), again)[-1] == said


def test_a_later_change_of_the_same_metric_is_another_event() -> None:
    said = told(window(1010, shift(1000)), window(1020), window(1030), window(1060, shift(1050)))
    assert said[-1] == ["raised"]


def test_a_change_before_one_that_was_told_is_history_in_whatever_form() -> None:
    said = told(window(1010, shift(1000)), window(1020, shift(1000), shift(950, form="variance")))
    assert said == [["raised"], []]


def test_an_earlier_change_led_by_another_metric_is_news() -> None:
    said = told(window(1010, shift(1000)), window(1020, shift(950, metrics=("depth", "latency"))))
    assert said == [["raised"], ["raised"]]


def test_a_change_most_of_whose_metrics_have_been_told_of_is_no_news_whoever_leads_it() -> None:
    found = shift(1000, metrics=("latency", "errors"))
    said = told(window(1010, found), window(1020, shift(950, metrics=("depth", "latency", "errors"))))
    assert said == [["raised"], []]


def test_the_same_change_in_other_metrics_and_form_is_a_sighting_of_the_active_alert() -> None:
    joint = shift(1003, "down", ("depth", "latency"), form="variance")
    lifecycle, _ = Lifecycle().after(window(1010, shift(1000)), POLICY)
    for end in (1020, 1030, 1040):
        lifecycle, alerts = lifecycle.after(window(end, joint), POLICY)
        assert alerts == ()
    (alert,) = lifecycle.active.values()
    assert (alert.windows, alert.missed, alert.pattern.description) == (4, 0, "latency went up")
    # and the metric that was only found with it is told, too
    assert told(window(1010, shift(1000)), window(1020, joint), window(1030, shift(1003, metrics=("depth",)))) == [
        ["raised"],
        [],
        [],
    ]


def test_an_alert_keeps_the_words_it_was_raised_with_unless_it_came_back_without_any() -> None:
    first, other = shift(1000, name="one"), shift(1000, metrics=("depth",), name="one")
    (kept,) = Lifecycle().after(window(1010, first), POLICY)[0].after(window(1020, other), POLICY)[0].active.values()
    assert kept.pattern.description == "latency went up"
    mute = Lifecycle().after(window(1010, replace(first, description="")), POLICY)[0]
    (told_now,) = mute.after(window(1020, other), POLICY)[0].active.values()
    assert told_now.pattern.description == "depth went up"


@pytest.mark.parametrize(("effect", "tasks"), [(2.0, 5.0), (1.0, 11.0), (-0.5, 44.0), (0.1, 50.0), (math.inf, 5.0)])
def test_an_onset_may_move_by_what_a_step_of_its_size_can_be_misplaced(effect: float, tasks: float) -> None:
    assert tolerance_tasks(shift(0.0, effect=effect)) == tasks
    first, near, far = (shift(1000 + off, effect=effect, name=str(off)) for off in (0, tasks, tasks + 1))
    silence = window(1020), window(1030)
    assert told(window(1010, first), *silence, window(1060, near))[-1] == []
    assert told(window(1010, first), *silence, window(1060, far))[-1] == ["raised"]


def test_a_threshold_has_no_effect_and_the_least_tolerance() -> None:
    assert tolerance_tasks(replace(shift(0.0), evidence=None)) == 5.0


def test_a_change_before_the_window_is_the_one_told_last_unless_that_one_returned() -> None:
    up, down = shift(1000, "up"), shift(1040, "down")
    before = shift(1101, "up", index=0, name="against memory")
    silence = window(1050), window(1060)
    assert told(window(1010, up), *silence, window(1200, before))[-1] == []
    assert told(window(1010, up), window(1045, down), *silence, window(1200, before))[-1] == ["raised"]
    opposite = replace(before, direction="down", at=Onset(0, 1140.0))
    assert told(window(1010, up), *silence, window(1240, opposite))[-1] == ["raised"]


def test_a_return_resolves_a_shift_and_is_no_alert_of_its_own() -> None:
    said = told(
        window(1010, shift(1000, levels=(100, 160))),
        window(1060, shift(1000, levels=(100, 160)), shift(1050, "down", levels=(160, 104))),
        window(1070, shift(1050, "down", levels=(160, 104))),
    )
    assert said == [["raised"], ["resolved it returned: latency went down"], []]


def test_a_burst_that_is_over_when_it_is_found_is_raised_and_resolved_at_once() -> None:
    said = told(window(1060, shift(1050, "down"), shift(1000)))
    assert said == [["raised", "resolved it returned: latency went down"]]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (129, ["resolved it returned: latency went down"]),  # less than half of the way is left
        (131, ["raised"]),  # more than half: not back, and another change
        (71, ["resolved it returned: latency went down"]),  # a little beyond where it was
        (69, ["resolved it changed again: latency went down", "raised"]),  # far beyond
    ],
)
def test_a_metric_has_returned_when_it_is_nearer_to_where_it_was(now: float, said: list[str]) -> None:
    up, down = shift(1000, levels=(100, 160)), shift(1050, "down", levels=(160, now))
    assert told(window(1010, up), window(1060, up, down))[-1] == said


def test_of_several_metrics_the_middle_one_decides_whether_it_returned() -> None:
    up = replace(
        shift(1000, metrics=("depth", "latency", "errors"), levels=(0, 60)),
        metrics={
            "before": 0.0,
            "after": 60.0,
            "latency: before": 5.0,
            "latency: after": 240.0,
            "errors: spread_before": 1.0,
            "errors: spread_after": 3.0,
        },
    )
    numbers = {"before": 240.0, "after": 6.0, "depth: before": 60.0, "depth: after": 1.0}
    down = replace(shift(1050, "down", ("latency", "depth")), metrics=numbers)
    elsewhere = replace(down, metrics={"before": 240.0, "after": 238.0, "depth: before": 60.0, "depth: after": 58.0})
    assert told(window(1010, up), window(1060, up, down))[-1] == ["resolved it returned: latency went down"]
    assert told(window(1010, up), window(1060, up, elsewhere))[-1] == ["raised"]


def test_a_fall_of_another_metric_takes_nothing_back() -> None:
    said = told(window(1010, shift(1000)), window(1060, shift(1050, "down", ("depth", "latency"))))
    assert said == [["raised"], ["raised"]]


def test_a_shift_whose_onset_has_left_the_windows_waits_for_its_return_or_its_acceptance() -> None:
    windows = [window(1010.0, shift(1000)), *(window(1110.0 + 100 * number) for number in range(4))]
    assert told(*windows) == [["raised"], [], [], [], ["resolved accepted as the new normal"]]
    back = shift(1380, "down")
    assert told(*windows[:3], window(1400, back))[-1] == ["resolved it returned: latency went down"]


def test_a_shift_that_is_seen_for_ever_is_accepted_and_not_raised_again() -> None:
    said = told(*(window(1010.0 + step, shift(1000)) for step in range(8)))
    assert said == [["raised"], [], [], [], ["resolved accepted as the new normal"], [], [], []]


def test_inconclusive_coolings_accept_nothing() -> None:
    windows = [window(1010, shift(1000)), *(window(1110.0 + step, conclusive=False) for step in range(10))]
    assert told(*windows)[1:] == [[]] * 10


def test_a_law_that_stays_broken_is_never_the_new_normal() -> None:
    broken = replace(shift(0), kind=PatternKind.CONSERVATION, form="broken law", metric_names=("a", "b"))
    first = replace(broken, at=Onset(50, 1000.0))
    windows = [
        window(1050.0, first),
        *(window(end, replace(broken, at=Onset(0, end - 99))) for end in range(1100, 1110)),
    ]
    assert told(*windows) == [["raised"], *[[]] * 10]
    again = replace(broken, at=Onset(50, 1300.0))
    said = told(*windows, window(1210), window(1211), window(1350, again))
    assert said[-2:] == [["resolved not seen in 2 coolings"], ["raised"]]


def test_two_laws_with_a_metric_in_common_break_by_themselves() -> None:
    broken = replace(shift(1000), kind=PatternKind.CONSERVATION, form="broken law")
    laws = [replace(broken, metric_names=names, fingerprint="") for names in (("a", "b"), ("b", "c"))]
    assert told(window(1010, *laws)) == [["raised", "raised"]]


def test_without_a_pace_only_the_very_same_time_is_the_same_place() -> None:
    silence = Sighting("b", 1020.0), Sighting("c", 1030.0)
    first = Sighting("a", 1010.0, (shift(1000),))
    assert told(first, *silence, Sighting("d", 1040.0, (shift(1000),)))[-1] == []
    assert told(first, *silence, Sighting("d", 1040.0, (shift(1001),)))[-1] == ["raised"]


def test_what_is_remembered_as_told_is_bounded_and_the_earliest_goes_first() -> None:
    memory = Told()
    for number in range(MOST_TOLD + 10):
        memory = memory.and_of(shift(float(number), metrics=(f"m{number}",)))
    assert len(memory.marks) == MOST_TOLD
    latest = range(MOST_TOLD // 2 + 10, MOST_TOLD + 10)  # a metric and a name each
    assert {subject for _, subject in memory.marks if subject[0] == "m"} == {f"m{number}" for number in latest}


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.sampled_from("abc"), st.booleans()), max_size=20))
def test_what_was_told_is_known_and_read_back_the_same(events: list[tuple[float, str, bool]]) -> None:
    memory = Told()
    for time, metric, returned in events:
        memory = memory.and_of(shift(time, metrics=(metric,)), returned=returned)
    assert Told.from_list(memory.to_list()) == memory
    assert all(memory.knows(shift(time, metrics=(metric,)), 1.0) for time, metric, _ in events)
