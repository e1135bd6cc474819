"""Correlations of the tasks that agree with each other, undisturbed by those that do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError, cholesky, solve_triangular

__all__ = ["Concentrate", "concentrate"]

Floats = npt.NDArray[np.float64]

STEPS = 3
"""Concentration steps; the determinant falls at each one and hardly any more after three."""

KEPT = 0.8
"""Share of rows kept by a step: up to a fifth of the tasks may break a law and it is still seen."""

RIDGE = 1e-10
"""Added to a correlation matrix before it is factored: an exact law makes it singular."""

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


def concentrate(table: Floats) -> Concentrate:
    """Correlations of the 80 % of rows whose covariance has the least determinant.

    A linear law is a direction in which the covariance has almost no extent, so the rows of least determinant are
    those that keep the laws. Starts from all rows and concentrates [1]_; rows that break a law stand out at once,
    because in its direction nothing else varies.

    Args:
        table: shape (n, m), no NaN, columns scaled to about unit spread.

    References:
        .. [1] Rousseeuw, P. J., Van Driessen, K. (1999). A fast algorithm for the minimum covariance determinant
           estimator. Technometrics 41, 212-223. doi:10.1080/00401706.1999.10485670
    """
    kept = table
    for _ in range(STEPS):
        distances = _distances(table, _correlations(kept), kept.mean(axis=0))
        count = int(KEPT * len(table))
        kept = table[np.sort(np.argpartition(distances, count - 1)[:count])]
    return _correlations(kept)


def _correlations(rows: Floats) -> Concentrate:
    spread = rows.std(axis=0)
    varying = np.flatnonzero(spread > FLAT)
    scaled = (rows[:, varying] - rows[:, varying].mean(axis=0)) / spread[varying]
    correlation = np.zeros((rows.shape[1], rows.shape[1]))
    correlation[np.ix_(varying, varying)] = scaled.T @ scaled / len(rows)
    return Concentrate(len(rows), correlation, spread, varying)


def _distances(table: Floats, inner: Concentrate, centre: Floats) -> Floats:
    """Squared Mahalanobis distances, shape (n,)."""
    columns = inner.varying
    scaled = (table[:, columns] - centre[columns]) / inner.spread[columns]
    matrix = inner.correlation[np.ix_(columns, columns)] + RIDGE * np.eye(len(columns))
    try:
        factor = cholesky(matrix, lower=True, check_finite=False)
    except LinAlgError:
        factor = cholesky(matrix + 1e-6 * np.eye(len(columns)), lower=True, check_finite=False)
    white = solve_triangular(factor, scaled.T, lower=True, check_finite=False)
    distances: Floats = np.einsum("ij,ij->j", white, white)
    return distances
