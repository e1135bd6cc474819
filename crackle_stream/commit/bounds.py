"""How much may stay uncooled or unsettled before something is done about it."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Pins", "Unsettled"]


@dataclass(frozen=True, slots=True)
class Pins:
    """When a kiln's uncooled rows hold the position back for too long, and its window ends by "age".

    Attributes:
        max_age_s: seconds of stream time, or as many on the wall clock.
        max_span: rows of the partition.
    """

    max_age_s: float
    max_span: int

    @classmethod
    def by_default(cls, capacity: int, every_seconds: float | None) -> Pins:
        """Ten periods, and twenty rings: a rare key holds a partition back for no longer than a busy one fills."""
        return cls(math.inf if every_seconds is None else 10 * every_seconds, 20 * capacity)

    def overdue(self, *, stream_s: float, wall_s: float, span: int) -> bool:
        """Whether the window must end now.

        Args:
            stream_s: how far stream time has moved on since the oldest uncooled row.
            wall_s: how long that row has waited.
            span: how many rows the partition has handed over since, that row included.
        """
        return stream_s >= self.max_age_s or wall_s >= self.max_age_s or span >= self.max_span


@dataclass(slots=True)
class Unsettled:
    """Whether intake must wait because too much is not settled; once full, until half of it has gone.

    The oldest unsettled window holds all after it, told and quiet ones alike: what each left behind is needed until a
    commit has passed it.

    Attributes:
        max_windows: most windows cut that no commit has passed.
        max_bytes: most bytes of what they left behind, and of their notifications in memory.
        full: whether intake waits.
    """

    max_windows: int = 10_000
    max_bytes: int = 64 * 1024 * 1024
    full: bool = False

    def see(self, windows: int, nbytes: int) -> str:
        """Take note of what is unsettled.

        Returns:
            Why intake must wait, "" where it need not.
        """
        share = 0.5 if self.full else 1.0
        self.full = windows >= share * self.max_windows or nbytes >= share * self.max_bytes
        if not self.full:
            return ""
        return (
            f"{windows} windows wait to be settled, with {nbytes} bytes of state and news (at most {self.max_windows} "
            f"and {self.max_bytes}): reading is paused until half of them are"
        )
