"""How well one metric goes with another at each distance: why the lag is the lag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import special

from crackle_stream.detect.evidence.autoregression import innovations, robust_fit
from crackle_stream.detect.evidence.lagged import lags_for
from crackle_stream.model import Axis, Figure, Layer, Shape, Tone

if TYPE_CHECKING:
    from crackle_stream.model import CracklePattern
    from crackle_stream.render.figures.columns import Column
    from crackle_stream.window import Window

__all__ = ["lag_plot"]

Floats = npt.NDArray[np.float64]

ORDER = 4
"""Tasks of its own past that a metric is freed from: what is left shows one peak and not a hill."""

BEYOND = 5
"""Lags drawn beyond the one that was found."""

MOST_LAG = 60
"""Lags drawn to either side at most; the detector looks at 20."""

LEAST_ROWS = 30
"""Tasks under which correlations at many lags are noise."""

CHANCE = 1.96
"""Standard errors within which 95 % of correlations lie where there is none."""


def lag_plot(window: Window, pattern: CracklePattern, leader: Column, follower: Column) -> Figure | None:
    """Correlations of one metric with another so many tasks later.

    Both are freed from their own past first, else slow metrics go with each other at every lag: the classical way of
    looking at two series [1]. The found lag is the detector's, whose own whitening goes further.

    Returns:
        None where there are too few tasks.

    References:
        [1] G. Box, G. Jenkins, Time Series Analysis, Forecasting and Control, 1970, section 11.2 (prewhitening).
    """
    n = len(window)
    found = round(pattern.metrics.get("lag", 0.0))
    most = min(max(lags_for(n), found + BEYOND), MOST_LAG)
    if n < LEAST_ROWS or not 0 < found <= most < n // 2:
        return None
    first, second = _freed(leader.values), _freed(follower.values)
    lags = np.arange(-most, most + 1)
    r = np.array([_correlation(first, second, lag) for lag in lags.tolist()]).round(4)
    calm = lags != found
    bar = CHANCE / np.sqrt(n)
    ends = (float(-most), float(most))
    top = max(float(np.abs(r).max()), bar) * 1.1
    return Figure(
        title=f"{follower.name} after {leader.name}, lag by lag",
        text=f"Correlation of {leader.name} with {follower.name} so many tasks later, each freed from its own past. "
        f"The lag found is {found}; within the lines lie 95 % of those that are chance.",
        x=Axis(f"tasks from {leader.name} to {follower.name}", ends[0] - 0.5, ends[1] + 0.5, str(-most), str(most)),
        y=Axis("r", -round(top, 3), round(top, 3)),
        layers=(
            Layer(Shape.BARS, Tone.CALM, _floats(lags[calm]), _floats(r[calm])),
            Layer(Shape.BARS, Tone.ODD, (float(found),), _floats(r[~calm]), label=f"{found} tasks later"),
            Layer(Shape.LINE, Tone.MODEL, ends, (round(bar, 4),) * 2, label="chance"),
            Layer(Shape.LINE, Tone.MODEL, ends, (-round(bar, 4),) * 2),
        ),
    )


def _floats(values: npt.NDArray[np.generic]) -> tuple[float, ...]:
    return tuple(map(float, values.tolist()))


def _freed(values: Floats) -> Floats:
    """Normal scores, less what the metric's own past says of each; 0 where absent."""
    present = np.flatnonzero(np.isfinite(values))
    scores = np.zeros(len(values))
    order = np.argsort(np.argsort(values[present], kind="stable"), kind="stable")
    scores[present] = special.ndtri((order + 0.5) / max(len(present), 1))
    model, _ = robust_fit(scores[:, None], ORDER)
    return innovations(scores[:, None], model)[:, 0]


def _correlation(first: Floats, second: Floats, lag: int) -> float:
    early, late = (first[: len(first) - lag], second[lag:]) if lag >= 0 else (first[-lag:], second[:lag])
    norm = float(np.sqrt((early @ early) * (late @ late)))
    return float(early @ late) / norm if norm > 0 else 0.0
