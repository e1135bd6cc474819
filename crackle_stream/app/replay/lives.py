"""Alerts from when they were raised to when they were over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from crackle_stream.model import Alert, AlertStatus

__all__ = ["Life", "Told", "lives_of"]


@dataclass(frozen=True, slots=True)
class Told:
    """A notification that would have been sent.

    Attributes:
        alert: what it says.
        sinks: who would have got it.
        at: epoch seconds of stream time, the end of the window that made it.
    """

    alert: Alert
    sinks: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Life:
    """An alert from its first notification on.

    Attributes:
        raised: its first notification.
        last: its latest.
        notifications: how many there were.
    """

    raised: Told
    last: Told
    notifications: int = 1

    @property
    def alert(self) -> Alert:
        """The alert as it was raised."""
        return self.raised.alert

    @property
    def over_at(self) -> float | None:
        """When it was resolved; None where it still stood at the end."""
        return self.last.at if self.last.alert.status is AlertStatus.RESOLVED else None

    @property
    def onset(self) -> float:
        """When it began: where the finding says so, else when it was raised."""
        at = self.alert.pattern.at
        return self.raised.at if at is None else at.time


def lives_of(told: Iterable[Told]) -> tuple[Life, ...]:
    """The lives that notifications tell of, by when they were raised."""
    lives: list[Life] = []
    standing: dict[tuple[object, str], int] = {}
    for one in told:
        # a fingerprint is the same in every partition, an alert is one partition's
        where = one.alert.position
        known = (None if where is None else where.partition, one.alert.fingerprint)
        place = standing.get(known)
        if place is None or one.alert.status is AlertStatus.RAISED:
            standing[known] = len(lives)
            lives.append(Life(one, one))
        else:
            life = lives[place]
            lives[place] = replace(life, last=one, notifications=life.notifications + 1)
        if one.alert.status is AlertStatus.RESOLVED:
            del standing[known]
    return tuple(lives)
