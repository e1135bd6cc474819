"""What is drawn of a window, kind by kind; every number of a figure is one of the data or can be worked out by hand."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_alerts import a_pattern
from sample_figures import UNHURRIED, patterns

from crackle_stream.model import CracklePattern, Figure, Layer, Nature, Onset, Shape, Tone
from crackle_stream.render import card, html_card, svg
from crackle_stream.render.figures import figure_of
from crackle_stream.render.numbers import round_step
from crackle_stream.window import Window

Floats = npt.NDArray[np.float64]

T0 = 1795207200.0


def window(labels: list[str] | None = None, **columns: Any) -> Window:
    """A task a second."""
    values = [np.asarray(column, dtype=np.float64) for column in columns.values()]
    count = len(values[0])
    names = labels or [f"t{row}" for row in range(count)]
    return Window.from_columns(names, T0 + np.arange(count), list(columns), np.column_stack(values))


def shift(row: int = 4, **fields: Any) -> CracklePattern:
    return a_pattern(
        **{"metric_names": ("ms",), "metrics": {"before": 1.0, "after": 9.0}, "at": Onset(row, T0 + row), **fields}
    )


def fact(
    kind: str, form: str, names: tuple[str, ...], metrics: dict[str, float] | None = None, **fields: Any
) -> CracklePattern:
    filled = {"nature": Nature.FACT, "at": None, "involved_tasks": (), **fields}
    return a_pattern(kind=kind, form=form, metric_names=names, metrics=metrics or {}, **filled)


def figure(pattern: CracklePattern, seen: Window, others: tuple[CracklePattern, ...] = ()) -> Figure:
    found = figure_of(pattern, seen, others)
    assert found is not None
    return found


def layers(drawn: Figure, shape: Shape) -> list[Layer]:
    return [layer for layer in drawn.layers if layer.shape is shape]


# -- a change ----------------------------------------------------------------------------------------------------------


def test_a_change_is_a_course_before_and_after_with_both_levels() -> None:
    drawn = figure(shift(), window(ms=[1, 1, 2, 0, 9, 9, 8, 10]))
    before, after = layers(drawn, Shape.BAND)
    assert (before.tone, before.x, before.y, before.low) == (Tone.CALM, (0, 1, 2, 3), (1, 1, 2, 0), (1, 1, 2, 0))
    assert (after.tone, after.x, after.y) == (Tone.ODD, (4, 5, 6, 7), (9, 9, 8, 10))
    assert [(line.x, line.y) for line in layers(drawn, Shape.LINE)] == [((0, 3), (1, 1)), ((4, 7), (9, 9))]
    assert drawn.mark == 4
    assert (drawn.x.label, drawn.x.low_text, drawn.x.high_text) == ("8 tasks", "20:40:00", "20:40:07")
    assert drawn.text == "ms changes at t4, task 5 of 8, and goes from 1 to 9."


def test_a_level_ends_where_the_metric_changes_again() -> None:
    values = [1] * 4 + [9] * 4 + [1] * 4
    again = shift(8)
    drawn = figure(shift(4), window(ms=values), (shift(4), again))
    assert [line.x for line in layers(drawn, Shape.LINE)] == [(0, 3), (4, 7)]
    assert [line.x for line in layers(figure(again, window(ms=values), (shift(4), again)), Shape.LINE)] == [
        (4, 7),
        (8, 11),
    ]


def test_a_change_before_the_window_has_no_mark_and_its_old_level_across() -> None:
    drawn = figure(shift(0), window(ms=[9.0] * 8))
    assert drawn.mark is None
    assert [layer.tone for layer in layers(drawn, Shape.BAND)] == [Tone.ODD]
    assert [(line.label, line.x, line.y) for line in layers(drawn, Shape.LINE)] == [
        ("level before", (0, 7), (1, 1)),
        ("level now", (0, 7), (9, 9)),
    ]
    assert drawn.text == "ms had changed before the first task, and goes from 1 to 9."


def test_the_rules_of_thumb_name_their_levels_otherwise() -> None:
    pattern = shift(evidence=None, metrics={"first_half_avg": 1.0, "second_half_avg": 9.0})
    assert [line.y for line in layers(figure(pattern, window(ms=[1] * 4 + [9] * 4)), Shape.LINE)] == [(1, 1), (9, 9)]


def test_a_change_of_spread_shows_where_the_middle_lies() -> None:
    narrow = np.arange(100.0)[::-1]
    drawn = figure(shift(100, form="variance", metrics={}), window(ms=np.concatenate([narrow, 10 * narrow])))
    lines = [line.y[0] for line in layers(drawn, Shape.LINE)]
    assert lines == pytest.approx([15.84, 83.16, 158.4, 831.6])


def test_a_long_course_keeps_every_outlier_in_few_points() -> None:
    values = np.zeros(50_000)
    values[31_234] = 777.0
    values[44_444] = -5.0
    drawn = figure(shift(30_000), window(ms=values))
    bands = layers(drawn, Shape.BAND)
    assert sum(len(band.x) for band in bands) == 96
    assert max(max(band.y) for band in bands) == 777.0
    assert min(min(band.low) for band in bands) == -5.0
    assert drawn.text.endswith("Each stretch of about 521 tasks is drawn from its least to its greatest value.")


def test_a_gap_in_a_course_is_a_gap() -> None:
    values = [1.0, 2.0, math.nan, math.nan, 5.0]
    drawn = figure(shift(4, at=None), window(ms=values))
    assert [layer.x for layer in layers(drawn, Shape.BAND)] == [(0, 1), (4,)]


def test_of_a_counter_the_gain_is_drawn_where_the_detectors_looked_at_it() -> None:
    totals = np.cumsum(np.random.default_rng(1).integers(1, 9, 60)).astype(float)
    assert figure(shift(30), window(ms=totals)).y.label == "gain of ms"
    assert figure(shift(30, evidence=None), window(ms=totals)).y.label == "ms"


def test_what_left_its_only_value_shows_that_value() -> None:
    pattern = shift(4, form="no longer constant", metrics={"before": 5.0})
    drawn = figure(pattern, window(ms=[5, 5, 5, 5, 7, 6, 5, 7]))
    assert [(line.label, line.y) for line in layers(drawn, Shape.LINE)] == [("the value it always had", (5, 5))]


# -- pairs -------------------------------------------------------------------------------------------------------------


def test_a_pair_is_dots_with_a_line_and_those_that_carry_it_apart() -> None:
    x = np.arange(10.0)
    drawn = figure(fact("correlation", "linear", ("a", "b"), involved_tasks=("t9", "t0")), window(a=x, b=2 * x + 1))
    calm, odd = layers(drawn, Shape.DOTS)
    assert (odd.tone, odd.x, odd.y) == (Tone.ODD, (9, 0), (19, 1))
    assert calm.x == tuple(range(1, 9))
    (fit,) = layers(drawn, Shape.LINE)
    slope = (fit.y[1] - fit.y[0]) / (fit.x[1] - fit.x[0])
    assert slope == pytest.approx(2.0, rel=1e-3)
    assert drawn.text == "b goes with a in 10 tasks, along a line."


def test_many_dots_are_thinned_evenly_but_for_the_farthest() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=5000), rng.normal(size=5000)
    x[17], y[2500] = 60.0, -70.0
    drawn = figure(fact("correlation", "linear", ("a", "b")), window(a=x, b=y))
    (dots,) = layers(drawn, Shape.DOTS)
    assert len(dots.x) == 180
    assert (max(dots.x), min(dots.y)) == (60.0, -70.0)
    assert drawn.text == "b goes with a in 5,000 tasks, along a line; 180 of 5,000 are drawn."


def test_one_task_far_out_does_not_turn_the_line() -> None:
    x = np.arange(200.0)
    y = x.copy()
    y[199] = -1e6
    (fit,) = layers(figure(fact("correlation", "linear", ("a", "b")), window(a=x, b=y)), Shape.LINE)
    assert fit.y[1] > fit.y[0]


def test_a_curve_shows_the_middles_of_equal_shares() -> None:
    x = np.arange(-40.0, 40.0)
    drawn = figure(fact("correlation", "nonlinear", ("a", "b")), window(a=x, b=x * x))
    (fit,) = layers(drawn, Shape.LINE)
    assert fit.x == tuple(-35.5 + 10 * n for n in range(8))
    assert fit.y == pytest.approx([float(np.median(part * part)) for part in np.split(x, 8)])
    assert "not along a line" in drawn.text


def test_of_a_set_of_metrics_two_are_drawn_and_that_is_said() -> None:
    x = np.arange(10.0)
    drawn = figure(fact("correlation", "linear", ("a", "b", "c")), window(a=x, b=x, c=x))
    assert "(two of 3 metrics that go together)" in drawn.text


def test_tasks_of_one_label_cannot_be_told_apart_so_none_is_marked() -> None:
    x = np.arange(10.0)
    seen = window(labels=["checkout"] * 10, a=x, b=x)
    drawn = figure(fact("correlation", "linear", ("a", "b"), involved_tasks=("checkout",)), seen)
    assert [dots.tone for dots in layers(drawn, Shape.DOTS)] == [Tone.CALM]


def autoregressive(rng: np.random.Generator, count: int) -> Floats:
    values = np.zeros(count)
    for row in range(1, count):
        values[row] = 0.8 * values[row - 1] + rng.normal()
    return values


def test_a_lag_is_the_peak_of_the_correlations_though_both_metrics_are_slow() -> None:
    rng = np.random.default_rng(3)
    leader = autoregressive(rng, 612)
    follower = np.concatenate([rng.normal(size=12), leader[:-12]])[12:] + 0.3 * rng.normal(size=600)
    pattern = fact("correlation", "lagged", ("a", "b"), {"lag": 12.0, "r": 0.8})
    drawn = figure(pattern, window(a=leader[12:], b=follower))
    calm, odd = layers(drawn, Shape.BARS)
    assert odd.x == (12.0,)
    assert odd.y[0] > 3 * max(map(abs, calm.y))
    assert calm.x == tuple(lag for lag in range(-20, 21) if lag != 12)
    assert layers(drawn, Shape.LINE)[0].y == pytest.approx((1.96 / math.sqrt(600),) * 2, abs=1e-4)


@pytest.mark.parametrize(("rows", "lag"), [(20, 3.0), (200, 0.0), (200, 300.0), (200, math.nan)])
def test_a_lag_that_cannot_be_drawn_leaves_dots(rows: int, lag: float) -> None:
    x = np.random.default_rng(4).normal(size=rows)
    pattern = fact("correlation", "lagged", ("a", "b"), {} if math.isnan(lag) else {"lag": lag})
    assert layers(figure(pattern, window(a=x, b=x)), Shape.DOTS)


# -- laws --------------------------------------------------------------------------------------------------------------

BALANCE = {"coefficient of a": 1.0, "coefficient of b": -1.0, "coefficient of c": -2.0, "constant": 5.0}


def test_a_law_that_holds_has_its_sides_on_one_line_and_the_others_apart() -> None:
    b, c = np.arange(8.0), np.arange(8.0)[::-1]
    a = b + 2 * c + 5
    a[3] += 4
    drawn = figure(
        fact("conservation law", "linear law", ("a", "b", "c"), BALANCE, involved_tasks=("t3",)), window(a=a, b=b, c=c)
    )
    calm, odd = layers(drawn, Shape.DOTS)
    assert calm.x == calm.y
    assert (odd.x, odd.y) == ((16.0,), (20.0,))
    assert (drawn.x.label, drawn.y.label) == ("b + 2 c + 5", "a")
    assert drawn.text == "Both sides of the law in 8 tasks: on the line it is kept."


def test_a_sum_that_is_always_the_same_is_a_flat_course_against_all_of_it() -> None:
    user = np.arange(8.0)
    metrics = {"coefficient of idle": 1.0, "coefficient of user": 1.0, "constant": 100.0}
    drawn = figure(
        fact("conservation law", "linear law", ("idle", "user"), metrics), window(idle=100 - user, user=user)
    )
    (band,) = layers(drawn, Shape.BAND)
    assert band.y == band.low == (100.0,) * 8
    assert drawn.y.low == 0.0
    assert drawn.text == "idle + user is always 100."


def test_a_broken_law_shows_what_is_missing_task_by_task() -> None:
    b, c = np.arange(8.0), np.ones(8)
    a = b + 2 * c + 5
    a[5:] += [1, 2, 3]
    pattern = shift(5, kind="conservation law", form="broken law", metric_names=("a", "b", "c"), metrics=BALANCE)
    drawn = figure(pattern, window(a=a, b=b, c=c))
    before, after = layers(drawn, Shape.BAND)
    assert (before.y, after.y) == ((0.0,) * 5, (1.0, 2.0, 3.0))
    assert drawn.y.label == "a - (b + 2 c + 5)"
    assert drawn.mark == 5


def test_a_law_of_steps_takes_what_was_gained() -> None:
    level = np.array([3.0, 5.0, 4.0, 9.0])
    flow = np.array([7.0, 2.0, -1.0, 5.0])
    metrics = {"coefficient of flow": 1.0, "coefficient of Δ level": -1.0, "constant": 0.0}
    drawn = figure(fact("conservation law", "linear law", ("flow", "level"), metrics), window(flow=flow, level=level))
    (dots,) = layers(drawn, Shape.DOTS)
    assert dots.x == dots.y == (2.0, -1.0, 5.0)
    assert drawn.x.label == "change of level"


def test_a_law_of_which_a_column_is_missing_is_drawn_as_a_course() -> None:
    drawn = figure(fact("conservation law", "linear law", ("a", "b", "c"), BALANCE), window(a=[1.0, 2.0]))
    assert drawn.title == "a, task by task"


def test_what_hardly_varies_is_flat_against_all_of_its_size() -> None:
    drawn = figure(fact("conservation law", "constant", ("a",), evidence=None), window(a=[99.0, 101.0, 100.0]))
    assert drawn.y.low == 0.0
    assert [line.y for line in layers(drawn, Shape.LINE)] == [(100.0, 100.0)]


# -- groups ------------------------------------------------------------------------------------------------------------


def grouped(sizes: tuple[int, ...]) -> tuple[CracklePattern, Window]:
    """Groups one after the other, the smallest last; their tasks are listed smallest first."""
    place = np.repeat(np.arange(len(sizes)), sizes)
    labels = [f"t{row}" for row in range(len(place))]
    small = [labels[row] for group in range(len(sizes) - 1, 0, -1) for row in np.flatnonzero(place == group)]
    metrics = {f"group {n}": float(size) for n, size in enumerate(reversed(sizes), start=1)}
    pattern = fact("clustering", "groups", ("a", "b"), metrics, involved_tasks=tuple(small))
    return pattern, window(a=10.0 * place, b=-place)


def test_each_group_has_a_tone_and_the_smallest_lies_on_top() -> None:
    drawn = figure(*grouped((9, 5, 4, 3)))
    assert [(dots.tone, dots.label, set(dots.x)) for dots in drawn.layers] == [
        (Tone.CALM, "9 tasks", {0.0}),
        (Tone.THIRD, "5 tasks", {10.0}),
        (Tone.OTHER, "4 tasks", {20.0}),
        (Tone.ODD, "3 tasks", {30.0}),
    ]


def test_groups_are_thinned_in_proportion_and_none_vanishes() -> None:
    drawn = figure(*grouped((3000, 950, 50)))
    assert [len(dots.x) for dots in drawn.layers] == [150, 48, 8]
    assert drawn.text == "4,000 tasks by b and a; 206 of 4,000 are drawn."


def test_groups_in_one_metric_are_drawn_task_by_task() -> None:
    pattern = fact("clustering", "groups", ("a",), {"group 1": 1.0, "group 2": 3.0}, involved_tasks=("t2",))
    drawn = figure(pattern, window(a=[1.0, 1.0, 9.0, 1.0]))
    assert drawn.title == "a, task by task"
    assert [(dots.x, dots.y) for dots in drawn.layers] == [((0, 1, 3), (1, 1, 1)), ((2,), (9,))]


def test_labels_that_stand_twice_do_not_say_which_task_is_in_which_group() -> None:
    seen = window(labels=["x", "x"], a=[1.0, 2.0], b=[1.0, 2.0])
    drawn = figure(fact("clustering", "groups", ("a", "b"), involved_tasks=("x",)), seen)
    assert "labels that stand twice do not say which task is in which group" in drawn.text
    assert [dots.tone for dots in drawn.layers] == [Tone.CALM]


# -- anything ----------------------------------------------------------------------------------------------------------


def test_a_third_partys_finding_is_the_course_of_its_first_known_metric() -> None:
    drawn = figure(fact("mine", "own", ("gone", "a")), window(a=[1.0, 2.0]))
    assert drawn.title == "a, task by task"


@pytest.mark.parametrize(
    "seen", [window(a=[1.0]), Window.from_columns([], [], ["ms"], np.empty((0, 1))), window(ms=[math.nan])]
)
def test_nothing_is_drawn_of_metrics_that_are_not_there(seen: Window) -> None:
    assert figure_of(shift(), seen) is None


@st.composite
def windows(draw: st.DrawFn, names: tuple[str, ...]) -> Window:
    rows = draw(st.integers(1, 24))
    cell = st.one_of(
        st.floats(allow_infinity=False), st.sampled_from([0.0, 1.0, 5.0, math.nan, 1.7e308, -1.7e308, 5e-324])
    )
    columns = {name: draw(st.lists(cell, min_size=rows, max_size=rows)) for name in names}
    labels = draw(st.sampled_from([None, ["same"] * rows]))
    return window(labels, **columns)


@UNHURRIED
@given(patterns(), st.data())
def test_any_pattern_on_any_window_gives_a_small_figure_whose_svg_is_well_formed(
    pattern: CracklePattern, data: st.DataObject
) -> None:
    names = tuple(dict.fromkeys([*pattern.metric_names, "ms"]))
    seen = data.draw(windows(names))
    drawn = figure_of(pattern, seen, [pattern])
    if drawn is None:
        return
    assert Figure.from_dict(json.loads(json.dumps(drawn.to_dict()))) == drawn
    ET.fromstring(svg(drawn))
    ET.fromstring(html_card(pattern, drawn, styled=False))
    assert all(line.isprintable() for line in card(pattern, figure=drawn).split("\n"))


def test_the_least_of_spans_can_be_drawn() -> None:
    drawn = figure(shift(1, metrics={}), window(ms=[0.0, 5e-324, 0.0]))
    assert drawn.layers[1].y == (5e-324, 0.0)
    ET.fromstring(svg(drawn))


@given(st.floats(1e-200, 1e200))
def test_an_axis_has_some_round_steps(span: float) -> None:
    step = round_step(span)
    assert 4.8 <= span / step <= 12.001
