"""An alert as Prometheus and Alertmanager know it: labels that say which, annotations that say what.

Labels are the alert's identity there: one that changed would be another alert, and the old one would never be
resolved. So they hold only what stays the same for an alert's life, and every number is an annotation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from crackle_stream.render.text import plain
from crackle_stream.sinks.formats.cutting import cut
from crackle_stream.sinks.formats.facts import facts, said

if TYPE_CHECKING:
    from crackle_stream.model import Alert

__all__ = ["ALERT_NAME", "annotations_of", "fingerprint_of", "labels_of"]

ALERT_NAME = "CracklePattern"

LONGEST = 1000
"""Code units of a label's or annotation's value; Alertmanager has no bound, but keeps all of them in memory."""

NUMBERS, NAME = 20, 60
"""Numbers of a pattern that are told, and characters of the name of one."""

FNV_OFFSET, FNV_PRIME, WORD = 0xCBF29CE484222325, 0x100000001B3, 0xFFFFFFFFFFFFFFFF
"""Of the 64-bit hash FNV-1a, in which Prometheus tells sets of labels apart."""

SEPARATOR = b"\xff"


def labels_of(alert: Alert) -> dict[str, str]:
    """What it is, for as long as it lives. A label without a value is none."""
    pattern = alert.pattern
    named = {
        "alertname": ALERT_NAME,
        "kind": str(pattern.kind),
        "form": pattern.form,
        "metric": pattern.metric_names[0] if pattern.metric_names else "",
        "key": pattern.key,
        "severity": str(alert.severity),
        "fingerprint": alert.fingerprint,
    }
    return {name: _value(text) for name, text in named.items() if text.strip()}


def annotations_of(alert: Alert) -> dict[str, str]:
    """What is known of it now."""
    pattern = alert.pattern
    numbers = list(pattern.metrics.items())[:NUMBERS]
    known = {
        "summary": said(alert),
        "description": pattern.description,
        "reason": alert.reason,
        "values": ", ".join(f"{name[:NAME]} {float(value):.6g}" for name, value in numbers),
        "position": "" if alert.position is None else str(alert.position),
        "id": alert.id,
        **{name.lower().replace(" ", "_"): text for name, text in facts(alert) if name not in ("Severity", "Key")},
    }
    return {name: _value(text) for name, text in known.items() if text.strip()}


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """The fingerprint that Prometheus gives to a set of labels, 16 hexadecimal digits.

    >>> fingerprint_of({})
    'cbf29ce484222325'
    """
    value = FNV_OFFSET
    for name in sorted(labels):
        for octet in name.encode() + SEPARATOR + labels[name].encode() + SEPARATOR:
            value = ((value ^ octet) * FNV_PRIME) & WORD
    return f"{value:016x}"


def _value(text: str) -> str:
    return cut(plain(" ".join(text[: 2 * LONGEST].split())), LONGEST)
