"""The detector of shifts: level, spread and shape of every metric, located within the window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.metric_types import MetricType
from crackle_stream.detect.evidence.prepared import Block, Prepared, prepared_of
from crackle_stream.detect.evidence.recall import learned
from crackle_stream.detect.evidence.spread import legendre_scores, uniform_ranks
from crackle_stream.model import (
    Candidate,
    CracklePattern,
    Evidence,
    Examination,
    Nature,
    Onset,
    PatternKind,
)

if TYPE_CHECKING:
    from crackle_stream.detect.evidence.memory import MetricMemory
    from crackle_stream.protocols import Context
    from crackle_stream.window import Window

__all__ = ["LEVEL_SHARE", "SHAPE_SHARE", "SPREAD_SHARE", "ShiftDetector"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

LEVEL_SHARE, SPREAD_SHARE, SHAPE_SHARE = 0.64, 0.18, 0.18
"""How a metric's chance of a false shift is split between the three questions; most shifts that matter are of level."""

PROPOSED = 0.05
"""Largest p value, over all metrics, at which a shift is proposed; the budget decides whether it is reported."""


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of one metric, in rows of the window."""

    form: str
    row: int
    until: int
    p: float
    effect: float
    direction: str
    tasks: Ints


class ShiftDetector:
    """Level, spread and shape of every tested metric.

    A change of level is looked for first and taken out, then one of spread, then one of shape: one event is reported
    once, under the first name that explains it.
    """

    name = "shift"

    def examine(self, window: Window, context: Context) -> Examination:
        """Look for changes within the window."""
        prepared = prepared_of(window, context)
        tests = max(len(prepared.tested), 1)
        candidates: list[Candidate] = []
        remembered = dict(_stored(prepared))
        complete = True
        for block in prepared.whitened.blocks:
            candidates += _candidates(prepared, block, PROPOSED / tests)
            _remember(remembered, prepared, block, PROPOSED / tests)
            if context.stop():
                complete = False
                break
        news = {"metrics": remembered} if remembered else {}
        return Examination(tuple(candidates), tests, prepared.skipped, news, complete=complete)


def _candidates(prepared: Prepared, block: Block, bar: float) -> list[Candidate]:
    return [
        Candidate(_pattern(prepared, block, place, column, change), change.p)
        for place, column in enumerate(block.columns)
        for change in _changes(block, place, bar, prepared.memories[column])
    ]


def _remember(remembered: dict[str, object], prepared: Prepared, block: Block, bar: float) -> None:
    """Put in what this window teaches about its quiet metrics."""
    known = [prepared.memories[column] for column in block.columns]
    values = prepared.untied[block.rows][:, list(block.columns)]
    weight = prepared.window.fresh / max(len(prepared.window), 1)
    quiet = (_least_p(block) > bar).tolist()
    for column, memory in zip(block.columns, learned(block.white, values, known, quiet, weight), strict=True):
        if memory is None:
            remembered.pop(prepared.names[column], None)
        else:
            remembered[prepared.names[column]] = memory.to_dict()


def _stored(prepared: Prepared) -> Mapping[str, object]:
    stored = prepared.history.of(ShiftDetector.name).get("metrics", {})
    return stored if isinstance(stored, Mapping) else {}


def _least_p(block: Block) -> Floats:
    white = block.white
    shares = (white.levels.p / LEVEL_SHARE, white.spreads.p / SPREAD_SHARE, white.shapes.p / SHAPE_SHARE)
    return np.asarray(np.minimum.reduce(shares))


def _changes(block: Block, place: int, bar: float, memory: MetricMemory | None) -> Iterator[_Change]:
    white, rows = block.white, block.rows
    end = len(rows)
    steps = [step for step in white.steps[place] if step.p / LEVEL_SHARE < bar]
    noise = float(np.nanstd(_settled(white.y[:, place], [step.row for step in white.steps[place]])))
    for index, step in enumerate(steps):
        until = steps[index + 1].row if index + 1 < len(steps) else end
        lean = np.sign(step.size) * white.y[step.row : until, place]
        yield _Change(
            "mean",
            int(rows[step.row]),
            until - step.row,
            min(step.p / LEVEL_SHARE, 1.0),
            step.size / noise if noise > 0 else np.inf,
            "up" if step.size > 0 else "down",
            rows[step.row + np.argsort(-lean, kind="stable")],
        )
    first = int(np.argmax(~np.isnan(white.innovations[:, place])))
    e = white.innovations[first:, place]
    spread_p = float(white.spreads.p[place]) / SPREAD_SHARE
    shape_p = float(white.shapes.p[place]) / SHAPE_SHARE
    if spread_p < bar:
        row = int(white.spreads.row[place])
        earlier = e[:row] if row or memory is None else memory.noise * memory.deviation
        before, after = _width(earlier), _width(e[row:])
        size = np.abs(e[row:] - np.median(e))
        wider = after > before
        yield _Change(
            "variance",
            int(rows[first + row]) if row else 0,
            end - first - row,
            min(spread_p, 1.0),
            float(np.log2(max(after, 1e-300) / max(before, 1e-300))),
            "up" if wider else "down",
            rows[first + row + np.argsort(-size if wider else size, kind="stable")],
        )
    elif shape_p < bar:
        row = int(white.shapes.row[place])
        u = uniform_ranks(white.scores[first:, place : place + 1])[row:, 0]
        parts = white.shapes.parts[:, place]
        weight = sum(part * legendre_scores(u, degree) for degree, part in enumerate(parts, start=1))
        yield _Change(
            "shape",
            int(rows[first + row]),
            end - first - row,
            min(shape_p, 1.0),
            float(white.shapes.statistic[place] / np.sqrt(max(end - first, 1))),
            "",
            rows[first + row + np.argsort(-np.asarray(weight), kind="stable")],
        )


def _settled(y: Floats, edges: list[int]) -> Floats:
    return np.concatenate([part - part.mean() for part in np.split(y, edges) if len(part)])


def _width(e: Floats) -> float:
    low, high = np.quantile(e, [0.16, 0.84])
    return float(high - low) / 2


def _pattern(prepared: Prepared, block: Block, place: int, column: int, change: _Change) -> CracklePattern:
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


def _around(values: Floats, rows: Ints, change: _Change) -> tuple[Floats, Floats]:
    present = values[rows]
    place = int(np.searchsorted(rows, change.row))
    return present[:place], present[place : place + change.until]


def _sentence(name: str, change: _Change, before: Floats, after: Floats) -> tuple[str, dict[str, float]]:
    if change.form == "mean":
        old, new = float(np.mean(before)), float(np.mean(after))
        verb = "rose" if change.direction == "up" else "fell"
        text = f"{name} {verb} from {old:.4g} to {new:.4g} ({change.effect:+.2g} standard deviations)"
        return text, {"before": old, "after": new, "effect": change.effect}
    if change.form == "variance":
        old, new = _width(before), _width(after)
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
