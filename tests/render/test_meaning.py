from __future__ import annotations

import math

import pytest
from sample_alerts import a_pattern

from crackle_stream.model import Evidence, PatternKind
from crackle_stream.render.meaning import meaning


def told(kind: str = "mine", form: str = "", *, q: float = 0.01, effect: float = 0.5, n: float = 10.0) -> list[str]:
    evidence = Evidence(p=0.001, q=q, effect=effect, effective_n=n, calibrated=True)
    return meaning(a_pattern(kind=kind, form=form, evidence=evidence))


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        (0.5, "up to 50% of quiet windows show something this strong"),
        (7.0, "up to 100% of quiet windows show something this strong"),
        (0.0031, "at most 1 quiet window in 320 shows anything this strong"),
        (2.6e-5, "at most 1 quiet window in 38,000 shows anything this strong"),
        (3.1e-7, "at most 1 quiet window in 3.2 million shows anything this strong"),
        (2e-11, "at most 1 quiet window in 50 billion shows anything this strong"),
        (0.0, "fewer than 1 quiet window in a trillion shows anything this strong"),
        (math.nan, "the chance of it where nothing happens is not known"),
    ],
)
def test_the_chance_is_counted_in_quiet_windows(q: float, expected: str) -> None:
    assert told(q=q)[0] == expected


@pytest.mark.parametrize(
    ("kind", "form", "effect", "expected"),
    [
        (PatternKind.PHASE_TRANSITION, "mean", -2.486, "-2.49 standard deviations"),
        (PatternKind.PHASE_TRANSITION, "variance", 2.0, "4 times the spread"),
        (PatternKind.PHASE_TRANSITION, "variance", 9999.0, "beyond counting times the spread"),
        (PatternKind.PHASE_TRANSITION, "no longer constant", 3.0, "moved by 3 standard deviations"),
        (PatternKind.PHASE_TRANSITION, "shape", 0.31, "effect 0.31"),
        (PatternKind.CORRELATION, "linear", 0.394, "r = 0.394 from -1 to 1"),
        (PatternKind.CORRELATION, "lagged", -0.8, "r = -0.8 from -1 to 1"),
        (PatternKind.CORRELATION, "nonlinear", 0.7, "0.7 bits known of one by the other"),
        (PatternKind.CONSERVATION, "linear law", 1.0, "kept by 100% of the tasks"),
        (PatternKind.CONSERVATION, "linear law", 0.98765, "kept by 98.7650% of the tasks"),
        (PatternKind.CONSERVATION, "broken law", -0.06, "off by 6.000% of what is turned over"),
        (PatternKind.CONSERVATION, "broken law", 0.0, "off by any amount"),
        (PatternKind.CLUSTERING, "groups", 7.5, "groups 7.5 standard deviations apart"),
        ("mine", "own", 4.0, "effect 4"),
        ("mine", "own", math.inf, "effect unknown"),
    ],
)
def test_the_effect_is_told_in_the_forms_own_unit(kind: str, form: str, effect: float, expected: str) -> None:
    assert told(kind, form, effect=effect)[1] == expected


def test_what_it_is_worth_is_a_whole_number_of_tasks() -> None:
    assert [told(n=n)[2] for n in (1.2, 1234.4, math.inf)] == [
        "worth 1 independent task",
        "worth 1,234 independent tasks",
        "worth an unknown number of independent tasks",
    ]
