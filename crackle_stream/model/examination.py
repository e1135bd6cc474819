"""What a detector hands back: candidates, and an honest account of what it looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crackle_stream.model.pattern import CracklePattern

__all__ = ["Candidate", "Examination", "Failure", "NearMiss", "Skip"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pattern a detector proposes.

    Attributes:
        pattern: the finding.
        p: its p value, before multiplicity; None for a detector that judges by its own threshold.
    """

    pattern: CracklePattern
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Something a detector did not test.

    Attributes:
        what: a metric, a pair ("a ~ b") or a part of the detector.
        why: the reason in a few words.
    """

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class NearMiss:
    """The best that was tested and did not pass.

    Attributes:
        what: the metric or metrics, in words.
        value: its statistic.
        bar: what the statistic had to reach.
        unit: what the two numbers are.
    """

    what: str
    value: float
    bar: float
    unit: str


@dataclass(frozen=True, slots=True)
class Examination:
    """What one detector made of one window.

    Attributes:
        candidates: the patterns it proposes.
        tests: number of tests it made, for the multiplicity.
        skipped: what it did not test, and why.
        learned: what it wants to remember for the next window, kept under its name in the history.
        nearest: the best candidate that stayed under the bar, or None.
        complete: False where `stop()` ended it early.
    """

    candidates: tuple[Candidate, ...] = ()
    tests: int = 0
    skipped: tuple[Skip, ...] = ()
    learned: Mapping[str, object] = field(default_factory=dict)
    nearest: NearMiss | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Failure:
    """A detector that raised or overran; never fatal.

    Attributes:
        detector: its name.
        problem: a sentence.
        overran: whether it was stopped for taking too long.
    """

    detector: str
    problem: str
    overran: bool = False
