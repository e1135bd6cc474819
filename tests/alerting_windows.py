"""Shifts and windows for tests of an alert's life: one task a second, a hundred to a window."""

from __future__ import annotations

import json

from crackle_stream.alerting import AlertPolicy, Hush, Lifecycle, Sighting
from crackle_stream.model import Alert, CracklePattern, Evidence, Nature, Onset, PatternKind

ROWS = 100


def shift(
    time: float, direction: str = "up", metrics: tuple[str, ...] = ("latency",), *, confidence: float = 0.99
) -> CracklePattern:
    """A located change at a time."""
    return CracklePattern(
        PatternKind.PHASE_TRANSITION,
        f"{metrics[0]} went {direction}",
        confidence,
        metric_names=metrics,
        form="mean",
        nature=Nature.EVENT,
        direction=direction,
        evidence=Evidence(1e-9, 1e-6, 2.0, 100.0, calibrated=True),
        at=Onset(50, time),
    )


def alarm(metric: str = "depth", *, confidence: float = 0.99) -> CracklePattern:
    """An event without a place."""
    return CracklePattern(
        "alarm", f"{metric} is odd", confidence, metric_names=(metric,), nature=Nature.EVENT, direction="up"
    )


def window(end: float, *patterns: CracklePattern, conclusive: bool = True, again: bool = False) -> Sighting:
    """The hundred tasks up to a time."""
    return Sighting(f"to {end}", end, patterns, conclusive, began=end - ROWS + 1, tasks=ROWS, again=again)


def course(
    *windows: Sighting, policy: AlertPolicy, hushes: dict[float, Hush] | None = None
) -> tuple[Lifecycle, list[list[Alert]]]:
    """The life after all windows, and what each said; stored and read back between any two.

    Args:
        windows: one after the other.
        policy: when alerts are raised, repeated and resolved.
        hushes: by a window's end, what is hushed from then on.
    """
    lifecycle, said, hush = Lifecycle(), [], Hush()
    for one in windows:
        hush = (hushes or {}).get(one.time, hush)
        lifecycle = Lifecycle.from_dict(json.loads(json.dumps(lifecycle.to_dict())))
        lifecycle, alerts = lifecycle.after(one, policy, hush)
        said.append(list(alerts))
    return lifecycle, said


def told(*windows: Sighting, policy: AlertPolicy, hushes: dict[float, Hush] | None = None) -> list[list[str]]:
    """Status, first metric and reason of what each window says."""
    return [
        [f"{alert.status} {alert.pattern.metric_names[0]} {alert.reason}".strip() for alert in alerts]
        for alerts in course(*windows, policy=policy, hushes=hushes)[1]
    ]
