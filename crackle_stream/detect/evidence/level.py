"""Whether and where the level of a series moved within a window, whatever its autocorrelation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.autoregression import (
    CLIP,
    Autoregression,
    fit,
    gram,
    innovations,
    middle_and_width,
    order_for,
    robust_fit,
)
from crackle_stream.detect.evidence.lengths import Lengths, counts_of, filled_below, later, means, of_columns, variances
from crackle_stream.detect.evidence.ranks import normal_scores
from crackle_stream.detect.evidence.scan import TRIM, neighbour_drops, scan_step, split_off
from crackle_stream.detect.evidence.tails import chi_scan_tail

__all__ = ["FAR", "Levels", "ranked", "scan_level"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

ESTIMATION_ROWS = 24.0
"""Rows that estimating the autoregression costs: the likelihood ratio is shrunk by 1 - 24/n. With 16 rows p values
under .001 were up to 2.6 times too frequent at n = 500 (AR -.5, independent noise) and 3.8 times at n = 100."""


PERSISTENT_ROWS = 20.0
"""Rows that each further lag costs beside, times the sum of the coefficients: the slow part of the noise is known from
few swings, and a step that looks like one of them must gain more. AR .9 under as much AR .5: p values of .002 are 2.5
times too frequent instead of 3.2; the price is .015 of the power at 3 sd in AR .9."""

REFITS = 2
"""Times the autoregression is fitted again without the best step so far, as a wrong split spoils the coefficients."""


WORTH_REFITTING = 0.5
"""P value above which the refits are saved."""

FAR = 3.5
"""Robust standard deviations from which an innovation is an outlier: one in 2,000 normal ones, one in 35 with t3."""

FEW = 0.004
"""Share of outliers up to which they are taken for jumps rather than for the noise's own heavy tail."""

JUMP_ALLOWANCE = 1.3
"""How much more than its rank's normal score a jump may weigh: 3 sd in AR .9 is seen in .96 of windows instead of .35.
With heavy tails it would make p values of .001 five times too frequent, so there it is 1."""

LONE_ALLOWANCE = 1.7
"""The same for an outlier that is the only one of its series: 3 sd in AR .9 is then seen in .98 of windows instead of
.95, and p values of .002 in logistic and t6 innovations are no more frequent than before."""

LONE_CLIP = 5.0
"""Robust standard deviations at which innovations with at most one outlier are cut."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The best single step of each of k series.

    Attributes:
        p: shape (k,), p values of the largest step over all rows.
        row: shape (k,), the row of the series where it begins.
        size: shape (k,), the step in the series' own unit.
        statistic: shape (k,), signed root of the likelihood ratio.
        phi: shape (k, q), the coefficients under which the step is largest.
        orders: shape (k,), orders of the autoregressions.
        residual: shape (k,), sum of squares that the step and the autoregression leave.
        without: shape (k,), what the autoregression alone leaves.
    """

    p: Floats
    row: Ints
    size: Floats
    statistic: Floats
    phi: Floats
    orders: Ints
    residual: Floats
    without: Floats

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """All parts, each with a first axis of k series."""
        return self.p, self.row, self.size, self.statistic, self.phi, self.orders, self.residual, self.without

    def of(self, columns: Ints) -> Levels:
        """The given series alone."""
        return Levels(*(part[columns] for part in self.arrays()))

    def with_series(self, columns: Ints, other: Levels) -> Levels:
        """A copy in which the given series are those of another result, in order."""
        parts = [part.copy() for part in self.arrays()]
        for mine, its in zip(parts, other.arrays(), strict=True):
            if mine.ndim == 1:
                mine[columns] = its
            else:  # fewer lags on a short window
                width = min(mine.shape[1], its.shape[1])
                mine[columns, :width] = its[:, :width]
        return Levels(*parts)


def scan_level(y: Floats, *, wary: bool = True, trim: float = TRIM, lengths: Lengths | None = None) -> Levels:
    """The best single step in each series, and its p value.

    The statistic is a likelihood ratio in which the autoregression is free under both hypotheses: fitted with the
    step left in, it takes the step for memory; fitted with the best step taken out, it takes memory for a step. Two
    starts (both of these) are scanned, each for its best row, and the better joint fit is compared with the best fit
    without a step. Innovations are cut at 4 robust standard deviations (5 where
    one alone is an outlier), and the one at which a step would begin counts
    for no more than its rank among normal ones: outliers are not shifts.

    Args:
        y: shape (n, k), no NaN.
        wary: choose the orders with the step left in. A slow part under much noise (AR .9 beneath twice its variance
            of white noise) passes for a step when the best split is taken off first: p values of .001 are then ten
            times too frequent. It costs a twentieth of the power at .6 sd.
        trim: share of the rows at each end where no step is looked for.
        lengths: of the series.
    """
    (n, k), p = y.shape, order_for(len(y))
    y = np.asfortranarray(y)
    rows = counts_of(y, lengths) - p
    centred = filled_below(y - means(y, lengths), lengths)
    flat = split_off(y, lengths)
    # Both starts are fitted and scanned as one table: on a few series it is calls that take the time.
    starts = _side_by_side(centred, flat)
    both = None if lengths is None else lengths.repeated(2)
    products = gram(starts, p, both)
    orders = fit(products[:k] if wary else products[k:], rows)
    models, _ = robust_fit(starts, p, np.tile(orders, 2), products, both)
    steps = _best_step(_side_by_side(centred, centred), models, trim, both)
    best = _better(steps.of(slice(k)), steps.of(slice(k, None)))
    chances = _tail(_statistic(best, rows, orders), best, n - p, trim, later(lengths, p))
    promising = np.flatnonzero(chances < WORTH_REFITTING)
    for _ in range(REFITS if len(promising) else 0):
        some, ends = best.of(promising), of_columns(lengths, promising)
        shifted = np.arange(n)[:, None] >= some.row + p
        series = centred[:, promising]
        level = filled_below(series - np.where(shifted, some.size, 0.0), ends)
        refitted, _ = robust_fit(level, p, orders[promising], lengths=ends)
        best.put(promising, _better(some, _best_step(series, refitted, trim, ends)))
    statistic = _statistic(best, rows, orders)
    if len(promising):
        ends = of_columns(later(lengths, p), promising)
        chances[promising] = _tail(statistic[promising], best.of(promising), n - p, trim, ends)
    return Levels(
        p=chances,
        row=best.row.astype(np.intp) + p,
        size=best.size,
        statistic=statistic * np.sign(best.size),
        phi=best.phi,
        orders=orders,
        residual=best.residual,
        without=best.without,
    )


def _side_by_side(one: Floats, other: Floats) -> Floats:
    """Two tables of shape (n, k) as one of shape (n, 2 k)."""
    return np.concatenate([one.T, other.T]).T


@dataclass(frozen=True, slots=True)
class _Step:
    row: Ints
    size: Floats
    without: Floats
    residual: Floats
    phi: Floats

    def of(self, columns: Ints | slice) -> _Step:
        return _Step(
            self.row[columns],
            self.size[columns],
            self.without[columns],
            self.residual[columns],
            self.phi[columns],
        )

    def put(self, columns: Ints, other: _Step) -> None:
        self.row[columns], self.size[columns] = other.row, other.size
        self.without[columns], self.residual[columns] = other.without, other.residual
        self.phi[columns] = other.phi


def _statistic(step: _Step, rows: Ints, orders: Ints) -> Floats:
    persistent = np.clip(step.phi.sum(axis=1), 0.0, 1.0) * np.maximum(orders - 1, 0)
    price = ESTIMATION_ROWS + PERSISTENT_ROWS * persistent
    counted = rows * (1 - np.minimum(price / rows, 0.5))
    return np.asarray(np.sqrt(counted * np.log(np.maximum(step.without / step.residual, 1.0))))


def _tail(statistic: Floats, step: _Step, rows: int, trim: float, lengths: Lengths | None) -> Floats:
    return chi_scan_tail(statistic, neighbour_drops(rows, step.phi, trim=trim, lengths=lengths))


def _best_step(y: Floats, model: Autoregression, trim: float, lengths: Lengths | None) -> _Step:
    series, ends = np.arange(y.shape[1]), later(lengths, model.phi.shape[1])
    raw = innovations(y, Autoregression(model.phi, np.zeros(y.shape[1])), lengths)
    middle, width = middle_and_width(raw, ends)
    far = np.sum(filled_below(np.abs(raw - middle), ends) > FAR * width, axis=0)
    reach = np.where(far <= 1, LONE_CLIP, CLIP) * width
    e = filled_below(np.clip(raw, middle - reach, middle + reach), ends)
    e -= means(e, ends)
    filled_below(e, ends)
    without = np.sum(e * e, axis=0)
    scan = scan_step(e, model.phi, pulse=ranked(e, far, ends), trim=trim, lengths=ends)
    place = np.argmax(np.abs(scan.statistic), axis=0)
    gain = scan.statistic[place, series] ** 2
    residual = np.maximum(without - gain, 1e-9 * without + np.finfo(float).tiny)
    return _Step(place + scan.first, scan.size[place, series], without, residual, model.phi)


def _better(one: _Step, other: _Step) -> _Step:
    """Of each series the step that leaves less, against the best fit without a step that either knows."""
    nearer = other.residual < one.residual
    return _Step(
        row=np.where(nearer, other.row, one.row),
        size=np.where(nearer, other.size, one.size),
        without=np.minimum(one.without, other.without),
        residual=np.minimum(one.residual, other.residual),
        phi=np.where(nearer[:, None], other.phi, one.phi),
    )


def ranked(e: Floats, far: Ints, lengths: Lengths | None = None) -> Floats:
    """What an innovation counts for where a step begins: no more than its rank among normal ones allows.

    Where hardly any innovation is an outlier, one that is may be a jump, and counts for more.

    Args:
        e: shape (n, k), innovations.
        far: shape (k,), how many of each series are outliers, more than FAR robust standard deviations away.
        lengths: of the series.
    """
    few = np.where(far <= np.maximum(2.0, FEW * counts_of(e, lengths)), JUMP_ALLOWANCE, 1.0)
    allowance = np.where(far <= 1, LONE_ALLOWANCE, few) * np.sqrt(variances(e, lengths))
    return np.asarray(np.sign(e) * np.minimum(np.abs(e), allowance * np.abs(normal_scores(e, lengths))))
