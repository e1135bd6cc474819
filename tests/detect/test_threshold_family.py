from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import pytest

from crackle_stream import detect
from crackle_stream.cooling import cool
from crackle_stream.detect.threshold import Clustering, Conservation, Correlation, PhaseTransition, detectors
from crackle_stream.history import History
from crackle_stream.model import CracklePattern, Skip
from crackle_stream.profile import THRESHOLD_DETECTORS, CoolingRate, ThermalProfile
from crackle_stream.protocols import Detector
from crackle_stream.window import Window


@dataclass
class Asked:
    """A context that says stop at the given question."""

    stops_at: int
    history: History = field(default_factory=History)
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
    questions: Iterator[int] = field(default_factory=count)

    def stop(self) -> bool:
        return next(self.questions) >= self.stops_at


def a_window(n: int = 60, m: int = 6, seed: int = 1) -> Window:
    """Two groups, a step, an almost constant metric, a pair that moves together and some holes."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 0.2, size=(n, m)) + (np.arange(n) % 2 * 9.0)[:, np.newaxis]
    values[:, 1] = values[:, 0] * 2
    values[:, 2] = 50 + rng.normal(size=n)
    values[n // 2 :, 3] += 30
    values[::7, 4] = np.nan
    return Window.from_columns([f"t{k}" for k in range(n)], np.arange(n) + 1e9, [f"m{k}" for k in range(m)], values)


def test_the_family_are_the_crates_four_under_the_names_a_profile_leaves_out() -> None:
    four = detectors(ThermalProfile.default())
    assert tuple(detector.name for detector in four) == THRESHOLD_DETECTORS
    assert all(isinstance(detector, Detector) for detector in four)
    for name in THRESHOLD_DETECTORS:
        left = detect.built_in(ThermalProfile.default().without_detectors([name]))
        assert [detector.name for detector in left] == [other for other in THRESHOLD_DETECTORS if other != name]
    assert detect.built_in(ThermalProfile.no_detection()) == ()


@pytest.mark.parametrize("rate", list(CoolingRate))
def test_the_rate_tunes_all_four(rate: CoolingRate) -> None:
    least = rate.min_tasks_for_detection
    assert detectors(ThermalProfile(rate=rate, max_distances=77)) == (
        Clustering(rate.cluster_threshold, least, 77),
        PhaseTransition(rate.phase_transition_sensitivity, least),
        Conservation(rate.conservation_tolerance, least),
        Correlation(rate.correlation_threshold, least),
    )


@pytest.mark.parametrize(("rate", "least"), [(CoolingRate.FAST, 2), (CoolingRate.NORMAL, 3), (CoolingRate.SLOW, 5)])
def test_one_task_too_few_gives_no_patterns_and_every_detector_says_why(rate: CoolingRate, least: int) -> None:
    report = cool(
        Window.from_columns(["a"] * (least - 1), [0] * (least - 1), ["x", "y"], [[5, 5]] * (least - 1)),
        ThermalProfile(rate=rate),
    )
    assert report.patterns == ()
    for name in THRESHOLD_DETECTORS:
        examined = report.examined[name]
        needed = max(least, 3) if name == "correlation" else least
        assert examined.skipped == (Skip(name, f"{least - 1} tasks, at least {needed} are needed"),)
        assert examined.tests == 0
        assert examined.complete


def test_just_enough_tasks_are_looked_at() -> None:
    report = cool(Window.from_columns(list("abc"), [0, 1, 2], ["x"], [[5], [5], [5]]), ThermalProfile.default())
    assert [str(pattern.kind) for pattern in report.patterns] == ["clustering", "conservation law"]


@pytest.mark.parametrize("detector", detectors(ThermalProfile.default()), ids=THRESHOLD_DETECTORS)
def test_a_detector_that_is_stopped_returns_at_once_and_says_it_is_incomplete(detector: Detector) -> None:
    window = a_window(400)
    whole = detector.examine(window, Asked(10**9))
    assert whole.complete
    assert whole.candidates

    stopped = detector.examine(window, Asked(0))

    assert not stopped.complete
    assert stopped.candidates == ()


@pytest.mark.parametrize("detector", detectors(ThermalProfile.default()), ids=THRESHOLD_DETECTORS)
def test_wherever_it_is_stopped_what_it_has_is_part_of_the_whole(detector: Detector) -> None:
    window = a_window(120, 12)
    context = Asked(10**9)
    whole = {candidate.pattern.description for candidate in detector.examine(window, context).candidates}
    questions = next(context.questions)
    assert questions > 0
    for stops_at in range(questions):
        part = detector.examine(window, Asked(stops_at))
        assert not part.complete
        assert {candidate.pattern.description for candidate in part.candidates} <= whole


def test_having_been_stopped_does_not_outlive_the_examination() -> None:
    clustering = Clustering(2.5)
    assert not clustering.examine(a_window(), Asked(0)).complete
    assert clustering.examine(a_window(), Asked(10**9)).complete


def test_patterns_stand_by_confidence_then_kind_then_metrics_then_first_row() -> None:
    for detector in detectors(ThermalProfile.default()):
        found = [candidate.pattern for candidate in detector.examine(a_window(), Asked(10**9)).candidates]
        labels = a_window().labels

        def rank(pattern: CracklePattern, labels: tuple[str, ...] = labels) -> tuple[object, ...]:
            return (
                -pattern.confidence,
                str(pattern.kind),
                pattern.metric_names,
                labels.index(pattern.involved_tasks[0]),
            )

        assert found == sorted(found, key=rank)


def test_clusters_of_one_confidence_stand_by_their_first_task() -> None:
    #   pairs of equal tasks, the pairs far apart, interleaved
    values = np.array([[30.0], [10.0], [20.0], [20.0], [10.0], [30.0]])
    window = Window.from_columns(list("abcdef"), range(6), ["x"], values)
    found = [candidate.pattern.involved_tasks for candidate in Clustering(2.5).examine(window, Asked(99)).candidates]
    assert found == [("a", "f"), ("b", "e"), ("c", "d")]


SCRIPT = """
import json, sys
import numpy as np
from crackle_stream.cooling import cool
from crackle_stream.profile import ThermalProfile
from crackle_stream.window import Window
rng = np.random.default_rng(1)
values = rng.normal(5, 2, size=(80, 8)) + rng.normal(size=(80, 1)) * 4
values[rng.random(values.shape) < .1] = np.nan
window = Window.from_columns([f"t{k}" for k in range(80)], range(80), [f"m{k}" for k in range(8)], values)
report = cool(window, ThermalProfile(max_distances=10))
print(json.dumps([pattern.to_dict() for pattern in report.patterns]))
"""


def test_the_same_window_gives_the_same_patterns_in_the_same_order_under_any_hash_seed() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert len(json.loads(outputs[0])) > 10


def test_the_order_of_a_windows_columns_changes_no_pattern() -> None:
    window = a_window()
    order = [3, 0, 5, 1, 4, 2]
    turned = Window.from_columns(window.labels, window.times, [window.names[k] for k in order], window.values[:, order])
    profile = ThermalProfile.default()
    here, there = (cool(each, profile).patterns for each in (window, turned))
    assert [pattern.fingerprint for pattern in here] == [pattern.fingerprint for pattern in there]
    assert [pattern.involved_tasks for pattern in here] == [pattern.involved_tasks for pattern in there]


def test_many_things_skipped_for_one_reason_are_counted_and_few_are_named() -> None:
    def skipped(lone: int) -> tuple[Skip, ...]:
        values = np.full((5, lone + 1), np.nan)
        values[:, 0] = 5.0
        values[0, :] = 5.0
        names = ["all", *(f"lone{k}" for k in range(lone))]
        window = Window.from_columns(list("abcde"), [0.0] * 5, names, values)
        return Conservation(0.3).examine(window, Asked(99)).skipped

    assert skipped(2) == (Skip("lone0", "fewer than 2 tasks have it"), Skip("lone1", "fewer than 2 tasks have it"))
    assert skipped(21) == (Skip("21 metrics", "fewer than 2 tasks have it"),)


def test_a_window_without_metrics_or_tasks_is_looked_at_without_complaint() -> None:
    for window in (
        Window.from_columns(list("abcdef"), range(6), [], np.empty((6, 0))),
        Window.from_columns(list("abcdef"), range(6), ["x"], np.full((6, 1), np.nan)),
        Window.from_columns([], [], ["x"], np.empty((0, 1))),
    ):
        report = cool(window, ThermalProfile.default())
        assert report.patterns == ()
        assert report.failures == ()
