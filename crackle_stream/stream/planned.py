"""Where windows end again that a former owner of their partition may have ended."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crackle_stream.commit import CutPlan
from crackle_stream.schedule import Cut

__all__ = ["planned"]

AGAIN = "again"
"""What ends a window off the grid where a former owner of the partition had ended it so."""


def planned(cuts: list[Cut], plan: CutPlan, offsets: npt.NDArray[np.int64], waiting: int | None) -> list[Cut]:
    """The cuts as a former owner of the partition made them: without those it merged away, with those it added.

    Args:
        cuts: on the grid.
        plan: what is known of the former owner's.
        offsets: shape (n,), of the rows.
        waiting: offset of the last fresh task before them, or None.
    """
    if not plan.cuts.count or not len(offsets):
        return cuts
    first, last = int(offsets[0]), int(offsets[-1])
    before = first - 1 if waiting is None else waiting
    on_grid = {int(offsets[cut.row - 1]) if cut.row else before: cut for cut in cuts}
    planned = []
    for end in plan.ends(on_grid, first, last):
        row = int(np.searchsorted(offsets, end, side="right"))
        if end in on_grid:
            planned.append(on_grid[end])
        elif int(offsets[row - 1]) == end:  # of a key's windows only those that end with a task of the key
            planned.append(Cut(row, AGAIN))
    return planned
