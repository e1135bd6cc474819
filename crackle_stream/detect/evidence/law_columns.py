"""The columns laws are looked for in: measurements, running totals and what they gain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.metric_types import CONSTANT_SPREAD, MIN_PRESENT, MetricType

if TYPE_CHECKING:
    from crackle_stream.detect.evidence.prepared import Prepared

__all__ = ["STEP", "LawColumns", "law_columns", "metric_of", "with_steps"]

Floats = npt.NDArray[np.float64]

STEP = "Δ "
"""Before a metric's name: what it gained since the task before."""

LEAST_PRESENT = 0.8
"""Share of the tasks a metric must be carried by to stand beside the others in one search."""

NO_MEMBERS = frozenset({MetricType.ID, MetricType.TIMESTAMP})


@dataclass(frozen=True, slots=True, eq=False)
class LawColumns:
    """Named columns of a window.

    Attributes:
        names: k distinct column names.
        table: shape (n, k), NaN where absent.
        totals: names of running totals, which stand there both as they are and as steps.
        varying: numbers of the columns that vary: only these are searched, the others still count for known laws.
    """

    names: tuple[str, ...]
    table: Floats
    totals: frozenset[str]
    varying: frozenset[int]

    def groups(self) -> list[tuple[list[int], npt.NDArray[np.intp]]]:
        """Columns that are looked at together, with the rows that carry all of them.

        Metrics that most tasks carry form one group; a metric that only one sort of task carries stands with the
        others of that sort.
        """
        present = ~np.isnan(self.table)
        share = np.array(
            [present[:, place].mean() if place in self.varying else 0.0 for place in range(len(self.names))]
        )
        common = np.flatnonzero(share >= LEAST_PRESENT).tolist()
        groups = [common] if len(common) > 1 else []
        sorts: dict[bytes, list[int]] = {}
        for column in np.flatnonzero((share < LEAST_PRESENT) & (share > 0)).tolist():
            sorts.setdefault(present[:, column].tobytes(), []).append(column)
        groups += [columns for columns in sorts.values() if len(columns) > 1]
        return [(columns, np.flatnonzero(present[:, columns].all(axis=1))) for columns in groups]


def metric_of(column: str) -> str:
    """The metric a column was made from."""
    return column.removeprefix(STEP)


def law_columns(prepared: Prepared) -> LawColumns:
    """The columns of a window that can be members of a law.

    Identifiers, moments and numbers too large to add up are left out. Running totals stand there twice: their steps
    balance against measurements, and they themselves against levels (taken in less given out = held).
    """
    names: list[str] = []
    columns: list[Floats] = []
    totals = set()
    for place, metric in enumerate(prepared.typed):
        raw = prepared.window.values[:, place]
        if metric.type in NO_MEMBERS or prepared.scale[place] != 1:
            continue
        names.append(metric.name)
        columns.append(raw)
        if metric.type is MetricType.COUNTER:
            totals.add(metric.name)
            if STEP + metric.name not in prepared.window.names:
                names.append(STEP + metric.name)
                columns.append(prepared.table[:, place])
    table = np.column_stack(columns) if columns else np.empty((len(prepared.window), 0))
    return LawColumns(tuple(names), table, frozenset(totals), _varying(table))


def with_steps(columns: LawColumns) -> LawColumns:
    """The same columns and, for every measurement, what it gained: a level balances against its flows."""
    free = [
        place
        for place, name in enumerate(columns.names)
        if name not in columns.totals and metric_of(name) == name and STEP + name not in columns.names
    ]
    steps = np.full((len(columns.table), len(free)), np.nan)
    steps[1:] = np.diff(columns.table[:, free], axis=0)
    names = (*columns.names, *(STEP + columns.names[place] for place in free))
    table = np.hstack([columns.table, steps])
    return LawColumns(names, table, columns.totals, _varying(table))


def _varying(table: Floats) -> frozenset[int]:
    return frozenset(place for place in range(table.shape[1]) if _varies(table[:, place]))


def _varies(raw: Floats) -> bool:
    x = raw[~np.isnan(raw)]
    if len(x) < MIN_PRESENT:
        return False
    low, high = float(x.min()), float(x.max())
    return high - low > CONSTANT_SPREAD * max(abs(low), abs(high))
