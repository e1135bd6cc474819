"""Which figure shows a finding best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crackle_stream.model import PatternKind
from crackle_stream.render.figures.clusters import groups
from crackle_stream.render.figures.columns import known_columns
from crackle_stream.render.figures.course import change, conserved, course
from crackle_stream.render.figures.pairs import scatter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crackle_stream.model import CracklePattern, Figure
    from crackle_stream.render.figures.columns import Column
    from crackle_stream.window import Window

__all__ = ["figure_of"]

LAWS = ("linear law", "broken law")


def figure_of(pattern: CracklePattern, window: Window, others: Iterable[CracklePattern] = ()) -> Figure | None:
    """The plot that shows a finding: a change as the metric's course, a pair as dots, a lag as correlations, and so on.

    Args:
        pattern: the finding; of a third party it may name anything.
        window: the window that shows it.
        others: what else was found there.

    Returns:
        None where the window has none of the pattern's metrics.
    """
    if not len(window):
        return None
    with np.errstate(all="ignore"):
        return _special(pattern, window, others) or _plain(pattern, window)


def _special(pattern: CracklePattern, window: Window, others: Iterable[CracklePattern]) -> Figure | None:
    """The figure of a built-in kind; None where there is none or it cannot be drawn."""
    row = row_of(pattern, window)
    kind = str(pattern.kind)
    if kind == PatternKind.CONSERVATION and pattern.form in LAWS:
        # rules of thumb must not load what the evidence family needs; so below
        from crackle_stream.render.figures.balance import broken_law, law

        return law(window, pattern) if pattern.form == "linear law" else broken_law(window, pattern, row)
    if kind == PatternKind.CLUSTERING:
        return groups(window, pattern)
    columns = known_columns(window, pattern, 2)
    if kind == PatternKind.CORRELATION and len(columns) == 2:
        return _pair(pattern, window, *columns)
    if kind == PatternKind.PHASE_TRANSITION and columns and row is not None:
        return change(window, columns[0], pattern, row, _turns(pattern, window, others))
    if kind == PatternKind.CONSERVATION and columns:
        return conserved(window, columns[0], pattern)
    return None


def _pair(pattern: CracklePattern, window: Window, first: Column, second: Column) -> Figure | None:
    lagged = None
    if pattern.form == "lagged":
        from crackle_stream.render.figures.lags import lag_plot

        lagged = lag_plot(window, pattern, first, second)
    return lagged or scatter(window, pattern, first, second)


def _plain(pattern: CracklePattern, window: Window) -> Figure | None:
    """The course of the first metric, whatever the finding."""
    columns = known_columns(window, pattern, 1)
    if not columns:
        return None
    return course(window, columns[0], row_of(pattern, window), told=f"{columns[0].name} over the window.")


def row_of(pattern: CracklePattern, window: Window) -> int | None:
    """The row where a finding begins; None where it has no beginning, or one that is not in the window."""
    if pattern.at is None or not 0 <= pattern.at.index < len(window):
        return None
    return pattern.at.index


def _turns(pattern: CracklePattern, window: Window, others: Iterable[CracklePattern]) -> list[int]:
    """Rows of the other changes of the same metric."""
    name = pattern.metric_names[0]
    rows = {
        row_of(other, window)
        for other in others
        if other.kind == PatternKind.PHASE_TRANSITION and name in other.metric_names
    }
    return sorted(row for row in rows if row is not None)
