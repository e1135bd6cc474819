"""Which events have been told: the same change is found again in the next window, and again later."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from crackle_stream.model import CracklePattern, PatternKind

__all__ = ["Told", "same_place", "subjects", "tolerance_tasks"]

MOST_TOLD = 1000
"""Subjects remembered, those whose last event began latest: a stream has fewer metrics than that, or nobody who
follows them all."""

BAI_QUANTILE = 11.0
"""Half-width of the 95 % interval of a change's place, in tasks, at a step of one standard deviation [1]."""

LEAST_TOLERANCE, MOST_TOLERANCE = 5.0, 50.0
"""Tasks by which an onset is always allowed to move from window to window, and by which it is never allowed more."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The latest event told of one subject.

    Attributes:
        time: epoch seconds of its onset.
        direction: the pattern's.
        returned: whether it was the return from an earlier one.
    """

    time: float
    direction: str = ""
    returned: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """The latest onset told, by kind and subject; a value."""

    marks: Mapping[tuple[str, str], Mark] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "marks", MappingProxyType(dict(self.marks)))

    def knows(self, pattern: CracklePattern, pace: float) -> bool:
        """Whether the pattern is an event that was told, or one before it.

        It is where its leading subject, or most of its subjects, had an event told that began later or at the same
        place, or any of its subjects one at the same place. One that began before the window is placed nowhere: it is
        the latest of its subjects again, unless that was a return or went the other way. Where windows agree that it
        is one event, by its fingerprint, both their onsets may be off.

        Args:
            pattern: an event.
            pace: seconds from one task to the next.
        """
        if pattern.at is None:
            return False
        same = self.marks.get((str(pattern.kind), _name(pattern)))
        marks = [self.marks.get((str(pattern.kind), subject)) for subject in subjects(pattern)]
        known = [mark for mark in marks if mark is not None]
        if not pattern.at.index and any(not mark.returned and mark.direction == pattern.direction for mark in known):
            return True
        begins, doubt = pattern.at.time, pace * tolerance_tasks(pattern)
        if same is not None and abs(same.time - begins) <= doubt + pace * LEAST_TOLERANCE:
            return True
        leading = marks[0]
        if leading is not None and leading.time + doubt >= begins:
            return True
        if 2 * sum(mark.time + doubt >= begins for mark in known) > len(marks):
            return True
        return any(abs(mark.time - begins) <= doubt for mark in known)

    def and_of(self, pattern: CracklePattern, *, returned: bool = False) -> Told:
        """With one more event told, the latest of its subjects unless a later one was."""
        if pattern.at is None:
            return self
        marks = dict(self.marks)
        for subject in (*subjects(pattern), _name(pattern)):
            place = (str(pattern.kind), subject)
            if place not in marks or marks[place].time <= pattern.at.time:
                marks[place] = Mark(pattern.at.time, pattern.direction, returned)
        if len(marks) > MOST_TOLD:
            latest = sorted(marks.items(), key=lambda item: (item[1].time, item[0]))[-MOST_TOLD:]
            marks = dict(latest)
        return Told(marks)

    def to_list(self) -> list[list[object]]:
        """The marks as JSON values."""
        return [
            [kind, subject, mark.time, mark.direction, mark.returned] for (kind, subject), mark in self.marks.items()
        ]

    @classmethod
    def from_list(cls, stored: Iterable[Sequence[Any]]) -> Self:
        """The marks that `to_list` wrote down."""
        return cls(
            {
                (str(kind), str(subject)): Mark(float(time), str(direction), bool(returned))
                for kind, subject, time, direction, returned in stored
            }
        )


def subjects(pattern: CracklePattern) -> tuple[str, ...]:
    """What an event happened to: each of the metrics that shifted together, or all metrics of a law as one."""
    if pattern.kind == PatternKind.PHASE_TRANSITION and pattern.metric_names:
        return pattern.metric_names
    return (", ".join(sorted(pattern.metric_names)),)


def _name(pattern: CracklePattern) -> str:
    """The fingerprint as a subject; no metric's name looks like it."""
    return f"#{pattern.fingerprint}"


def tolerance_tasks(pattern: CracklePattern) -> float:
    """By how many tasks two windows may place the onset of one change apart.

    The place of a step of d standard deviations is known within 11 / d**2 tasks [1].

    References:
        [1] J. Bai, Estimation of a change point in multiple regression models, Review of Economics and Statistics 79,
            1997. doi:10.1162/003465397557132
    """
    effect = 0.0 if pattern.evidence is None else pattern.evidence.effect
    if pattern.evidence is None or not math.isfinite(effect):
        return LEAST_TOLERANCE
    return min(max(BAI_QUANTILE / max(effect * effect, 1e-9), LEAST_TOLERANCE), MOST_TOLERANCE)


def same_place(one: CracklePattern, other: CracklePattern, pace: float) -> bool:
    """Whether the onsets of two patterns cannot be told apart."""
    if one.at is None or other.at is None:
        return False
    doubt = pace * max(tolerance_tasks(one), tolerance_tasks(other))
    return abs(one.at.time - other.at.time) <= doubt
