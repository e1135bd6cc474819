"""Alerts of one window as one notification."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from crackle_stream.alerting.active import ID_DIGITS
from crackle_stream.model import Alert, AlertStatus, Severity, digest

__all__ = ["grouped"]

WORST_FIRST = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)


def grouped(alerts: Iterable[Alert], receiver: str) -> tuple[Alert, ...]:
    """One notification for the alerts of each status; an alert that is the only one stays as it is.

    A window's alerts are made together and never wait for each other, so members and id are known before anything is
    sent, and whoever cuts the same window again makes the same groups.

    Args:
        alerts: those of one window that go to one receiver.
        receiver: its name, which is part of a group's id.
    """
    by_status: dict[AlertStatus, list[Alert]] = {}
    for alert in alerts:
        by_status.setdefault(alert.status, []).append(alert)
    return tuple(members[0] if len(members) == 1 else _group(members, receiver) for members in by_status.values())


def _group(members: list[Alert], receiver: str) -> Alert:
    """The members as one alert: the first of the most severe speaks for all."""
    members = sorted(members, key=lambda alert: WORST_FIRST.index(alert.severity))
    ids = sorted(alert.id for alert in members)
    return replace(members[0], id=digest([receiver, *ids], ID_DIGITS), members=tuple(members))
