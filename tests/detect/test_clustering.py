from __future__ import annotations

from math import inf, nan, sqrt

import numpy as np
import numpy.typing as npt
import pytest

from crackle_stream.cooling import cool
from crackle_stream.model import CracklePattern, Examination, Nature, NearMiss, Skip
from crackle_stream.profile import THRESHOLD_DETECTORS, ThermalProfile
from crackle_stream.window import Window

ALONE = ThermalProfile.default().without_detectors(set(THRESHOLD_DETECTORS) - {"clustering"})  # threshold 2.5


def examined(values: npt.ArrayLike, profile: ThermalProfile = ALONE, seed: int = 0) -> Examination:
    table = np.array(values, dtype=np.float64)
    names = ["latency", "errors", "depth"][: table.shape[1]]
    window = Window.from_columns([f"t{k}" for k in range(len(table))], range(len(table)), names, table)
    report = cool(window, profile, seed=seed)
    assert not report.failures
    return report.examined["clustering"]


def patterns(values: npt.ArrayLike, profile: ThermalProfile = ALONE, seed: int = 0) -> list[CracklePattern]:
    return [candidate.pattern for candidate in examined(values, profile, seed).candidates]


def test_a_cluster_says_how_many_tasks_how_close_and_which() -> None:
    #   t0 (0,0)  t1 (0,1)  t3 (1,0)        t2 far away
    (cluster,) = patterns([[0, 0], [0, 1], [50, 50], [1, 0]])
    average = (1 + 1 + sqrt(2)) / 3
    assert cluster.kind == "clustering"
    assert cluster.description == "3 tasks clustered together in metric space (avg distance: 1.138)"
    assert cluster.confidence == pytest.approx(1 - average / 2.5)
    assert cluster.involved_tasks == ("t0", "t1", "t3")
    assert cluster.metrics == {"avg_distance": pytest.approx(average), "cluster_size": 3.0}
    assert cluster.metric_names == ("errors", "latency")
    assert (cluster.nature, cluster.form, cluster.direction, cluster.at) == (Nature.FACT, "", "", None)


def test_a_task_of_its_own_is_no_pattern_but_is_a_test() -> None:
    made = examined([[0.0], [10.0], [20.0]])
    assert made.candidates == ()
    assert made.tests == 3


def test_the_closest_two_leaders_say_how_near_anything_came() -> None:
    assert examined([[0.0], [10.0], [14.0]]).nearest == NearMiss("t1 ~ t2", 4.0, 2.5, "distance of two leaders")
    assert examined([[0.0], [1.0], [2.0]]).nearest is None


def test_an_average_beyond_the_threshold_leaves_no_confidence() -> None:
    # all within 2.5 of the first, the others up to 4.8 apart
    (cluster,) = patterns([[0.0], [2.4], [-2.4]])
    assert cluster.metrics["avg_distance"] == pytest.approx(3.2)
    assert cluster.confidence == 0.0


def test_the_metrics_of_a_cluster_are_those_all_its_members_have() -> None:
    made = patterns(np.array([[0, 0, nan], [0, 0, nan], [90, 90, 9], [90, nan, 9]]))
    by_first_task = {cluster.involved_tasks[0]: cluster.metric_names for cluster in made}
    assert by_first_task == {"t0": ("errors", "latency"), "t2": ("depth", "latency")}


def test_a_cluster_that_joins_tasks_without_a_common_metric_says_so_and_claims_nothing() -> None:
    # t1 and t2 both lie near the leader, and share no metric with each other
    (cluster,) = patterns(np.array([[0, 0], [1, nan], [nan, 1]]))
    assert cluster.description == ("3 tasks clustered together in metric space (no common metrics in 1 of 3 pairs)")
    assert cluster.confidence == 0.0
    assert cluster.metrics == {"cluster_size": 3.0}
    assert cluster.metric_names == ()


def test_a_cluster_of_numbers_too_large_to_square_says_so_and_claims_nothing() -> None:
    # the leader lacks the metric in which the others differ, and all have the other one
    (cluster,) = patterns(np.array([[0, nan], [0, 1e200], [0, -1e200]]))
    assert cluster.description == (
        "3 tasks clustered together in metric space (distance too large for a number in 1 of 3 pairs)"
    )
    assert cluster.confidence == 0.0
    assert cluster.metrics == {"cluster_size": 3.0}


def test_tasks_without_metrics_are_skipped_and_counted() -> None:
    made = examined([[0.0], [nan], [0.5], [nan]])
    assert [candidate.pattern.involved_tasks for candidate in made.candidates] == [("t0", "t2")]
    assert made.skipped == (Skip("2 tasks", "they have no metrics"),)


def test_an_average_over_too_many_pairs_is_sampled_and_the_pattern_says_so() -> None:
    values = np.random.default_rng(1).normal(0, 0.2, size=(300, 2))
    profile = ThermalProfile(max_distances=1000, without=ALONE.without)

    (sampled,), (exact,) = patterns(values, profile), patterns(values)

    average = sampled.metrics["avg_distance"]
    assert sampled.description == (
        "300 tasks clustered together in metric space "
        f"(avg distance: {average:.3f}, estimated from 1000 of 44850 pairs)"
    )
    assert sampled.metrics["sampled_pairs"] == 1000.0
    assert "sampled_pairs" not in exact.metrics
    assert average == pytest.approx(exact.metrics["avg_distance"], rel=0.1)
    assert patterns(values, profile, seed=0) == patterns(values, profile, seed=0)
    assert patterns(values, profile, seed=1)[0].metrics["avg_distance"] != average


def test_a_sample_that_meets_tasks_without_a_common_metric_says_of_how_many_pairs() -> None:
    values = np.zeros((60, 2))
    values[1:30, 0] = nan
    values[30:, 1] = nan
    (cluster,) = patterns(values, ThermalProfile(max_distances=500, without=ALONE.without))
    assert "no common metrics in " in cluster.description
    assert cluster.description.endswith("of 500 pairs)")
    assert cluster.metrics == {"cluster_size": 60.0, "sampled_pairs": 500.0}


def test_an_average_never_prints_as_minus_zero() -> None:
    (cluster,) = patterns(np.full((5, 3), 1.79e9 + 0.3))
    assert cluster.description == "5 tasks clustered together in metric space (avg distance: 0.000)"
    assert cluster.confidence == 1.0


def test_distances_too_large_to_square_are_simply_far() -> None:
    made = examined([[1.7e308], [-1.7e308], [1.7e308]])
    assert [candidate.pattern.involved_tasks for candidate in made.candidates] == [("t0", "t2")]
    assert made.nearest is None or made.nearest.value < inf
