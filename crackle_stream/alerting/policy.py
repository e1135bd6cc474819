"""What makes a pattern an alert, and how often it is said again."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AlertPolicy"]


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """When alerts are raised, repeated and resolved.

    Attributes:
        min_confidence: patterns below it are in the report and raise nothing.
        repeat_interval: seconds of stream time after which an alert that is still there is said again.
        resolve_after: conclusive coolings without the pattern that resolve its alert.
    """

    min_confidence: float = 0.9
    repeat_interval: float = 4 * 3600.0
    resolve_after: int = 3

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence must be between 0 and 1, not {self.min_confidence}")
        if not self.repeat_interval > 0:
            raise ValueError(f"repeat_interval must be more than 0 seconds, not {self.repeat_interval}")
        if self.resolve_after < 1:
            raise ValueError(f"resolve_after must be at least 1 cooling, not {self.resolve_after}")
