"""The budget: units, shares, and what confidence means."""

from __future__ import annotations

import pytest

from crackle_stream.budget import OTHERS_SHARE, SHARES, UNCALIBRATED_CONFIDENCE, Budget, judge
from crackle_stream.model import Candidate, CracklePattern, Evidence, Examination
from crackle_stream.profile import EVIDENCE_DETECTORS


def candidate(p: float | None, *, metric: str = "a", calibrated: bool = True) -> Candidate:
    evidence = None if p is None else Evidence(p, 1.0, 1.0, 100.0, calibrated)
    return Candidate(CracklePattern("phase transition", "", 0.0, metric_names=(metric,), evidence=evidence), p)


def test_the_shares_of_all_detectors_make_one() -> None:
    assert sum(SHARES.values()) + OTHERS_SHARE == pytest.approx(1.0)


def test_every_detector_of_the_family_has_a_share_of_its_own_and_strangers_keep_theirs() -> None:
    assert set(SHARES) == set(EVIDENCE_DETECTORS)
    alone = judge({**dict.fromkeys(SHARES, Examination()), "own": Examination((candidate(1e-4),), tests=1)}, 0.05)
    assert alone.patterns[0].confidence == pytest.approx(1 - 1e-4 / OTHERS_SHARE)


@pytest.mark.parametrize(
    ("text", "per_week"), [("1/week", 1.0), ("2/day", 14.0), ("0.5/hour", 84.0), ("1 / month", 0.23)]
)
def test_budgets_are_read_in_human_units(text: str, per_week: float) -> None:
    assert Budget.parse(text).per_second * 604800 == pytest.approx(per_week, rel=0.01)


@pytest.mark.parametrize("text", ["1", "0/day", "1/year", "day", "-1/day"])
def test_a_budget_that_is_none_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match='a budget reads "1/week"'):
        Budget.parse(text)


def test_a_rate_earns_with_stream_time_and_is_shared_between_kilns() -> None:
    budget = Budget.parse("1/hour")
    assert budget.allowance(36.0) == pytest.approx(0.01)
    assert budget.allowance(36.0, kilns=10) == pytest.approx(0.001)
    assert budget.allowance(1e9) == 0.05
    assert budget.allowance(-5.0) == 0.0


def test_a_chance_per_window_does_not_depend_on_time() -> None:
    assert Budget(per_window=0.01).allowance(1e6) == 0.01


def test_q_counts_the_tests_and_the_share_and_confidence_is_what_is_left() -> None:
    made = Examination((candidate(1e-6),), tests=100)
    (pattern,) = judge({"shift": made}, 0.05).patterns
    q = 1e-6 * 100 / SHARES["shift"]
    assert pattern.evidence is not None
    assert pattern.evidence.q == pytest.approx(q)
    assert pattern.confidence == pytest.approx(1 - q)


def test_an_uncalibrated_finding_stays_at_the_cap() -> None:
    made = Examination((candidate(1e-12, calibrated=False),), tests=1)
    assert judge({"shift": made}, 0.05).patterns[0].confidence == UNCALIBRATED_CONFIDENCE


def test_what_does_not_pass_is_the_near_miss() -> None:
    made = Examination((candidate(1e-3, metric="far"), candidate(1e-4, metric="near")), tests=100)
    after = judge({"shift": made}, 0.01)
    nearest = after.examined["shift"].nearest
    assert after.patterns == ()
    assert nearest is not None
    assert nearest.what == "near"
    assert nearest.bar == pytest.approx(2.0)
    assert nearest.value < nearest.bar


def test_a_detector_with_its_own_threshold_is_left_alone() -> None:
    made = Examination((candidate(None),), tests=1)
    assert len(judge({"mine": made}, 1e-9).patterns) == 1


def test_strangers_share_what_the_named_detectors_leave() -> None:
    made = Examination((candidate(1e-4),), tests=1)
    one = judge({"mine": made}, 1.0).patterns[0]
    two = judge({"mine": made, "yours": Examination()}, 1.0).patterns[0]
    assert one.evidence is not None
    assert two.evidence is not None
    assert two.evidence.q == pytest.approx(2 * one.evidence.q)
