"""Responsible tasks: the most responsible first, all in the value, twenty shown, and how few carry a dependence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from crackle_stream.detect.evidence import detectors, look
from crackle_stream.detect.evidence.responsible import curve_fragility
from crackle_stream.model import CracklePattern
from crackle_stream.window import Window


def found(columns: dict[str, np.ndarray]) -> tuple[CracklePattern, ...]:
    rows = len(next(iter(columns.values())))
    window = Window.from_columns(
        [f"t{row}" for row in range(rows)],
        np.arange(float(rows)),
        list(columns),
        np.column_stack(list(columns.values())),
    )
    return look(window, detectors()).patterns


def only(columns: dict[str, np.ndarray], form: str) -> CracklePattern:
    (pattern,) = [one for one in found(columns) if one.form == form]
    return pattern


def rows_of(pattern: CracklePattern) -> list[int]:
    return [int(label.removeprefix("t")) for label in pattern.involved_tasks]


def shown(pattern: CracklePattern) -> object:
    return pattern.to_dict()["involved_tasks"]


def noise(seed: int, rows: int = 500) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(rows)


def test_the_tasks_of_a_shift_are_those_after_it_the_farthest_out_first() -> None:
    x = noise(0)
    x[400:] += 4
    x[450] += 9
    pattern = only({"a": x, "b": noise(11)}, "mean")
    assert rows_of(pattern)[0] == 450
    assert (pattern.involved_count, len(pattern.to_dict()["involved_tasks"])) == (100, 20)  # type: ignore[arg-type]
    assert shown(pattern) == list(pattern.involved_tasks[:20])
    assert set(rows_of(pattern)) == set(range(400, 500))


def test_the_tasks_of_a_wider_spread_are_its_farthest_first() -> None:
    x = noise(2)
    x[300:] *= 3
    pattern = only({"a": x, "b": noise(3)}, "variance")
    assert rows_of(pattern)[0] - 300 in np.argsort(-np.abs(x[300:]))[:5]
    assert pattern.involved_count > 180


def test_the_tasks_of_a_curve_carry_it_and_few_of_them_do() -> None:
    x = noise(4)
    y = x**2 + 0.5 * noise(5)
    pattern = only({"a": x, "b": y, "c": noise(6)}, "nonlinear")
    fragile = int(pattern.metrics["fragility"])
    assert 120 < fragile < 300
    assert pattern.description.endswith(f"; it vanishes without {fragile} of {pattern.metrics['tasks']:.0f} tasks")


def test_the_tasks_of_a_lag_are_those_that_follow_and_few_of_them_carry_it() -> None:
    x = noise(7)
    y = np.r_[noise(8, 3), 0.8 * x[:-3] + 0.6 * noise(9, 497)]
    pattern = only({"a": x, "b": y}, "lagged")
    first = rows_of(pattern)[0]
    assert x[first - 3] * y[first] > 3
    assert 0 < pattern.metrics["fragility"] < pattern.metrics["tasks"]
    assert "it vanishes without" in pattern.description


def test_the_tasks_of_a_broken_law_are_the_guilty_the_guiltiest_first() -> None:
    rng = np.random.default_rng(10)
    given, dropped = rng.poisson(80, 400).astype(float), rng.poisson(9, 400).astype(float)
    taken = given + dropped
    taken[300:330] += 5
    taken[310] += 30
    pattern = only({"taken": taken, "given": given, "dropped": dropped}, "broken law")
    assert rows_of(pattern)[0] == 310
    assert set(rows_of(pattern)) == set(range(300, 330))


def test_the_tasks_of_groups_are_those_that_stand_apart() -> None:
    rng = np.random.default_rng(11)
    odd = np.zeros(500, dtype=bool)
    odd[rng.choice(500, 30, replace=False)] = True
    columns = {name: rng.standard_normal(500) + 8.0 * odd for name in "abc"}
    pattern = only(columns, "groups")
    assert set(rows_of(pattern)) == set(np.flatnonzero(odd).tolist())


@pytest.mark.parametrize("bar", [1e-3, 1e-6])
def test_a_curve_vanishes_without_the_tasks_that_were_added_to_independence(bar: float) -> None:
    even = np.array([[a, b] for a in range(4) for b in range(4)] * 20)
    added = np.full((100, 2), 2)
    cells = np.concatenate([even, added])
    few = curve_fragility(cells, 4, bar)

    def p_without(tasks: int) -> float:
        table = np.full((4, 4), 20.0)
        table[2, 2] += 100 - tasks
        return float(stats.chi2_contingency(table, correction=False).pvalue)

    assert p_without(few - 1) <= bar < p_without(few)


def test_an_empty_cell_cannot_be_filled_so_more_tasks_must_go() -> None:
    cells = np.array([[a, b] for a in range(4) for b in range(4) if a != b] * 20)
    few = curve_fragility(cells, 4, 1e-3)
    assert stats.chi2_contingency(20.0 * (1 - np.eye(4)), correction=False).pvalue < 1e-3
    assert 100 < few < 240


def test_a_table_that_shows_nothing_has_no_fragility() -> None:
    cells = np.column_stack([np.repeat(np.arange(4), 25), np.tile(np.arange(4), 25)])
    assert curve_fragility(cells, 4, 1e-3) == 0
    assert curve_fragility(cells[:0], 4, 1e-3) == 0
