"""Discrete values spread over their own cells, so that ranks have no ties."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

__all__ = ["dithered"]

Floats = npt.NDArray[np.float64]

TIED_SHARE = 0.02
"""Share of repeated values from which a metric is treated as discrete; fewer ties cannot move a rank statistic."""


def dithered(values: Floats) -> Floats:
    """A copy in which every tied value is drawn uniformly from its cell, half way to its neighbours.

    Rank statistics of tied data are far from their tables: taking the best split off Poisson(.5) counts gives
    p values of 1e-12 where nothing happened. Spreading a value within its own cell keeps the order of different
    values and makes equal ones exchangeable. The draws are seeded by the data themselves: the same column gives the
    same result, and two different columns are never tied together by a common draw.

    Args:
        values: shape (n,), NaN where absent.
    """
    present = np.flatnonzero(~np.isnan(values))
    x = values[present]
    repeated = np.count_nonzero(np.diff(np.sort(x)) == 0)
    if len(x) - repeated < 2 or repeated < TIED_SHARE * len(x):
        return values.copy()
    distinct, place = np.unique(x, return_inverse=True)
    middles = (distinct[1:] + distinct[:-1]) / 2
    low = np.concatenate(([1.5 * distinct[0] - 0.5 * distinct[1]], middles))
    high = np.concatenate((middles, [1.5 * distinct[-1] - 0.5 * distinct[-2]]))
    draws = np.random.default_rng(zlib.crc32(x.tobytes())).random(len(x))
    spread = values.copy()
    spread[present] = low[place] + (high - low)[place] * draws
    return spread
