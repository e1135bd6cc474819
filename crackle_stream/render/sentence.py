"""A finding in one plain sentence."""

from __future__ import annotations

from collections.abc import Sequence

from crackle_stream.model import Alert, AlertStatus, CracklePattern
from crackle_stream.render.text import plain

__all__ = ["companions", "sentence"]

LISTED = 3
"""Further alerts that a sentence names: it is to be read at a glance."""

PREFIX = {AlertStatus.RAISED: "", AlertStatus.REPEATED: "still: ", AlertStatus.RESOLVED: "resolved: "}


def sentence(subject: Alert | CracklePattern) -> str:
    """What happened, where, and whether it is news; one line, safe to print.

    >>> from crackle_stream.model import Severity
    >>> pattern = CracklePattern("phase transition", "latency_ms rose from 100 to 160", 0.97, key="checkout")
    >>> sentence(pattern)
    'latency_ms rose from 100 to 160 [checkout]'
    >>> sentence(Alert("1", AlertStatus.RESOLVED, Severity.WARNING, pattern, 0.0, 60.0, 2, reason="it returned"))
    'resolved: latency_ms rose from 100 to 160 [checkout] (it returned)'
    """
    if isinstance(subject, CracklePattern):
        return _said(subject)
    reason = f" ({_one_line(subject.reason)})" if subject.reason else ""
    return f"{PREFIX[subject.status]}{_said(subject.pattern)}{reason}{companions(subject)}"


def companions(alert: Alert) -> str:
    """What goes on after an alert's own sentence: what it explains, and the other members of a group."""
    explains = f"; explains: {_listed(alert.explains)}" if alert.explains else ""
    others = [_said(member.pattern) for member in alert.members[1:]]
    return explains + (f"; and {len(others)} more: {_listed(others)}" if others else "")


def _listed(sentences: Sequence[str]) -> str:
    """The first few of them; whoever wants all has them in the alert."""
    shown = [_one_line(one) for one in sentences[:LISTED]]
    return "; ".join([*shown, *(["…"] if len(sentences) > LISTED else [])])


def _said(pattern: CracklePattern) -> str:
    said = _one_line(pattern.description) or _named(pattern)
    return f"{said} [{_one_line(pattern.key)}]" if pattern.key else said


def _named(pattern: CracklePattern) -> str:
    """A stand-in for the description that a third party's detector left out."""
    kind, names = _one_line(str(pattern.kind)) or "pattern", ", ".join(map(_one_line, pattern.metric_names))
    return f"{kind} of {names}" if names else kind


def _one_line(text: str) -> str:
    return plain(" ".join(text.split()))
