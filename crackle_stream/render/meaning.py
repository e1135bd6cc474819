"""What a confidence rests on, in words: a bare share between 0 and 1 is read as a probability, and often is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from crackle_stream.model import PatternKind
from crackle_stream.render.numbers import counted

if TYPE_CHECKING:
    from crackle_stream.model import CracklePattern, Evidence

__all__ = ["confidence_text", "meaning"]

A_RULE = "a rule's score: how far past its threshold, not a probability"

UNCALIBRATED = "not calibrated yet: judged by this window alone, so at most 0.95"

SURELY = 1e-12
"""Chance under which a count of windows says nothing any more."""

NAMES = ((1e9, "billion"), (1e6, "million"))


def confidence_text(confidence: float) -> str:
    """Two digits, more where it takes them to stay below 1: 0.99996 is not certainty.

    >>> confidence_text(0.97), confidence_text(0.99996)
    ('0.97', '0.99996')
    """
    for digits in range(2, 7):
        text = f"{confidence:.{digits}f}"
        if float(text) < 1 or confidence >= 1:
            return text
    return "0.999999"


def meaning(pattern: CracklePattern) -> list[str]:
    """Why the pattern is believed, a phrase each: chance, effect, how many tasks that is worth, and what is missing."""
    evidence = pattern.evidence
    if evidence is None:
        return [A_RULE]
    return [
        _chance(evidence.q),
        _effect(pattern, evidence),
        f"worth {_tasks(evidence.effective_n)}",
        *([] if evidence.calibrated else [UNCALIBRATED]),
        f"p {evidence.p:.2g}, q {evidence.q:.2g}",
    ]


def _chance(q: float) -> str:
    """How often a window in which nothing happens shows anything as strong."""
    if math.isnan(q):
        return "the chance of it where nothing happens is not known"
    if q >= 0.1:
        return f"up to {min(q, 1.0):.0%} of quiet windows show something this strong"
    if q <= SURELY:
        return "fewer than 1 quiet window in a trillion shows anything this strong"
    return f"at most 1 quiet window in {_number(1 / q)} shows anything this strong"


def _number(value: float) -> str:
    """Two digits and a word.

    >>> _number(322.6), _number(3.2e6), _number(4.5e10)
    ('320', '3.2 million', '45 billion')
    """
    for size, name in NAMES:
        if value >= size:
            return f"{float(f'{value / size:.2g}'):,g} {name}"
    return f"{float(f'{value:.2g}'):,.0f}"


def _tasks(effective_n: float) -> str:
    if not math.isfinite(effective_n):
        return "an unknown number of independent tasks"
    return counted(round(effective_n), "independent task")


def _effect(pattern: CracklePattern, evidence: Evidence) -> str:
    """The effect in its form's own unit."""
    size = evidence.effect
    if not math.isfinite(size):
        return "effect unknown"
    match str(pattern.kind), pattern.form:
        case PatternKind.PHASE_TRANSITION, "mean":
            return f"{size:+.3g} standard deviations"
        case PatternKind.PHASE_TRANSITION, "variance":
            return f"{_power(size)} times the spread"
        case PatternKind.PHASE_TRANSITION, "no longer constant":
            return f"moved by {size:.3g} standard deviations"
        case PatternKind.CORRELATION, "linear" | "lagged":
            return f"r = {size:.3g} from -1 to 1"
        case PatternKind.CORRELATION, "nonlinear":
            return f"{size:.3g} bits known of one by the other"
        case PatternKind.CONSERVATION, "linear law":
            return f"kept by {size:.4%} of the tasks".replace(".0000%", "%")
        case PatternKind.CONSERVATION, "broken law":
            return f"off by {abs(size):.3%} of what is turned over" if size else "off by any amount"
        case PatternKind.CLUSTERING, "groups":
            return f"groups {size:.3g} standard deviations apart"
    return f"effect {size:.3g}"


def _power(size: float) -> str:
    return f"{2.0**size:.3g}" if abs(size) < 1000 else "beyond counting"
