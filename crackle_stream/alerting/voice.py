"""What a window says: the notifications of what its course decided, and which of them are held back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from crackle_stream.alerting.active import ActiveAlert, Said
from crackle_stream.alerting.around import Around
from crackle_stream.alerting.hush import Hushed, Verdict, Why
from crackle_stream.alerting.inhibition import explanation
from crackle_stream.alerting.severity import severity_of
from crackle_stream.model import Alert, AlertStatus, CracklePattern

__all__ = ["Voice"]

MOST_EXPLAINED = 20
"""Alerts that one names as explained by it."""


class Voice:
    """Tells of alerts, unless they are silenced, muted or inhibited.

    Nobody is told that an alert is over who was not told that it was raised. One that is still active when its
    silence, mute time or inhibition ends is told of then, under the id that it would have had at first: what is asked
    of the clock must not decide how a notification is called.

    Args:
        around: the window.

    Attributes:
        notices: what is said.
        hushed: what is held back from now on.
    """

    def __init__(self, around: Around) -> None:
        self.notices: list[Alert] = []
        self.hushed: list[Hushed] = []
        self._around = around
        self._sighting = around.sighting
        self._decided: set[str] = set()
        self._explaining: set[str] = set()

    def fact(self, pattern: CracklePattern) -> None:
        """A fact that is new: told once, and never if that is held back."""
        alert = self._routed(ActiveAlert.raised(pattern, severity_of(pattern), self._sighting.time))
        notice = alert.notice(AlertStatus.RAISED, self._sighting)
        verdict = self._around.hush.verdict(notice)
        if verdict is None:
            self.notices.append(notice)
        else:
            self.hushed.append(Hushed(notice, verdict))

    def raised(self, alert: ActiveAlert, active: Mapping[str, ActiveAlert]) -> ActiveAlert:
        """An alert that is to be raised.

        Args:
            alert: which.
            active: those that are active beside it.
        """
        alert = self._routed(alert)
        notice = alert.notice(AlertStatus.RAISED, self._sighting)
        self._decided.add(notice.fingerprint)
        cause = self._cause(notice, active)
        if cause is None and (verdict := self._around.hush.verdict(notice)) is None:
            self.notices.append(notice)
            return alert
        inhibited_by = ""
        if cause is not None:
            inhibited_by = cause.pattern.fingerprint
            verdict = Verdict(Why.INHIBITED, f"explained by {cause.pattern.description}")
            self._explaining.add(inhibited_by)
        assert verdict is not None
        self.hushed.append(Hushed(notice, verdict))
        return replace(alert, said=self._unsaid, held_id=notice.id, inhibited_by=inhibited_by)

    def repeated(self, alert: ActiveAlert) -> ActiveAlert:
        """An alert that is still there, if it is time to say so again."""
        notice = alert.notice(AlertStatus.RAISED, self._sighting)
        interval = self._around.policy.routes.decide(notice).repeat_interval or self._around.policy.repeat_interval
        due = self._sighting.time - alert.last_said >= interval
        return self._again(alert) if due else alert

    def resolved(self, alert: ActiveAlert, reason: str) -> None:
        """An alert that is over: whoever may have been told of it is told, silence or not."""
        if alert.said is not Said.NO:
            self.notices.append(alert.notice(AlertStatus.RESOLVED, self._sighting, reason))

    def end(self, active: dict[str, ActiveAlert]) -> None:
        """End the window: say what explains what, and what was held back until now.

        Args:
            active: the alerts after it; those that are told of now are replaced.
        """
        for fingerprint in self._explaining - self._decided:
            if fingerprint in active:  # it was told before, and what it explains is news
                active[fingerprint] = self._again(active[fingerprint])
        self.notices = [replace(one, explains=_sentences(active, one.fingerprint)) for one in self.notices]
        for fingerprint, alert in list(active.items()):
            if alert.held_id:
                active[fingerprint] = self._at_last(alert, active)

    def _routed(self, alert: ActiveAlert) -> ActiveAlert:
        """As severe as its route says."""
        notice = alert.notice(AlertStatus.RAISED, self._sighting)
        return replace(alert, severity=self._around.policy.routes.decide(notice).severity)

    def _again(self, alert: ActiveAlert) -> ActiveAlert:
        """Say an alert again; it counts as said whether or not it is held back, because ids are made of the count."""
        self._decided.add(alert.pattern.fingerprint)
        again = replace(alert, last_said=self._sighting.time, repeats=alert.repeats + 1)
        if alert.said is not Said.YES:
            return again
        notice = again.notice(AlertStatus.REPEATED, self._sighting)
        if self._around.hush.verdict(notice) is not None:
            return replace(again, held_id=notice.id)
        self.notices.append(notice)
        return replace(again, held_id="")

    def _at_last(self, alert: ActiveAlert, active: Mapping[str, ActiveAlert]) -> ActiveAlert:
        """An alert of which something was held back before: told now, unless it still is."""
        told = alert.said is Said.YES
        cause = alert.inhibited_by if alert.inhibited_by in active else ""
        status = AlertStatus.REPEATED if told else AlertStatus.RAISED
        notice = replace(alert.notice(status, self._sighting), id=alert.held_id)
        if cause or alert.over or self._around.hush.verdict(notice) is not None:
            perhaps = not told and self._sighting.again
            return replace(alert, said=Said.PERHAPS if perhaps else alert.said, inhibited_by=cause)
        self.notices.append(notice)
        return replace(alert, said=Said.YES, held_id="", inhibited_by="")

    def _cause(self, notice: Alert, active: Mapping[str, ActiveAlert]) -> ActiveAlert | None:
        """The alert that explains this one, where all who would be told of this one are told of that."""
        if not self._around.policy.inhibit:
            return None
        cause = explanation(notice.pattern, active.values(), self._around.lags, self._sighting.pace)
        if cause is None:
            return None
        decide = self._around.policy.routes.decide
        told_of_it = decide(cause.notice(AlertStatus.RAISED, self._sighting)).sinks
        return cause if set(decide(notice).sinks) <= set(told_of_it) else None

    @property
    def _unsaid(self) -> Said:
        """A window that a former process may have told of may have been loud then."""
        return Said.PERHAPS if self._sighting.again else Said.NO


def _sentences(active: Mapping[str, ActiveAlert], cause: str) -> tuple[str, ...]:
    """What an alert explains, and what that explains in turn; the earliest first."""
    found: list[str] = []
    causes = [cause]
    for one in causes:
        for fingerprint, alert in active.items():
            if alert.inhibited_by == one and len(found) < MOST_EXPLAINED:
                found.append(alert.pattern.description)
                causes.append(fingerprint)
    return tuple(found)
