"""Metrics that hardly vary from task to task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from crackle_stream.detect.threshold.columns import EPSILON, first_with, in_order, table_of
from crackle_stream.detect.threshold.verdict import Verdict, skips, too_few_tasks
from crackle_stream.model import CracklePattern, NearMiss, PatternKind

if TYPE_CHECKING:
    from crackle_stream.detect.threshold.columns import Columns, Table
    from crackle_stream.model import Examination
    from crackle_stream.protocols import Context
    from crackle_stream.window import Window

__all__ = ["Conservation"]

TOO_SHORT = "fewer than 2 tasks have it"
NO_MEAN = "its mean is 0, and variation is measured by the mean"


@dataclass(frozen=True, slots=True)
class Conservation:
    """Population standard deviation / |mean| under a tolerance.

    Identifiers, counters and constants on a large offset vary little by this measure and are reported: this is the
    crate's rule, and its known weakness.

    Attributes:
        tolerance: coefficient of variation under which a metric is reported.
        least: fewer tasks give no pattern.
    """

    tolerance: float
    least: int = 2

    @property
    def name(self) -> str:
        """By which failures and memory go."""
        return "conservation"

    def examine(self, window: Window, context: Context) -> Examination:
        """Look for metrics that stay put."""
        nothing = too_few_tasks(self.name, window, self.least)
        if nothing is not None:
            return nothing
        verdict = Verdict()
        reasons: dict[str, list[str]] = {TOO_SHORT: [], NO_MEAN: []}
        table = table_of(window, context)
        for columns in table.blocks(verdict.stopping(context.stop)):
            self._judge(table, columns, verdict, reasons)
        for why, names in reasons.items():
            verdict.skipped += skips(why, "metrics", len(names), names)
        return verdict.examination()

    def _judge(self, table: Table, columns: Columns, verdict: Verdict, reasons: dict[str, list[str]]) -> None:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            total = columns.totals
            mean = total / columns.counts
            away = columns.values - mean
            if columns.present is not None:
                away *= columns.present
            deviation = np.sqrt(in_order(np.square(away, out=away)) / columns.counts)
            variation = deviation / np.abs(mean)
        enough = columns.counts >= 2
        level = np.abs(mean) > EPSILON
        verdict.tests += int((enough & level).sum())
        for k, name in enumerate(table.window.names[columns.start : columns.start + len(total)]):
            if not enough[k]:
                reasons[TOO_SHORT].append(name)
            elif not level[k]:
                reasons[NO_MEAN].append(name)
            elif variation[k] < self.tolerance:
                has = columns.tasks(k)
                tasks = table.tasks_with(has)
                figures = float(total[k]), float(deviation[k]), float(variation[k])
                verdict.add(_pattern(table.window, name, tasks, *figures), first_with(has))
            elif verdict.nearest is None or variation[k] < verdict.nearest.value:
                verdict.nearest = NearMiss(name, float(variation[k]), self.tolerance, "coefficient of variation")


def _pattern(
    window: Window, name: str, tasks: tuple[str, ...], total: float, deviation: float, variation: float
) -> CracklePattern:
    return CracklePattern(
        kind=PatternKind.CONSERVATION,
        form="constant",
        description=(
            f"metric '{name}' is conserved across {len(tasks)} tasks (sum: {total:.3f}, std_dev: {deviation:.3f})"
        ),
        confidence=1.0 - min(variation, 1.0),
        involved_tasks=tasks,
        metric_names=(name,),
        metrics={"total": total, "std_dev": deviation, "coefficient_of_variation": variation},
        key=window.key,
        window_id=window.id,
    )
