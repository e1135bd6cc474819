"""An alert that was raised and is not resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

from crackle_stream.alerting.returns import levels_of
from crackle_stream.alerting.sighting import Sighting
from crackle_stream.model import Alert, AlertStatus, CracklePattern, Severity, digest

__all__ = ["ID_DIGITS", "ActiveAlert", "Said"]

ID_DIGITS = 32

MOST_LEVELS = 50
"""Metrics whose levels are remembered of one alert, those told first."""


class Said(StrEnum):
    """Whether anybody was told that an alert was raised."""

    YES = "yes"
    NO = "no"
    """It is silenced, muted or inhibited."""
    PERHAPS = "perhaps"
    """So it is, but a process that was killed may have told of it before."""


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """An alert that was raised and is not resolved.

    Attributes:
        pattern: as last seen with the leading metric and form that it was raised with.
        severity: as raised.
        raised_at: epoch seconds.
        last_seen: epoch seconds.
        last_said: epoch seconds of its last notification, whether or not that was held back.
        windows: number of windows that showed it.
        missed: conclusive coolings without it since it was last seen.
        repeats: how often it was said again.
        raised_confidence: the pattern's confidence when it was raised.
        coolings: conclusive coolings since it was raised, with it or without.
        levels: from where to where its metrics went, where windows said so.
        said: whether anybody was told.
        held_id: the id of the notification that is held back, that it was raised or is still there; else "".
        inhibited_by: fingerprint of the active alert that explains it, as long as that holds it back; else "".
        over: why it is over, where it is only held; else "".
    """

    pattern: CracklePattern
    severity: Severity
    raised_at: float
    last_seen: float
    last_said: float
    windows: int = 1
    missed: int = 0
    repeats: int = 0
    raised_confidence: float = 1.0
    coolings: int = 0
    levels: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    said: Said = Said.YES
    held_id: str = ""
    inhibited_by: str = ""
    over: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", MappingProxyType(dict(list(self.levels.items())[:MOST_LEVELS])))

    @classmethod
    def raised(cls, pattern: CracklePattern, severity: Severity, time: float) -> Self:
        """A new one."""
        return cls(pattern, severity, time, time, time, raised_confidence=pattern.confidence, levels=levels_of(pattern))

    def standing(self) -> Alert:
        """The alert as it stands, to be shown: no notification, and without an id."""
        return Alert(
            "",
            AlertStatus.REPEATED,
            self.severity,
            self.pattern,
            self.raised_at,
            self.last_seen,
            self.windows,
            raised_confidence=self.raised_confidence,
        )

    def notice(self, status: AlertStatus, sighting: Sighting, reason: str = "") -> Alert:
        """The notification that a window makes of it."""
        fingerprint = self.pattern.fingerprint
        return Alert(
            id=digest([sighting.window_id, fingerprint, status, str(self.repeats)], ID_DIGITS),
            status=status,
            severity=self.severity,
            pattern=self.pattern,
            raised_at=self.raised_at,
            last_seen=self.last_seen,
            windows=self.windows,
            reason=reason,
            position=sighting.position,
            raised_confidence=self.raised_confidence,
        )

    def to_dict(self) -> dict[str, object]:
        """The alert as JSON values."""
        return {
            "pattern": self.pattern.to_dict(),
            "severity": str(self.severity),
            "raised_at": self.raised_at,
            "last_seen": self.last_seen,
            "last_said": self.last_said,
            "windows": self.windows,
            "missed": self.missed,
            "repeats": self.repeats,
            "raised_confidence": self.raised_confidence,
            "coolings": self.coolings,
            "levels": {name: list(levels) for name, levels in self.levels.items()},
            "said": str(self.said),
            "held_id": self.held_id,
            "inhibited_by": self.inhibited_by,
            "over": self.over,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The alert that `to_dict` wrote down; what version 1 did not know has its default."""
        return cls(
            pattern=CracklePattern.from_dict(stored["pattern"]),
            severity=Severity(stored["severity"]),
            raised_at=float(stored["raised_at"]),
            last_seen=float(stored["last_seen"]),
            last_said=float(stored["last_said"]),
            windows=int(stored["windows"]),
            missed=int(stored["missed"]),
            repeats=int(stored["repeats"]),
            raised_confidence=float(stored["raised_confidence"]),
            coolings=int(stored["coolings"]),
            levels={str(name): (float(was), float(went)) for name, (was, went) in stored["levels"].items()},
            said=Said(stored.get("said", Said.YES)),
            held_id=str(stored.get("held_id", "")),
            inhibited_by=str(stored.get("inhibited_by", "")),
            over=str(stored.get("over", "")),
        )
