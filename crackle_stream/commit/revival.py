"""Lifecycles as digests beside a committed offset, and lifecycles that go on where the digests end."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from crackle_stream.alerting import ActiveAlert, Lifecycle, Pending, Said
from crackle_stream.alerting.pending import MOST_VOTES
from crackle_stream.alerting.returns import Levels
from crackle_stream.commit.digest import CONFIDENCE_STEPS, SEVERITIES, AlertDigest, Identity
from crackle_stream.model import CracklePattern

__all__ = ["digests", "revived"]

LAST_SECOND = 2.0**52
"""Times beyond it are a broken clock's; they are held here, so that what follows from them stays a short number."""

FORGOTTEN_KIND = "forgotten"
"""Kind of a revived pattern whose identity did not fit."""

OVER_BEFORE = "it was over before a restart"
"""Why a held alert that was brought back is over; its own words were not kept."""

_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_HELD_ID = re.compile(r"[0-9a-f]{32}")


def digests(lifecycles: Mapping[str, Lifecycle]) -> tuple[AlertDigest, ...]:
    """The active alerts of some kilns, those that matter most first: the severe, then those raised last.

    Args:
        lifecycles: by the kiln's key, the lifecycle as of the position beside which the digests are stored.
    """
    made = [_digest(key, alert) for key, life in lifecycles.items() for alert in life.active.values()]
    made += [_digest_pending(key, one) for key, life in lifecycles.items() for one in life.pending.values()]
    return tuple(sorted(made, key=lambda one: (-SEVERITIES.index(one.severity), -one.raised_ms, one.fingerprint)))


def revived(alerts: Iterable[AlertDigest]) -> dict[str, Lifecycle]:
    """By key, the lifecycles that go on where the digests end."""
    active: dict[str, dict[str, ActiveAlert]] = {}
    pending: dict[str, dict[str, Pending]] = {}
    for alert in alerts:
        if alert.pending:
            pending.setdefault(alert.key, {})[alert.fingerprint] = _revive_pending(alert)
        else:
            active.setdefault(alert.key, {})[alert.fingerprint] = _revive(alert)
    return {
        key: Lifecycle(active.get(key, {}), pending=pending.get(key, {})) for key in dict.fromkeys((*active, *pending))
    }


def _digest(key: str, alert: ActiveAlert) -> AlertDigest:
    pattern = alert.pattern
    return AlertDigest(
        fingerprint=pattern.fingerprint,
        key=key,
        severity=alert.severity,
        raised_ms=_milliseconds(alert.raised_at),
        said_ms=_milliseconds(alert.last_said),
        seen_ms=_milliseconds(alert.last_seen),
        windows=alert.windows,
        missed=alert.missed,
        repeats=alert.repeats,
        coolings=alert.coolings,
        confidence=_steps_of(alert.raised_confidence),
        held_id=alert.held_id if _HELD_ID.fullmatch(alert.held_id) else "",
        unsaid=alert.said is Said.NO,
        perhaps=alert.said is Said.PERHAPS,
        inhibited_by=alert.inhibited_by if _FINGERPRINT.fullmatch(alert.inhibited_by) else "",
        over=bool(alert.over),
        identity=_identity(pattern, alert.levels),
    )


def _digest_pending(key: str, one: Pending) -> AlertDigest:
    pattern = one.pattern
    onset = None if one.onset is None else _milliseconds(one.onset)
    return AlertDigest(
        fingerprint=pattern.fingerprint,
        key=key,
        seen_ms=0 if onset is None else onset,
        windows=one.windows,
        repeats=sum(vote << place for place, vote in enumerate(reversed(one.votes))),
        coolings=len(one.votes),
        confidence=_steps_of(pattern.confidence),
        pending=True,
        onset_ms=onset,
        identity=_identity(pattern, one.levels),
    )


def _identity(pattern: CracklePattern, levels: Levels) -> Identity:
    return Identity(
        str(pattern.kind),
        pattern.form,
        pattern.nature,
        pattern.direction,
        pattern.metric_names,
        tuple((name, before, since) for name, (before, since) in levels.items()),
    )


def _revive(alert: AlertDigest) -> ActiveAlert:
    said = Said.PERHAPS if alert.perhaps else Said.NO if alert.unsaid else Said.YES
    return ActiveAlert(
        _pattern(alert),
        alert.severity,
        raised_at=alert.raised_ms / 1000,
        last_seen=alert.seen_ms / 1000,
        last_said=alert.said_ms / 1000,
        windows=alert.windows,
        missed=alert.missed,
        repeats=alert.repeats,
        coolings=alert.coolings,
        raised_confidence=alert.confidence / CONFIDENCE_STEPS,
        levels=_levels(alert),
        said=said,
        held_id=alert.held_id,
        inhibited_by=alert.inhibited_by,
        over=OVER_BEFORE if alert.over else "",
    )


def _revive_pending(alert: AlertDigest) -> Pending:
    return Pending(
        _pattern(alert),
        _levels(alert),
        windows=alert.windows,
        votes=tuple(bool(alert.repeats >> place & 1) for place in reversed(range(min(alert.coolings, MOST_VOTES)))),
        onset=None if alert.onset_ms is None else alert.onset_ms / 1000,
    )


def _levels(alert: AlertDigest) -> dict[str, tuple[float, float]]:
    return {} if alert.identity is None else {name: (was, since) for name, was, since in alert.identity.levels}


def _pattern(alert: AlertDigest) -> CracklePattern:
    """As much of the pattern as names it."""
    named = alert.identity or Identity(FORGOTTEN_KIND)
    about = f" of {', '.join(named.metric_names)}" if named.metric_names else ""
    return CracklePattern(
        named.kind,
        f"{named.kind}{about}, known from before a restart; its numbers were not kept",
        alert.confidence / CONFIDENCE_STEPS,
        metric_names=named.metric_names,
        form=named.form,
        nature=named.nature,
        direction=named.direction,
        key=alert.key,
        fingerprint=alert.fingerprint,
    )


def _steps_of(confidence: float) -> int:
    # a hair above, so that 0.57 is 5,700 steps although its product in binary is not
    return math.floor(confidence * CONFIDENCE_STEPS + 1e-6)


def _milliseconds(seconds: float) -> int:
    return round(min(max(seconds, -LAST_SECOND), LAST_SECOND) * 1000)
