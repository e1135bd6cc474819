"""The kiln fires, records and cools as the crate's does, in a ring that may be bounded."""

import threading
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from crackle_stream import (
    CoolingRate,
    CrackleError,
    Kiln,
    KilnCooled,
    KilnFull,
    TaskEntry,
    TaskOutput,
    ThermalProfile,
    entropy,
    jsd,
    kl_divergence,
    mutual_information,
    permutation_entropy,
)
from crackle_stream.errors import CoolingIncomplete
from crackle_stream.model import Partition, Positions, TaskBatch


class Sensor:
    """The seed's thirty-second task."""

    def __init__(self, label: str, reading: float) -> None:
        self.label = label
        self.reading = reading

    def fire(self) -> TaskOutput[float]:
        return TaskOutput(self.reading, {"value": self.reading, "is_anomaly": float(self.reading > 40)})


class Nameless:
    def fire(self) -> TaskOutput[None]:
        return TaskOutput(None, {"x": 1.0})


class StandingClock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        self.now += 0.5
        return self.now


SENSORS = [Sensor("s1", 22.5), Sensor("s2", 23.1), Sensor("s3", 45.2)]


def batch(count: int) -> TaskBatch:
    rows = np.arange(count)
    return TaskBatch(
        [f"b{row}" for row in rows],
        rows.astype(float),
        ("x",),
        rows[:, None].astype(float),
        Positions(Partition("test"), rows.astype(np.int64)),
    )


def test_the_thirty_second_example_prints_what_the_crates_code_gives() -> None:
    kiln = Kiln(ThermalProfile.fast_cooling())
    kiln.fire_all(SENSORS)
    found = {(str(pattern.kind), pattern.metric_names): pattern for pattern in kiln.cool()}
    assert len(found) == 5
    cluster = found["clustering", ("is_anomaly", "value")]
    assert cluster.involved_tasks == ("s1", "s2")
    assert cluster.metrics["avg_distance"] == pytest.approx(0.6)
    assert found["phase transition", ("value",)].description.startswith("metric 'value' shifted by 38.5%")
    assert found["phase transition", ("is_anomaly",)].description.startswith("metric 'is_anomaly' shifted by 150.0%")
    assert found["conservation law", ("value",)].metrics["coefficient_of_variation"] == pytest.approx(0.349, abs=5e-4)
    link = next(pattern for (kind, _), pattern in found.items() if kind == "correlation")
    assert link.metrics["correlation"] == pytest.approx(0.99973, abs=5e-6)


def test_fire_task_records_nothing_and_fire_and_record_does() -> None:
    kiln = Kiln()
    assert kiln.fire_task(SENSORS[0]).value == 22.5
    assert kiln.task_count == 0
    kiln.fire_and_record(SENSORS[0])
    assert kiln.task_count == 1


def test_a_task_is_timed_and_labelled_and_one_without_a_label_goes_by_its_class() -> None:
    kiln = Kiln(clock=StandingClock())
    kiln.fire_and_record(SENSORS[0])
    kiln.fire_and_record(Nameless())
    first, second = kiln.entries
    assert (first.label, first.fired_at, first.fire_duration) == ("s1", 1000.0, 0.5)
    assert second.label == "Nameless"


def test_cooling_seals_the_kiln_until_reset_also_with_too_few_tasks() -> None:
    kiln = Kiln()
    assert kiln.cool() == []
    assert kiln.is_cooled
    for fire in (kiln.fire_task, kiln.fire_and_record):
        with pytest.raises(KilnCooled, match=r"call reset\(\)"):
            fire(SENSORS[0])
    with pytest.raises(KilnCooled):
        kiln.add_entry("late", {"x": 1.0})
    with pytest.raises(KilnCooled):
        kiln.add_batch(batch(1))
    kiln.reset()
    kiln.fire_and_record(SENSORS[0])
    assert (kiln.task_count, kiln.is_cooled, kiln.report) == (1, False, None)


def test_a_sealed_kiln_gives_the_same_patterns_again() -> None:
    kiln = Kiln(ThermalProfile.fast_cooling())
    kiln.fire_all(SENSORS)
    assert kiln.cool() == kiln.cool()
    assert kiln.report is not None
    assert list(kiln.report.patterns) == kiln.cool()


def test_a_full_kiln_says_so_and_what_to_do() -> None:
    kiln = Kiln(capacity=2)
    kiln.fire_all(SENSORS[:2])
    with pytest.raises(KilnFull, match="holds 2 tasks, its capacity: cool"):
        kiln.fire_and_record(SENSORS[2])
    with pytest.raises(KilnFull):
        kiln.add_batch(batch(1))
    assert issubclass(KilnFull, CrackleError)
    assert kiln.task_count == 2


def test_a_kiln_may_forget_its_oldest_tasks_instead() -> None:
    kiln = Kiln(capacity=2, overflow="drop_oldest")
    kiln.fire_all(SENSORS)
    assert [entry.label for entry in kiln.entries] == ["s2", "s3"]
    assert [entry.fire_duration is not None for entry in kiln.entries] == [True, True]
    assert len(kiln._fired) == 2


def test_entries_and_batches_fired_elsewhere_are_recorded() -> None:
    kiln = Kiln()
    kiln.add_entry("one", {"x": 1.0, "y": float("nan")}, fired_at=5.0)
    kiln.add_batch(batch(2))
    assert kiln.entries[0] == TaskEntry("one", {"x": 1.0}, 5.0)
    assert [entry.label for entry in kiln.entries] == ["one", "b0", "b1"]


def test_an_infinite_metric_is_refused_by_name() -> None:
    kiln = Kiln()
    with pytest.raises(CrackleError, match="metric 'rate' is infinite"):
        kiln.add_entry("one", {"x": 1.0, "rate": float("inf")})
    assert kiln.task_count == 0


class Reflecting(Sensor):
    """Hands back its rank among all tasks once everything has cooled."""

    seen: Sequence[tuple[str, Mapping[str, float]]] = ()

    def cool(
        self, output: TaskOutput[object], all_metrics: Sequence[tuple[str, Mapping[str, float]]]
    ) -> Mapping[str, float]:
        self.seen = all_metrics
        return {"value": 0.0, "rank": float(sum(metrics["value"] < self.reading for _, metrics in all_metrics))}


def test_a_tasks_own_hook_overrides_what_it_fired_before_the_detectors_run() -> None:
    kiln = Kiln(ThermalProfile.fast_cooling())
    tasks = [Reflecting("a", 3.0), Reflecting("b", 1.0), Reflecting("c", 2.0)]
    kiln.fire_all(tasks)
    kiln.cool()
    window = kiln.window()
    assert window.column("rank").tolist() == [2, 0, 1]
    assert window.column("value").tolist() == [0, 0, 0]
    assert kiln.entries[0].metrics["value"] == 3.0
    assert kiln.entries[0].all_metrics()["value"] == 0.0


def test_every_hook_sees_the_same_metrics_as_fired() -> None:
    kiln = Kiln()
    tasks = [Reflecting("a", 3.0), Reflecting("b", 1.0)]
    kiln.fire_all(tasks)
    kiln.add_entry("by hand", {"value": 9.0})
    kiln.cool()
    assert tasks[0].seen is tasks[1].seen
    assert [(label, metrics["value"]) for label, metrics in tasks[0].seen] == [("a", 3), ("b", 1), ("by hand", 9)]


def test_a_hook_that_raises_is_a_failure_of_the_report() -> None:
    class Broken(Sensor):
        def cool(self, output: object, all_metrics: object) -> Mapping[str, float]:
            raise ZeroDivisionError("nothing to divide")

    kiln = Kiln(ThermalProfile.fast_cooling())
    kiln.fire_all([Broken("bad", 1.0), *SENSORS])
    with pytest.warns(CoolingIncomplete, match="hook of bad: ZeroDivisionError: nothing to divide"):
        assert kiln.cool()
    assert kiln.report is not None
    assert [(failure.detector, failure.problem) for failure in kiln.report.failures] == [
        ("hook of bad", "ZeroDivisionError: nothing to divide")
    ]


def test_a_cooling_that_runs_out_of_its_time_is_told_to_whoever_asked_for_it_and_not_again() -> None:
    kiln = Kiln(ThermalProfile.default().with_max_cooling_duration(0.1), clock=StandingClock())
    kiln.fire_all(SENSORS)
    with pytest.warns(CoolingIncomplete) as told:
        assert kiln.cool() == []
    assert told[0].filename == __file__
    assert str(told[0].message) == (
        "not all was looked at, so that no pattern means little: "
        "clustering: not run: the cooling had used up its 0.1 s; "
        "phase_transition: not run: the cooling had used up its 0.1 s; "
        "conservation: not run: the cooling had used up its 0.1 s; "
        "correlation: not run: the cooling had used up its 0.1 s (kiln.report.failures); "
        "ThermalProfile.with_max_cooling_duration gives it more time"
    )
    assert kiln.cool() == []


def test_its_tables_of_information_agree_with_the_functions() -> None:
    rng = np.random.default_rng(3)
    table = rng.normal(size=(50, 3))
    table[4, 1] = np.nan
    kiln = Kiln()
    for row in table:
        kiln.add_entry("t", {name: x for name, x in zip("abc", row, strict=True) if x == x})
    names, matrix = kiln.mi_matrix(5)
    assert names == ["a", "b", "c"]
    both = ~np.isnan(table[:, 1])
    assert matrix[0, 2] == pytest.approx(mutual_information(table[:, 0], table[:, 2], 5))
    assert matrix[0, 1] == matrix[1, 0] == pytest.approx(mutual_information(table[both, 0], table[both, 1], 5))
    assert matrix[2, 2] == pytest.approx(entropy(table[:, 2], 5))
    a = table[:, 0]
    assert dict(kiln.distribution_shift(4))["a"] == pytest.approx(kl_divergence(a[25:], a[:25], 4))
    assert dict(kiln.jsd_shift(4))["a"] == pytest.approx(jsd(a[25:], a[:25], 4))
    assert dict(kiln.permutation_entropies(3))["a"] == pytest.approx(permutation_entropy(a, 3))
    for ranked in (kiln.distribution_shift(4), kiln.jsd_shift(4)):
        assert [x for _, x in ranked] == sorted((x for _, x in ranked), reverse=True)


def test_several_threads_may_fire_at_once() -> None:
    kiln = Kiln(capacity=1000, overflow="drop_oldest")

    def fire(name: str) -> None:
        for number in range(250):
            kiln.fire_and_record(Sensor(f"{name}-{number}", float(number)))

    threads = [threading.Thread(target=fire, args=(f"th{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kiln.task_count == 1000
    assert len({entry.label for entry in kiln.entries}) == 1000
    assert all(entry.fire_duration is not None for entry in kiln.entries)


def test_an_unknown_overflow_is_refused() -> None:
    with pytest.raises(ValueError, match='"error" or "drop_oldest", not \'block\''):
        Kiln(overflow="block")  # type: ignore[arg-type]


def test_the_profile_decides_what_is_found() -> None:
    kiln = Kiln(ThermalProfile.default().with_rate(CoolingRate.FAST).without_clustering())
    kiln.fire_all(SENSORS)
    assert "clustering" not in {str(pattern.kind) for pattern in kiln.cool()}
