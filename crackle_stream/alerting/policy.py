"""What makes a pattern an alert, and how often it is said again."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["AlertPolicy"]


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """When alerts are raised, repeated and resolved.

    Attributes:
        min_confidence: patterns below it are in the report and raise nothing; None leaves it to the family of
            detectors: 0.9 for the threshold family, 0 for the evidence family, whose budget has judged already.
        repeat_interval: seconds of stream time after which an alert that is still there is said again.
        resolve_after: conclusive coolings without the pattern that resolve its alert.
        accept_after: conclusive coolings after which a shift that did not return, or a fact that did not come back,
            is the new normal.
    """

    min_confidence: float | None = None
    repeat_interval: float = 4 * 3600.0
    resolve_after: int = 3
    accept_after: int = 20

    def __post_init__(self) -> None:
        if self.min_confidence is not None and not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence must be between 0 and 1, not {self.min_confidence}")
        if not self.repeat_interval > 0:
            raise ValueError(f"repeat_interval must be more than 0 seconds, not {self.repeat_interval}")
        if self.resolve_after < 1:
            raise ValueError(f"resolve_after must be at least 1 cooling, not {self.resolve_after}")
        if self.accept_after < 1:
            raise ValueError(f"accept_after must be at least 1 cooling, not {self.accept_after}")

    def with_least(self, min_confidence: float) -> AlertPolicy:
        """A copy with this least confidence, where none was given."""
        return self if self.min_confidence is not None else replace(self, min_confidence=min_confidence)
