"""What happened to whom, by how much, when and after what: the first line of a card."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from crackle_stream.model import Alert, CracklePattern, PatternKind
from crackle_stream.render.moment import utc
from crackle_stream.render.numbers import counted
from crackle_stream.render.sentence import PREFIX, companions, sentence

if TYPE_CHECKING:
    from crackle_stream.model import Exhibit

__all__ = ["headline"]

SHOWN_METRICS = 2
"""Metrics named beside the one that changed most."""


def headline(subject: Alert | CracklePattern, exhibit: Exhibit | None = None) -> str:
    """A change of level in one short sentence; of everything else the detector's own.

    Args:
        subject: the alert, or a pattern that raised none.
        exhibit: what the window shows of it, for what came before.

    >>> from crackle_stream.model import Onset
    >>> pattern = CracklePattern(
    ...     "phase transition", "it rose", 0.97, metric_names=("latency_ms",), form="mean", direction="up",
    ...     metrics={"before": 100.25, "after": 160.0, "effect": 6.02}, key="checkout", at=Onset(250, 1795207267.0),
    ... )
    >>> headline(pattern)
    'latency_ms of checkout rose 100.2 → 160 (+6.0 sd) at 20:41:07'
    """
    pattern = subject.pattern if isinstance(subject, Alert) else subject
    told = _change_of_level(pattern)
    if not told:
        return sentence(subject)
    after = f", {exhibit.after}" if exhibit is not None and exhibit.after else ""
    if not isinstance(subject, Alert):
        return told + after
    reason = f" ({subject.reason})" if subject.reason else ""
    return f"{PREFIX[subject.status]}{told}{after}{reason}{companions(subject)}"


def _change_of_level(pattern: CracklePattern) -> str:
    """The sentence; empty where it is none, or where its numbers do not say so."""
    numbers = [pattern.metrics.get(name, math.nan) for name in ("before", "after", "effect")]
    known = pattern.kind == PatternKind.PHASE_TRANSITION and pattern.form == "mean" and pattern.metric_names
    if not known or not all(map(math.isfinite, numbers)):
        return ""
    before, after, effect = numbers
    verb = "rose" if after > before else "fell"
    of = f" of {pattern.key}" if pattern.key else ""
    gain = "the gain of " if pattern.description.startswith("the gain of ") else ""
    return (
        f"{gain}{pattern.metric_names[0]}{of} {verb} {before:.4g} → {after:.4g} ({effect:+.1f} sd)"
        f"{_with(pattern.metric_names[1:])}{_since(pattern)}"
    )


def _with(others: tuple[str, ...]) -> str:
    if not others:
        return ""
    more = len(others) - SHOWN_METRICS
    named = " and ".join(others) if more <= 0 else ", ".join(others[:SHOWN_METRICS])
    left = f" and {counted(more, 'other metric')}" if more > 0 else ""
    return f" with {named}{left}"


def _since(pattern: CracklePattern) -> str:
    if pattern.at is None:
        return ""
    if not pattern.at.index:
        return " before the window began"
    moment = utc(pattern.at.time)
    return f" at {moment[11:19]}" if moment else ""
