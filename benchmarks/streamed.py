"""Endless streams of task results, made in chunks, quiet or with incidents planted in them.

Every metric is driven by standard normal draws of its own: whitened by an autoregression or not, then bent into what it
is (a count, a duration, a share). An incident acts on the draws or on the driven level, so that it means the same in
every metric.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import special

from benchmarks.truth import Floats, Rng
from crackle_stream.window import Window

__all__ = ["INCIDENTS", "KINDS", "METRICS", "WINDOW_S", "WINDOW_TASKS", "Incident", "Stream"]

METRICS = 12
WINDOW_TASKS = 500
WINDOW_S = 60.0
START_S = 1.79e9

KINDS = ("ar", "mixed")
"""Autoregressive metrics with operational offsets; one of everything, as a real task carries it."""

INCIDENTS = ("shift", "law", "lag")
"""A level moves by two standard deviations; a share of a balance vanishes; a metric begins to follow another."""

SHIFT_SD = 2.0
LEAK = 0.08
LAW_NOISE = 0.001
LAG, LAG_R = 5, 0.8
LAW_COLUMNS = (0, 1, 2)
"""Metrics that balance, total = kept + dropped, in a stream with incidents."""

LASTS_WINDOWS = 4
"""Windows that an incident lasts; what was is back then, which is an event too but not counted."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What a driven level looks like from outside.

    Attributes:
        shape: (level, rows counted from the stream's start) -> values.
        phi: autoregression of the level.
        total: whether values add up, as a counter does.
        steady: whether an incident may be planted here.
    """

    shape: Callable[[Floats, Floats], Floats]
    phi: float = 0.0
    total: bool = False
    steady: bool = True


@dataclass(frozen=True, slots=True)
class Incident:
    """Something planted.

    Attributes:
        kind: one of `INCIDENTS`.
        columns: the metrics concerned, a leader first.
        first: row of the stream at which it begins.
        last: row at which it is over.
        sign: direction of a shift.
    """

    kind: str
    columns: tuple[int, ...]
    first: int
    last: int
    sign: float = 1.0

    @property
    def window(self) -> int:
        """The window it begins in."""
        return self.first // WINDOW_TASKS


@dataclass
class Stream:
    """One stream; every call of `take` gives its next window.

    Attributes:
        kind: one of `KINDS`.
        seed: of everything in it.
        every: windows from one incident to the next; 0 for none.
        incidents: those planted so far.
    """

    kind: str
    seed: int
    every: int = 0
    incidents: list[Incident] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng([self.seed, KINDS.index(self.kind)])
        self._metrics = (_autoregressive if self.kind == "ar" else _mixed)(self._rng)
        # as if it had always run: a level begins where its own distribution puts it
        self._level = self._rng.standard_normal(METRICS)
        self._totals = np.zeros(METRICS)
        self._lead = np.zeros((LAG, METRICS))
        self._windows = 0

    def take(self) -> Window:
        """The next window, a minute long."""
        first = self._windows * WINDOW_TASKS
        if self.every and self._windows % self.every == self.every - 1:
            self.incidents.append(self._incident(first))
        rows = np.arange(first, first + WINDOW_TASKS, dtype=np.float64)
        values = self._values(rows)
        self._windows += 1
        return Window.from_columns(
            [f"task-{row:.0f}" for row in rows],
            START_S + rows * (WINDOW_S / WINDOW_TASKS),
            [f"metric_{column}" for column in range(METRICS)],
            values,
            id=f"{self.kind}-{self.seed}-{self._windows - 1}",
        )

    def _incident(self, first: int) -> Incident:
        kind = INCIDENTS[len(self.incidents) % len(INCIDENTS)]
        begins = first + int(self._rng.integers(WINDOW_TASKS))
        free = [c for c, metric in enumerate(self._metrics) if metric.steady and c not in LAW_COLUMNS]
        count = {"shift": 1, "lag": 2}.get(kind)
        drawn = LAW_COLUMNS if count is None else tuple(self._rng.choice(free, count, replace=False).tolist())
        sign = float(self._rng.choice([-1.0, 1.0]))
        return Incident(kind, drawn, begins, begins + LASTS_WINDOWS * WINDOW_TASKS, sign)

    def _values(self, rows: Floats) -> Floats:
        draws = self._rng.standard_normal((len(rows), METRICS))
        active = [one for one in self.incidents if one.first < rows[-1] + 1 and one.last > rows[0]]
        for one in (one for one in active if one.kind == "lag"):
            leader, follower = one.columns
            led = np.concatenate([self._lead[:, leader], draws[:, leader]])[: len(rows)]
            during = _during(one, rows)
            own = draws[during, follower]
            draws[during, follower] = LAG_R * led[during] + np.sqrt(1 - LAG_R**2) * own
        self._lead = draws[-LAG:].copy()
        levels = self._driven(draws)
        for one in (one for one in active if one.kind == "shift"):
            levels[_during(one, rows), one.columns[0]] += SHIFT_SD * one.sign
        values = self._shaped(levels, rows)
        if self.every:
            leaks = [_during(one, rows) for one in active if one.kind == "law"]
            values[:, LAW_COLUMNS] = _balance(draws, np.logical_or.reduce([np.zeros(len(rows), bool), *leaks]))
        return values

    def _driven(self, draws: Floats) -> Floats:
        phi = np.array([metric.phi for metric in self._metrics])
        levels = np.sqrt(1 - phi * phi) * draws
        for row in range(len(levels)):
            self._level = levels[row] = phi * self._level + levels[row]
        return np.asarray(levels)

    def _shaped(self, levels: Floats, rows: Floats) -> Floats:
        values = np.column_stack([metric.shape(levels[:, c], rows) for c, metric in enumerate(self._metrics)])
        for column in (c for c, metric in enumerate(self._metrics) if metric.total):
            values[:, column] = self._totals[column] + np.cumsum(values[:, column])
            self._totals[column] = values[-1, column]
        return values


def _during(incident: Incident, rows: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray((rows >= incident.first) & (rows < incident.last))


def _balance(draws: Floats, leaking: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Floats:
    """total = kept + dropped within noise; while it leaks, a share of what is kept vanishes."""
    total, share, noise = (draws[:, column] for column in LAW_COLUMNS)
    whole = np.round(np.exp(6 + 0.5 * total))
    dropped = np.round(whole * special.betaincinv(2.0, 18.0, special.ndtr(share)))
    kept = whole - dropped
    kept[leaking] = np.round(kept[leaking] * (1 - LEAK))
    return np.column_stack([whole * (1 + LAW_NOISE * noise), kept, dropped])


def _autoregressive(rng: Rng) -> tuple[Metric, ...]:
    offset = np.exp(rng.uniform(np.log(5), np.log(2000), METRICS))
    spread = offset * rng.uniform(0.15, 1.0, METRICS)
    return tuple(Metric(_linear(float(o), float(s)), 0.9) for o, s in zip(offset, spread, strict=True))


def _mixed(rng: Rng) -> tuple[Metric, ...]:
    middle, width = float(np.log(rng.uniform(5, 500))), float(rng.uniform(0.3, 1.2))
    period, phase = float(np.exp(rng.uniform(np.log(12), np.log(120)))), float(rng.uniform(0, 2 * np.pi))
    first = float(rng.integers(0, 10**6))
    return (
        Metric(lambda level, row: first + row, steady=False),
        Metric(_count(3.0), total=True, steady=False),
        Metric(lambda level, row: np.full(len(row), 8.0), steady=False),
        Metric(lambda level, row: (special.ndtr(level) < 0.01).astype(np.float64), steady=False),
        Metric(lambda level, row: np.exp(middle + width * level)),
        Metric(_count(float(rng.uniform(0.2, 60))), steady=False),
        Metric(_linear(50.0, 5.0), 0.9),
        Metric(lambda level, row: 100 + 8 * level + 30 * np.sin(2 * np.pi * row / period + phase)),
        Metric(_linear(100.0, 10.0)),
        Metric(lambda level, row: np.asarray(special.ndtr(-level) ** (-1 / 1.3) - 1)),
        Metric(_linear(0.0, 1.0)),
        Metric(lambda level, row: np.asarray(special.ndtr(level))),
    )


def _linear(offset: float, spread: float) -> Callable[[Floats, Floats], Floats]:
    return lambda level, row: np.asarray(offset + spread * level)


def _count(rate: float) -> Callable[[Floats, Floats], Floats]:
    """Poisson counts: the smallest count whose distribution function reaches the level's."""
    most = int(rate + 12 * np.sqrt(rate) + 20)
    reached = special.pdtr(np.arange(most), rate)
    return lambda level, row: np.searchsorted(reached, special.ndtr(level)).astype(np.float64)
