"""What leaves the process: a pattern that is new, still there, or gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from crackle_stream.model.exhibit import Exhibit
from crackle_stream.model.pattern import CracklePattern
from crackle_stream.model.record import Partition, Position

__all__ = ["Alert", "AlertStatus", "Severity"]


class AlertStatus(StrEnum):
    """Where an alert stands in its life."""

    RAISED = "raised"
    REPEATED = "repeated"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Alert:
    """One notification about a pattern.

    Attributes:
        id: same for every attempt to deliver this notification, other for every other one.
        status: raised, repeated or resolved.
        severity: info, warning or critical.
        pattern: the finding as last seen.
        raised_at: epoch seconds, end of the window that raised it.
        last_seen: epoch seconds, end of the last window that showed it.
        windows: number of windows that showed it so far.
        reason: why it was resolved, "" otherwise.
        raised_confidence: the pattern's confidence when it was raised, by which it is routed for life; None where the
            alert was made by hand.
        position: the last record of the window that made this notification, or None. At a receiver,
            of two notifications with one fingerprint the greater offset is the later.
        exhibit: what the window that made it shows of the finding, or None; no part of the alert when two are compared.
        explains: sentences of the alerts that are held back because this one explains them.
        members: the alerts of a group, the most severe first, one of which speaks for all; empty for a single alert.
    """

    id: str
    status: AlertStatus
    severity: Severity
    pattern: CracklePattern
    raised_at: float
    last_seen: float
    windows: int
    reason: str = ""
    position: Position | None = None
    raised_confidence: float | None = None
    exhibit: Exhibit | None = field(default=None, compare=False, repr=False)
    explains: tuple[str, ...] = ()
    members: tuple[Alert, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The pattern's stable identity."""
        return self.pattern.fingerprint

    def to_dict(self, *, exhibit: bool = False) -> Mapping[str, object]:
        """The alert as JSON values (`docs/schema/alert.json`).

        Args:
            exhibit: whether its exhibit is written too, where it has one.
        """
        where = self.position
        shown = {"exhibit": self.exhibit.to_dict()} if exhibit and self.exhibit is not None else {}
        return {
            "id": self.id,
            "status": str(self.status),
            "severity": str(self.severity),
            "fingerprint": self.fingerprint,
            "raised_at": self.raised_at,
            "last_seen": self.last_seen,
            "windows": self.windows,
            "reason": self.reason,
            "raised_confidence": self.raised_confidence,
            "position": None
            if where is None
            else {"topic": where.partition.topic, "partition": where.partition.number, "offset": where.offset},
            "explains": list(self.explains),
            "members": [member.to_dict(exhibit=exhibit) for member in self.members],
            "pattern": self.pattern.to_dict(),
            **shown,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The alert that `to_dict` wrote down; its `to_dict` is the same again.

        Raises:
            ValueError: a key is missing or holds something else.
        """
        try:
            return cls._read(stored)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is no stored alert: {type(error).__name__}: {error}") from error

    @classmethod
    def _read(cls, stored: Mapping[str, Any]) -> Self:
        where, raised_confidence = stored["position"], stored["raised_confidence"]
        exhibit = stored.get("exhibit")
        return cls(
            id=str(stored["id"]),
            status=AlertStatus(stored["status"]),
            severity=Severity(stored["severity"]),
            pattern=CracklePattern.from_dict(stored["pattern"]),
            raised_at=float(stored["raised_at"]),
            last_seen=float(stored["last_seen"]),
            windows=int(stored["windows"]),
            reason=str(stored["reason"]),
            position=None if where is None else _position(where),
            raised_confidence=None if raised_confidence is None else float(raised_confidence),
            exhibit=None if exhibit is None else Exhibit.from_dict(exhibit),
            # a spool may hold alerts from before there were these
            explains=tuple(map(str, stored.get("explains", ()))),
            members=tuple(cls._read(member) for member in stored.get("members", ())),
        )


def _position(stored: Mapping[str, Any]) -> Position:
    number = stored["partition"]
    partition = Partition(str(stored["topic"]), None if number is None else int(number))
    return Position(partition, int(stored["offset"]))
