"""An alert's life: pending, raised, repeated while it lasts, resolved.

A lifecycle is a value of a window, like the history: what is stored beside a position is the lifecycle after that
position's window. Time is stream time, so that the same log tells the same story.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

from crackle_stream.alerting.active import ActiveAlert, Said
from crackle_stream.alerting.around import Around
from crackle_stream.alerting.course import Course
from crackle_stream.alerting.facts import Facts, FactsStep
from crackle_stream.alerting.hush import Hush, Hushed
from crackle_stream.alerting.inhibition import lags_of
from crackle_stream.alerting.pending import Pending
from crackle_stream.alerting.policy import AlertPolicy
from crackle_stream.alerting.sighting import Sighting
from crackle_stream.alerting.told import Told
from crackle_stream.model import Alert, AlertStatus, CracklePattern, Nature

__all__ = ["Lifecycle"]

VERSION = 2
"""Version of the stored form; version 1, without pending events and silences, is read, a later one is refused."""

HOLDS_AGAIN = "it holds again"
BROKEN_INSTEAD = "it is told as broken now"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What one kiln has told and not taken back.

    Attributes:
        active: the alerts raised and not resolved, by fingerprint; all are about events.
        facts: the facts known, each told once.
        told: the onsets of the events told.
        pending: the events seen, but not often enough to be raised, by fingerprint.
        hushed: what the last window decided not to tell of; it is not stored.
    """

    active: Mapping[str, ActiveAlert] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    told: Told = field(default_factory=Told)
    pending: Mapping[str, Pending] = field(default_factory=dict)
    hushed: tuple[Hushed, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "active", MappingProxyType(dict(self.active)))
        object.__setattr__(self, "pending", MappingProxyType(dict(self.pending)))

    def after(
        self, sighting: Sighting, policy: AlertPolicy, hush: Hush | None = None
    ) -> tuple[Lifecycle, tuple[Alert, ...]]:
        """The lifecycle after one more window, and the notifications it makes; this one is untouched.

        Args:
            sighting: the window.
            policy: when alerts are raised, repeated and resolved.
            hush: what is not to be told now; everything is by default.
        """
        found = _strongest(sighting.patterns, policy.stay)
        step = self.facts.after(sighting, self._sure(found, policy.enter), policy.resolve_after)
        around = Around(sighting, policy, Hush() if hush is None else hush, lags_of(step.facts))
        course = Course(self.active, self.pending, self.told, around)
        for pattern in step.new:
            course.voice.fact(pattern)
        for pattern in _in_order(found):
            course.take(pattern)
        for pattern in step.dissolved:
            course.take(pattern)
        _bring_back(course, step)
        course.miss({pattern.fingerprint for pattern in step.dissolved})
        hushed = (*course.waiting.hushed, *course.voice.hushed)
        after = Lifecycle(course.active, step.facts, course.told, course.waiting.pending, hushed)
        return after, tuple(course.voice.notices)

    def closed(self, sighting: Sighting, reason: str) -> tuple[Lifecycle, tuple[Alert, ...]]:
        """Every active alert resolved, because the kiln itself is gone; those nobody was told of without a word."""
        told = (alert for alert in self.active.values() if alert.said is not Said.NO)
        return Lifecycle(), tuple(alert.notice(AlertStatus.RESOLVED, sighting, reason) for alert in told)

    def unseen(self) -> Lifecycle:
        """The lifecycle without what is active or on its way to it: nothing was seen for so long that it is over."""
        return replace(self, active={}, pending={}, hushed=())

    def _sure(self, found: Iterable[CracklePattern], enter: float) -> list[CracklePattern]:
        """What is sure enough to begin something, or goes on with what is known under its name."""
        known = {*self.facts.records, *self.active}
        return [pattern for pattern in found if pattern.confidence >= enter or pattern.fingerprint in known]

    def to_dict(self) -> dict[str, object]:
        """The lifecycle as JSON values, for storing beside the position of its window."""
        return {
            "version": VERSION,
            "active": [alert.to_dict() for alert in self.active.values()],
            "facts": self.facts.to_list(),
            "told": self.told.to_list(),
            "pending": [one.to_dict() for one in self.pending.values()],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The lifecycle that `to_dict` wrote down.

        Raises:
            ValueError: it is of another version, or something is missing or damaged.
        """
        version = stored.get("version")
        if version not in (1, VERSION):
            raise ValueError(f"the stored alerts have version {version}, this program reads versions 1 to {VERSION}")
        try:
            alerts = [ActiveAlert.from_dict(one) for one in stored["active"]]
            facts, told = Facts.from_list(stored["facts"]), Told.from_list(stored["told"])
            pending = [Pending.from_dict(one) for one in (stored["pending"] if version == VERSION else ())]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the stored alerts are damaged: {type(error).__name__}: {error}") from error
        waiting = {one.pattern.fingerprint: one for one in pending}
        return cls({alert.pattern.fingerprint: alert for alert in alerts}, facts, told, waiting)


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
        course.end(fingerprint, HOLDS_AGAIN)
    for fingerprint in step.superseded:
        course.resolve(fingerprint, BROKEN_INSTEAD)
