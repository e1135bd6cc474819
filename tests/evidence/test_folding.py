"""One fact, one pattern: what is folded, into what, and by what name it goes from window to window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crackle_stream.detect.evidence import FOLDING, folded
from crackle_stream.detect.evidence.law import Law
from crackle_stream.detect.evidence.law_memory import Remembered, to_learn
from crackle_stream.detect.evidence.law_watch import Standing
from crackle_stream.detect.evidence.places import location_error
from crackle_stream.history import History
from crackle_stream.model import CracklePattern, Evidence, Examination, Nature, Onset
from crackle_stream.window import Window

ROWS = 500


def window(start: float = 0.0, rows: int = ROWS) -> Window:
    times = start + np.arange(rows)
    return Window.from_columns([f"t{time:.0f}" for time in times], times, ["m"], np.zeros((rows, 1)))


def shift(
    metric: str, row: int, effect: float = 3.0, *, form: str = "mean", moved: float = 1.0, start: float = 0.0
) -> CracklePattern:
    """A change of one metric; `moved` is the distance by which metrics are ranked, and what a mean moved by."""
    place = f"at task t{start + row:.0f} (row {row} of {ROWS})" if row else "before the window began"
    return CracklePattern(
        "phase transition",
        f"{metric} moved, {place}",
        1 - 1e-6,
        ("worst", "second"),
        (metric,),
        {"before": 0.0, "after": moved, "distance": abs(moved)} if form == "mean" else {"distance": abs(moved)},
        form,
        Nature.EVENT,
        "up" if moved > 0 else "down",
        Evidence(1e-9, 1e-6, effect, 400.0, calibrated=True),
        Onset(row, start + row),
    )


def law(*names: str, form: str = "linear law", row: int | None = None, residual: float = 0.0) -> CracklePattern:
    return CracklePattern(
        "conservation law",
        "a law",
        0.999,
        metric_names=names,
        metrics={"residual": residual, **{f"coefficient of {name}": 1.0 for name in names}},
        form=form,
        nature=Nature.FACT if row is None else Nature.EVENT,
        at=None if row is None else Onset(row, float(row)),
    )


def pair(a: str, b: str, p: float = 1e-9, *, form: str = "linear", r: float = 0.8) -> CracklePattern:
    return CracklePattern(
        "correlation",
        f"{a} and {b} go together",
        1 - p,
        (f"carrier of {a} and {b}",),
        (a, b),
        {"r": r, "fragility": 1e9 * p, "tasks": 200.0},
        form,
        direction="positive" if r > 0 else "negative",
        evidence=Evidence(p, p, r, 200.0, calibrated=True),
    )


def names(patterns: tuple[CracklePattern, ...]) -> list[tuple[str, ...]]:
    return [pattern.metric_names for pattern in patterns]


def after(history: History, patterns: list[CracklePattern], here: Window) -> tuple[History, tuple[CracklePattern, ...]]:
    folding = folded(patterns, here, history)
    return history.after({FOLDING: Examination(learned=folding.learned)}), folding.patterns


# Events


def test_metrics_that_change_at_one_place_are_one_event_the_most_changed_first() -> None:
    found = [shift("latency", 201, moved=2.0), shift("depth", 200, 6.0, moved=30.0), shift("rate", 203, moved=-1.0)]
    (event,) = folded(found, window()).patterns
    assert event.metric_names == ("depth", "latency", "rate")
    assert event.description == "depth moved, with latency and rate, at task t200 (row 200 of 500)"
    assert event.metrics["shifted_metrics"] == 3.0
    assert (event.metrics["after"], event.metrics["latency: after"], event.metrics["rate: after"]) == (30.0, 2.0, -1.0)


def test_a_metric_that_was_always_the_same_leads_the_event_in_which_it_moves() -> None:
    moved = replace(
        shift("dropped", 202, float("inf"), form="no longer constant", moved=0.5), metrics={"distance": 0.5}
    )
    (event,) = folded([shift("taken", 200, 8.0, moved=-30.0), moved], window()).patterns
    assert (event.form, event.metric_names) == ("no longer constant", ("dropped", "taken"))
    assert event.description == "dropped moved, with taken, at task t202 (row 202 of 500)"


def test_a_sentence_names_two_more_metrics_and_the_numbers_of_eight_are_given() -> None:
    found = [shift(f"m{number:02}", 200, moved=20.0 - number) for number in range(12)]
    (event,) = folded(found, window()).patterns
    assert len(event.metric_names) == 12
    assert event.description == "m00 moved, with m01, m02 and 9 more, at task t200 (row 200 of 500)"
    assert "m08: distance" in event.metrics
    assert "m09: distance" not in event.metrics


def test_an_event_is_as_sure_as_its_surest_change_and_begins_where_the_sharpest_does() -> None:
    weak = replace(shift("big", 206, 1.5, moved=9.0), confidence=0.96, evidence=Evidence(1e-4, 0.04, 1.5, 400.0, True))
    (event,) = folded([shift("sharp", 200, 8.0), weak], window()).patterns
    assert event.metric_names[0] == "big"
    assert event.evidence == Evidence(1e-9, 1e-6, 1.5, 400.0, calibrated=True)
    assert (event.confidence, event.at) == (1 - 1e-6, Onset(200, 200.0))
    assert event.description.endswith("(row 200 of 500)")


def test_two_changes_at_different_places_stay_two() -> None:
    found = [shift("a", 200), shift("b", 220), shift("a", 202, moved=-1.0)]
    assert names(folded(found, window()).patterns) == [("a",), ("b",), ("a",)]


@pytest.mark.parametrize(("effect", "error"), [(8.0, 4.0), (1.0, 11.0), (0.5, 25.0), (float("inf"), 4.0)])
def test_a_place_is_as_uncertain_as_the_size_of_its_step_makes_it(effect: float, error: float) -> None:
    assert location_error(shift("a", 200, effect), ROWS) == error


def test_a_factor_of_the_spread_locates_as_a_step_of_equal_divergence() -> None:
    doubled = location_error(shift("a", 200, 1.0, form="variance"), ROWS)
    assert doubled == pytest.approx(11 / (2 * np.log(2) ** 2))


def test_level_spread_and_shape_of_a_metric_at_one_place_are_one_change() -> None:
    found = [shift("a", 200), shift("a", 203, form="variance"), shift("a", 198, form="shape")]
    (event,) = folded(found, window()).patterns
    assert (event.form, event.metric_names) == ("mean", ("a",))
    assert "its spread changed too; the shape of its distribution changed too" in event.description


def test_metrics_tied_by_a_law_are_one_event_though_one_moves_some_tasks_later() -> None:
    apart = [shift("taken", 200, 8.0), shift("given", 222, 8.0)]
    assert len(folded(apart, window()).patterns) == 2
    told = folded([*apart, law("taken", "given", "kept")], window()).patterns
    assert names(told) == [("given", "taken"), ("taken", "given", "kept")]


def test_a_remembered_law_ties_as_one_of_the_window_does() -> None:
    known = Remembered(Law.of({"taken": 1, "given": -1, "kept": -1}), Standing(500), 1e-9, 0.0, windows=3)
    history = History(1, {"laws": to_learn([known])})
    assert len(folded([shift("taken", 200, 8.0), shift("given", 222, 8.0)], window(), history).patterns) == 1


def test_a_broken_law_is_the_headline_of_the_shifts_of_its_own_metrics() -> None:
    broken = law("taken", "given", form="broken law", row=300, residual=3.0)
    found = [broken, shift("given", 303, moved=-3.5), shift("other", 301), shift("taken", 100)]
    told = folded(found, window()).patterns
    assert names(told) == [("taken", "given"), ("other",), ("taken",)]
    assert told[0].metrics["implied_shifts"] == 1.0
    assert told[0].metrics["given: after"] == -3.5


def test_a_shift_larger_than_what_a_law_misses_is_an_event_of_its_own() -> None:
    broken = law("taken", "given", form="broken law", row=300, residual=3.0)
    assert len(folded([broken, shift("given", 300, moved=-20.0)], window()).patterns) == 2


# Names over windows


def test_an_event_keeps_its_name_while_its_metrics_come_and_go() -> None:
    history, first = after(History(), [shift("b", 400, moved=2.0), shift("a", 402)], window())
    history, second = after(history, [shift("c", 151, moved=9.0, start=250), shift("a", 150, start=250)], window(250))
    _, third = after(history, [shift("a", 0, start=500)], window(500))
    assert names(first + second + third) == [("b", "a"), ("c", "a"), ("a",)]
    assert len({event.fingerprint for event in first + second + third}) == 1
    assert first[0].fingerprint == shift("b", 400).fingerprint


def test_a_later_change_of_the_same_metric_has_another_name() -> None:
    history, first = after(History(), [shift("a", 100)], window())
    history, both = after(history, [shift("a", 0, start=250), shift("a", 300, start=250)], window(250))
    assert both[0].fingerprint == first[0].fingerprint != both[1].fingerprint
    _, again = after(history, [shift("a", 50, start=500)], window(500))
    assert again[0].fingerprint == both[1].fingerprint


def test_an_onset_located_anew_is_still_the_same_event() -> None:
    history, first = after(History(), [shift("a", 400, 8.0)], window())
    _, second = after(history, [shift("a", 100, 8.0, start=250)], window(250))
    assert first[0].fingerprint == second[0].fingerprint


def test_an_event_not_seen_for_six_windows_is_forgotten() -> None:
    history, _ = after(History(), [shift("a", 400)], window())
    for number in range(5):
        history, _ = after(history, [], window(500.0 * (number + 1)))
    assert len(history.of(FOLDING)["events"]) == 1  # type: ignore[arg-type]
    history, _ = after(history, [], window(3000))
    assert history.of(FOLDING)["events"] == []


def test_of_very_many_events_the_latest_fifty_are_remembered() -> None:
    folding = folded([shift(f"m{row}", row, 8.0) for row in range(4, 490, 9)], window(), History())
    assert len(folding.patterns) == 54
    events = folding.learned["events"]
    assert isinstance(events, list)
    assert [event["time"] for event in events] == [float(row) for row in range(40, 490, 9)]


def test_the_key_is_part_of_an_events_name_and_its_metrics_today_are_not() -> None:
    history, first = after(History(), [shift("a", 400)], window())
    _, second = after(history, [shift("b", 150, moved=3.0, start=250), shift("a", 150, start=250)], window(250))
    one, two = first[0].in_window("eu", "w1"), second[0].in_window("eu", "w2")
    assert one.fingerprint == two.fingerprint != first[0].fingerprint


# Facts


def test_pairs_that_a_law_implies_are_folded_into_it() -> None:
    told = folded([law("a", "b", "c"), pair("a", "b"), pair("a", "d")], window()).patterns
    assert names(told) == [("a", "b", "c"), ("a", "d")]
    assert told[0].metrics["implied_pairs"] == 1.0


def test_pairs_implied_by_two_laws_together_are_folded() -> None:
    told = folded([law("a", "b"), law("b", "c", "d"), pair("a", "d")], window()).patterns
    assert names(told) == [("a", "b"), ("b", "c", "d")]


def test_pairs_that_a_group_implies_are_folded_into_it() -> None:
    groups = CracklePattern("clustering", "groups", 0.99, metric_names=("a", "b"), form="groups")
    told = folded([pair("a", "b"), groups, pair("a", "c")], window()).patterns
    assert names(told) == [("a", "b"), ("a", "c")]
    assert told[0].metrics["implied_pairs"] == 1.0


def test_a_pair_with_one_of_several_tied_metrics_is_said_once() -> None:
    told = folded([law("a", "b", "c"), pair("x", "a", 1e-8), pair("x", "b", 1e-12), pair("c", "x")], window()).patterns
    assert names(told) == [("a", "b", "c"), ("x", "b")]
    assert told[1].metrics["further_pairs"] == 2.0
    assert told[1].description == "x and b go together; the same holds for a and c, which laws tie to them"


def test_now_and_later_and_along_a_curve_is_one_pair() -> None:
    found = [pair("a", "b", 1e-8), pair("b", "a", 1e-12, form="lagged"), pair("a", "b", 1e-7, form="nonlinear")]
    (told,) = folded(found, window()).patterns
    assert (told.form, told.metric_names, told.metrics["further_pairs"]) == ("lagged", ("b", "a"), 2.0)


def test_a_pair_of_tied_metrics_keeps_its_name_whichever_is_surest() -> None:
    ties = law("a", "b", "c")
    history, first = after(History(), [pair("a", "x", 1e-7)], window())
    history, second = after(history, [ties, pair("b", "x", 1e-12), pair("a", "x", 1e-7)], window(500))
    _, third = after(history, [ties, pair("c", "x", r=-0.7)], window(1000))
    assert first[0].fingerprint == second[1].fingerprint == third[1].fingerprint


def test_a_pair_that_turns_round_is_another_fact() -> None:
    history, first = after(History(), [pair("a", "b")], window())
    _, second = after(history, [pair("a", "b", r=-0.8)], window(500))
    assert first[0].fingerprint != second[0].fingerprint


def test_metrics_of_which_every_two_go_together_are_a_set_as_doubtful_as_its_weakest_pair() -> None:
    found = [pair("a", "b", 1e-12, r=0.9), pair("b", "c", 1e-9), pair("c", "a", 2e-8, r=0.5), pair("c", "d", 1e-10)]
    told = folded(found, window()).patterns
    assert names(told) == [("a", "b", "c"), ("c", "d")]
    assert told[0].evidence is not None
    assert (told[0].evidence.p, told[0].confidence) == (2e-8, 1 - 2e-8)
    assert told[0].involved_tasks == ("carrier of a and b",)
    assert told[0].description == (
        "a, b and c rise and fall together, every two of them (|r| from 0.50 to 0.90); "
        "the weakest pair, c and a, vanishes without 20 of 200 tasks"
    )


def test_a_chain_whose_ends_do_not_go_together_stays_two_pairs() -> None:
    assert names(folded([pair("a", "b"), pair("b", "c")], window()).patterns) == [("a", "b"), ("b", "c")]


def test_a_set_with_an_opposite_pair_says_so_and_names_five() -> None:
    letters = "abcdefg"
    found = [pair(a, b, r=-0.6 if "a" in (a, b) else 0.7) for a in letters for b in letters if a < b]
    (told,) = folded(found, window()).patterns
    assert told.direction == "mixed"
    assert told.description.startswith("a, b, c, d, e and 2 more metrics go together, some the other way round, every")


def test_a_set_keeps_its_name_when_a_metric_joins() -> None:
    three = [pair("a", "b"), pair("b", "c"), pair("a", "c")]
    (small,) = folded(three, window()).patterns
    (large,) = folded([*three, pair("a", "d"), pair("b", "d"), pair("c", "d")], window()).patterns
    assert small.fingerprint == large.fingerprint
    assert len(large.metric_names) == 4


def test_what_is_no_change_of_one_metric_at_a_place_is_left_as_it_is() -> None:
    own = CracklePattern("phase transition", "a third party's", 0.99, metric_names=("a",), form="mean")
    other = CracklePattern("anything", "else", 0.99)
    folding = folded([own, other], window())
    assert folding.patterns == (own, other)
    assert folding.learned == {"events": [], "pairs": []}


def test_of_very_many_pairs_two_hundred_are_remembered() -> None:
    folding = folded([pair(f"a{number}", f"b{number}") for number in range(210)], window())
    pairs = folding.learned["pairs"]
    assert isinstance(pairs, list)
    assert len(pairs) == 200
