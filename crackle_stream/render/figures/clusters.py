"""Tasks that stand apart from the others, in the metrics that set them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.model import Figure, Tone
from crackle_stream.render.figures.columns import Column, axis_of, known_columns, places_of, task_axis
from crackle_stream.render.figures.pairs import both_present, drawn
from crackle_stream.render.figures.sampling import dots
from crackle_stream.render.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crackle_stream.model import CracklePattern, Layer
    from crackle_stream.window import Window

__all__ = ["groups"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

MOST_DOTS = 200
LEAST_DOTS = 8
MOST_GROUPS = 12
"""Groups beside the largest that are drawn."""

TONES = (Tone.ODD, Tone.OTHER, Tone.THIRD)


def groups(window: Window, pattern: CracklePattern) -> Figure | None:
    """A dot a task, each group in a tone of its own; with one metric the tasks in their order across.

    Returns:
        None where the window has none of the metrics.
    """
    columns = known_columns(window, pattern, 2)
    if not columns:
        return None
    up = columns[-1]
    across = columns[0] if len(columns) == 2 else Column("", np.arange(len(window), dtype=np.float64))
    x, y = across.values, up.values
    rows = both_present(x, y)
    if not len(rows):
        return None
    layers = list(_layers(window, pattern, rows, x, y))
    count = sum(len(layer.x) for layer in layers)
    shown = f"; {count} of {len(rows):,} are drawn" if count < len(rows) else ""
    unknown = "" if _told_apart(window) else "; labels that stand twice do not say which task is in which group"
    against = f" and {across.name}" if across.name else ""
    return Figure(
        title=f"{up.name}{f' against {across.name}' if across.name else ', task by task'}",
        text=f"{counted(len(rows), 'task')} by {up.name}{against}{shown}{unknown}.",
        x=axis_of(across.name, x[rows]) if across.name else task_axis(window),
        y=axis_of(up.name, y[rows]),
        layers=tuple(layer for layer in layers if layer.x),
    )


def _layers(window: Window, pattern: CracklePattern, rows: Ints, x: Floats, y: Floats) -> Iterator[Layer]:
    """The largest group first, so that the smallest lies on top."""
    members = places_of(window, pattern.involved_tasks)
    small = [] if members is None else list(_split(members, pattern))
    apart = [part[np.isin(part, rows)] for part in small]
    rest = np.setdiff1d(rows, np.concatenate(apart) if apart else [])
    share = min(MOST_DOTS / len(rows), 1.0)
    yield dots(drawn(rest, x, y, _dots(rest, share)), x, y, Tone.CALM, counted(len(rest), "task") if apart else "")
    for number in reversed(range(min(len(apart), MOST_GROUPS))):
        tone = TONES[min(number, len(TONES) - 1)]
        part = apart[number]
        yield dots(drawn(part, x, y, _dots(part, share)), x, y, tone, counted(len(part), "task"))


def _dots(group: Ints, share: float) -> int:
    """Each group in proportion, so that the picture tells a large one from a small one; the smallest is still seen."""
    return max(round(share * len(group)), min(len(group), LEAST_DOTS))


def _split(members: Ints, pattern: CracklePattern) -> Iterator[Ints]:
    """The responsible tasks by group, the smallest first; one group where the finding does not say."""
    sizes: list[int] = []
    while (size := pattern.metrics.get(f"group {len(sizes) + 1}")) is not None and np.isfinite(size):
        sizes.append(int(size))
    begin = 0
    for size in sizes[:-1]:
        yield members[begin : begin + size]
        begin += size
    if not sizes:
        yield members


def _told_apart(window: Window) -> bool:
    return len(set(window.labels)) == len(window)
