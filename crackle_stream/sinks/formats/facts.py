"""What every message to people says of an alert: a headline, and a few facts by name."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from crackle_stream.model import AlertStatus, Severity
from crackle_stream.render.headline import headline as of_the_card
from crackle_stream.render.moment import utc
from crackle_stream.render.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crackle_stream.model import Alert

__all__ = ["facts", "headline", "said"]

SHOWN = 5
"""Metrics and tasks that are named; it is said how many more there are."""

LONGEST = 60
"""Characters of one label or metric name."""

MOST = 4000
"""Characters of any text that are looked at; no service shows as many, and a detector may write any number of them."""

MARKS = {Severity.INFO: "🔵", Severity.WARNING: "🟠", Severity.CRITICAL: "🔴"}
RESOLVED = "✅"


def headline(alert: Alert) -> str:
    """One line: a mark for the severity, and the sentence. Safe to show, and not escaped for anybody's markup."""
    mark = RESOLVED if alert.status is AlertStatus.RESOLVED else MARKS[alert.severity]
    return f"{mark} {said(alert)}"


def said(alert: Alert) -> str:
    """The card's first line, made of no more of each text than anybody shows."""
    pattern = alert.pattern
    if max(len(pattern.description), len(pattern.key), len(alert.reason)) > MOST:
        shorter = replace(pattern, description=pattern.description[:MOST], key=pattern.key[:MOST])
        alert = replace(alert, pattern=shorter, reason=alert.reason[:MOST])
    return plain(" ".join(of_the_card(alert).split()))


def facts(alert: Alert) -> tuple[tuple[str, str], ...]:
    """Names and texts, at most nine, only those there are; safe to show, not escaped for anybody's markup."""
    pattern = alert.pattern
    form = f" ({pattern.form[:MOST]})" if pattern.form else ""
    seen = f"{utc(alert.last_seen) or 'at no known time'}, in {alert.windows} window{'' if alert.windows == 1 else 's'}"
    all_of_them = (
        ("Kind", f"{str(pattern.kind)[:MOST]}{form}"),
        ("Severity", str(alert.severity)),
        ("Confidence", f"{math.floor(1000 * pattern.confidence) / 1000:g}"),
        ("Evidence", _evidence(alert)),
        ("Metrics", _listed(pattern.metric_names, len(pattern.metric_names))),
        ("Key", pattern.key[:MOST]),
        ("Tasks", _listed(pattern.involved_tasks, pattern.involved_count)),
        ("Raised", utc(alert.raised_at) or ""),
        ("Last seen", seen),
    )
    return tuple((name, plain(" ".join(text.split()))) for name, text in all_of_them if text.strip())


def _evidence(alert: Alert) -> str:
    """What the confidence means; a bare share between 0 and 1 reads like a probability, and often is none."""
    evidence = alert.pattern.evidence
    if evidence is None:
        return ""
    doubt = "" if evidence.calibrated else ", not calibrated yet"
    return f"p {evidence.p:.2g}, q {evidence.q:.2g}, effect {evidence.effect:.3g}, n {evidence.effective_n:.0f}{doubt}"


def _listed(names: Sequence[str], count: int) -> str:
    shown = [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in names[:SHOWN]]
    more = f" and {count - len(shown)} more" if count > len(shown) else ""
    return ", ".join(shown) + more
