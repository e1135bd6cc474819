"""An alert's life: raised, repeated while it lasts, resolved.

A lifecycle is a value of a window, like the history: what is stored beside a position is the lifecycle after that
position's window. Time is stream time, so that the same log tells the same story.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from crackle_stream.alerting.active import ActiveAlert
from crackle_stream.alerting.course import Course
from crackle_stream.alerting.facts import Facts, FactsStep
from crackle_stream.alerting.policy import AlertPolicy
from crackle_stream.alerting.sighting import Sighting
from crackle_stream.alerting.told import Told
from crackle_stream.model import Alert, AlertStatus, CracklePattern, Nature, Severity

__all__ = ["Lifecycle"]

VERSION = 1
"""Version of the stored form; a later one is refused, not guessed at."""

HOLDS_AGAIN = "it holds again"
BROKEN_INSTEAD = "it is told as broken now"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What one kiln has told and not taken back.

    Attributes:
        active: the alerts raised and not resolved, by fingerprint; all are about events.
        facts: the facts known, each told once.
        told: the onsets of the events told.
    """

    active: Mapping[str, ActiveAlert] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    told: Told = field(default_factory=Told)

    def __post_init__(self) -> None:
        object.__setattr__(self, "active", MappingProxyType(dict(self.active)))

    def after(self, sighting: Sighting, policy: AlertPolicy) -> tuple[Lifecycle, tuple[Alert, ...]]:
        """The lifecycle after one more window, and the notifications it makes; this one is untouched."""
        found = _strongest(sighting.patterns, policy.min_confidence or 0.0)
        step = self.facts.after(sighting, found, policy.resolve_after)
        course = Course(self.active, self.told, sighting, policy)
        for pattern in _in_order(found):
            course.take(pattern)
        for pattern in step.dissolved:
            course.take(pattern)
        _bring_back(course, step)
        course.miss({pattern.fingerprint for pattern in step.dissolved})
        facts = tuple(_told_once(pattern, sighting) for pattern in step.new)
        return Lifecycle(course.active, step.facts, course.told), (*facts, *course.notices)

    def closed(self, sighting: Sighting, reason: str) -> tuple[Lifecycle, tuple[Alert, ...]]:
        """Every active alert resolved, because the kiln itself is gone."""
        notices = tuple(alert.notice(AlertStatus.RESOLVED, sighting, reason) for alert in self.active.values())
        return Lifecycle(), notices

    def to_dict(self) -> dict[str, object]:
        """The lifecycle as JSON values, for storing beside the position of its window."""
        return {
            "version": VERSION,
            "active": [alert.to_dict() for alert in self.active.values()],
            "facts": self.facts.to_list(),
            "told": self.told.to_list(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The lifecycle that `to_dict` wrote down.

        Raises:
            ValueError: it is of another version, or something is missing or damaged.
        """
        version = stored.get("version")
        if version != VERSION:
            raise ValueError(f"the stored alerts have version {version}, this program reads version {VERSION}")
        try:
            alerts = [ActiveAlert.from_dict(one) for one in stored["active"]]
            facts, told = Facts.from_list(stored["facts"]), Told.from_list(stored["told"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the stored alerts are damaged: {type(error).__name__}: {error}") from error
        return cls({alert.pattern.fingerprint: alert for alert in alerts}, facts, told)


def _strongest(patterns: Iterable[CracklePattern], least: float) -> list[CracklePattern]:
    """One pattern a fingerprint, the most confident; none below the least confidence."""
    best: dict[str, CracklePattern] = {}
    for pattern in patterns:
        known = best.get(pattern.fingerprint)
        if pattern.confidence >= least and (known is None or pattern.confidence > known.confidence):
            best[pattern.fingerprint] = pattern
    return list(best.values())


def _in_order(patterns: Iterable[CracklePattern]) -> list[CracklePattern]:
    """The events, as they happened; those without an onset first."""
    events = [pattern for pattern in patterns if pattern.nature == Nature.EVENT]
    return sorted(events, key=lambda pattern: float("-inf") if pattern.at is None else pattern.at.time)


def _bring_back(course: Course, step: FactsStep) -> None:
    """Resolve what was told to have dissolved; a break says more, so it takes the place without a word."""
    for fingerprint in step.back:
        course.resolve(fingerprint, HOLDS_AGAIN)
    for fingerprint in step.superseded:
        course.resolve(fingerprint, BROKEN_INSTEAD)


def _told_once(pattern: CracklePattern, sighting: Sighting) -> Alert:
    """The one notification that a fact makes; it is never repeated, and its absence resolves nothing."""
    alert = ActiveAlert.raised(pattern, Severity.INFO, sighting.time)
    return alert.notice(AlertStatus.RAISED, sighting)
