"""How far each metric's mean moved from window to window: the rows and columns of the heat strip."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from crackle_stream.window import Window

__all__ = ["Column", "HeatStrip", "HeatStrips", "kiln_of"]

MOST_WINDOWS = 60
"""Columns kept: half an hour at the default schedule, and as many as fit beside the alerts."""

MOST_STRIPS = 16
"""Kilns whose strips are kept, the latest ones: 16 of a thousand metrics are 8 MB."""

MOST_METRICS = 1000
"""Rows of a strip; of a kiln with more, the first ones by name."""

MEMORY = 0.2
"""Weight of a window in the running mean that the next one is compared with: about the last ten count."""

MOST_SCORE = 6.0
"""Beyond six standard deviations nobody tells colours apart."""

Numbers = npt.NDArray[np.float32]


def kiln_of(window: Window) -> str:
    """What a window's kiln is called: its partition where it has one alone, and its key."""
    partition = str(window.span[0].partition) if len(window.span) == 1 else ""
    return f"{partition} {window.key}".strip()


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One window of a strip.

    Attributes:
        window_id: which.
        time: its end, epoch seconds.
        tasks: how many it holds.
        names: m metric names.
        means: shape (m,), NaN where no task has the metric.
        scores: shape (m,), how far each mean is from those of the windows before, in the standard deviations of tasks,
            within -6 and 6; NaN where nothing is known yet.
        found: metrics of the events that were found in it.
    """

    window_id: str
    time: float
    tasks: int
    names: tuple[str, ...]
    means: Numbers
    scores: Numbers
    found: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class HeatStrip:
    """The last windows of a kiln, as a value: `after` returns another one, and may run in a thread.

    Attributes:
        columns: oldest first.
        level: by metric, mean and standard deviation that the next window is compared with.
    """

    columns: tuple[Column, ...] = ()
    level: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def after(self, window: Window, found: Iterable[str] = ()) -> HeatStrip:
        """The strip with one more window."""
        names = window.names[:MOST_METRICS]
        means, spreads = _moments(window.values[:, : len(names)])
        unknown = (np.nan, np.nan)
        known = np.array([self.level.get(name, unknown) for name in names], dtype=np.float64).reshape(-1, 2)
        scores = _scores(means, known[:, 0], known[:, 1])
        level = dict(self.level) if len(self.level) <= 2 * MOST_METRICS else {}
        blended = _blended(known, np.column_stack([means, spreads]))
        level.update(
            (name, (float(mean), float(spread)))
            for name, (mean, spread) in zip(names, blended.tolist(), strict=True)
            if mean == mean
        )
        column = Column(
            window.id,
            window.end_time,
            len(window),
            names,
            means.astype(np.float32),
            scores.astype(np.float32),
            frozenset(found),
        )
        return HeatStrip((*self.columns, column)[-MOST_WINDOWS:], level)

    @property
    def names(self) -> tuple[str, ...]:
        """Metrics of any column, those that moved most first; of equals, by name."""
        most: dict[str, float] = {}
        for column in self.columns:
            scores = np.nan_to_num(np.abs(column.scores)).tolist()
            for name, score in zip(column.names, scores, strict=True):
                if score >= most.get(name, 0.0):
                    most[name] = score
        return tuple(sorted(most, key=lambda name: (-most[name], name)))

    def row(self, name: str) -> list[tuple[Column, float, float]]:
        """A metric's columns with its mean and score in each; NaN where a window lacks it."""
        cells = []
        for column in self.columns:
            try:
                place = column.names.index(name)
            except ValueError:
                cells.append((column, np.nan, np.nan))
                continue
            cells.append((column, float(column.means[place]), float(column.scores[place])))
        return cells


class HeatStrips:
    """The strips of the latest kilns.

    Attributes:
        revision: grows with every window.
    """

    def __init__(self) -> None:
        self._strips: OrderedDict[str, HeatStrip] = OrderedDict()
        self.revision = 0

    @property
    def kilns(self) -> tuple[str, ...]:
        """Their kilns, the latest first."""
        return tuple(reversed(self._strips))

    def __getitem__(self, kiln: str) -> HeatStrip:
        return self._strips.get(kiln, HeatStrip())

    def put(self, kiln: str, strip: HeatStrip) -> None:
        """A kiln has another window."""
        self.revision += 1
        self._strips[kiln] = strip
        self._strips.move_to_end(kiln)
        while len(self._strips) > MOST_STRIPS:
            self._strips.popitem(last=False)


def _moments(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Means and standard deviations by column; NaN where there is no number."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # of columns without a number
        return np.nanmean(values, axis=0), np.nanstd(values, axis=0)


def _scores(
    means: npt.NDArray[np.float64], before: npt.NDArray[np.float64], spread: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    with np.errstate(all="ignore"):
        away = means - before
        scores = np.where(away == 0, 0.0, away / spread)
    return np.where(np.isnan(before), np.nan, np.clip(scores, -MOST_SCORE, MOST_SCORE))


def _blended(known: npt.NDArray[np.float64], new: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The running level after a window: the new numbers where nothing is known, the old ones where it has none."""
    with np.errstate(all="ignore"):
        blended = (1 - MEMORY) * known + MEMORY * new
    return np.where(np.isnan(known), new, np.where(np.isnan(new), known, blended))
