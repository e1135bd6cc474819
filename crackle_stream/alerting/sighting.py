"""What one window showed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from crackle_stream.model import CracklePattern, Position

if TYPE_CHECKING:
    from crackle_stream.window import Window

__all__ = ["Sighting"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one window showed.

    Attributes:
        window_id: the window.
        time: epoch seconds at which it ended.
        patterns: what was found in it.
        conclusive: whether a pattern's absence means that it is gone.
        position: the window's last record, or None.
        began: epoch seconds at which it began, or None where nobody said.
        tasks: number of its tasks, 0 where nobody said.
        again: whether a process that was killed may have told of it already.
    """

    window_id: str
    time: float
    patterns: tuple[CracklePattern, ...] = ()
    conclusive: bool = True
    position: Position | None = None
    began: float | None = None
    tasks: int = 0
    again: bool = False

    @classmethod
    def of(cls, window: Window, patterns: tuple[CracklePattern, ...], *, conclusive: bool, again: bool = False) -> Self:
        """What a cooling found in a window."""
        return cls(
            window_id=window.id,
            time=window.end_time,
            patterns=patterns,
            conclusive=conclusive,
            position=window.end,
            began=float(window.times.min()) if len(window) else None,
            tasks=len(window),
            again=again,
        )

    @property
    def pace(self) -> float:
        """Seconds from one task to the next on average, 0 where unknown."""
        if self.began is None or self.tasks < 2:
            return 0.0
        return max(self.time - self.began, 0.0) / (self.tasks - 1)
