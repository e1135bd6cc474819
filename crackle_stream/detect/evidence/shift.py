"""The detector of shifts: level, spread and shape of every metric, located within the window."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.prepared import Batch, Block, Prepared, prepared_of
from crackle_stream.detect.evidence.ranks import legendre_of_ranks, median
from crackle_stream.detect.evidence.recall import learned
from crackle_stream.detect.evidence.shift_patterns import Change, shift_pattern, width
from crackle_stream.detect.evidence.spread import SHAPE_DEGREES
from crackle_stream.model import Candidate, Examination, NearMiss, Skip

if TYPE_CHECKING:
    from crackle_stream.detect.evidence.memory import MetricMemory
    from crackle_stream.detect.evidence.whitening import White
    from crackle_stream.protocols import Context
    from crackle_stream.window import Window

__all__ = ["LEVEL_SHARE", "SHAPE_SHARE", "SPREAD_SHARE", "ShiftDetector"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

LEVEL_SHARE, SPREAD_SHARE, SHAPE_SHARE = 0.64, 0.18, 0.18
"""How a metric's chance of a false shift is split between the three questions; most shifts that matter are of level."""

PROPOSED = 0.05
"""Largest p value, over all metrics, at which a shift is proposed; the budget decides whether it is reported."""


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
        batches, blocks = prepared.whitened.batches, prepared.whitened.blocks
        complete = not context.stop()  # what was not whitened in time is in no block
        for batch in batches:
            for block in batch.blocks:
                candidates += _candidates(prepared, block, PROPOSED / tests)
            _remember(remembered, prepared, batch, PROPOSED / tests)
            if context.stop():
                complete = False
                break
        news = {"metrics": remembered} if remembered else {}
        nearest = None if candidates else _nearest(prepared, blocks, tests)
        skipped = (*prepared.skipped, *_drifting(prepared, blocks))
        return Examination(tuple(candidates), tests, skipped, news, nearest, complete=complete)


def _drifting(prepared: Prepared, blocks: Sequence[Block]) -> Iterator[Skip]:
    """What is said of metrics that drift: no moment of a drift is a change, and what is beside it is tested."""
    for block in blocks:
        drifts = block.white.drifts
        for place in np.flatnonzero(drifts.slopes).tolist():
            gained = float(drifts.slopes[place]) * (len(block.rows) - 1)
            by = f"times {np.exp(gained):.4g}" if drifts.growing[place] else f"{gained:+.4g}"
            name = prepared.names[block.columns[place]]
            yield Skip(f"the drift of {name}", f"straight, {by} over the window: no change at any one task")


def _candidates(prepared: Prepared, block: Block, bar: float) -> list[Candidate]:
    return [
        Candidate(shift_pattern(prepared, block, place, column, change), change.p)
        for place, column in enumerate(block.columns)
        for change in _changes(block, place, bar, prepared.memories[column])
    ]


def _nearest(prepared: Prepared, blocks: Sequence[Block], tests: int) -> NearMiss | None:
    """The least likely change of any metric; None where nothing was whitened or all is as likely as can be."""
    least = [
        (p, f"the {asked} of {prepared.names[column]}")
        for block in blocks
        for asked, chances in zip(("level", "spread", "shape"), _chances(block.white), strict=True)
        for column, p in zip(block.columns, chances.tolist(), strict=True)
        if p < 1.0
    ]
    if not least:
        return None
    p, what = min(least)
    return NearMiss(what, -math.log10(max(p * tests, 1e-300)), -math.log10(PROPOSED), "-log10 of p over all tests")


def _remember(remembered: dict[str, object], prepared: Prepared, batch: Batch, bar: float) -> None:
    """Put in what this window teaches about its quiet metrics."""
    known = [prepared.memories[column] for column in batch.columns]
    values = batch.table(prepared.untied)
    weight = prepared.window.fresh / max(len(prepared.window), 1)
    quiet = _teaches(batch.white, bar, known)
    taught = learned(batch.white, values, known, quiet, weight, batch.lengths)
    for column, memory in zip(batch.columns, taught, strict=True):
        if memory is None:
            remembered.pop(prepared.names[column], None)
        else:
            remembered[prepared.names[column]] = memory.to_dict()


def _stored(prepared: Prepared) -> Mapping[str, object]:
    stored = prepared.history.of(ShiftDetector.name).get("metrics", {})
    return stored if isinstance(stored, Mapping) else {}


def _teaches(white: White, bar: float, known: Sequence[MetricMemory | None]) -> list[bool]:
    """Whether each metric's window is learned from: nothing changed, or no more than an unfinished memory must learn.

    A metric whose volatility comes in spells seems to change its spread in one window of twenty while it is not known;
    left out, those windows would keep it unknown, and its memory would hold the quiet spells alone.
    """
    level = white.levels.p / LEVEL_SHARE > bar
    learning = np.array([memory is None or not memory.calibrated for memory in known])
    return np.where(learning, level, _least_p(white) > bar).tolist()  # type: ignore[no-any-return]


def _least_p(white: White) -> Floats:
    return np.asarray(np.minimum.reduce(_chances(white)))


def _chances(white: White) -> tuple[Floats, Floats, Floats]:
    """P values of level, spread and shape over their shares, shape (k,) each."""
    return white.levels.p / LEVEL_SHARE, white.spreads.p / SPREAD_SHARE, white.shapes.p / SHAPE_SHARE


def _changes(block: Block, place: int, bar: float, memory: MetricMemory | None) -> Iterator[Change]:
    white, rows = block.white, block.rows
    end = len(rows)
    steps = [step for step in white.steps[place] if step.p / LEVEL_SHARE < bar]
    noise = float(np.nanstd(_settled(white.y[:, place], [step.row for step in white.steps[place]]))) if steps else 0.0
    for index, step in enumerate(steps):
        until = steps[index + 1].row if index + 1 < len(steps) else end
        lean = np.sign(step.size) * white.y[step.row : until, place]
        yield Change(
            "mean",
            int(rows[step.row]),
            until - step.row,
            min(step.p / LEVEL_SHARE, 1.0),
            step.size / noise if noise > 0 else np.inf,
            "up" if step.size > 0 else "down",
            rows[step.row + np.argsort(-lean, kind="stable")],
            step.row - steps[index - 1].row if index else None,
        )
    spread_p = float(white.spreads.p[place]) / SPREAD_SHARE
    shape_p = float(white.shapes.p[place]) / SHAPE_SHARE
    if min(spread_p, shape_p) >= bar:
        return
    first = int(np.argmax(~np.isnan(white.innovations[:, place])))
    e = white.innovations[first:, place]
    if spread_p < bar:
        row = int(white.spreads.row[place])
        earlier = e[:row] if row or memory is None else memory.noise * memory.deviation
        before, after = width(earlier), width(e[row:])
        size = np.abs(e[row:] - median(e))
        wider = after > before
        yield Change(
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
        scores = legendre_of_ranks(white.scores[first:, place : place + 1], 1, SHAPE_DEGREES)
        weight = scores[row:] @ white.shapes.parts[:, place]
        yield Change(
            "shape",
            int(rows[first + row]),
            end - first - row,
            min(shape_p, 1.0),
            float(white.shapes.statistic[place] / np.sqrt(max(end - first, 1))),
            "",
            rows[first + row + np.argsort(-weight, kind="stable")],
        )


def _settled(y: Floats, edges: list[int]) -> Floats:
    return np.concatenate([part - part.mean() for part in np.split(y, edges) if len(part)])
