"""The course of one window: which events it raises, repeats and resolves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from crackle_stream.alerting.active import ActiveAlert, Said
from crackle_stream.alerting.around import Around
from crackle_stream.alerting.faces import other_face, same_face
from crackle_stream.alerting.facts import DISSOLVED
from crackle_stream.alerting.pending import Pending, located
from crackle_stream.alerting.returns import Turn, levels_of, turn_of
from crackle_stream.alerting.severity import severity_of
from crackle_stream.alerting.sighting import Sighting
from crackle_stream.alerting.told import Told
from crackle_stream.alerting.voice import Voice
from crackle_stream.alerting.waiting import WaitingRoom
from crackle_stream.model import CracklePattern

__all__ = ["ACCEPTED", "Course"]

ACCEPTED = "accepted as the new normal"


class Course:
    """A window on its way through a lifecycle; takes one event after the other and ends with what was missed.

    Args:
        active: the alerts active before the window.
        pending: the events seen before it, but not often enough.
        told: the events told before it.
        around: the window.

    Attributes:
        active: the alerts that are active.
        told: the events told.
        voice: what is said of it all.
        waiting: the events seen, but not often enough.
    """

    def __init__(
        self, active: Mapping[str, ActiveAlert], pending: Mapping[str, Pending], told: Told, around: Around
    ) -> None:
        self.active = dict(active)
        self.told = told
        self.voice = Voice(around)
        self.waiting = WaitingRoom(pending, around)
        self._seen: set[str] = set()
        self._sighting = around.sighting
        self._policy = around.policy

    def take(self, pattern: CracklePattern) -> None:
        """One event of the window, later ones after earlier ones.

        One that is only sure enough to stay goes on with an alert and begins none.
        """
        pace = self._sighting.pace
        active = self.active.get(pattern.fingerprint) or other_face(pattern, self.active.values(), pace)
        known = self.told.knows(pattern, pace)
        if active is not None:
            if not (active.over and known):
                self._again(active, pattern)
        elif pattern.confidence >= self._policy.enter and not known:
            self._news(pattern)

    def resolve(self, fingerprint: str, reason: str) -> None:
        """Resolve an alert, if it is active: at once, because something else is told in its place."""
        alert = self.active.pop(fingerprint, None)
        if alert is not None:
            self.voice.resolved(alert, reason)

    def end(self, fingerprint: str, reason: str) -> None:
        """Resolve an alert, if it is active; it stays until it was raised for as long as the policy holds it."""
        alert = self.active.get(fingerprint)
        if alert is None:
            return
        if self._is_held(alert):
            self.active[fingerprint] = replace(alert, over=reason)
        else:
            self.resolve(fingerprint, reason)

    def miss(self, exempt: set[str]) -> None:
        """End the window: what it did not show, and what has lasted so long that it is no news, may be resolved.

        Args:
            exempt: fingerprints of alerts that this window has just made of an absence.
        """
        for one in self.waiting.due():
            self._turn(self._turned(one.pattern), one.pattern)
            self._raise(one.pattern, one)
        conclusive = self._sighting.conclusive
        for fingerprint, before in list(self.active.items()):
            if fingerprint in exempt:
                continue
            alert = replace(before, coolings=before.coolings + conclusive)
            if fingerprint not in self._seen:
                alert = replace(alert, missed=alert.missed + (conclusive and _would_show(alert, self._sighting)))
            self.active[fingerprint] = alert
            if self._is_held(alert):
                continue
            if alert.over:
                self.resolve(fingerprint, alert.over)
            elif alert.missed >= self._policy.resolve_after:
                self.resolve(fingerprint, f"not seen in {alert.missed} coolings")
            elif _may_become_normal(alert.pattern) and alert.coolings >= self._policy.accept_after:
                self.resolve(fingerprint, ACCEPTED)
        self.voice.end(self.active)

    def _again(self, before: ActiveAlert, pattern: CracklePattern) -> None:
        """An event that is active and still seen, or is back while its alert was held."""
        shown = pattern if same_face(before.pattern, pattern) else before.pattern
        fingerprint = shown.fingerprint
        self.told = self.told.and_of(pattern)
        first = fingerprint not in self._seen
        self._seen.add(fingerprint)
        levels = levels_of(pattern) if before.over else {**levels_of(pattern), **before.levels}
        alert = replace(
            before,
            pattern=shown,
            last_seen=self._sighting.time,
            windows=before.windows + first,
            missed=0,
            levels=levels,
            over="",
        )
        self.active[fingerprint] = self.voice.repeated(alert)

    def _news(self, pattern: CracklePattern) -> None:
        """An event that was not told: a return ends what went before, anything else is raised, if often enough seen."""
        never_raised = self.waiting.returned(pattern)
        for over in never_raised:
            self.told = self.told.and_of(over)
        turned = self._turned(pattern)
        if never_raised or Turn.RETURNED in turned.values():
            self._turn(turned, pattern)
            self.told = self.told.and_of(pattern, returned=True)
        elif self._policy.raise_after.at_once or pattern.form == DISSOLVED:
            self._turn(turned, pattern)
            self._raise(pattern)
        else:
            self.waiting.take(pattern)

    def _turned(self, pattern: CracklePattern) -> dict[str, Turn]:
        """The active alerts that a shift takes back or goes beyond, by fingerprint."""
        pace = self._sighting.pace
        turns = {
            fingerprint: turn_of(alert.pattern, alert.levels, pattern, pace)
            for fingerprint, alert in self.active.items()
            if not alert.over
        }
        return {fingerprint: turn for fingerprint, turn in turns.items() if turn is not Turn.NONE}

    def _turn(self, turned: Mapping[str, Turn], pattern: CracklePattern) -> None:
        """End what a shift takes back; what it takes beyond gives way to the shift's own alert."""
        for fingerprint, turn in turned.items():
            if turn is Turn.RETURNED:
                self.end(fingerprint, f"it returned: {pattern.description}")
            else:
                self.resolve(fingerprint, f"it changed again: {pattern.description}")

    def _raise(self, pattern: CracklePattern, pending: Pending | None = None) -> None:
        """An event that is told now, or would be if nothing held it back."""
        self.told = self.told.and_of(pattern)
        alert = ActiveAlert.raised(pattern, severity_of(pattern), self._sighting.time)
        if pending is not None:
            alert = replace(alert, windows=pending.windows, levels=pending.levels)
        self.active[pattern.fingerprint] = self.voice.raised(alert, self.active)
        self._seen.add(pattern.fingerprint)

    def _is_held(self, alert: ActiveAlert) -> bool:
        """Whether it is too early to say that it is over; what nobody was told of needs no such word."""
        return alert.said is not Said.NO and self._sighting.time - alert.raised_at < self._policy.hold


def _would_show(alert: ActiveAlert, sighting: Sighting) -> bool:
    """Whether the window would show the event if it still held.

    A located shift is seen where its onset is. Once windows have moved past that, its absence says nothing: the metric
    returns, which is seen too, or this is what is normal now. What has dissolved is seen by nothing at all.
    """
    pattern = alert.pattern
    if pattern.form == DISSOLVED:
        return False
    if not located(pattern) or pattern.at is None or sighting.began is None:
        return True
    return pattern.at.time >= sighting.began


def _may_become_normal(pattern: CracklePattern) -> bool:
    return pattern.form == DISSOLVED or located(pattern)
