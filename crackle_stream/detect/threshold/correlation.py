"""Pairs of metrics that rise and fall together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from crackle_stream.detect.threshold.columns import first_with, table_of
from crackle_stream.detect.threshold.pearson import raw_sum_pearson, screen
from crackle_stream.detect.threshold.verdict import Verdict, skips, too_few_tasks
from crackle_stream.model import CracklePattern, NearMiss, PatternKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from crackle_stream.detect.threshold.columns import Table
    from crackle_stream.detect.threshold.pearson import Pairs
    from crackle_stream.model import Examination
    from crackle_stream.protocols import Context
    from crackle_stream.window import Window

__all__ = ["Correlation"]

LEAST_TASKS = 3
"""Two points always lie on a line."""

TOO_FEW_BOTH = "fewer than 3 tasks have both"


@dataclass(frozen=True, slots=True)
class Correlation:
    """|Pearson r| at or above a threshold, over the tasks that have both metrics.

    A matrix product finds the pairs that may reach the threshold; their r is then computed the crate's way.

    Attributes:
        threshold: |r| from which a pair is reported.
        least: fewer tasks give no pattern.
    """

    threshold: float
    least: int = 2

    @property
    def name(self) -> str:
        """By which failures and memory go."""
        return "correlation"

    def examine(self, window: Window, context: Context) -> Examination:
        """Look for pairs."""
        nothing = too_few_tasks(self.name, window, max(self.least, LEAST_TASKS))
        if nothing is not None:
            return nothing
        verdict = Verdict()
        stop = verdict.stopping(context.stop)
        table = table_of(window, context)
        pairs = screen(table.points, stop)
        if pairs is not None:
            self._judge(table, pairs, verdict, stop)
        return verdict.examination()

    def _judge(self, table: Table, pairs: Pairs, verdict: Verdict, stop: Callable[[], bool]) -> None:
        tested = pairs.tasks >= LEAST_TASKS
        few = np.flatnonzero(~tested)
        names = (" ~ ".join(_named(table.window, pairs, place)) for place in few.tolist())
        verdict.tests = int(tested.sum())
        verdict.skipped += skips(TOO_FEW_BOTH, "pairs", len(few), names)
        strength = np.where(tested, np.abs(pairs.r), 0.0)
        unsure = tested & ~(strength + pairs.error < self.threshold)
        strength[unsure] = 0.0
        if unsure.any():
            for places, r in raw_sum_pearson(table, pairs, np.flatnonzero(unsure), stop):
                strong = np.abs(r) >= self.threshold
                strength[places[~strong]] = np.nan_to_num(np.abs(r[~strong]))
                found = dict(zip(places[strong].tolist(), r[strong].tolist(), strict=True))
                _report(table, pairs, verdict, found)
        if len(strength) and strength.max() > 0.0:
            best = _named(table.window, pairs, int(strength.argmax()))
            verdict.nearest = NearMiss(" ~ ".join(best), float(strength.max()), self.threshold, "|r|")


def _report(table: Table, pairs: Pairs, verdict: Verdict, found: Mapping[int, float]) -> None:
    """Add the pairs of the given places, each with its r."""
    for place, r in found.items():
        both = table.both(pairs.first[place], pairs.second[place])
        pattern = _pattern(table.window, _named(table.window, pairs, place), r, table.tasks_with(both))
        verdict.add(pattern, first_with(both))


def _named(window: Window, pairs: Pairs, place: int) -> tuple[str, str]:
    """The names of a pair, sorted."""
    one, other = sorted((window.names[pairs.first[place]], window.names[pairs.second[place]]))
    return one, other


def _pattern(window: Window, names: tuple[str, str], r: float, tasks: tuple[str, ...]) -> CracklePattern:
    direction = "positive" if r > 0 else "negative"
    return CracklePattern(
        kind=PatternKind.CORRELATION,
        form="linear",
        direction=direction,
        description=f"strong {direction} correlation between '{names[0]}' and '{names[1]}' (r = {r:.3f})",
        confidence=abs(r),
        involved_tasks=tasks,
        metric_names=names,
        metrics={"correlation": r},
        key=window.key,
        window_id=window.id,
    )
