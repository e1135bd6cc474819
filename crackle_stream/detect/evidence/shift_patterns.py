"""The words and numbers for a change of one metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.metric_types import MetricType
from crackle_stream.detect.evidence.ranks import median, quantiles
from crackle_stream.model import CracklePattern, Evidence, Nature, Onset, PatternKind

if TYPE_CHECKING:
    from crackle_stream.detect.evidence.prepared import Block, Prepared
    from crackle_stream.window import Window

__all__ = ["FORMS", "NO_LONGER_CONSTANT", "Change", "distance", "shift_pattern", "where", "width"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

NO_LONGER_CONSTANT = "no longer constant"
"""Form of the pattern that a metric which had one value has others."""

FORMS = (NO_LONGER_CONSTANT, "mean", "variance", "shape")
"""Forms of change, the plainest first: a change is told by the first that describes it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one metric, in rows of the window.

    Attributes:
        form: mean, variance or shape.
        row: where it begins; 0 for before the window.
        until: rows from there to the next change or the end.
        p: p value over the metric's three questions.
        effect: size in the form's own unit.
        direction: up, down or "".
        tasks: rows of the responsible tasks, most responsible first.
        since: rows between the change before, or the window's beginning, and this one; None where there is none.
    """

    form: str
    row: int
    until: int
    p: float
    effect: float
    direction: str
    tasks: Ints
    since: int | None = None


def width(e: Floats) -> float:
    """Half the range of the middle 68 %: the standard deviation of a normal sample, whatever its tails."""
    low, high = quantiles(e, (0.16, 0.84))
    return (high - low) / 2


def shift_pattern(prepared: Prepared, block: Block, place: int, column: int, change: Change) -> CracklePattern:
    """One change of one metric, told.

    Args:
        prepared: the window.
        block: the metrics that are present in the same rows.
        place: the metric's place in the block.
        column: its place among the tested metrics.
        change: what changed.
    """
    window = prepared.window
    metric = prepared.typed[prepared.tested[column]]
    values = prepared.table[:, prepared.tested[column]]
    before, after = _around(values, block.rows, change)
    memory = prepared.memories[column]
    if not len(before) and memory is not None:
        before = memory.knots  # the window has shifted as a whole: against the windows before it
    name = f"the gain of {metric.name} a task" if metric.type is MetricType.COUNTER else metric.name
    sentence, numbers = _sentence(name, change, before, after)
    return CracklePattern(
        kind=PatternKind.PHASE_TRANSITION,
        form=change.form,
        nature=Nature.EVENT,
        description=f"{sentence}, {where(change.row, window)}",
        confidence=0.0,
        involved_tasks=tuple(window.labels[row] for row in change.tasks.tolist()),
        metric_names=(metric.name,),
        metrics={**numbers, "distance": distance(before, after)},
        direction=change.direction,
        evidence=Evidence(
            change.p,
            1.0,
            change.effect,
            float(block.white.effective_n[place]),
            calibrated=bool(block.white.calibrated[place]),
        ),
        at=Onset(change.row, float(window.times[change.row])),
    )


def where(row: int, window: Window) -> str:
    """The place of a change in words; row 0 stands for before the window."""
    if not row:
        return "before the window began"
    label = window.labels[row]
    return f"at {'' if label.lower().startswith('task') else 'task '}{label} (row {row} of {len(window)})"


def _around(values: Floats, rows: Ints, change: Change) -> tuple[Floats, Floats]:
    """The values between the changes on either side: before this one and after it."""
    present = values[rows]
    place = int(np.searchsorted(rows, change.row))
    first = 0 if change.since is None else place - change.since
    return present[first:place], present[place : place + change.until]


def _sentence(name: str, change: Change, before: Floats, after: Floats) -> tuple[str, dict[str, float]]:
    if change.form == "mean":
        old, new = _levels(before, after, change.direction)
        verb = "rose" if change.direction == "up" else "fell"
        text = f"{name} {verb} from {old:.4g} to {new:.4g} ({change.effect:+.2g} standard deviations)"
        return text, {"before": old, "after": new, "effect": change.effect}
    if change.form == "variance":
        old, new = width(before), width(after)
        more = "more" if change.direction == "up" else "less"
        text = f"varies {more} from task to task, {2**change.effect:.3g} times as much as before"
        text = f"{name} {_moved_too(before, after)}{text}"
        return text, {"spread_before": old, "spread_after": new, "ratio": 2**change.effect}
    return f"{name} {_moved_too(before, after)}has its values distributed otherwise than before", {
        "effect": change.effect
    }


def _moved_too(before: Floats, after: Floats) -> str:
    """The middles, where they are apart: a level that wanders shows as a change of what varies, and reads as one."""
    old, new = median(before), median(after)
    if abs(new - old) <= _scale(before, after):
        return ""
    return f"went from around {old:.4g} to around {new:.4g} and "


def _levels(before: Floats, after: Floats, direction: str) -> tuple[float, float]:
    """Means, or medians where a few far values turn the means the other way round."""
    old, new = float(np.mean(before)), float(np.mean(after))
    if (new > old) == (direction == "up"):
        return old, new
    return median(before), median(after)


def distance(before: Floats, after: Floats) -> float:
    """Wasserstein's first distance between two samples, in standard deviations: how far values moved on average.

    The area between the two distribution functions [1] over the root mean square of both samples' robust widths. It
    does not end where samples no longer overlap, so that metrics can be ranked by it.

    >>> round(distance(np.arange(100.0), 90 + np.arange(100.0)), 2)
    2.67

    References:
        [1] S. Vallender, Calculation of the Wasserstein distance between probability distributions on the line,
            Theory of Probability and Its Applications 18, 1974. doi:10.1137/1118101
    """
    if not len(before) or not len(after):
        return 0.0
    points = np.sort(np.concatenate([before, after]))
    gap = np.searchsorted(np.sort(before), points[:-1], "right") / len(before)
    gap -= np.searchsorted(np.sort(after), points[:-1], "right") / len(after)
    moved = float(np.sum(np.abs(gap) * np.diff(points)))
    scale = _scale(before, after) or float(np.std(points))
    return moved / scale if scale > 0 else 0.0


def _scale(before: Floats, after: Floats) -> float:
    """Root mean square of both samples' robust widths."""
    return float(np.hypot(width(before), width(after))) / 2**0.5
