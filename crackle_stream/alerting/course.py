"""The course of one window: which events it raises, repeats and resolves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from crackle_stream.alerting.active import ActiveAlert
from crackle_stream.alerting.facts import BROKEN_LAW, DISSOLVED
from crackle_stream.alerting.policy import AlertPolicy
from crackle_stream.alerting.returns import Turn, levels_of, turn_of
from crackle_stream.alerting.sighting import Sighting
from crackle_stream.alerting.told import Told, same_place, subjects
from crackle_stream.model import Alert, AlertStatus, CracklePattern, PatternKind, Severity

__all__ = ["ACCEPTED", "Course"]

ACCEPTED = "accepted as the new normal"


class Course:
    """A window on its way through a lifecycle; takes one event after the other and ends with what was missed.

    Args:
        before: the alerts active before the window.
        told: the events told before it.
        sighting: the window.
        policy: when alerts are repeated and resolved.
    """

    def __init__(self, before: Mapping[str, ActiveAlert], told: Told, sighting: Sighting, policy: AlertPolicy) -> None:
        self.active = dict(before)
        self.told = told
        self.notices: list[Alert] = []
        self._seen: set[str] = set()
        self._sighting = sighting
        self._policy = policy

    def take(self, pattern: CracklePattern) -> None:
        """One event of the window, later ones after earlier ones."""
        active = self.active.get(pattern.fingerprint) or self._other_face(pattern)
        if active is not None:
            self._again(active, pattern)
        elif not self.told.knows(pattern, self._sighting.pace):
            self._news(pattern)

    def resolve(self, fingerprint: str, reason: str) -> None:
        """Resolve an alert, if it is active."""
        alert = self.active.pop(fingerprint, None)
        if alert is not None:
            self.notices.append(alert.notice(AlertStatus.RESOLVED, self._sighting, reason))

    def miss(self, exempt: set[str]) -> None:
        """End the window: what it did not show, and what has lasted so long that it is no news, may be resolved.

        Args:
            exempt: fingerprints of alerts that this window has just made of an absence.
        """
        conclusive = self._sighting.conclusive
        for fingerprint, before in list(self.active.items()):
            if fingerprint in exempt:
                continue
            alert = replace(before, coolings=before.coolings + conclusive)
            if fingerprint not in self._seen:
                alert = replace(alert, missed=alert.missed + (conclusive and _would_show(alert, self._sighting)))
            self.active[fingerprint] = alert
            if alert.missed >= self._policy.resolve_after:
                self.resolve(fingerprint, f"not seen in {alert.missed} coolings")
            elif _may_become_normal(alert.pattern) and alert.coolings >= self._policy.accept_after:
                self.resolve(fingerprint, ACCEPTED)

    def _again(self, before: ActiveAlert, pattern: CracklePattern) -> None:
        """An event that is active and still seen."""
        now = self._sighting.time
        shown = pattern if _same_face(before.pattern, pattern) else before.pattern
        fingerprint = shown.fingerprint
        self.told = self.told.and_of(pattern)
        first = fingerprint not in self._seen
        self._seen.add(fingerprint)
        levels = {**levels_of(pattern), **before.levels}
        alert = replace(before, pattern=shown, last_seen=now, windows=before.windows + first, missed=0, levels=levels)
        if now - before.last_said >= self._policy.repeat_interval:
            alert = replace(alert, last_said=now, repeats=before.repeats + 1)
            self.notices.append(alert.notice(AlertStatus.REPEATED, self._sighting))
        self.active[fingerprint] = alert

    def _news(self, pattern: CracklePattern) -> None:
        """An event that was not told: a return ends what went before, anything else is raised."""
        returned = False
        for fingerprint, alert in list(self.active.items()):
            turn = turn_of(alert.pattern, alert.levels, pattern, self._sighting.pace)
            if turn is not Turn.NONE:
                words = "it returned" if turn is Turn.RETURNED else "it changed again"
                self.resolve(fingerprint, f"{words}: {pattern.description}")
                returned |= turn is Turn.RETURNED
        self.told = self.told.and_of(pattern, returned=returned)
        if returned:
            return
        alert = ActiveAlert.raised(pattern, _severity(pattern), self._sighting.time)
        self.active[pattern.fingerprint] = alert
        self._seen.add(pattern.fingerprint)
        self.notices.append(alert.notice(AlertStatus.RAISED, self._sighting))

    def _other_face(self, pattern: CracklePattern) -> ActiveAlert | None:
        """The active alert of the same change, found as another form or with other metrics before it."""
        own = set(subjects(pattern))
        for alert in self.active.values():
            like = alert.pattern.kind == pattern.kind and own & set(subjects(alert.pattern))
            if like and alert.pattern.form != DISSOLVED and same_place(alert.pattern, pattern, self._sighting.pace):
                return alert
        return None


def _same_face(known: CracklePattern, found: CracklePattern) -> bool:
    """Whether an alert may be told in the words of this finding: who read of latency is not told that depth is fine."""
    if not known.description:
        return known.fingerprint == found.fingerprint  # brought back from a digest, which has no words
    faces = [(one.fingerprint, one.form, one.metric_names[:1]) for one in (known, found)]
    return faces[0] == faces[1]


def _severity(pattern: CracklePattern) -> Severity:
    """An event warns, and a law that broke is critical: something is lost or counted twice."""
    return Severity.CRITICAL if pattern.form == BROKEN_LAW else Severity.WARNING


def _would_show(alert: ActiveAlert, sighting: Sighting) -> bool:
    """Whether the window would show the event if it still held.

    A located shift is seen where its onset is. Once windows have moved past that, its absence says nothing: the metric
    returns, which is seen too, or this is what is normal now. What has dissolved is seen by nothing at all.
    """
    pattern = alert.pattern
    if pattern.form == DISSOLVED:
        return False
    if not _located(pattern) or pattern.at is None or sighting.began is None:
        return True
    return pattern.at.time >= sighting.began


def _may_become_normal(pattern: CracklePattern) -> bool:
    return pattern.form == DISSOLVED or _located(pattern)


def _located(pattern: CracklePattern) -> bool:
    """Whether it is a shift whose onset was measured; a threshold compares the halves of whatever window it gets."""
    return pattern.kind == PatternKind.PHASE_TRANSITION and pattern.evidence is not None and pattern.at is not None
