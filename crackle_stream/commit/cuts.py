"""Where windows ended, or did not end, against the grid; and what a partition's next owner makes of it."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["ON_GRID", "CutPlan", "Cuts"]

ON_GRID = frozenset({"tasks", "time"})
"""What ends a window on the grid, so that whoever reads the same log finds it again."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """Departures from the grid, by the offset of a window's last row.

    Attributes:
        extra: ends that are not on the grid, rising.
        merged: ends on the grid whose window gave way to a later one, rising.
    """

    extra: tuple[int, ...] = ()
    merged: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.extra) + len(self.merged)

    def first(self, count: int) -> Cuts:
        """The first so many of both, in the order of the log."""
        if self.count <= count:
            return self
        kept = sorted((*self.extra, *self.merged))[:count]
        last = kept[-1] if kept else -1
        # an end stands in one of the two only, but a tie must not make one too many
        extra = tuple(end for end in self.extra if end <= last)[:count]
        return Cuts(extra, tuple(end for end in self.merged if end <= last)[: count - len(extra)])


@dataclass(frozen=True, slots=True)
class CutPlan:
    """How windows end in the stretch that a former owner may have cooled: as they did then, not otherwise.

    Attributes:
        cuts: the former owner's departures from the grid.
        free_from: the end of the log when the partition was assigned. Before it nothing is merged and no cut is
            added, because news of any window there may have been sent already.
    """

    cuts: Cuts = Cuts()
    free_from: int = 0

    def may_merge(self, end: int) -> bool:
        """Whether a window that ends here may give way to a later one: only where nobody can have told its news."""
        return end >= self.free_from

    def may_add(self, following: int) -> bool:
        """Whether a cut off the grid may be made now: not between windows that may have been told.

        Args:
            following: one past the last row handed over or rejected. Once that is the end of the log nothing was told
                beyond it, and a quiet stream's last rows must be cooled.
        """
        return following >= self.free_from

    def forced(self, first: int, last: int) -> tuple[int, ...]:
        """Ends of extra windows among the rows first..last."""
        low = bisect.bisect_left(self.cuts.extra, first)
        return self.cuts.extra[low : bisect.bisect_right(self.cuts.extra, last)]

    def ends(self, on_grid: Iterable[int], first: int, last: int) -> list[int]:
        """Where windows end among the rows first..last.

        Args:
            on_grid: the last rows of the windows that the grid ends there.
            first: the first row.
            last: the last row.
        """
        return sorted({*on_grid, *self.forced(first, last)}.difference(self.cuts.merged))
