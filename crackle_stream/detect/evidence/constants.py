"""The detector of constants that stop being constant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log10
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from crackle_stream.detect.evidence.metric_types import CONSTANT_SPREAD, MetricType
from crackle_stream.detect.evidence.prepared import prepared_of
from crackle_stream.detect.evidence.shift_patterns import NO_LONGER_CONSTANT, distance, where
from crackle_stream.model import (
    Candidate,
    CracklePattern,
    Evidence,
    Examination,
    Nature,
    NearMiss,
    Onset,
    PatternKind,
    Skip,
)

if TYPE_CHECKING:
    from crackle_stream.protocols import Context
    from crackle_stream.window import Window

__all__ = ["ConstantDetector", "first_move_tail"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

LEAST_HELD = 30
"""Tasks in a row with one value from which a metric is watched as a constant."""

NEWS_ROWS = 500
"""Tasks, over at least `NEWS_WINDOWS` windows, that held a value before any other one is news in itself."""

NEWS_WINDOWS = 5

BACKING_OFF = 4
"""Factor by which a metric must hold a value for longer after every exception: one that leaves its value now and then
is reported a handful of times in its life, not at a rate."""

PROPOSED = 0.05
"""Largest p value at which moving is proposed; the budget decides whether it is reported."""

NOT_WATCHED = frozenset({MetricType.ID, MetricType.TIMESTAMP})


@dataclass(frozen=True, slots=True)
class _Held:
    """What is known of a metric that holds a value.

    Attributes:
        value: the value.
        rows: tasks that held it.
        windows: windows that held it.
        breaks: earlier times at which it left a value it had held.
        left_at: epoch seconds of the first task with another value; None while it holds.
    """

    value: float
    rows: int = 0
    windows: int = 0
    breaks: int = 0
    left_at: float | None = None

    @property
    def is_rule(self) -> bool:
        """Whether it was held for so long that any exception is news."""
        return self.windows >= NEWS_WINDOWS and self.rows >= NEWS_ROWS * BACKING_OFF**self.breaks


class ConstantDetector:
    """Metrics that had one value and now have others.

    Two ways: a metric that begins to move has a p value, the chance that its moves all come so late if they were as
    likely at any task. A single new value has none that a budget could use, since "never in n tasks" is no rarer than
    1 in n + 1; where a value was held for at least `NEWS_ROWS` tasks over several windows it is reported as what it
    is, with that chance as its doubt, and the metric must hold four times as long before it is news again.
    """

    name = "constants"

    def examine(self, window: Window, context: Context) -> Examination:
        """Hold the values known, and the window's first ones, against the window."""
        prepared = prepared_of(window, context)
        known = _recalled(context.history.of(self.name))
        learned: dict[str, _Held] = {}
        moved: list[Candidate] = []
        tests, complete = 0, True
        for column, metric in enumerate(prepared.typed):
            if context.stop():
                complete = False
                break
            if metric.type in NOT_WATCHED:
                continue
            rows = np.flatnonzero(~np.isnan(window.values[:, column]))
            before = known.get(metric.name)
            if not len(rows):
                learned.update({metric.name: before} if before else {})
                continue
            held, odd = _held(window, rows, window.values[rows, column], before)
            if held.rows >= LEAST_HELD:
                tests += 1
                learned[metric.name] = held
                moved += _moved(window, metric.name, rows, column, held, odd)
            elif held.breaks:
                learned[metric.name] = held
        skipped = tuple(
            Skip(metric.name, f"{metric.type}: {metric.why}") for metric in prepared.typed if metric.type in NOT_WATCHED
        )
        news = {"metrics": {name: _plain(one) for name, one in learned.items()}}
        candidates = tuple(one for one in moved if one.p is None or one.p <= PROPOSED)
        nearest = None if candidates else _nearest(moved)
        return Examination(candidates, tests, skipped, news, nearest, complete=complete)


def first_move_tail(before: int, after: int, moves: int) -> float:
    """The chance that `moves` moves, as likely at any of the tasks, all come after the first `before` of them.

    The hypergeometric chance C(after, moves) / C(before + after, moves).

    >>> round(first_move_tail(9, 1, 1), 12)
    0.1
    """

    def log_choose(n: int) -> float:
        return float(gammaln(n + 1) - gammaln(n - moves + 1))

    return exp(log_choose(after) - log_choose(before + after))


def _held(window: Window, rows: Ints, x: Floats, before: _Held | None) -> tuple[_Held, Ints]:
    """What is known of a metric after this window, and the places among `rows` where it has left its value."""
    start = float(window.times.min())
    if before is not None and before.left_at is not None and before.left_at < start:
        before = _Held(float(x[0]), breaks=before.breaks + 1)
    known = _Held(float(x[0])) if before is None else before
    odd = np.flatnonzero(np.abs(x - known.value) > CONSTANT_SPREAD * np.maximum(np.abs(x), abs(known.value)))
    if known.left_at is not None:
        return known, odd[window.times[rows[odd]] >= known.left_at]
    fresh = rows >= len(window) - window.fresh if known.rows else np.ones(len(rows), dtype=np.bool_)
    lasted = int(odd[0]) if len(odd) else len(rows)
    after = replace(known, rows=known.rows + int(np.count_nonzero(fresh[:lasted])))
    if not len(odd):
        return replace(after, windows=known.windows + 1), odd
    if after.rows < LEAST_HELD:
        return _Held(float(x[-1]), breaks=known.breaks), odd
    return replace(after, left_at=float(window.times[rows[lasted]])), odd


def _nearest(moved: Sequence[Candidate]) -> NearMiss | None:
    """The metric whose moves are least likely to come so late by chance; None where nothing moved."""
    chances = [(one.p, one.pattern.metric_names[0]) for one in moved if one.p is not None]
    if not chances:
        return None
    p, name = min(chances)
    return NearMiss(name, -log10(max(p, 1e-300)), -log10(PROPOSED), "-log10 of p")


def _moved(window: Window, name: str, rows: Ints, column: int, held: _Held, odd: Ints) -> list[Candidate]:
    """The metric's leaving its value, however likely by chance; nothing where it held."""
    if not len(odd):
        return []
    x = window.values[rows, column]
    moves = _moves(x, int(odd[0]), held.value)
    left = len(x) - int(odd[0])
    p = first_move_tail(held.rows - LEAST_HELD, left, moves)  # the first LEAST_HELD tasks made it a constant
    return [Candidate(_pattern(window, name, rows, x, held, odd, moves, p), None if held.is_rule else p)]


def _moves(x: Floats, first: int, value: float) -> int:
    """Tasks from the first exception on that differ from the one before, returns to the old value left out."""
    later = x[first:]
    earlier = np.r_[value, later[:-1]]
    return int(np.count_nonzero((later != earlier) & (later != value)))


def _pattern(
    window: Window, name: str, rows: Ints, x: Floats, held: _Held, odd: Ints, moves: int, p: float
) -> CracklePattern:
    first = int(odd[0])
    later = x[first:]
    low, high = float(later.min()), float(later.max())
    became = f"became {high:.6g}" if low == high else f"began to vary, from {low:.6g} to {high:.6g}"
    gap = distance(np.full(max(first, 1), held.value), later)
    place = where(int(rows[first]), window)
    order = odd[np.argsort(-np.abs(x[odd] - held.value), kind="stable")]
    return CracklePattern(
        kind=PatternKind.PHASE_TRANSITION,
        form=NO_LONGER_CONSTANT,
        nature=Nature.EVENT,
        description=f"{name}, always {held.value:.6g} in {held.rows} tasks, {became}, {place}",
        confidence=1.0 - p,
        involved_tasks=tuple(window.labels[row] for row in rows[order].tolist()),
        metric_names=(name,),
        metrics={
            "before": held.value,
            "after": float(np.median(later)),
            "held": float(held.rows),
            "moves": float(moves),
            "distance": gap,
        },
        evidence=Evidence(p, p, gap, float(held.rows), calibrated=held.is_rule),
        at=Onset(int(rows[first]), float(window.times[rows[first]])),
    )


def _recalled(learned: Mapping[str, object]) -> dict[str, _Held]:
    stored = learned.get("metrics", {})
    assert isinstance(stored, Mapping)
    return {str(name): _Held(**row) for name, row in stored.items()}


def _plain(held: _Held) -> dict[str, object]:
    return {
        "value": held.value,
        "rows": held.rows,
        "windows": held.windows,
        "breaks": held.breaks,
        "left_at": held.left_at,
    }
