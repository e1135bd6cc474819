"""Correlations of the tasks that agree with each other, undisturbed by those that do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.products import applied, gram

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
    count = int(KEPT * len(table))
    for _ in range(STEPS):
        distances = _distances(table, *_moments(kept))
        kept = table[np.sort(np.argpartition(distances, count - 1)[:count])]
    return _moments(kept)[0]


def _moments(rows: Floats) -> tuple[Concentrate, Floats]:
    """Correlations of some rows, and their means, shape (m,)."""
    centre = rows.mean(axis=0)
    covariance = gram(rows - centre) / len(rows)
    spread = np.sqrt(np.diagonal(covariance))
    varying = np.flatnonzero(spread > FLAT)
    unit = np.zeros(len(spread))
    unit[varying] = 1.0 / spread[varying]
    return Concentrate(len(rows), covariance * unit * unit[:, None], spread, varying), centre


def _distances(table: Floats, inner: Concentrate, centre: Floats) -> Floats:
    """Squared Mahalanobis distances, shape (n,)."""
    columns = inner.varying
    every = len(columns) == table.shape[1]
    matrix = inner.correlation if every else inner.correlation[np.ix_(columns, columns)]
    ridge = np.eye(len(columns))
    try:
        factor = np.linalg.cholesky(matrix + RIDGE * ridge)
    except np.linalg.LinAlgError:
        factor = np.linalg.cholesky(matrix + LARGER_RIDGE * ridge)
    # The factor's inverse is small and made once; solving for every row would be handed to other threads.
    whitening = np.linalg.inv(factor).T / inner.spread[columns][:, None]
    off = table - centre if every else table[:, columns] - centre[columns]
    white = applied(off, whitening)
    distances: Floats = np.einsum("ij,ij->i", white, white)
    return distances
