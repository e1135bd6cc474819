"""A constant that stops being constant: how it is told, how sure that is, and when it is news again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from crackle_stream.cooling import cool
from crackle_stream.detect.evidence import ConstantDetector
from crackle_stream.detect.evidence.constants import first_move_tail
from crackle_stream.detect.evidence.look import Context
from crackle_stream.history import History
from crackle_stream.model import Examination, Nature
from crackle_stream.profile import ThermalProfile
from crackle_stream.window import Window

Floats = npt.NDArray[np.float64]


def window(values: Floats, start: int = 0, fresh: int | None = None) -> Window:
    rows = np.arange(start, start + len(values))
    made = Window.from_columns([f"t{row}" for row in rows], rows.astype(float), ["m"], values[:, None])
    if fresh is None:
        return made
    return Window(made.labels, made.times, made.names, made.values, fresh=fresh)


def looked(values: Floats, history: History, start: int = 0, fresh: int | None = None) -> tuple[Examination, History]:
    examination = examined(window(values, start, fresh), history)
    return examination, history.after({"constants": examination})


def examined(here: Window, history: History) -> Examination:
    return ConstantDetector().examine(here, Context(here, history, None, 0))


def held_for(windows: int, rows: int = 200, value: float = 2.0) -> History:
    history = History()
    for number in range(windows):
        _, history = looked(np.full(rows, value), history, number * rows)
    return history


@pytest.mark.parametrize(("before", "after", "moves"), [(400, 100, 1), (400, 100, 7), (30, 3, 3), (5000, 200, 120)])
def test_the_tail_is_the_hypergeometric_chance_that_all_moves_come_late(before: int, after: int, moves: int) -> None:
    oracle = stats.hypergeom(before + after, moves, after).pmf(moves)
    assert first_move_tail(before, after, moves) == pytest.approx(oracle, rel=1e-9)


def test_a_metric_that_begins_to_move_within_a_window_is_told_with_its_chance() -> None:
    values = np.zeros(500)
    values[400:] = np.arange(1.0, 101.0)
    (pattern,) = cool(window(values), ThermalProfile.evidence(per_window=0.05)).patterns
    assert (pattern.form, pattern.nature, pattern.metric_names) == ("no longer constant", Nature.EVENT, ("m",))
    assert pattern.description == (
        "m, always 0 in 400 tasks, began to vary, from 1 to 100, at task t400 (row 400 of 500)"
    )
    assert pattern.at is not None
    assert (pattern.at.index, pattern.at.time) == (400, 400.0)
    assert pattern.involved_tasks[:2] == ("t499", "t498")
    assert pattern.involved_count == 100
    assert pattern.evidence is not None
    assert pattern.evidence.p == pytest.approx(first_move_tail(370, 100, 100))


def test_returns_to_the_old_value_are_no_moves_and_rare_exceptions_no_news() -> None:
    values = np.zeros(500)
    values[[300, 380, 440]] = 1.0
    examination, _ = looked(values, History())
    assert first_move_tail(270, 200, 3) > 0.05
    assert (examination.tests, examination.candidates) == (1, ())


def test_one_exception_in_a_window_proves_nothing() -> None:
    values = np.zeros(500)
    values[350] = 1.0
    examination, _ = looked(values, History())
    assert (examination.tests, examination.candidates) == (1, ())


def test_a_value_held_for_five_windows_and_five_hundred_tasks_is_news_when_it_changes() -> None:
    history = held_for(5)
    values = np.full(200, 2.0)
    values[50:] = 4.0
    examination, _ = looked(values, history, 1000)
    (candidate,) = examination.candidates
    assert candidate.p is None
    pattern = candidate.pattern
    assert pattern.description == "m, always 2 in 1050 tasks, became 4, at task t1050 (row 50 of 200)"
    assert pattern.evidence is not None
    assert pattern.evidence.calibrated
    assert pattern.confidence == pytest.approx(1 - 150 / (1020 + 150))
    assert (pattern.metrics["before"], pattern.metrics["after"], pattern.metrics["held"]) == (2.0, 4.0, 1050.0)


@pytest.mark.parametrize(("windows", "rows"), [(4, 200), (5, 99)])
def test_one_new_value_after_less_is_none(windows: int, rows: int) -> None:
    examination, _ = looked(np.r_[2.0, np.full(99, 4.0)], held_for(windows, rows), windows * rows)
    assert examination.candidates == ()


def test_a_break_is_told_while_the_window_holds_it_and_the_new_value_is_watched_then() -> None:
    history = held_for(5)
    first, history = looked(np.r_[np.full(150, 2.0), np.full(50, 4.0)], history, 1000, fresh=200)
    again, history = looked(np.r_[np.full(50, 2.0), np.full(150, 4.0)], history, 1100, fresh=100)
    later, history = looked(np.full(200, 4.0), history, 1300, fresh=200)
    assert [len(one.candidates) for one in (first, again, later)] == [1, 1, 0]
    assert [one.candidates[0].pattern.at.time for one in (first, again) if one.candidates[0].pattern.at] == [1150, 1150]
    assert history.of("constants")["metrics"] == {
        "m": {"value": 4.0, "rows": 200, "windows": 1, "breaks": 1, "left_at": None}
    }


def test_what_has_left_its_value_once_must_hold_four_times_as_long() -> None:
    history = held_for(5)
    _, history = looked(np.r_[np.full(100, 2.0), np.full(100, 4.0)], history, 1000)
    start = 1200
    for _ in range(9):  # 1800 tasks: under 4 x 500
        _, history = looked(np.full(200, 4.0), history, start)
        start += 200
    early, _ = looked(np.full(200, 5.0), history, start)
    for _ in range(2):
        _, history = looked(np.full(200, 4.0), history, start)
        start += 200
    late, _ = looked(np.full(200, 5.0), history, start)
    assert (len(early.candidates), len(late.candidates)) == (0, 1)


def test_overlapping_windows_count_a_task_once() -> None:
    _, history = looked(np.full(300, 7.0), History(), 0, fresh=300)
    _, history = looked(np.full(300, 7.0), history, 100, fresh=100)
    metrics = history.of("constants")["metrics"]
    assert isinstance(metrics, dict)
    assert (metrics["m"]["rows"], metrics["m"]["windows"]) == (400, 2)


def test_measurements_are_not_watched_and_ids_are_named_as_left_out() -> None:
    here = Window.from_columns(
        [f"t{row}" for row in range(200)],
        np.arange(200.0),
        ["gauge", "row"],
        np.column_stack([np.random.default_rng(0).standard_normal(200), np.arange(200.0)]),
    )
    examination = examined(here, History())
    assert (examination.tests, examination.candidates, examination.learned) == (0, (), {"metrics": {}})
    assert [(skip.what, skip.why) for skip in examination.skipped] == [("row", "id: numbers the tasks in equal steps")]


def test_a_metric_that_is_absent_for_a_window_is_still_known() -> None:
    history = held_for(2)
    _, after = looked(np.full(100, np.nan), history, 400)
    assert after.of("constants") == history.of("constants")


def test_of_moves_at_random_places_few_seem_to_begin_late() -> None:
    rng = np.random.default_rng(1)
    chances = []
    for _ in range(2000):
        values = (rng.random(300) < 0.02).astype(float)
        odd = np.flatnonzero(values)
        if len(odd) and odd[0] >= 30:
            moves = int(np.count_nonzero(values[odd[0] :] * (np.diff(values[odd[0] - 1 :]) != 0)))
            chances.append(first_move_tail(int(odd[0]) - 30, 300 - int(odd[0]), moves))
    assert np.mean(np.array(chances) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(chances))


def test_a_move_too_late_to_be_news_and_too_early_to_be_rare_is_the_nearest_miss() -> None:
    values = np.full(100, 2.0)
    values[60:] = 3.0
    made, _ = looked(values, History())
    assert (made.candidates, made.tests) == ((), 1)
    assert made.nearest is not None
    assert (made.nearest.what, made.nearest.unit) == ("m", "-log10 of p")
    assert made.nearest.value == pytest.approx(-np.log10(40 / 70))  # 30 tasks made it a constant, 30 held, 40 did not
    assert made.nearest.bar == pytest.approx(-np.log10(0.05))


def test_where_nothing_moved_nothing_came_near() -> None:
    made, _ = looked(np.full(100, 2.0), History())
    assert made.nearest is None
