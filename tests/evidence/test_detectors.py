"""The evidence detectors on planted windows: what they say, and that they say nothing of noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.families import NULL, Planted, ar_noise, make
from benchmarks.scoring import score
from crackle_stream.detect.evidence import (
    DependenceDetector,
    LaggedDetector,
    MetricType,
    ShiftDetector,
    detectors,
    look,
    prepared_of,
)
from crackle_stream.detect.evidence.look import Context
from crackle_stream.history import History
from crackle_stream.model import CracklePattern, Nature
from crackle_stream.window import Window

Floats = npt.NDArray[np.float64]
STATISTICAL = (ShiftDetector(), DependenceDetector(), LaggedDetector())


def window_of(values: Floats) -> Window:
    n, m = values.shape
    labels, names = [f"t{row}" for row in range(n)], [f"m{column}" for column in range(m)]
    return Window.from_columns(labels, 100 + 2.0 * np.arange(n), names, values)


def found_in(values: Floats, history: History | None = None) -> tuple[CracklePattern, ...]:
    return look(window_of(values), STATISTICAL, history).patterns


def test_a_shift_says_where_when_how_much_and_which_tasks() -> None:
    values = np.random.default_rng(0).standard_normal((400, 4)) * 10 + 500
    values[250:, 2] += 25
    (pattern,) = found_in(values)
    assert (pattern.kind, pattern.form, pattern.nature) == ("phase transition", "mean", Nature.EVENT)
    assert (pattern.metric_names, pattern.direction) == (("m2",), "up")
    assert pattern.at is not None
    assert abs(pattern.at.index - 250) <= 2
    assert pattern.at.time == 100 + 2.0 * pattern.at.index
    assert pattern.metrics["after"] - pattern.metrics["before"] == pytest.approx(25, abs=3)
    assert pattern.metrics["distance"] > 0.7
    assert pattern.involved_count == 400 - pattern.at.index
    assert pattern.confidence == 0.95  # not calibrated: no history yet
    assert pattern.evidence is not None
    assert not pattern.evidence.calibrated
    assert pattern.description.startswith("m2 rose from 49")


def test_the_most_responsible_task_of_a_shift_is_the_one_farthest_out() -> None:
    values = np.random.default_rng(1).standard_normal((300, 3))
    values[150:, 0] -= 3
    values[200, 0] -= 5
    (pattern,) = found_in(values)
    assert (pattern.direction, pattern.involved_tasks[0]) == ("down", "t200")


def test_the_shift_that_came_nearest_in_noise_is_named_with_its_question() -> None:
    window = window_of(np.random.default_rng(12).standard_normal((300, 3)))
    judged = look(window, (ShiftDetector(),))
    assert judged.patterns == ()
    miss = judged.examined["shift"].nearest
    assert miss is not None
    assert miss.what in {f"the {asked} of m{column}" for asked in ("level", "spread", "shape") for column in range(3)}
    whites = [block.white for block in prepared_of(window, Context(window, History(), None, 0)).whitened.blocks]
    shares = [(one.levels.p / 0.64, one.spreads.p / 0.18, one.shapes.p / 0.18) for one in whites]
    assert miss.value == pytest.approx(-np.log10(3 * np.min(shares)))
    assert miss.value < miss.bar == pytest.approx(-np.log10(0.05))


def test_wider_spread_is_a_variance_shift_with_its_ratio() -> None:
    values = np.random.default_rng(2).standard_normal((500, 3))
    values[200:, 1] *= 2.5
    (pattern,) = found_in(values)
    assert (pattern.form, pattern.direction) == ("variance", "up")
    assert pattern.metrics["ratio"] == pytest.approx(2.5, rel=0.25)


def test_a_counter_is_tested_by_its_gains() -> None:
    rng = np.random.default_rng(3)
    rate = np.where(np.arange(400) < 200, 5, 9)
    values = np.column_stack([np.cumsum(rng.poisson(rate)), rng.standard_normal(400)]).astype(float)
    (pattern,) = found_in(values)
    assert pattern.description.startswith("the gain of m0 a task rose from ")
    assert pattern.at is not None
    assert abs(pattern.at.index - 200) <= 4


def test_a_correlation_says_how_few_tasks_carry_it() -> None:
    rng = np.random.default_rng(4)
    values = rng.standard_normal((300, 4))
    values[:, 3] = -0.8 * values[:, 0] + 0.6 * values[:, 3]
    (pattern,) = found_in(values)
    assert (pattern.form, pattern.metric_names, pattern.direction) == ("linear", ("m0", "m3"), "negative")
    assert pattern.metrics["r"] == pytest.approx(-0.8, abs=0.08)
    fragile = int(pattern.metrics["fragility"])
    assert 50 < fragile < 300
    assert f"it vanishes without {fragile} of 2" in pattern.description


def test_a_curve_is_found_though_nothing_correlates() -> None:
    rng = np.random.default_rng(5)
    values = rng.standard_normal((500, 4))
    values[:, 1] = values[:, 2] ** 2 + 0.3 * rng.standard_normal(500)
    (pattern,) = found_in(values)
    assert (pattern.form, pattern.metric_names) == ("nonlinear", ("m1", "m2"))
    assert pattern.metrics["information_bits"] > 0.3


def test_the_leader_the_lag_and_the_seconds_are_named_and_no_cause() -> None:
    rng = np.random.default_rng(6)
    values = rng.standard_normal((500, 4))
    values[7:, 0] = 0.7 * values[:-7, 3] + 0.7 * rng.standard_normal(493)
    (pattern,) = found_in(values)
    assert (pattern.form, pattern.metric_names) == ("lagged", ("m3", "m0"))
    assert (pattern.metrics["lag"], pattern.metrics["lag_seconds"]) == (7.0, 14.0)
    assert pattern.description.startswith("m0 follows m3 7 tasks later (about 14 s")
    assert "cause" not in pattern.description


def test_two_slow_metrics_without_a_connection_are_no_pair() -> None:
    slow = np.cumsum(np.random.default_rng(7).standard_normal((500, 8)), axis=0)
    assert np.abs(np.asarray(np.corrcoef(slow.T)) - np.eye(8)).max() > 0.8
    assert [pattern for pattern in found_in(slow) if pattern.kind == "correlation"] == []


def test_a_metric_in_other_units_is_tested_once_and_the_report_says_so() -> None:
    values = np.random.default_rng(8).standard_normal((300, 3))
    values[150:, 0] += 3
    values[:, 2] = 32 + 1.8 * values[:, 0]
    judged = look(window_of(values), STATISTICAL)
    assert [pattern.metric_names for pattern in judged.patterns] == [("m0",)]
    assert [(skip.what, skip.why) for skip in judged.examined["shift"].skipped] == [("m2", "alias: m0 in other units")]


def test_absent_values_move_no_row() -> None:
    rng = np.random.default_rng(9)
    values = rng.standard_normal((400, 2))
    values[240:, 0] += 3
    values[rng.random(400) < 0.3, 0] = np.nan
    (pattern,) = found_in(values)
    assert pattern.at is not None
    assert abs(pattern.at.index - 240) <= 4


@pytest.mark.parametrize("family", [name for name in NULL if name not in ("garch", "trend", "counts, ar .9 rate")])
def test_quiet_windows_of_every_family_stay_quiet(family: str) -> None:
    false = sum(score(planted, look(planted.window, STATISTICAL).patterns).false > 0 for planted in _windows(family))
    assert false <= 2  # of 6; three or more have a chance of .002 at a rate of .05


def _windows(family: str) -> list[Planted]:
    return [make(family, 500 + seed) for seed in range(6)]


def test_few_tasks_prove_nothing_and_break_nothing() -> None:
    for rows in (0, 1, 5, 13, 25):
        values = np.random.default_rng(rows).standard_normal((rows, 3))
        assert look(window_of(values), detectors()).patterns == ()


def test_types_given_in_the_configuration_are_used() -> None:
    values = np.cumsum(np.random.default_rng(10).poisson(3, (200, 1)), axis=0).astype(float)
    window = window_of(values)
    context = Context(window, History(), {"m0": MetricType.ID}, 0)
    assert prepared_of(window, context) is context.prepared
    assert context.prepared.skipped[0].why == "id: stated in the configuration"


def test_what_stops_early_says_that_it_is_not_complete() -> None:
    window = window_of(np.random.default_rng(11).standard_normal((200, 4)))

    class Late(Context):
        def stop(self) -> bool:
            return True

    for detector in STATISTICAL:
        assert not detector.examine(window, Late(window, History(), None, 0)).complete


def test_history_shows_a_shift_that_one_window_cannot() -> None:
    rng = np.random.default_rng(12)
    stream = ar_noise(rng, 3000, 4, 0.9)
    history = History()
    for start in range(0, 2500, 500):
        history = history.after(look(window_of(stream[start : start + 500]), STATISTICAL, history).examined)
    last = stream[2500:].copy()
    last[250:, 1] += 2.0
    alone, known = found_in(last), found_in(last, history)
    assert [pattern.metric_names for pattern in known if pattern.form == "mean"] == [("m1",)]
    pattern = known[0]
    assert pattern.evidence is not None
    assert pattern.evidence.calibrated
    assert pattern.confidence > 0.99
    assert all(one.evidence is not None and one.evidence.p > pattern.evidence.p for one in alone)


def test_a_whole_window_apart_from_its_history_has_shifted_before_its_first_row() -> None:
    rng = np.random.default_rng(13)
    history = History()
    for _ in range(6):
        history = history.after(look(window_of(rng.standard_normal((300, 3))), STATISTICAL, history).examined)
    values = rng.standard_normal((300, 3))
    values[:, 0] += 1.0
    (pattern,) = found_in(values, history)
    assert pattern.at is not None
    assert (pattern.metric_names, pattern.at.index) == (("m0",), 0)


def test_a_shift_that_lasts_becomes_the_new_normal() -> None:
    rng = np.random.default_rng(14)
    history, raised = History(), []
    for number in range(20):
        values = rng.standard_normal((300, 2)) + (3.0 if number >= 6 else 0.0) * np.array([1.0, 0.0])
        judged = look(window_of(values), STATISTICAL, history)
        raised.append(any(pattern.metric_names == ("m0",) for pattern in judged.patterns))
        history = history.after(judged.examined)
    assert raised[6:11] == [True] * 5
    assert not any(raised[14:])
