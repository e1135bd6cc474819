"""Whether what was found in a planted window is what was planted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.families import Planted, Truth
    from crackle_stream.model import CracklePattern

__all__ = ["Score", "adjusted_rand", "score"]

Labels = npt.NDArray[np.intp]

NEAR_TASKS = 10
"""Tasks within which a change of several in a window counts as located."""

ALIKE_RAND = 0.9
"""Adjusted Rand index from which groups are those that were planted."""

ALIKE_RATIO = 0.02
"""Relative error a law's coefficient may have, measured against another one's."""


@dataclass(frozen=True, slots=True)
class Score:
    """How one window went.

    Attributes:
        found: every truth was found, right kind and right metrics.
        error: rows between a change and where it was put; NaN where there is none.
        exact: the lag and its leader, the coefficients, the guilty rows or the members of the groups are right too.
        false: patterns that no truth explains.
    """

    found: bool
    error: float
    exact: bool
    false: int


def score(planted: Planted, patterns: Sequence[CracklePattern]) -> Score:
    """Compare the patterns found in a window with its truths."""
    if planted.dependent:
        patterns = [pattern for pattern in patterns if pattern.kind != "correlation"]
    names = planted.window.names
    concerned = {names[column] for truth in planted.truths for column in truth.columns}
    strangers = sum(1 for pattern in patterns if _is_strange(pattern, concerned))
    if not planted.truths:
        return Score(False, float("nan"), False, len(patterns))
    found, errors, exact = True, [], True
    for truth in planted.truths:
        like = _like(truth, names, patterns)
        if truth.index is not None and like:
            nearest = min(like, key=lambda one: abs(_row(one) - truth.index))  # type: ignore[operator]
            errors.append(abs(_row(nearest) - truth.index))
            like = [] if len(planted.truths) > 1 and _same(planted.truths) and errors[-1] > NEAR_TASKS else like
        found &= bool(like)
        exact &= any(_exact(truth, names, one, planted) for one in like)
    return Score(found, float(np.mean(errors)) if errors else float("nan"), exact, strangers)


def _is_strange(pattern: CracklePattern, concerned: set[str]) -> bool:
    """Whether no truth explains a pattern: none of its metrics, or for an event any of them, is concerned."""
    names = set(pattern.metric_names)
    return not names <= concerned if pattern.kind == "phase transition" else not names & concerned


def _same(truths: Sequence[Truth]) -> bool:
    return len({truth.columns for truth in truths}) == 1


def _like(truth: Truth, names: Sequence[str], patterns: Sequence[CracklePattern]) -> list[CracklePattern]:
    wanted = {names[column] for column in truth.columns}
    like = [one for one in patterns if one.kind == truth.kind]
    if truth.form in ("linear law", "broken law"):
        like = [one for one in like if one.form == truth.form]
    if truth.kind in ("clustering", "phase transition"):  # an event names all metrics that changed at its place
        return [one for one in like if wanted <= set(one.metric_names)]
    return [one for one in like if set(one.metric_names) == wanted]


def _row(pattern: CracklePattern) -> int:
    return -(10**9) if pattern.at is None else pattern.at.index


def _exact(truth: Truth, names: Sequence[str], pattern: CracklePattern, planted: Planted) -> bool:
    if truth.lag:
        leads = pattern.metric_names[0] == names[truth.columns[0]]
        return pattern.form == "lagged" and pattern.metrics["lag"] == truth.lag and leads
    if truth.rows is not None:
        labels = planted.window.labels
        guilty = {labels[row] for row in truth.rows.tolist()}
        named = set(pattern.involved_tasks)
        return len(guilty & named) >= 0.9 * len(guilty) and len(named - guilty) <= 0.1 * len(named)
    if truth.coefficients:
        said = np.array([pattern.metrics.get(f"coefficient of {names[column]}", 0.0) for column in truth.columns])
        ratio = said / np.array(truth.coefficients)
        return bool(np.ptp(ratio) <= ALIKE_RATIO * np.abs(ratio).max())
    if truth.members is not None:
        members = truth.members >= 0
        return adjusted_rand(truth.members[members], _partition(pattern, planted)[members]) >= ALIKE_RAND
    return True


def _partition(pattern: CracklePattern, planted: Planted) -> Labels:
    """The group of every task as a pattern tells it: its tasks group by group, all others in the largest."""
    sizes = [int(size) for name, size in pattern.metrics.items() if name.startswith("group ") and name[6:].isdigit()]
    row_of = {label: row for row, label in enumerate(planted.window.labels)}
    rows = [row_of[label] for label in pattern.involved_tasks]
    members = np.zeros(len(planted.window), dtype=np.intp)
    members[rows] = np.repeat(np.arange(1, len(sizes)), sizes[:-1])
    return members


def adjusted_rand(one: Labels, other: Labels) -> float:
    """How well two partitions agree: 1 where they are the same, 0 where they agree as two random ones would.

    Args:
        one: shape (n,), the group of each.
        other: shape (n,), likewise.

    References:
        [1] L. Hubert, P. Arabie, Comparing partitions, J. Classification 2, 1985. doi:10.1007/BF01908075
    """
    table = np.zeros((int(one.max()) + 1, int(other.max()) + 1))
    np.add.at(table, (one, other), 1.0)
    together, rows, columns = (_pairs(part).sum() for part in (table, table.sum(axis=1), table.sum(axis=0)))
    by_chance = rows * columns / _pairs(np.array([float(len(one))])).sum()
    most = (rows + columns) / 2
    return 1.0 if most == by_chance else float((together - by_chance) / (most - by_chance))


def _pairs(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return counts * (counts - 1) / 2
