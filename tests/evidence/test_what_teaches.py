"""Which windows the memory of a metric learns from."""

from __future__ import annotations

import numpy as np

from crackle_stream.detect.evidence.look import look
from crackle_stream.detect.evidence.shift import ShiftDetector
from crackle_stream.history import History
from crackle_stream.window import Window


def remembered_after(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> object:
    """What is kept of the metric after one window with no history."""
    labels = [f"task-{row}" for row in range(len(values))]
    window = Window.from_columns(labels, np.arange(len(values), dtype=float), ["x"], values[:, None])
    history = History().after(look(window, [ShiftDetector()]).examined)
    return history.of(ShiftDetector.name).get("metrics", {})


def test_an_unfinished_memory_learns_from_a_change_of_spread_but_not_of_level() -> None:
    rng = np.random.default_rng(5)
    late = np.arange(400) >= 200
    noise = rng.standard_normal(400)
    assert remembered_after(noise) != {}
    assert remembered_after(noise * np.where(late, 3.0, 1.0)) != {}
    assert remembered_after(noise + 3.0 * late) == {}


def test_windows_wholly_beyond_what_memory_knows_are_judged_without_a_warning_of_numpy() -> None:
    """On the remembered scale all their values are the same farthest one; warnings are errors in these tests."""
    rng = np.random.default_rng(6)
    history = History()
    for level in (0.0,) * 6 + (14.0,) * 2:
        window = Window.from_columns(
            [f"task-{row}" for row in range(400)], np.arange(400.0), ["x"], level + rng.standard_normal((400, 1))
        )
        made = look(window, [ShiftDetector()], history)
        history = history.after(made.examined)
    assert made.patterns
