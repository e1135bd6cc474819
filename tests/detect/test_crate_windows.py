"""Every pattern the crate's detectors find in fixed windows, and no other.

The crate's order of patterns and of a correlation's two metrics depends on a hash seed, so both are free here.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crackle_stream.cooling import cool
from crackle_stream.model import CracklePattern
from crackle_stream.profile import CoolingRate, ThermalProfile
from crackle_stream.window import Window

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "crate_golden.json").read_text())["windows"]
LEAKED = {"metric_name_hash", "metric_a_len", "metric_b_len"}
CORRELATION = re.compile(r"strong (\w+) correlation between '(.*)' and '(.*)' \(r = (.*)\)")


def window_of(tasks: list[dict[str, Any]]) -> Window:
    names = list(dict.fromkeys(name for task in tasks for name in task["metrics"]))
    values = [[task["metrics"].get(name, math.nan) for name in names] for task in tasks]
    return Window.from_columns([task["label"] for task in tasks], np.arange(len(tasks)), names, values)


@dataclass
class Sentence:
    """A pattern without what may differ: the order of a and b, and the last digits."""

    kind: str
    words: tuple[str, ...]
    tasks: tuple[str, ...]
    confidence: float
    metrics: dict[str, float]

    @classmethod
    def of(
        cls, kind: str, description: str, tasks: tuple[str, ...], confidence: float, metrics: dict[str, float]
    ) -> Sentence:
        match = CORRELATION.fullmatch(description)
        words = (match[1], *sorted((match[2], match[3])), match[4]) if match else (description,)
        return cls(kind, words, tasks, confidence, {name: x for name, x in metrics.items() if name not in LEAKED})

    @property
    def place(self) -> tuple[object, ...]:
        return (self.kind, self.words, self.tasks)


def ours(pattern: CracklePattern) -> Sentence:
    return Sentence.of(
        str(pattern.kind),
        pattern.description,
        pattern.involved_tasks,
        pattern.confidence,
        dict(pattern.metrics),
    )


def theirs(pattern: dict[str, Any]) -> Sentence:
    tasks = tuple(pattern["involved_tasks"])
    return Sentence.of(pattern["kind"], pattern["description"], tasks, pattern["confidence"], pattern["metrics"])


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{k}-{case['rate']}") for k, case in enumerate(CASES)])
def test_a_window_gives_the_crates_patterns_and_no_other(case: dict[str, Any]) -> None:
    window = window_of(case["tasks"])
    largest = float(np.nanmax(np.abs(window.values), initial=0.0))

    report = cool(window, ThermalProfile(rate=CoolingRate(case["rate"])))

    assert not report.failures
    actual = sorted(map(ours, report.patterns), key=lambda sentence: str(sentence.place))
    expected = sorted(map(theirs, case["patterns"]), key=lambda sentence: str(sentence.place))
    assert [sentence.place for sentence in actual] == [sentence.place for sentence in expected]
    for mine, crates in zip(actual, expected, strict=True):
        assert mine.confidence == pytest.approx(crates.confidence, rel=1e-9, abs=1e-9)
        assert mine.metrics == pytest.approx(crates.metrics, rel=1e-9, abs=1e-9 * largest)


def test_the_windows_cover_all_kinds_rates_sizes_and_missing_metrics() -> None:
    kinds = Counter(pattern["kind"] for case in CASES for pattern in case["patterns"])
    assert set(kinds) == {"clustering", "phase transition", "conservation law", "correlation"}
    assert min(kinds.values()) > 50
    assert {case["rate"] for case in CASES} == {"fast", "normal", "slow"}
    assert {len(case["tasks"]) for case in CASES} >= {1, 2, 3, 5, 60, 300}
    holed = [case for case in CASES if np.isnan(window_of(case["tasks"]).values).any()]
    assert len(holed) > 10
