"""Detectors of pairs keep the deadline: whenever it comes, what is told is told in full and the rest is not claimed."""

from __future__ import annotations

import numpy as np

from crackle_stream.detect.evidence import DependenceDetector, GroupDetector
from crackle_stream.detect.evidence.look import Context
from crackle_stream.history import History
from crackle_stream.model import Examination
from crackle_stream.window import Window


class Deadline(Context):
    """Says stop from a given ask on."""

    def __init__(self, window: Window, asks: float) -> None:
        super().__init__(window, History(), None, 0)
        self.left = asks

    def stop(self) -> bool:
        self.left -= 1
        return self.left < 0


def examined(detector: DependenceDetector | GroupDetector, asks: float) -> tuple[Examination, int]:
    values = np.random.default_rng(1).standard_normal((400, 5))
    values[:, 1] += values[:, 0]
    window = Window.from_columns([f"t{row}" for row in range(400)], np.arange(400.0), list("abcde"), values)
    context = Deadline(window, asks)
    made = detector.examine(window, context)
    return made, int(asks - context.left) if np.isfinite(asks) else 0


def test_dependence_stopped_before_its_tests_are_made_finds_nothing_and_says_so() -> None:
    whole, asked = examined(DependenceDetector(), 10_000)
    assert whole.complete
    assert [one.pattern.metric_names for one in whole.candidates] == [("a", "b")]
    for asks in range(asked):
        made, _ = examined(DependenceDetector(), asks)
        assert not made.complete
    for asks in range(2):
        assert examined(DependenceDetector(), asks)[0].candidates == ()


def test_groups_stopped_before_pairs_are_tested_say_so() -> None:
    made, _ = examined(GroupDetector(), 0)
    assert (made.complete, made.candidates, made.nearest) == (False, (), None)
