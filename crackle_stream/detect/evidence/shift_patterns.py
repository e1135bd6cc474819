"""The words and numbers for a change of one metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.metric_types import MetricType
from crackle_stream.model import CracklePattern, Evidence, Nature, Onset, PatternKind

if TYPE_CHECKING:
    from crackle_stream.detect.evidence.prepared import Block, Prepared

__all__ = ["Change", "distance", "shift_pattern", "width"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


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
    """

    form: str
    row: int
    until: int
    p: float
    effect: float
    direction: str
    tasks: Ints


def width(e: Floats) -> float:
    """Half the range of the middle 68 %: the standard deviation of a normal sample, whatever its tails."""
    low, high = np.quantile(e, [0.16, 0.84])
    return float(high - low) / 2


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
    label = window.labels[change.row]
    return CracklePattern(
        kind=PatternKind.PHASE_TRANSITION,
        form=change.form,
        nature=Nature.EVENT,
        description=f"{sentence} {_where(change.row, label, len(window))}",
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


def _where(row: int, label: str, rows: int) -> str:
    return f"at task {label} (row {row} of {rows})" if row else "before the window began"


def _around(values: Floats, rows: Ints, change: Change) -> tuple[Floats, Floats]:
    present = values[rows]
    place = int(np.searchsorted(rows, change.row))
    return present[:place], present[place : place + change.until]


def _sentence(name: str, change: Change, before: Floats, after: Floats) -> tuple[str, dict[str, float]]:
    if change.form == "mean":
        old, new = float(np.mean(before)), float(np.mean(after))
        verb = "rose" if change.direction == "up" else "fell"
        text = f"{name} {verb} from {old:.4g} to {new:.4g} ({change.effect:+.2g} standard deviations)"
        return text, {"before": old, "after": new, "effect": change.effect}
    if change.form == "variance":
        old, new = width(before), width(after)
        verb = "spreads wider" if change.direction == "up" else "spreads less"
        text = f"{name} {verb} from one task to the next: {2**change.effect:.3g} times as before"
        return text, {"spread_before": old, "spread_after": new, "ratio": 2**change.effect}
    return f"the distribution of {name} changed its shape", {"effect": change.effect}


def distance(before: Floats, after: Floats) -> float:
    """Kolmogorov's distance between two samples: the largest gap between their distribution functions.

    >>> distance(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    1.0
    """
    if not len(before) or not len(after):
        return 0.0
    points = np.concatenate([before, after])
    gap = np.searchsorted(np.sort(before), points, "right") / len(before)
    gap -= np.searchsorted(np.sort(after), points, "right") / len(after)
    return float(np.abs(gap).max())
