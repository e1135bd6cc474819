"""Straight drifts: a level that moves all the time and not at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.ranks import medians
from crackle_stream.detect.evidence.staircase import PRICE, stairs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Drifts", "drifts_of"]

Floats = npt.NDArray[np.float64]

SURE = 4.5
"""Standard errors of the slope, after the lag-1 autocorrelation of what it leaves is paid for, from which a drift is
taken out. None of 480 series of AR .9 and nine of AR .99 seem to drift so, and steps are a simpler account of those."""

HINT = 2.0
"""Standard errors of the slope up to which a metric is not looked at in its logarithm as well: a line of 4.5 there is
one of more than two here."""

WINSOR = 5.0
"""Robust standard deviations around the line, and around the median at first, at which values are cut before it is
fitted."""

SLOW = 0.85
"""Lag-1 autocorrelation of what a line leaves from which it is no drift: such noise wanders as far by itself, and its
autoregression, which knows that, needs the line's share of it. A line taken off 14 % of random walks gave false shifts
in .067 of 120 windows instead of .025."""

MOST_STEPS = 3
"""Steps that a line is held against; an autoregression follows any number of them."""


@dataclass(frozen=True, slots=True)
class Drifts:
    """Straight drifts of k metrics.

    Attributes:
        slopes: shape (k,), in the metric's unit a row, or in its logarithm's; 0 where there is no drift.
        growing: shape (k,), whether the metric grows by a share of itself, its noise with it.
    """

    slopes: Floats
    growing: npt.NDArray[np.bool_]

    def of(self, columns: list[int]) -> Drifts:
        """Those of some metrics."""
        return Drifts(self.slopes[columns], self.growing[columns])

    @classmethod
    def together(cls, some: Sequence[Self]) -> Self:
        """Those of the metrics of several tables, in order."""
        return cls(np.concatenate([one.slopes for one in some]), np.concatenate([one.growing for one in some]))

    def taken_from(self, x: Floats) -> Floats:
        """The metrics as if their levels had stayed where they are in the middle of the window: shape (n, k)."""
        moved = _clock(len(x))[:, None] * self.slopes
        return np.where(self.growing, x * np.exp(np.where(self.growing, -moved, 0.0)), x - moved)


def drifts_of(x: Floats) -> Drifts:
    """The drifts that are straight, sure, and a simpler account of a metric than steps are.

    One step explains three quarters of what a line does and a line three quarters of what a step does, so the smaller
    residual tells them apart; for each further step Bayes' criterion has its price. Weak drifts, of less than about
    one and a half standard deviations over the window, remain as likely steps. A positive metric whose noise grows
    with its level drifts in its logarithm.

    Args:
        x: shape (n, k), no NaN.
    """
    if not len(x):
        return Drifts(np.zeros(x.shape[1]), np.zeros(x.shape[1], dtype=np.bool_))
    plain, sizes, errors = _straight(x)
    growing = np.zeros(x.shape[1], dtype=np.bool_)
    positive = np.flatnonzero((x.min(axis=0) > 0) & (errors > HINT))  # what grows by a share of itself grows
    if len(positive):
        shares, share_sizes, _ = _straight(np.log(x[:, positive]))
        better = (shares != 0) & (share_sizes < np.where(plain[positive] != 0, sizes[positive], np.inf))
        plain[positive[better]] = shares[better]
        growing[positive[better]] = True
    return Drifts(plain, growing)


def _straight(x: Floats) -> tuple[Floats, Floats, Floats]:
    """Slopes, 0 for none, the correlation of time with the size of what they leave, and standard errors of each slope.

    Args:
        x: shape (n, k).

    Returns:
        Shape (k,) each; the last is how many standard errors the best line rises or falls, drift or not.
    """
    n, clock = len(x), _clock(len(x))
    tame = np.clip(x, *_bounds(x))
    for _ in range(2):  # without what stands far off the line
        line = tame - _left(tame, clock)
        tame = line + np.clip(x - line, *_bounds(x - line))
    left = _left(tame, clock)
    slope = clock @ (tame - tame.mean(axis=0)) / (clock @ clock)
    power = np.maximum(np.sum(left * left, axis=0), np.finfo(float).tiny)
    own = np.clip(np.sum(left[1:] * left[:-1], axis=0) / power, 0.0, 0.999)
    worth = (1 - own) / (1 + own)  # of a row, in independent ones
    error = np.sqrt(power / n / np.maximum(n * worth, 3.0)) / clock.std()
    errors = np.abs(slope) / error
    found = np.where((errors > SURE) & (own < SLOW), slope, 0.0)
    for column in np.flatnonzero(found).tolist():
        if _steps_are_simpler(tame[:, [column]], float(power[column]), float(worth[column])):
            found[column] = 0.0
    size = np.abs(left) - np.abs(left).mean(axis=0)
    norm = np.sqrt(np.sum(size * size, axis=0) * (clock @ clock))
    return found, np.abs(clock @ size) / np.maximum(norm, np.finfo(float).tiny), errors


def _steps_are_simpler(x: Floats, power: float, worth: float) -> bool:
    """Whether a few steps leave so much less than a line that they are worth their number.

    Args:
        x: shape (n, 1).
        power: sum of squares that the line leaves.
        worth: independent rows that a row is worth.
    """
    n = len(x)
    for most in range(1, MOST_STEPS + 1):
        starts = stairs_of(x, most)[0]
        rest = np.concatenate([part - part.mean() for part in np.split(x[:, 0], starts)])
        gained = worth * n * np.log(power / max(float(np.sum(rest * rest)), 1e-300))
        if gained > PRICE * np.log(n) * (len(starts) - 1):
            return len(starts) > 0
    return False


def _left(x: Floats, clock: Floats) -> Floats:
    """What the best line leaves."""
    centred = x - x.mean(axis=0)
    return np.asarray(centred - clock[:, None] * (clock @ centred / (clock @ clock)))


def _clock(n: int) -> Floats:
    return np.arange(n, dtype=np.float64) - (n - 1) / 2


def _bounds(left: Floats) -> tuple[Floats, Floats]:
    middle = medians(left)
    reach = WINSOR * 1.4826 * medians(np.abs(left - middle))
    return np.asarray(middle - reach), np.asarray(middle + reach)
