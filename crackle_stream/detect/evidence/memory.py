"""What is remembered of a metric between windows: its scale, its autocorrelation, its level and its spread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import special

from crackle_stream.detect.evidence.autoregression import (
    MAX_ORDER,
    Autoregression,
    fit,
    gram,
    innovations,
    solve,
)
from crackle_stream.detect.evidence.lengths import Lengths, counts_of, filled_below, later, means, variances
from crackle_stream.detect.evidence.memory_models import series_models
from crackle_stream.detect.evidence.ranks import medians
from crackle_stream.detect.evidence.spread import smeared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["CLUSTERED", "KNOTS", "MetricMemory", "after_window"]

Floats = npt.NDArray[np.float64]

Ints = npt.NDArray[np.intp]

KNOTS = 65
"""Quantiles that describe a metric's distribution, and another time that of its innovations."""

SPREAD_LAGS = 24
"""Lags of the spread's memory: volatility forgets slowly, and what lies beyond 8 lags makes half of its long run."""

CLUSTERED = 0.3
"""Sum of the spread's coefficients from which its shape is judged on locally standardised innovations."""

DECAY = 0.95
"""What a full window leaves of the weight of those before it: about the last 20 windows count."""

CALIBRATED_WINDOWS = 4.5
"""Windows, by weight, from which a memory is trusted; five full ones are needed."""

CALIBRATED_ROWS = 300.0
"""... and the rows at least."""

DRIFT_DOUBT = 2.0
"""Standard errors taken off the drift between windows before it is believed."""


@dataclass(frozen=True, slots=True)
class MetricMemory:
    """Memory of one metric; a value.

    The series is kept as (g(x) - centre) / width, with g the transform and the two numbers from the first window.

    Attributes:
        transform: scores, raw or log.
        centre: see above.
        width: see above.
        knots: KNOTS quantiles of x, for the scores.
        products: cross products for the autoregression of the series, shape (MAX_ORDER + 2,) twice.
        spread_memory: autocovariances of the second Legendre score of the innovations' ranks, lags 0 to SPREAD_LAGS.
        noise: KNOTS quantiles of the innovations over their standard deviation.
        deviation: standard deviation of the innovations.
        windows: windows learned from, by weight.
        rows: rows learned from, by weight.
        drift: variance of the level between windows, in innovations squared, not less its own error.
        strikes: windows in a row that were left out because something had changed.
    """

    transform: str
    centre: float
    width: float
    knots: Floats
    products: Floats
    spread_memory: Floats
    noise: Floats
    deviation: float
    windows: float
    rows: float
    drift: float = 0.0
    strikes: int = 0

    @property
    def calibrated(self) -> bool:
        """Whether it is enough to judge a window by."""
        return self.windows >= CALIBRATED_WINDOWS and self.rows >= CALIBRATED_ROWS

    @property
    def prior_rows(self) -> float:
        """Rows of innovations that the memory of the level is worth; fewer where levels wander between windows."""
        if self.windows <= 0:
            return 0.0
        a_window = self.rows / self.windows
        believed = max(self.drift - DRIFT_DOUBT * np.sqrt(2 / self.windows) / a_window, 0.0)
        return float(1 / (1 / self.rows + believed))

    def on_scale(self, x: Floats) -> Floats:
        """The metric's values on the remembered scale: shape of x."""
        return (_transformed(x, self.transform, self.knots) - self.centre) / self.width

    def ranks(self, e: Floats) -> Floats:
        """Innovations as probabilities under the remembered distribution: shape of e, in (0, 1)."""
        z = np.interp(e / self.deviation, self.noise, _GRID, left=_GRID[0], right=_GRID[-1])
        return np.asarray(special.ndtr(z))

    def after(self, news: MetricMemory, mean: float) -> MetricMemory:
        """This memory and one more quiet window's, on the same scale.

        Args:
            news: the window as a memory of its own.
            mean: the window's mean innovation over its deviation, as this memory saw it.
        """
        decay = DECAY**news.windows
        weight = self.rows * decay
        total = weight + news.rows
        old, new = weight / total, news.rows / total
        surprise = mean**2 - 1 / max(news.rows, 1.0) - 1 / max(self.rows, 1.0)
        return replace(
            self,
            knots=old * self.knots + new * news.knots,
            products=decay * self.products + news.products,
            spread_memory=old * self.spread_memory + new * news.spread_memory,
            noise=old * self.noise + new * news.noise,
            deviation=float(np.sqrt(old * self.deviation**2 + new * news.deviation**2)),
            windows=self.windows * decay + news.windows,
            rows=total,
            drift=float((self.drift * self.windows * decay + surprise) / (self.windows * decay + 1)),
            strikes=0,
        )

    def to_dict(self) -> dict[str, object]:
        """The memory as JSON values."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in ((name, getattr(self, name)) for name in self.__slots__)
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, object]) -> MetricMemory:
        """The memory that `to_dict` gave."""
        values = {name: np.asarray(value) if isinstance(value, list) else value for name, value in stored.items()}
        return cls(**values)  # type: ignore[arg-type]


def after_window(
    x: Floats,
    transforms: Sequence[str],
    known: Sequence[MetricMemory | None],
    spreads: Floats,
    weight: float,
    y: Floats | None = None,
    lengths: Lengths | None = None,
) -> list[MetricMemory]:
    """The memories after a window in which nothing changed, one for each of its k metrics.

    Args:
        x: shape (n, k), the metrics' values, no NaN.
        transforms: the scales on which the window was whitened, taken where a memory begins.
        known: the memories before it; None where the window begins one.
        spreads: shape (n - p, k), second Legendre scores of the innovations' ranks.
        weight: share of the window's rows that no earlier window held.
        y: the values on the scales of the memories, where these are and all metrics have one.
        lengths: of the metrics.
    """
    knots, rows, ends = _knots(x, lengths), counts_of(x, lengths), later(lengths, MAX_ORDER)
    if y is None:
        y, scales = np.zeros(x.shape, order="F"), []
        for c, (memory, end) in enumerate(zip(known, rows.tolist(), strict=True)):
            scale, y[:end, c] = _scaled(memory, x[:end, c], transforms[c], knots[c])
            scales.append(scale)
    else:
        scales = [memory for memory in known if memory is not None]
    products = gram(y, MAX_ORDER, lengths)
    e = innovations(y, _models(products, known, rows - MAX_ORDER), lengths)
    deviations, surprises = np.sqrt(variances(_cut(e, ends), ends)), means(e, ends)
    even = smeared(e, x, [scale.transform != "scores" for scale in scales], ends)
    noise = _knots(even - medians(even, ends), ends)
    memories = _autocovariances(spreads, later(lengths, len(x) - len(spreads)))
    after = []
    for c, (memory, scale) in enumerate(zip(known, scales, strict=True)):
        deviation = float(deviations[c]) or 1.0
        news = replace(
            scale,
            knots=knots[c],
            products=weight * products[c],
            spread_memory=memories[c],
            noise=noise[c] / deviation,
            deviation=deviation,
            windows=weight,
            rows=weight * int(rows[c]),
        )
        after.append(news if memory is None else memory.after(news, float(surprises[c]) / memory.deviation))
    return after


def _scaled(memory: MetricMemory | None, x: Floats, transform: str, knots: Floats) -> tuple[MetricMemory, Floats]:
    """The memory, or one that knows no more than its scale; and the values on that scale."""
    if memory is not None:
        return memory, memory.on_scale(x)
    plain = _transformed(x, transform, knots)
    nothing = np.zeros(0)
    centre, width = float(np.mean(plain)), float(np.std(plain)) or 1.0
    begun = MetricMemory(transform, centre, width, knots, nothing, nothing, nothing, 1.0, 0.0, 0.0)
    return begun, (plain - centre) / width


def _models(products: Floats, known: Sequence[MetricMemory | None], rows: Ints) -> Autoregression:
    """The remembered autoregressions, and the window's own where nothing is remembered."""
    places = [c for c, memory in enumerate(known) if memory is not None]
    remembered = [memory for memory in known if memory is not None]
    if len(remembered) == len(known):
        return series_models(remembered)
    own = solve(products, fit(products, rows))
    if remembered:
        model = series_models(remembered)
        own.phi[places], own.constant[places] = model.phi, model.constant
    return own


def _knots(x: Floats, lengths: Lengths | None) -> Floats:
    """The KNOTS quantiles of each column, shape (k, KNOTS), as `np.quantile` gives them in a fifth of its time."""
    ordered = np.array(x.T, order="C")
    filled_below(ordered.T, lengths, np.inf)
    ordered.sort(axis=1)
    rows, series = counts_of(x, lengths)[:, None], np.arange(x.shape[1])[:, None]
    places = (np.arange(KNOTS) + 0.5) / KNOTS * (rows - 1)
    below = np.minimum(places.astype(np.intp), rows - 2)
    share = places - below
    return np.asarray((1 - share) * ordered[series, below] + share * ordered[series, below + 1])


def _autocovariances(spreads: Floats, lengths: Lengths | None) -> Floats:
    """Mean products at lags 0 to SPREAD_LAGS of scores whose mean is 0: shape (k, SPREAD_LAGS + 1)."""
    rows = np.ascontiguousarray(spreads.T)
    n, counts = rows.shape[1], counts_of(spreads, lengths)
    lags = range(SPREAD_LAGS + 1)
    return np.column_stack([np.vecdot(rows[:, lag:], rows[:, : n - lag]) / (counts - lag) for lag in lags])


_GRID = special.ndtri((np.arange(KNOTS) + 0.5) / KNOTS)


def _transformed(x: Floats, transform: str, knots: Floats) -> Floats:
    if transform == "log":
        floor = knots[0] / 16 if knots[0] > 0 else np.finfo(float).tiny
        return np.log(np.maximum(x, floor))
    if transform == "scores":
        return _extended(x, knots)
    return x


def _extended(x: Floats, knots: Floats) -> Floats:
    """Normal scores through remembered quantiles, straight on beyond the outermost at the slope of the outer eighth."""
    step = KNOTS // 8
    steady = np.maximum.accumulate(knots + np.arange(KNOTS) * 1e-12 * max(abs(float(knots[-1])), 1.0))
    z = np.asarray(np.interp(x, steady, _GRID))
    low = (_GRID[step] - _GRID[0]) / max(steady[step] - steady[0], 1e-300)
    high = (_GRID[-1] - _GRID[-1 - step]) / max(steady[-1] - steady[-1 - step], 1e-300)
    below, above = x < steady[0], x > steady[-1]
    z[below] = _GRID[0] + np.maximum((x[below] - steady[0]) * low, -6.0)
    z[above] = _GRID[-1] + np.minimum((x[above] - steady[-1]) * high, 6.0)
    return z


def _cut(e: Floats, lengths: Lengths | None) -> Floats:
    middle = medians(e, lengths)
    reach = 4 * 1.4826 * medians(np.abs(e - middle), lengths)
    return filled_below(np.clip(e, middle - reach, middle + reach), lengths)
