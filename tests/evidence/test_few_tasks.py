"""What a few tasks carry is no fact, and is named as a near miss."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from crackle_stream.detect.evidence import DependenceDetector, LaggedDetector
from crackle_stream.detect.evidence.look import Context
from crackle_stream.detect.evidence.responsible import carried_by_few, too_fragile
from crackle_stream.history import History
from crackle_stream.model import CracklePattern, Examination, NearMiss, Skip
from crackle_stream.window import Window

Floats = npt.NDArray[np.float64]


def pattern(tasks: int, fragile: int | None) -> CracklePattern:
    numbers = {"tasks": float(tasks)} | ({} if fragile is None else {"fragility": float(fragile)})
    return CracklePattern("correlation", "a pair", 0.9, metric_names=("a", "b"), metrics=numbers)


def examined(detector: DependenceDetector | LaggedDetector, columns: dict[str, Floats]) -> Examination:
    values = np.column_stack(list(columns.values()))
    rows = np.arange(len(values))
    window = Window.from_columns([f"t{row}" for row in rows], rows.astype(float), list(columns), values)
    return detector.examine(window, Context(window, History(), None, 0))


def weakly(rows: int, r: float, lag: int = 0) -> dict[str, Floats]:
    """Two metrics whose correlation is r within rounding."""
    x, y = np.random.default_rng(4).standard_normal((2, rows))
    x, y = x - x.mean(), y - y.mean()
    y -= x * (x @ y) / (x @ x)
    y = r * x / x.std() + np.sqrt(1 - r * r) * y / y.std()
    return {"a": x, "b": np.roll(y, lag)}


@pytest.mark.parametrize(("tasks", "fragile", "few"), [(100, 2, 2), (200, 2, 2), (1000, 10, 10), (10_000, 100, 100)])
def test_one_task_in_a_hundred_or_two_are_few(tasks: int, fragile: int, few: int) -> None:
    miss = NearMiss("a ~ b", fragile, few, f"of {tasks} tasks without which it vanishes")
    assert carried_by_few(pattern(tasks, fragile)) == miss
    assert carried_by_few(pattern(tasks, fragile + 1)) is None
    assert too_fragile([miss]) == [Skip("a ~ b", f"vanishes without {fragile} of {tasks} tasks")]


def test_of_what_is_not_known_nothing_is_said() -> None:
    assert carried_by_few(pattern(100, None)) is None


@pytest.mark.parametrize(
    ("detector", "lag", "what"), [(DependenceDetector(), 0, "a ~ b"), (LaggedDetector(), 3, "a ~ b")]
)
def test_a_weak_dependence_among_thousands_of_tasks_stays_in_the_report(
    detector: DependenceDetector | LaggedDetector, lag: int, what: str
) -> None:
    weak = examined(detector, weakly(8000, 0.06, lag))
    assert weak.candidates == ()
    assert weak.nearest is not None
    assert weak.nearest.what == what
    assert weak.nearest.bar == pytest.approx(80, abs=1)
    assert 0 < weak.nearest.value <= weak.nearest.bar
    assert [skip.why.partition(" without ")[0] for skip in weak.skipped if skip.what == what] == ["vanishes"]
    (told,) = examined(detector, weakly(8000, 0.15, lag)).candidates
    assert told.pattern.metrics["fragility"] > 80
