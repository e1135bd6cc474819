"""What a window shows of its findings: figures, what they are not, what came before, and where in the stream."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from crackle_stream.model import Exhibit, PatternKind
from crackle_stream.render.figures import figure_of
from crackle_stream.render.ruled_out import ruled_out

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from crackle_stream.cooling import CoolingReport
    from crackle_stream.model import CracklePattern, Figure, Span
    from crackle_stream.window import Window

__all__ = ["MOST_EXHIBITS", "exhibits_of"]

MOST_EXHIBITS = 32
"""Findings of a window that are shown, the surest first: nobody looks at more, and each costs about a millisecond."""

LATEST = 3.0
"""Lags by which a change may come after that of the metric it follows: where it begins is known to some tasks only."""

MOST_SPANS = 8
"""Partitions of a window that an exhibit names."""


def exhibits_of(report: CoolingReport, window: Window, wanted: Collection[str] | None = None) -> Mapping[str, Exhibit]:
    """The exhibits of a cooling's findings, by fingerprint; of at most `MOST_EXHIBITS`.

    Args:
        report: what the cooling found, and what it examined beside that.
        window: the window.
        wanted: fingerprints of those to show; all by default.
    """
    span = _span(window)
    found: dict[str, Exhibit] = {}
    for pattern in report.patterns:
        if len(found) == MOST_EXHIBITS:
            break
        # Rules of thumb find several of one fingerprint; an alert is made of the surest, which comes first.
        if pattern.fingerprint not in found and (wanted is None or pattern.fingerprint in wanted):
            ruled = tuple(ruled_out(pattern, report, window))
            found[pattern.fingerprint] = Exhibit(_figure(pattern, window, report), _after(pattern, report), ruled, span)
    return found


def _span(window: Window) -> tuple[Span, ...]:
    """What to read again to see the window: all its rows where it slides, not only those that were new in it.

    Of a keyed stream its rows stand among others', so that this is the least that is needed.
    """
    if len(window.span) != 1:
        return window.span[:MOST_SPANS]
    (span,) = window.span
    return (replace(span, first=max(min(span.first, span.last - len(window) + 1), 0)),)


def _figure(pattern: CracklePattern, window: Window, report: CoolingReport) -> Figure | None:
    """The figure; none where a third party's pattern holds what cannot be drawn: its finding stands without."""
    try:
        return figure_of(pattern, window, report.patterns)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None


def _after(pattern: CracklePattern, report: CoolingReport) -> str:
    """A change that came before in a metric which this one's follows, by as much as it follows."""
    if pattern.kind != PatternKind.PHASE_TRANSITION or pattern.at is None or not pattern.metric_names:
        return ""
    begun = {
        other.metric_names[0]: other.at.time
        for other in report.patterns
        if other.kind == PatternKind.PHASE_TRANSITION and other.at is not None and other.at.index and other.metric_names
    }
    for fact in report.patterns:
        if fact.form != "lagged" or len(fact.metric_names) != 2 or fact.metric_names[1] != pattern.metric_names[0]:
            continue
        leader = fact.metric_names[0]
        seconds = pattern.at.time - begun.get(leader, pattern.at.time)
        if 0 < seconds <= LATEST * fact.metrics.get("lag_seconds", 0.0):
            return f"{seconds:.3g} s after {leader}"
    return ""
