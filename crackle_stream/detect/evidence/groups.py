"""The detector of groups: tasks that stand apart from the others, and the metrics that set them apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.group_metrics import PAIR_P, Dependent, dependent_sets, nearest_pair, pair_chances
from crackle_stream.detect.evidence.group_patterns import groups_pattern
from crackle_stream.detect.evidence.group_search import LEAST_TASKS, Groups, find_groups
from crackle_stream.detect.evidence.prepared import prepared_of
from crackle_stream.detect.evidence.ranks import medians
from crackle_stream.model import Candidate, Examination, NearMiss, Skip

if TYPE_CHECKING:
    from crackle_stream.protocols import Context
    from crackle_stream.window import Window

__all__ = ["GroupDetector", "near_copies"]

Floats = npt.NDArray[np.float64]

LEAST_PRESENT = 0.8
"""Share of the tasks a metric must be carried by to be looked at."""

MOST_SETS = 3
"""Sets of dependent metrics looked at, most dependent first; each costs some 10 ms."""

PAIR_ROWS = 3000
"""Tasks in which pairs are tested; more would find dependence too weak for groups."""


COPIED = 0.9
"""Share of the tasks in which a metric must be another in other units to be left out beside it."""

SAME = 1e-9
"""Difference, in units of the metric's largest value, up to which two values are the same."""

ALIKE = 0.9
"""Correlation of clipped values under which a pair is not looked at as copies: it only saves work."""

CLIPPED = 5.0
"""Robust standard deviations at which values are clipped for it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Looked:
    """What came of one set of metrics."""

    candidate: Candidate | None = None
    skip: Skip | None = None
    stopped: bool = False


class GroupDetector:
    """Groups of tasks that differ in two metrics or more.

    Three gates: the metrics must depend on each other (this is the p value, over all pairs and tests); the tasks must
    be dense in places with valleys between; and the groups must lie side by side in time, since one after the other
    they are a shift. A single cloud of any shape, a curve, and noise are no groups.
    """

    name = "groups"

    def examine(self, window: Window, context: Context) -> Examination:
        """Look for groups in every set of metrics that depend on each other."""
        prepared = prepared_of(window, context)
        untied = prepared.untied
        present = ~np.isnan(untied)
        share = present.mean(axis=0) if len(window) else np.zeros(untied.shape[1])
        columns = np.flatnonzero(share >= LEAST_PRESENT)
        rows = np.flatnonzero(present[:, columns].all(axis=1))
        skipped = [
            Skip(prepared.names[place], "absent from too many tasks")
            for place in np.flatnonzero(share < LEAST_PRESENT).tolist()
        ]
        skipped = [*prepared.skipped, *skipped]
        if len(rows) < 4 * LEAST_TASKS or len(columns) < 2:
            return Examination(skipped=(*skipped, Skip("groups", "too few tasks or metrics")))
        copies = near_copies(prepared.table[rows][:, [prepared.tested[place] for place in columns.tolist()]])
        skipped += [
            Skip(prepared.names[columns[copy]], f"nearly a copy of {prepared.names[columns[first]]}")
            for copy, first in copies.items()
        ]
        columns = np.delete(columns, list(copies))
        if len(columns) < 2:
            return Examination(skipped=(*skipped, Skip("groups", "too few tasks or metrics")))
        table = untied[rows][:, columns]
        names = [prepared.names[place] for place in columns.tolist()]
        drawn = table
        if len(table) > PAIR_ROWS:
            drawn = table[np.sort(context.rng.choice(len(table), PAIR_ROWS, replace=False))]
        candidates, complete = [], True
        if context.stop():
            return Examination(skipped=tuple(skipped), complete=False)
        chances = pair_chances(drawn)
        sets = dependent_sets(chances)
        skipped += [Skip(f"groups in {_joined(one, names)}", "other sets depend more") for one in sets[MOST_SETS:]]
        for dependent in sets[:MOST_SETS]:
            if context.stop():
                complete = False
                break
            looked = _looked(dependent, table, names, rows, window, context)
            complete = complete and not looked.stopped
            candidates += [looked.candidate] if looked.candidate else []
            skipped += [looked.skip] if looked.skip else []
        return Examination(
            candidates=tuple(candidates),
            tests=1,
            skipped=tuple(skipped),
            nearest=None if candidates or context.stop() else _nearest(chances, names),
            complete=complete,
        )


def _looked(
    dependent: Dependent,
    table: Floats,
    names: list[str],
    rows: npt.NDArray[np.intp],
    window: Window,
    context: Context,
) -> _Looked:
    found: Groups | None = find_groups(table[:, list(dependent.columns)], context.rng, context.stop)
    if found is None:
        return _Looked(stopped=context.stop())
    if not found.lasting:
        return _Looked(skip=Skip(f"groups in {_joined(dependent, names)}", "they follow each other in time: a shift"))
    pattern = groups_pattern(found, dependent.p, table, names, rows, window)
    return _Looked(candidate=Candidate(pattern, dependent.p))


def near_copies(table: Floats) -> dict[int, int]:
    """Columns that are an earlier one in other units in nearly all rows, each with that earlier one.

    Two copies of a count lie on the points of a lattice, with a valley between any two: each value would be a group.

    Args:
        table: shape (n, m), values as they came, no NaN.
    """
    varying = np.flatnonzero(np.ptp(table, axis=0) > 0)
    if len(varying) < 2:
        return {}
    centred = table[:, varying] - medians(table[:, varying])
    scale = medians(np.abs(centred))
    scale = np.where(scale > 0, scale, centred.std(axis=0))
    alike = np.abs(np.corrcoef(np.clip(centred / scale, -CLIPPED, CLIPPED).T)) >= ALIKE
    copies: dict[int, int] = {}
    for first, second in zip(*(varying[places].tolist() for places in np.nonzero(np.triu(alike, 1))), strict=True):
        if first not in copies and second not in copies and _is_copy(table[:, first], table[:, second]):
            copies[second] = first
    return copies


def _is_copy(x: Floats, y: Floats) -> bool:
    dx, dy = np.diff(x), np.diff(y)
    moved = dx != 0
    slope = float(np.median(dy[moved] / dx[moved]))
    # Each wrong task spoils two steps. Values that hardly ever move must agree where they do.
    followed = float(np.mean(np.abs(dy[moved] - slope * dx[moved]) <= SAME * float(np.abs(y).max())))
    still = float(np.mean(dy[~moved] == 0)) if not moved.all() else 1.0
    return slope != 0 and min(followed, still) >= 2 * COPIED - 1


def _joined(dependent: Dependent, names: list[str]) -> str:
    return ", ".join(names[column] for column in dependent.columns)


def _nearest(chances: Floats, names: list[str]) -> NearMiss | None:
    one, other, p = nearest_pair(chances)
    what = f"{names[one]} ~ {names[other]}"
    return NearMiss(what, -float(np.log10(p)), -float(np.log10(PAIR_P)), "decades of the p value of their dependence")
