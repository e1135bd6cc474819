"""Correlations of the tasks that agree with each other, undisturbed by those that do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.products import each_applied, grams

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Concentrate", "concentrate"]

Floats = npt.NDArray[np.float64]

STEPS = 3
"""Concentration steps; the determinant falls at each one and hardly any more after three."""

KEPT = 0.8
"""Share of rows kept by a step: up to a fifth of the tasks may break a law and it is still seen."""

RIDGE = 1e-10
"""Added to a correlation matrix before it is factored: an exact law makes it singular."""

LARGER_RIDGE = 1e-6
"""The same where the first is not enough."""

FLAT = 1e-9
"""Spread, in units of the metric's own, under which the kept rows do not vary."""


@dataclass(frozen=True, slots=True, eq=False)
class Concentrate:
    """Correlations of the kept rows of a block.

    Attributes:
        rows: number of kept rows.
        correlation: shape (m, m); zero rows and columns where a metric does not vary.
        spread: shape (m,), standard deviations.
        varying: columns that vary.
    """

    rows: int
    correlation: Floats
    spread: Floats
    varying: npt.NDArray[np.intp]


def concentrate(tables: Sequence[Floats]) -> list[Concentrate]:
    """Correlations of the 80 % of rows whose covariance has the least determinant, of each of some tables.

    A linear law is a direction in which the covariance has almost no extent, so the rows of least determinant are
    those that keep the laws. Starts from all rows and concentrates [1]_; rows that break a law stand out at once,
    because in its direction nothing else varies. The tables take each step together, the shorter ones filled up with
    rows that never count: a dozen small products at once cost hardly more than one.

    Args:
        tables: each of shape (n, m), with the same m; no NaN, columns scaled to about unit spread.

    References:
        .. [1] Rousseeuw, P. J., Van Driessen, K. (1999). A fast algorithm for the minimum covariance determinant
           estimator. Technometrics 41, 212-223. doi:10.1080/00401706.1999.10485670
    """
    rows = [len(table) for table in tables]
    stacked = np.zeros((len(tables), tables[0].shape[1], max(rows)))
    kept = np.zeros((len(tables), max(rows)))
    off, spare = np.empty_like(stacked), np.empty_like(stacked)  # written at each step: new ones cost as much again
    for place, table in enumerate(tables):
        stacked[place, :, : len(table)] = table.T
        kept[place, : len(table)] = 1.0
    for _ in range(STEPS):
        distances = _distances(_moments(stacked, kept, off, spare), off, spare)
        kept[:] = 0.0
        for place, count in enumerate(rows):
            nearest = int(KEPT * count)
            kept[place, np.argpartition(distances[place, :count], nearest - 1)[:nearest]] = 1.0
    made = _moments(stacked, kept, off, spare)
    return [
        Concentrate(int(KEPT * count), correlation, spread, np.flatnonzero(spread > FLAT))
        for count, correlation, spread in zip(rows, made.correlation, made.spread, strict=True)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Of t tables: spreads, shape (t, m), one over them, and correlations, shape (t, m, m); 0 where nothing varies."""

    spread: Floats
    unit: Floats
    correlation: Floats


def _moments(tables: Floats, kept: Floats, off: Floats, spare: Floats) -> _Moments:
    """Moments of the kept rows, shape (t, n), of tables whose columns stand in rows, shape (t, m, n).

    All rows off the centre of the kept ones are left in `off`.
    """
    count = kept.sum(axis=1)[:, None]
    np.subtract(tables, np.matmul(tables, kept[:, :, None]) / count[:, None], out=off)
    covariance = grams(np.multiply(off, kept[:, None], out=spare), off) / count[:, None]
    spread = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    unit = np.zeros_like(spread)
    np.divide(1.0, spread, out=unit, where=spread > FLAT)
    return _Moments(spread, unit, covariance * unit[:, :, None] * unit[:, None])


def _distances(inner: _Moments, off: Floats, spare: Floats) -> Floats:
    """Squared Mahalanobis distances in the columns that vary, shape (t, n)."""
    still = np.where(inner.unit > 0, 0.0, 1.0)
    factors = _factors(inner.correlation + np.eye(inner.unit.shape[1]) * (RIDGE + still[:, None]))
    # The factors' inverses are small and made once; solving for every row would be handed to other threads.
    white = each_applied(np.linalg.inv(factors) * inner.unit[:, None], off, spare)
    np.multiply(white, white, out=white)
    return np.asarray(white.sum(axis=1))


def _factors(matrices: Floats) -> Floats:
    """Cholesky factors, of those that need it with a larger ridge; shape (t, m, m)."""
    try:
        return np.asarray(np.linalg.cholesky(matrices))
    except np.linalg.LinAlgError:
        ridge = LARGER_RIDGE * np.eye(matrices.shape[2])
        smallest = np.linalg.eigvalsh(matrices)[:, 0]
        return np.asarray(np.linalg.cholesky(matrices + ridge * (smallest < RIDGE / 2)[:, None, None]))
