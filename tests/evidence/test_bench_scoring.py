"""The rulers of the accuracy benchmark: partitions, exactness, verdicts."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score  # type: ignore[import-untyped]

from benchmarks.families import NULL, PLANTED, Planted, make
from benchmarks.gates import RECALL, Gate, Verdict, at_least, at_most, judged
from benchmarks.scoring import Score, adjusted_rand, score
from crackle_stream import CracklePattern
from crackle_stream.model import Onset


def test_the_adjusted_rand_index_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    for groups in (1, 2, 5):
        one, noise = rng.integers(0, groups, 60), rng.integers(0, 4, 60)
        other = np.where(rng.random(60) < 0.3, noise, one)
        assert adjusted_rand(one, other) == pytest.approx(adjusted_rand_score(one, other), abs=1e-12)
        assert adjusted_rand(one, one) == 1.0


def test_a_window_is_the_same_for_ever_and_its_history_comes_before_it() -> None:
    made, again = (make("mean 2 sd in ar .9, known", 3) for _ in range(2))
    assert np.array_equal(made.window.values, again.window.values)
    assert len(made.earlier) == 5
    ends = [window.end_time for window in (*made.earlier, made.window)]
    assert ends == sorted(ends)
    assert [len(window) for window in (*made.earlier, made.window)] == [500] * 6


def law(planted: Planted, form: str, **more: object) -> CracklePattern:
    names = tuple(planted.window.names[column] for column in planted.truths[0].columns)
    fields = {
        "kind": "conservation law",
        "description": "",
        "confidence": 1.0,
        "form": form,
        "metric_names": names,
        "metrics": {
            f"coefficient of {name}": 2 * coefficient
            for name, coefficient in zip(names, planted.truths[0].coefficients, strict=True)
        },
        **more,
    }
    return CracklePattern(**fields)  # type: ignore[arg-type]


def test_a_law_is_found_by_its_terms_and_exact_by_its_coefficients_up_to_a_factor() -> None:
    planted = make("law at noise 0", 1)
    right = law(planted, "linear law")
    found = score(planted, [right])
    assert (found.found, found.exact, found.false) == (True, True, 0)
    wrong = dataclasses.replace(right, metrics={**right.metrics, f"coefficient of {right.metric_names[0]}": 2.2})
    assert (score(planted, [wrong]).found, score(planted, [wrong]).exact) == (True, False)
    stranger = next(name for name in planted.window.names if name not in right.metric_names)
    more = dataclasses.replace(right, metric_names=(*right.metric_names, stranger))
    assert not score(planted, [more]).found, "a term too many is another law"


def test_a_broken_law_is_exact_where_the_guilty_tasks_are_named() -> None:
    planted = make("leak of 8 %", 1)
    truth = planted.truths[0]
    assert truth.rows is not None
    assert truth.index is not None
    guilty = tuple(planted.window.labels[row] for row in truth.rows)
    at = Onset(truth.index + 2, 0.0)
    found = score(planted, [law(planted, "broken law", involved_tasks=guilty, at=at)])
    assert (found.found, found.error, found.exact) == (True, 2, True)
    half = law(planted, "broken law", involved_tasks=guilty[::2], at=at)
    assert not score(planted, [half]).exact
    assert not score(planted, [law(planted, "linear law")]).found


def test_groups_are_exact_where_the_tasks_fall_as_they_were_planted() -> None:
    planted = make("2 groups", 1)
    truth = planted.truths[0]
    assert truth.members is not None
    names = tuple(planted.window.names[column] for column in truth.columns)
    small = np.flatnonzero(truth.members == 1)

    def told(rows: np.ndarray) -> CracklePattern:
        return CracklePattern(
            kind="clustering",
            description="",
            confidence=1.0,
            metric_names=names,
            involved_tasks=tuple(planted.window.labels[row] for row in rows),
            metrics={"group 1": float(len(rows)), "group 2": 500.0 - len(rows)},
        )

    assert score(planted, [told(small)]).exact
    assert not score(planted, [told(small[::2])]).exact
    fewer = dataclasses.replace(told(small), metric_names=names[:-1])
    assert not score(planted, [fewer]).found, "every metric whose centres differ has to be named"


def test_a_pattern_in_a_window_without_events_is_false_unless_it_is_a_true_dependence() -> None:
    pair = CracklePattern(kind="correlation", description="", confidence=1.0, metric_names=("metric_0", "metric_1"))
    assert score(make("iid", 1), [pair]).false == 1
    assert score(make("shared driver", 1), [pair]).false == 0


def test_a_figure_misses_its_gate_from_two_standard_errors_on() -> None:
    assert at_most(0.05, 0.05, 100) == Verdict.MET
    assert at_most(0.09, 0.05, 100) == Verdict.WITHIN
    assert at_most(0.10, 0.05, 100) == Verdict.MISSED
    assert at_least(0.95, 0.95, 100) == Verdict.MET
    assert at_least(0.91, 0.95, 100) == Verdict.WITHIN
    assert at_least(0.90, 0.95, 100) == Verdict.MISSED


def test_a_gate_is_missed_where_one_part_of_it_is() -> None:
    good, far, inexact = Score(True, 1.0, True, 0), Score(True, 9.0, True, 0), Score(True, 1.0, False, 0)
    gate = Gate(0.9, error=3, exact=0.9)
    assert judged(gate, [good] * 10) == Verdict.MET
    assert judged(gate, [far] * 10) == Verdict.MISSED
    assert judged(gate, [inexact] * 10) == Verdict.MISSED
    assert judged(None, [inexact]) == Verdict.NONE
    assert str(gate) == ">= 0.9, error <= 3, exact >= 0.9"


def test_every_gate_belongs_to_a_family_and_every_family_can_be_made() -> None:
    assert set(RECALL) <= set(PLANTED)
    for family in (*NULL, *PLANTED):
        planted = make(family, 0)
        assert planted.window.values.shape == (500, 12), family
        assert bool(planted.truths) == (family in PLANTED), family
