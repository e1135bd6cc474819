"""What makes a pattern an alert, and how often it is said again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from crackle_stream.alerting.pending import RaiseAfter
from crackle_stream.alerting.routes import Routes

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
        raise_after: in how many of the last conclusive coolings an event must be seen to be raised.
        exit_confidence: patterns of an active alert count as seen down to it; None for `min_confidence`.
        hold: seconds of stream time that an alert stays raised before it may be resolved.
        inhibit: whether an alert that another explains by a known lag is held back while that is active.
        stale_after: seconds on the clock without a task of its kiln after which an alert is over; None for never.
        routes: where alerts go, which may say how severe they are and how often they are said again.
    """

    min_confidence: float | None = None
    repeat_interval: float = 4 * 3600.0
    resolve_after: int = 3
    accept_after: int = 20
    raise_after: RaiseAfter = field(default_factory=RaiseAfter)
    exit_confidence: float | None = None
    hold: float = 0.0
    inhibit: bool = True
    stale_after: float | None = 24 * 3600.0
    routes: Routes = field(default_factory=Routes)

    def __post_init__(self) -> None:
        if self.min_confidence is not None and not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence must be between 0 and 1, not {self.min_confidence}")
        if not self.repeat_interval > 0:
            raise ValueError(f"repeat_interval must be more than 0 seconds, not {self.repeat_interval}")
        if self.resolve_after < 1:
            raise ValueError(f"resolve_after must be at least 1 cooling, not {self.resolve_after}")
        if self.accept_after < 1:
            raise ValueError(f"accept_after must be at least 1 cooling, not {self.accept_after}")
        if not self.hold >= 0:
            raise ValueError(f"hold must be at least 0 seconds, not {self.hold}")
        if self.stale_after is not None and not self.stale_after > 0:
            raise ValueError(f"stale_after must be more than 0 seconds, not {self.stale_after}")
        if self.exit_confidence is not None:
            most = 1.0 if self.min_confidence is None else self.min_confidence
            if not 0 <= self.exit_confidence <= most:
                raise ValueError(
                    f"exit_confidence must be between 0 and min_confidence ({most:g}), not {self.exit_confidence}"
                )

    @property
    def enter(self) -> float:
        """Least confidence of a pattern that begins something."""
        return self.min_confidence or 0.0

    @property
    def stay(self) -> float:
        """Least confidence of a pattern that goes on with something."""
        return self.enter if self.exit_confidence is None else self.exit_confidence

    def with_least(self, min_confidence: float) -> AlertPolicy:
        """A copy with this least confidence, where none was given."""
        return self if self.min_confidence is not None else replace(self, min_confidence=min_confidence)
