"""The words for groups of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.model import CracklePattern, Evidence, Nature, PatternKind

if TYPE_CHECKING:
    from crackle_stream.detect.evidence.group_search import Groups
    from crackle_stream.window import Window

__all__ = ["GROUPS", "centres", "groups_pattern", "spreads"]

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]

GROUPS = "groups"

NAMED_SPREAD = 1.0
"""Standard deviations within a group by which the groups' middles must differ for a metric to be named."""

SHOWN_METRICS = 3
"""Metrics a sentence names; the pattern names all."""


def groups_pattern(
    found: Groups, p: float, table: Floats, names: list[str], rows: Labels, window: Window
) -> CracklePattern:
    """One pattern for all groups in a set of metrics.

    The tasks involved are those of every group but the largest, which is the rule: the smallest group first, and
    within a group those nearest to its middle first; `metrics["group 1"]`, `metrics["group 2"]` ... say how many tasks
    each group has, in that order, the largest last.

    Args:
        found: the groups.
        p: chance of so much dependence among independent metrics.
        table: shape (n, m), the metrics.
        names: m names.
        rows: shape (n,), the table's rows in the window.
        window: the window.
    """
    middles, within = centres(table, found.labels)
    spread = spreads(middles, within, found.labels)
    named = [column for column in np.argsort(-spread, kind="stable").tolist() if spread[column] >= NAMED_SPREAD]
    named = named or [int(np.argmax(spread))]
    order = list(range(found.count - 1, -1, -1))
    involved = [
        rows[place] for group in order[:-1] for place in _nearest_first(table, found.labels, group, middles, within)
    ]
    steps = (middles[order[0]] - middles[0]) / within
    sizes = [int(np.count_nonzero(found.labels == group)) for group in order]
    return CracklePattern(
        kind=PatternKind.CLUSTERING,
        form=GROUPS,
        nature=Nature.FACT,
        description=_sentence(sizes, len(window), [(names[column], float(steps[column])) for column in named]),
        confidence=1.0 - p,
        involved_tasks=tuple(window.labels[row] for row in involved),
        metric_names=tuple(names[column] for column in named),
        metrics={
            **{f"group {number}": float(size) for number, size in enumerate(sizes, start=1)},
            **{f"{names[column]} of group 1, sd from the largest": float(steps[column]) for column in named},
            "valley": found.valley,
        },
        evidence=Evidence(p, p, float(spread.max()), float(len(table)), calibrated=True),
    )


def centres(table: Floats, labels: Labels) -> tuple[Floats, Floats]:
    """Medians of every group, shape (k, m), and the robust standard deviation within groups, shape (m,)."""
    groups = range(int(labels.max()) + 1)
    middles = np.array([np.median(table[labels == group], axis=0) for group in groups])
    inside = labels >= 0
    away = np.abs(table[inside] - middles[labels[inside]])
    within = 1.4826 * np.median(away, axis=0)
    return middles, np.where(within > 0, within, np.maximum(away.mean(axis=0), 1e-300))


def spreads(middles: Floats, within: Floats, labels: Labels) -> Floats:
    """By how many standard deviations the farthest groups differ in each metric, less what chance makes of it.

    The squared difference of two medians exceeds the true one by the sum of their variances, pi / 2 over the size.
    """
    sizes = np.bincount(labels[labels >= 0])
    low, high = middles.argmin(axis=0), middles.argmax(axis=0)
    difference = np.ptp(middles, axis=0) / within
    chance = np.pi / 2 * (1 / sizes[low] + 1 / sizes[high])
    spread: Floats = np.sqrt(np.maximum(difference**2 - chance, 0.0))
    return spread


def _nearest_first(table: Floats, labels: Labels, group: int, middles: Floats, within: Floats) -> list[int]:
    places = np.flatnonzero(labels == group)
    away = np.square((table[places] - middles[group]) / within).sum(axis=1)
    ordered: list[int] = places[np.argsort(away, kind="stable")].tolist()
    return ordered


def _sentence(sizes: list[int], tasks: int, steps: list[tuple[str, float]]) -> str:
    told = ", ".join(
        f"{name} {'higher' if step > 0 else 'lower'} by {abs(step):.1f}" for name, step in steps[:SHOWN_METRICS]
    )
    left = len(steps) - SHOWN_METRICS
    more = f" and {left} more metric{'s' if left > 1 else ''}" if left > 0 else ""
    told = f"{told}{more} (in standard deviations)"
    if len(sizes) == 2:
        return f"{sizes[0]} of {tasks} tasks stand apart from the others: {told}"
    listed = ", ".join(str(size) for size in sizes)
    return f"{tasks} tasks fall into {len(sizes)} groups of {listed} tasks; the smallest has {told} than the largest"
