"""The autoregressions that memories stand for, those of all metrics of a window at once.

A window asks for them twice, before it is judged and when it teaches; each is a handful of ten by ten matrices, so
what costs is the number of calls, and one call serves all metrics.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_toeplitz

from crackle_stream.detect.evidence.autoregression import LAG_PENALTY, Autoregression, fit, solve

if TYPE_CHECKING:
    from crackle_stream.detect.evidence.memory import MetricMemory

__all__ = ["series_models", "spread_models"]

Floats = npt.NDArray[np.float64]

LEAST_VARIANCE = 1e-12

JITTER = 1e-6
"""Added to a variance before it is divided by."""


def series_models(memories: Sequence[MetricMemory]) -> Autoregression:
    """The autoregressions of the series, k of them."""
    products = np.stack([memory.products for memory in memories])
    rows = np.array([max(int(memory.rows), 1) for memory in memories])
    return solve(products, fit(products, rows))


def spread_models(memories: Sequence[MetricMemory]) -> Autoregression:
    """The autoregressions of the spreads' scores, k of them."""
    known = np.stack([memory.spread_memory for memory in memories])
    return Autoregression(_yule_walker(known, np.array([memory.rows for memory in memories])), np.zeros(len(memories)))


def _yule_walker(memory: Floats, rows: Floats) -> Floats:
    """Coefficients from autocovariances, their number by the criterion of `autoregression.fit`, zeros beyond it.

    Args:
        memory: shape (k, lags + 1), autocovariances.
        rows: shape (k,).

    Returns:
        Shape (k, lags).
    """
    firm = memory.copy()
    firm[:, 0] += JITTER
    lags = memory.shape[1] - 1
    residual = np.empty_like(memory)
    residual[:, 0] = memory[:, 0]
    phi = np.empty((len(memory), 0))
    for order in range(1, lags + 1):  # Levinson and Durbin's recursion
        explained = np.vecdot(phi, firm[:, order - 1 : 0 : -1])
        reflected = (firm[:, order] - explained) / np.maximum(residual[:, order - 1], LEAST_VARIANCE)
        phi = np.concatenate([phi - reflected[:, None] * phi[:, ::-1], reflected[:, None]], axis=1)
        residual[:, order] = residual[:, order - 1] * (1 - reflected**2)
    criterion = rows[:, None] * np.log(np.maximum(residual, LEAST_VARIANCE)) + LAG_PENALTY * np.arange(lags + 1)
    found = np.zeros((len(memory), lags))
    for place, order in enumerate(np.argmin(criterion, axis=1).tolist()):
        used = lags if order > 1 else order  # spells that two lags do not explain outlast those that a few do
        if used:
            found[place, :used] = solve_toeplitz(firm[place, :used], firm[place, 1 : used + 1])
    return found
