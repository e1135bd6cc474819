"""All changes of level in a window: after the best one, the next in what is left, and each again given the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.level import Levels, scan_level

__all__ = ["WORTH_REMOVING", "Step", "removed", "steps_in"]

Floats = npt.NDArray[np.float64]

MAX_STEPS = 6
"""Changes of one metric in one window that are told apart."""

WORTH_REMOVING = 0.002
"""P value under which a step is taken out before anything else is judged; more than a report needs, so that a shift
just under the bar does not pass for another pattern."""


@dataclass(frozen=True, slots=True)
class Step:
    """A lasting change of level.

    Attributes:
        row: where it begins.
        size: by how much, in the series' unit.
        p: its p value, given the steps found before it.
    """

    row: int
    size: float
    p: float


def steps_in(y: Floats, levels: Levels) -> tuple[tuple[Step, ...], ...]:
    """The steps of each series, in order of row.

    Args:
        y: shape (n, k).
        levels: the best single step of each.
    """
    found: list[list[Step]] = [[] for _ in range(y.shape[1])]
    active = np.flatnonzero(levels.p < WORTH_REMOVING)
    best = levels
    place = active
    for _ in range(MAX_STEPS):
        for at, column in zip(place.tolist(), active.tolist(), strict=True):
            found[column].append(Step(int(best.row[at]), float(best.size[at]), float(best.p[at])))
        if not len(active):
            break
        rest = removed(y[:, active], tuple(tuple(found[column]) for column in active))
        best = scan_level(rest)
        place = np.flatnonzero(best.p < WORTH_REMOVING)
        active = active[place]
    return tuple(_settled(y[:, column], steps) for column, steps in enumerate(found))


def removed(y: Floats, steps: tuple[tuple[Step, ...], ...]) -> Floats:
    """The series with every segment between steps centred on its own mean: shape (n, k)."""
    flat = y - y.mean(axis=0)
    for column, known in enumerate(steps):
        edges = sorted({0, len(y), *(step.row for step in known)})
        for start, end in zip(edges[:-1], edges[1:], strict=True):
            flat[start:end, column] = y[start:end, column] - y[start:end, column].mean()
    return flat


def _settled(y: Floats, steps: list[Step]) -> tuple[Step, ...]:
    """Steps in order of row, each placed again between its neighbours."""
    ordered = sorted(steps, key=lambda step: step.row)
    if len(ordered) < 2:
        return tuple(ordered)
    edges = [0, *(step.row for step in ordered), len(y)]
    for place in range(1, len(edges) - 1):
        start, end = edges[place - 1], edges[place + 1]
        part = y[start:end] - y[start:end].mean()
        rows = np.arange(1, len(part))
        gain = np.cumsum(part)[:-1] ** 2 / (rows * (len(part) - rows))
        edges[place] = start + 1 + int(np.argmax(gain))
    sizes = np.diff([y[a:b].mean() for a, b in zip(edges[:-1], edges[1:], strict=True)])
    return tuple(
        Step(row, float(size), step.p) for row, size, step in zip(edges[1:-1], sizes, ordered, strict=True)
    )
