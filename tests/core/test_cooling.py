"""A cooling reports what was found, what was tested and what failed; nothing a detector does is fatal."""

from collections.abc import Iterable

import numpy as np
import pytest

from crackle_stream import CoolingReport, CracklePattern, History, ThermalProfile, Window, cool
from crackle_stream.model import Candidate, Examination
from crackle_stream.profile import CONSERVATION, CoolingRate
from crackle_stream.protocols import Context


class SteppingClock:
    """Monotonic time that moves by a step each time it is asked."""

    def __init__(self, step: float = 0.0) -> None:
        self.now = 0.0
        self.step = step

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        self.now += self.step
        return self.now


def window(n: int = 40, seed: int = 1) -> Window:
    rng = np.random.default_rng(seed)
    x = rng.normal(10, 1, n)
    values = np.column_stack([x, 2 * x + rng.normal(0, 0.01, n), rng.normal(0, 100, n)])
    return Window.from_columns([f"t{i}" for i in range(n)], np.arange(n), ["a", "b", "c"], values, key="k", id="w1")


class Raising:
    name = "raising"

    def examine(self, window: Window, context: Context) -> Examination:
        raise RuntimeError("no luck")


class Remembering:
    """Counts the windows it has seen in its own memory."""

    name = "remembering"

    def examine(self, window: Window, context: Context) -> Examination:
        before = context.history.of(self.name).get("windows", 0)
        assert isinstance(before, int)
        return Examination(tests=1, learned={"windows": before + 1})


def find_nothing(window: Window) -> list[CracklePattern]:
    return []


def find_one(window: Window) -> Iterable[CracklePattern]:
    yield CracklePattern("mine", "found by hand", 0.5, metric_names=("a",))


def bare(*detectors: object) -> ThermalProfile:
    profile = ThermalProfile.no_detection()
    for detector in detectors:
        profile = profile.with_detector(detector)  # type: ignore[arg-type]
    return profile


def test_patterns_come_most_confident_first_and_know_their_window() -> None:
    report = cool(window(), ThermalProfile.default())
    assert [pattern.confidence for pattern in report.patterns] == sorted(
        (pattern.confidence for pattern in report.patterns), reverse=True
    )
    assert {(pattern.key, pattern.window_id) for pattern in report.patterns} == {("k", "w1")}
    assert len(report.patterns) > 1


def test_a_detector_that_raises_is_a_failure_and_the_others_findings_stand() -> None:
    report = cool(window(), ThermalProfile.default().with_detector(Raising()))
    assert [(failure.detector, failure.problem) for failure in report.failures] == [
        ("raising", "RuntimeError: no luck")
    ]
    assert report.patterns == cool(window(), ThermalProfile.default()).patterns
    assert not report.conclusive


def test_a_plain_callable_is_a_detector() -> None:
    report = cool(window(), bare(find_one))
    assert [pattern.description for pattern in report.patterns] == ["found by hand"]
    assert list(report.examined) == ["find_one"]


def test_what_a_detector_may_not_hand_back_is_a_failure_that_says_so() -> None:
    def strange(window: Window) -> list[str]:
        return ["a string"]

    def unsure(window: Window) -> list[CracklePattern]:
        return [CracklePattern("mine", "?", float("nan"))]

    class Wrong:
        name = "wrong"

        def examine(self, window: Window, context: Context) -> list[int]:
            return []

    class Bare:
        name = "bare"

        def examine(self, window: Window, context: Context) -> Examination:
            return Examination((CracklePattern("mine", "not wrapped", 0.5),), 1)  # type: ignore[arg-type]

    class Exiting:
        name = "exiting"

        def examine(self, window: Window, context: Context) -> Examination:
            raise SystemExit("enough")

    problems = [
        failure.problem for failure in cool(window(), bare(strange, unsure, Wrong(), Bare(), Exiting())).failures
    ]
    assert problems == [
        "candidates must hold a CracklePattern, not str",
        "the confidence of 'mine' is NaN: it must be a number in [0, 1]",
        "examine() must return an Examination, not list",
        "candidates must hold a Candidate, not CracklePattern: wrap it, Candidate(pattern)",
        "SystemExit: enough",
    ]


def test_once_the_time_is_used_up_no_further_detector_runs() -> None:
    report = cool(window(), bare(find_nothing, find_one).with_max_cooling_duration(1.5), clock=SteppingClock(1.0))
    assert list(report.examined) == ["find_nothing"]
    (failure,) = report.failures
    assert (failure.detector, failure.overran) == ("find_one", True)
    assert failure.problem == "not run: the cooling had used up its 1.5 s"


def test_a_detector_that_stops_when_asked_keeps_what_it_found_and_is_reported() -> None:
    class Patient:
        name = "patient"

        def examine(self, window: Window, context: Context) -> Examination:
            while not context.stop():
                pass
            found = (Candidate(CracklePattern("mine", "half done", 0.5)),)
            return Examination(found, tests=1, learned={"x": 1}, complete=False)

    report = cool(window(), bare(Patient()).with_max_cooling_duration(100), clock=SteppingClock(1.0))
    assert [pattern.description for pattern in report.patterns] == ["half done"]
    assert [failure.problem for failure in report.failures] == ["stopped: the cooling took longer than its 100 s"]
    assert report.history.of("patient") == {}


def test_the_built_in_detectors_stop_when_the_time_is_used_up() -> None:
    rng = np.random.default_rng(0)
    many = Window.from_columns(["t"] * 3000, np.zeros(3000), list("abcd"), rng.normal(0, 100, (3000, 4)))
    profile = ThermalProfile.default().with_max_cooling_duration(0.004)
    report = cool(many, profile, clock=SteppingClock(0.001))
    assert report.failures
    assert all(failure.overran for failure in report.failures)


def test_memory_is_a_value_that_goes_from_window_to_window() -> None:
    profile = bare(Remembering())
    first = cool(window(), profile)
    second = cool(window(), profile, first.history)
    assert first.history.of("remembering") == {"windows": 1}
    assert second.history.of("remembering") == {"windows": 2}
    assert second.history.windows == 2


def test_a_detector_left_out_does_not_run() -> None:
    profile = ThermalProfile.default().without_detectors([CONSERVATION]).with_detector(find_one)
    assert CONSERVATION not in cool(window(), profile).examined
    assert "find_one" not in cool(window(), profile.without_detectors(["find_one"])).examined


def test_the_same_seed_gives_a_detector_the_same_draws_whatever_runs_beside_it() -> None:
    draws: list[float] = []

    class Drawing:
        name = "drawing"

        def examine(self, window: Window, context: Context) -> Examination:
            draws.append(float(context.rng.random()))
            return Examination()

    cool(window(), bare(Drawing()), seed=7)
    cool(window(), bare(find_one, Drawing()), seed=7)
    cool(window(), bare(Drawing()), seed=8)
    assert draws[0] == draws[1] != draws[2]


def test_an_empty_window_gives_an_empty_report_that_proves_nothing() -> None:
    empty = Window.from_columns([], [], [], np.empty((0, 0)))
    report = cool(empty, ThermalProfile.default())
    assert (report.patterns, report.failures, report.conclusive) == ((), (), False)


def test_too_few_tasks_prove_nothing_and_the_report_says_why() -> None:
    report = cool(window(4), ThermalProfile.slow_cooling())
    assert not report.conclusive
    assert all(made.skipped for made in report.examined.values())


def test_the_duration_is_measured_by_the_given_clock() -> None:
    assert cool(window(), bare(), clock=SteppingClock(0.25)).duration == 0.25
    assert CoolingReport().history == History()


@pytest.mark.parametrize(
    ("rate", "numbers"),
    [
        (CoolingRate.FAST, (1.5, 0.5, 2, 0.3, 0.5, 10)),
        (CoolingRate.NORMAL, (2.5, 0.7, 3, 0.5, 0.3, 60)),
        (CoolingRate.SLOW, (4.0, 0.9, 5, 0.8, 0.1, 300)),
    ],
)
def test_the_rates_have_the_crates_thresholds(rate: CoolingRate, numbers: tuple[float, ...]) -> None:
    assert numbers == (
        rate.cluster_threshold,
        rate.correlation_threshold,
        rate.min_tasks_for_detection,
        rate.phase_transition_sensitivity,
        rate.conservation_tolerance,
        rate.max_cooling_duration,
    )


def test_presets_and_builders_choose_the_detectors() -> None:
    assert ThermalProfile.fast_cooling().rate == CoolingRate.FAST
    assert ThermalProfile.slow_cooling().rate == CoolingRate.SLOW
    assert dict(cool(window(), ThermalProfile.no_detection()).examined) == {}
    profile = ThermalProfile.default()
    for left_out, builder in {
        "clustering": profile.without_clustering,
        "phase_transition": profile.without_phase_transitions,
        "conservation": profile.without_conservation,
        "correlation": profile.without_correlations,
    }.items():
        examined = cool(window(), builder()).examined
        assert left_out not in examined
        assert len(examined) == 3
