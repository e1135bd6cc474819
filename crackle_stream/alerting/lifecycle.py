"""An alert's life: raised, repeated while it lasts, resolved.

A lifecycle is a value of a window, like the history: what is stored beside a position is the lifecycle after that
position's window. Time is stream time, so that the same log tells the same story.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from crackle_stream.alerting.policy import AlertPolicy
from crackle_stream.model import Alert, AlertStatus, CracklePattern, Nature, Position, Severity, digest

__all__ = ["ActiveAlert", "Lifecycle", "Sighting"]

ID_DIGITS = 32

BROKEN_LAW = "broken law"
"""Form of the pattern that a conservation law no longer holds."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one window showed.

    Attributes:
        window_id: the window.
        time: epoch seconds at which it ended.
        patterns: what was found in it.
        conclusive: whether a pattern's absence means that it is gone.
        position: the window's last record, or None.
    """

    window_id: str
    time: float
    patterns: tuple[CracklePattern, ...] = ()
    conclusive: bool = True
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """An alert that was raised and is not resolved.

    Attributes:
        pattern: as last seen.
        severity: as raised.
        raised_at: epoch seconds.
        last_seen: epoch seconds.
        last_said: epoch seconds of its last notification.
        windows: number of windows that showed it.
        missed: conclusive coolings without it since it was last seen.
        repeats: how often it was said again.
        raised_confidence: the pattern's confidence when it was raised.
    """

    pattern: CracklePattern
    severity: Severity
    raised_at: float
    last_seen: float
    last_said: float
    windows: int = 1
    missed: int = 0
    repeats: int = 0
    raised_confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The active alerts of one kiln, by fingerprint."""

    active: Mapping[str, ActiveAlert] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "active", MappingProxyType(dict(self.active)))

    def after(self, sighting: Sighting, policy: AlertPolicy) -> tuple[Lifecycle, tuple[Alert, ...]]:
        """The lifecycle after one more window, and the notifications it makes; this one is untouched."""
        least = policy.min_confidence or 0.0
        seen = _strongest(pattern for pattern in sighting.patterns if pattern.confidence >= least)
        active: dict[str, ActiveAlert] = {}
        notices: list[Alert] = []
        for fingerprint, pattern in seen.items():
            before = self.active.get(fingerprint)
            alert, status = _raised(pattern, sighting) if before is None else _again(before, pattern, sighting, policy)
            active[fingerprint] = alert
            if status is not None:
                notices.append(_notice(alert, status, sighting))
        for fingerprint, alert in self.active.items():
            if fingerprint in seen:
                continue
            missed = alert.missed + sighting.conclusive
            if missed >= policy.resolve_after:
                notices.append(_notice(alert, AlertStatus.RESOLVED, sighting, f"not seen in {missed} coolings"))
            else:
                active[fingerprint] = replace(alert, missed=missed)
        return Lifecycle(active), tuple(notices)

    def closed(self, sighting: Sighting, reason: str) -> tuple[Lifecycle, tuple[Alert, ...]]:
        """Every active alert resolved, because the kiln itself is gone."""
        notices = tuple(_notice(alert, AlertStatus.RESOLVED, sighting, reason) for alert in self.active.values())
        return Lifecycle(), notices


def _strongest(patterns: Iterable[CracklePattern]) -> dict[str, CracklePattern]:
    """One pattern a fingerprint, the most confident."""
    best: dict[str, CracklePattern] = {}
    for pattern in patterns:
        known = best.get(pattern.fingerprint)
        if known is None or pattern.confidence > known.confidence:
            best[pattern.fingerprint] = pattern
    return best


def _raised(pattern: CracklePattern, sighting: Sighting) -> tuple[ActiveAlert, AlertStatus]:
    now = sighting.time
    alert = ActiveAlert(pattern, _severity(pattern), now, now, now, raised_confidence=pattern.confidence)
    return alert, AlertStatus.RAISED


def _severity(pattern: CracklePattern) -> Severity:
    """A fact informs, an event warns, and a law that broke is critical: something is lost or counted twice."""
    if pattern.nature != Nature.EVENT:
        return Severity.INFO
    return Severity.CRITICAL if pattern.form == BROKEN_LAW else Severity.WARNING


def _again(
    before: ActiveAlert, pattern: CracklePattern, sighting: Sighting, policy: AlertPolicy
) -> tuple[ActiveAlert, AlertStatus | None]:
    alert = replace(before, pattern=pattern, last_seen=sighting.time, windows=before.windows + 1, missed=0)
    if sighting.time - before.last_said < policy.repeat_interval:
        return alert, None
    return replace(alert, last_said=sighting.time, repeats=before.repeats + 1), AlertStatus.REPEATED


def _notice(alert: ActiveAlert, status: AlertStatus, sighting: Sighting, reason: str = "") -> Alert:
    fingerprint = alert.pattern.fingerprint
    return Alert(
        id=digest([sighting.window_id, fingerprint, status, str(alert.repeats)], ID_DIGITS),
        status=status,
        severity=alert.severity,
        pattern=alert.pattern,
        raised_at=alert.raised_at,
        last_seen=alert.last_seen,
        windows=alert.windows,
        reason=reason,
        position=sighting.position,
        raised_confidence=alert.raised_confidence,
    )
