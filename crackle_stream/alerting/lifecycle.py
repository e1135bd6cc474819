"""An alert's life: raised, repeated while it lasts, resolved.

A lifecycle is a value of a window, like the history: what is stored beside a position is the lifecycle after that
position's window. Time is stream time, so that the same log tells the same story.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

from crackle_stream.alerting.active import ActiveAlert
from crackle_stream.alerting.policy import AlertPolicy
from crackle_stream.alerting.sighting import Sighting
from crackle_stream.model import Alert, AlertStatus, CracklePattern, Nature, Severity

__all__ = ["Lifecycle"]

BROKEN_LAW = "broken law"
"""Form of the pattern that a conservation law no longer holds."""


VERSION = 1
"""Version of the stored form; a later one is refused, not guessed at."""


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
                notices.append(alert.notice(status, sighting))
        for fingerprint, alert in self.active.items():
            if fingerprint in seen:
                continue
            missed = alert.missed + sighting.conclusive
            if missed >= policy.resolve_after:
                notices.append(alert.notice(AlertStatus.RESOLVED, sighting, f"not seen in {missed} coolings"))
            else:
                active[fingerprint] = replace(alert, missed=missed)
        return Lifecycle(active), tuple(notices)

    def closed(self, sighting: Sighting, reason: str) -> tuple[Lifecycle, tuple[Alert, ...]]:
        """Every active alert resolved, because the kiln itself is gone."""
        notices = tuple(alert.notice(AlertStatus.RESOLVED, sighting, reason) for alert in self.active.values())
        return Lifecycle(), notices

    def to_dict(self) -> dict[str, object]:
        """The lifecycle as JSON values, for storing beside the position of its window."""
        return {"version": VERSION, "active": [alert.to_dict() for alert in self.active.values()]}

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
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the stored alerts are damaged: {type(error).__name__}: {error}") from error
        return cls({alert.pattern.fingerprint: alert for alert in alerts})


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
