"""Alerts to send and draw."""

from __future__ import annotations

from typing import Any

from crackle_stream.model import (
    Alert,
    AlertStatus,
    CracklePattern,
    Evidence,
    Nature,
    Onset,
    Partition,
    PatternKind,
    Position,
    Severity,
)


def a_pattern(**fields: Any) -> CracklePattern:
    """A shift with everything filled in, but for the given fields."""
    filled: dict[str, Any] = {
        "kind": PatternKind.PHASE_TRANSITION,
        "description": "latency_ms rose from 100 to 160",
        "confidence": 0.97,
        "involved_tasks": tuple(f"checkout-{number}" for number in range(142)),
        "metric_names": ("latency_ms",),
        "metrics": {"before": 100.25, "after": 160.0},
        "form": "mean",
        "nature": Nature.EVENT,
        "direction": "up",
        "evidence": Evidence(p=2.1e-7, q=0.0031, effect=6.02, effective_n=312.4, calibrated=True),
        "at": Onset(250, 1795207267.0),
        "key": "checkout",
        "window_id": "w1",
    }
    return CracklePattern(**{**filled, **fields})


def an_alert(**fields: Any) -> Alert:
    """A raised alert with everything filled in, but for the given fields."""
    filled: dict[str, Any] = {
        "id": "0f3c9a1b2d4e5f60",
        "status": AlertStatus.RAISED,
        "severity": Severity.CRITICAL,
        "pattern": a_pattern(),
        "raised_at": 1795207267.0,
        "last_seen": 1795207867.5,
        "windows": 3,
        "position": Position(Partition("task-results", 3), 18234),
    }
    return Alert(**{**filled, **fields})


MARKUP = (
    "*bold* _it_ ~s~ `c` <!channel> <@U1> @everyone [x](https://e.example) &amp; # || {{DATE()}} ${x} :fire: \x1b[31m"
)
"""Text that some service or other would obey."""


def an_endless_alert(character: str = "窯", **fields: Any) -> Alert:
    """An alert in which every text is far too long for everybody."""
    long = character * 700_000
    pattern = a_pattern(
        kind=long[:5_000],
        form=long[:5_000],
        description=long,
        key=long[:5_000],
        involved_tasks=tuple(f"{number}{long[:5_000]}" for number in range(30)),
        metric_names=tuple(f"{number}{long[:5_000]}" for number in range(30)),
        metrics={f"{number}{long[:5_000]}": 1e300 for number in range(30)},
    )
    return an_alert(**{"pattern": pattern, "reason": long, **fields})
