"""The leader pass: which task each task follows.

In task order, each task that follows nobody yet leads, and every later one that follows nobody and is nearer to it
than the threshold follows it. Said from the other end: a task follows the earliest leader near it, and leads where
there is none. So tasks are taken in blocks: a block is compared with all leaders so far as one matrix product, and
what is left of it with itself.

The product runs in float32 and only rules pairs out: the screen widens the threshold by a bound on all rounding, so
that no near pair is missed, and pairs it is unsure of are measured in float64 on differences of the original values.
The outcome is that of the plain double loop, index for index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from crackle_stream.detect.distances import Points, Rows, chunks
from crackle_stream.detect.screen import Screen, Screened, surely_near

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Leaders", "follow"]

FIRST = 96
"""Tasks of the first block. Among the first tasks all pairs are compared; where clusters are few, these are enough to
meet every leader, and the others are compared with a handful of leaders only."""

BLOCK = 256
"""Tasks of a block that may end up leading: their comparison among themselves is quadratic in it, and a product is at
its full speed from about here on."""

LARGEST_BLOCK = 8192
"""Tasks of a block where most follow a known leader."""

TILE = 1 << 20
"""Pairs screened in one product: 4 MB of float32, a few milliseconds with a hundred metrics."""

UNSURE_SHARE = 0.01
"""Share of screened pairs to be measured above which screening turns to float64: measuring a pair costs some fifty
times its place in the product, the finer product twice the coarse one."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaders:
    """Who follows whom.

    Attributes:
        leader: shape (n,), the row that each task follows, its own where it leads; -1 where the pass did not come to
            it.
        complete: False where `stop` ended the pass.
    """

    leader: Rows
    complete: bool


def follow(points: Points, threshold: float, stop: Callable[[], bool]) -> Leaders:
    """Let each task follow the earliest leader nearer than the threshold.

    Args:
        points: n tasks in order; those without any metric are near nobody.
        threshold: distance in the metrics' own units; must be positive.
        stop: asked every few milliseconds; True ends the pass.

    Returns:
        The outcome of the plain double loop; of the first tasks only, where `stop` ended it.
    """
    rows = np.arange(len(points))
    if points.values.size == 0:
        return Leaders(rows, complete=True)
    leader = np.full(len(points), -1, dtype=np.intp)
    bare = points.bare()
    if bare is not None and bare.any():
        leader[bare] = rows[bare]
        rows = rows[~bare]
        points = points.take(rows)
    march = _March(points, threshold, stop)
    complete = march.run()
    settled = march.leader >= 0
    leader[rows[settled]] = rows[march.leader[settled]]
    return Leaders(leader, complete)


class _Stopped(Exception):
    """Not an error: carries `stop` out of the nested loops."""


class _TooCoarse(Exception):
    """Not an error: the block is taken again with a finer screen."""


class _March:
    """One pass over points that all have some metric."""

    def __init__(self, points: Points, threshold: float, stop: Callable[[], bool]) -> None:
        self.points = points
        self.threshold = threshold
        self.stop = stop
        self.leader = np.full(len(points), -1, dtype=np.intp)
        self.screen = Screen(points, threshold)

    def run(self) -> bool:
        """Settle the tasks block by block; False where `stop` ended it."""
        settled, size = 0, FIRST
        while settled < len(self.points):
            try:
                end, led = self._settle(np.arange(settled, min(settled + size, len(self.points))))
            except _TooCoarse:
                self.leader[settled:] = -1
                self.screen = self.screen.finer()
            except _Stopped:
                self.leader[settled:] = -1
                return False
            else:
                settled = end
                # Aim at a block of which half of BLOCK follows no known leader.
                size = min(LARGEST_BLOCK, max(BLOCK, size * BLOCK // (2 * max(1, led))))
        return True

    def _settle(self, block: Rows) -> tuple[int, int]:
        """Let each task of a block follow or lead.

        Returns:
            The row up to which all are settled, and how many tasks followed none of the leaders known before; where
            none were known, how many lead.
        """
        tasks = self.screen.encode(block)
        known = len(self.screen.leaders)
        waiting = tasks
        for part in chunks(len(self.screen.leaders), max(BLOCK, TILE // len(block))):
            leaders = self.screen.led(part)
            task, leader = self._near(waiting, leaders)
            first = np.ones(len(task), dtype=bool)
            first[1:] = task[1:] != task[:-1]
            self.leader[waiting.rows[task[first]]] = leaders.rows[leader[first]]
            if len(task):
                waiting = waiting.take(self.leader[waiting.rows] < 0)
        left = waiting.rows
        self._join_each_other(waiting.take(np.arange(min(len(left), BLOCK))))
        end = int(left[BLOCK]) if len(left) > BLOCK else int(block[-1]) + 1
        return end, len(left) if known else len(self.screen.leaders)

    def _join_each_other(self, tasks: Screened) -> None:
        """Settle at most BLOCK tasks that follow no earlier leader: by rounds, each of which settles many.

        A task with no unsettled earlier task near it leads; those near a new leader follow. This is the sequential
        rule taken in parallel [1]_.

        References:
            .. [1] G. E. Blelloch, J. T. Fineman and J. Shun, "Greedy Sequential Maximal Independent Set and Matching
               are Parallel on Average", 2012, doi:10.1145/2312005.2312058
        """
        rows = tasks.rows
        if not len(rows):
            return
        first, second = self._near(tasks, None)
        unsettled = np.ones(len(rows), dtype=bool)
        leads = np.zeros(len(rows), dtype=bool)
        while unsettled.any():
            new = unsettled.copy()
            new[second[unsettled[first]]] = False
            leads |= new
            unsettled &= ~new
            unsettled[second[new[first]]] = False
        followed = np.arange(len(rows))
        led = leads[first]
        # a task takes the last leader it is given: backwards, so that this is the earliest
        followed[second[led][::-1]] = first[led][::-1]
        self.leader[rows] = rows[followed]
        self.screen.add(tasks.take(leads))

    def _near(self, tasks: Screened, leaders: Screened | None) -> tuple[Rows, Rows]:
        """Pairs of a task and a leader, or with None of a task and a later one, that are nearer than the threshold.

        Returns:
            The places of the pairs in `tasks` and in `leaders` (or in `tasks` again), sorted by both.
        """
        if self.stop():
            raise _Stopped
        others = tasks if leaders is None else leaders
        product = self.screen.product(tasks, others)
        passed = np.flatnonzero(product > 0)
        one, other = np.divmod(passed, max(1, len(others.rows)))
        if leaders is None:
            later = one < other
            passed, one, other = passed[later], one[later], other[later]
        near = surely_near(product.reshape(-1)[passed], tasks.margin[one], others.margin[other])
        unsure = np.flatnonzero(~near)
        if self.screen.coarse and len(unsure) > BLOCK + UNSURE_SHARE * product.size:
            raise _TooCoarse
        for some in chunks(len(unsure), self.points.pairs_at_once):
            if self.stop():
                raise _Stopped
            pairs = unsure[some]
            distances = self.points.distances(tasks.rows[one[pairs]], others.rows[other[pairs]])
            near[pairs] = distances < self.threshold
        return one[near], other[near]
