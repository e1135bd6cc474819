"""A cooling with the evidence family: judged by a budget, folded, remembered, and unlike the crate's rules."""

import numpy as np
import pytest

from crackle_stream import CracklePattern, History, ThermalProfile, Window, cool
from crackle_stream.detect.evidence import prepared_of
from crackle_stream.model import Candidate, Examination
from crackle_stream.protocols import Context

EACH = ThermalProfile.evidence(per_window=0.05)


def window(values: np.ndarray, start: float = 0.0) -> Window:
    n, m = values.shape
    return Window.from_columns(
        [f"t{i}" for i in range(n)], 1.7e9 + start + np.arange(n), [f"m{j}" for j in range(m)], values
    )


def noise(seed: int, n: int = 300, m: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, 10, (n, m))


def test_a_shift_is_found_where_it_begins_and_says_how_sure_it_is() -> None:
    values = noise(1)
    values[180:, 2] += 20
    (pattern,) = cool(window(values), EACH).patterns
    assert (pattern.kind, pattern.form, pattern.metric_names, pattern.direction) == (
        "phase transition",
        "mean",
        ("m2",),
        "up",
    )
    assert pattern.at is not None
    assert abs(pattern.at.index - 180) <= 2
    assert pattern.evidence is not None
    assert pattern.evidence.q < 1e-6
    assert pattern.confidence <= 0.95, "nothing is calibrated in a first window"
    assert not pattern.evidence.calibrated


def test_a_balance_is_a_law_and_the_pairs_it_implies_are_not_said_again() -> None:
    rng = np.random.default_rng(2)
    total = np.round(rng.lognormal(6, 0.5, 300))
    dropped = np.round(total * rng.beta(2, 18, 300))
    values = np.column_stack([total, total - dropped, dropped, rng.normal(size=300)])
    report = cool(window(values), EACH)
    assert [pattern.kind for pattern in report.patterns] == ["conservation law"]
    assert set(report.patterns[0].metric_names) == {"m0", "m1", "m2"}


def test_noise_and_single_metrics_that_hardly_vary_are_no_patterns() -> None:
    steady = np.column_stack([noise(3), 1000 + np.random.default_rng(4).normal(0, 0.01, 300)])
    report = cool(window(steady), EACH)
    assert report.patterns == ()
    assert report.conclusive
    assert all(made.tests for name, made in report.examined.items() if name in ("shift", "dependence", "lagged"))


def test_what_was_skipped_and_how_near_the_best_came_is_in_the_report() -> None:
    values = noise(5)
    values[:, 0] = 7
    values[:, 1] = np.arange(300)
    examined = cool(window(values), EACH).examined
    reasons = {skip.what: skip.why for skip in examined["shift"].skipped}
    assert "constant" in reasons["m0"]
    assert "id" in reasons["m1"] or "counter" in reasons["m1"]


def test_a_type_that_is_given_is_not_inferred() -> None:
    values = noise(6)
    values[180:, 2] += 50
    assert cool(window(values), EACH).patterns
    assert cool(window(values), EACH.with_metric_types({"m2": "id"})).patterns == ()


def test_a_smaller_budget_lets_less_through() -> None:
    values = noise(7)
    values[150:, 0] += 4.5
    assert cool(window(values), EACH).patterns
    assert cool(window(values), ThermalProfile.evidence(budget="1/month")).patterns == ()


def test_many_kilns_share_one_budget() -> None:
    values = noise(8)
    values[150:, 0] += 9
    profile = ThermalProfile.evidence(budget="3/hour")
    alone, among_many = cool(window(values), profile), cool(window(values), profile, kilns=10_000)
    assert alone.patterns
    assert among_many.patterns == ()


def test_history_is_learned_and_says_up_to_when() -> None:
    history = History()
    for number in range(6):
        history = cool(window(noise(10 + number), 300.0 * number), EACH, history).history
    assert history.windows == 6
    assert history.cooled_to == 1.7e9 + 1799
    calm = cool(window(noise(20), 1800.0), EACH, history)
    assert calm.patterns == ()
    shifted = cool(window(noise(21) + 15, 1800.0), EACH, history)
    assert {pattern.metric_names[0] for pattern in shifted.patterns if pattern.kind == "phase transition"} >= {"m0"}
    assert all(pattern.evidence is not None and pattern.evidence.calibrated for pattern in shifted.patterns)


def test_a_detector_of_ones_own_gets_the_same_preparation_and_is_judged_by_the_same_budget() -> None:
    seen = []

    class Own:
        name = "own"

        def __init__(self, p: float) -> None:
            self.p = p

        def examine(self, window: Window, context: Context) -> Examination:
            seen.append(prepared_of(window, context))
            return Examination((Candidate(CracklePattern("mine", "by hand", 0.5), self.p),), tests=1)

    kinds = {
        p: [pattern.kind for pattern in cool(window(noise(9)), EACH.with_detector(Own(p))).patterns]
        for p in (1e-9, 0.04)
    }
    assert kinds == {1e-9: ["mine"], 0.04: []}
    assert len({id(prepared) for prepared in seen}) == 2


def test_the_same_window_gives_the_same_report() -> None:
    values = noise(30)
    values[100:, 1] *= 1.5
    assert cool(window(values), EACH).patterns == cool(window(values), EACH).patterns


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"budget": "1/week", "per_window": 0.05}, "both given"),
        ({"budget": "weekly"}, 'a budget reads "1/week"'),
        ({"per_window": 0.0}, "between 0 and 1, not 0.0"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ThermalProfile.evidence(**arguments)  # type: ignore[arg-type]


def test_an_event_goes_by_one_name_from_cooling_to_cooling_although_more_metrics_show_it() -> None:
    values = noise(21, 600, 4)
    values[240:, [1, 2]] += 40
    values[330:, 3] += 40
    first = cool(window(values[:300]), EACH)
    second = cool(window(values[200:500], start=200.0), EACH, first.history)
    shifts = {pattern.metric_names: pattern for pattern in second.patterns if pattern.kind == "phase transition"}
    (told,) = (pattern for pattern in first.patterns if pattern.kind == "phase transition")
    assert set(told.metric_names) == {"m1", "m2"}
    again = next(pattern for names, pattern in shifts.items() if {"m1", "m2"} <= set(names))
    new = shifts["m3",]
    assert again.fingerprint == told.fingerprint != new.fingerprint
    assert again.at is not None
    assert told.at is not None
    assert again.at.time == told.at.time
    assert "folding" not in second.examined, "it is no detector, only a memory"
