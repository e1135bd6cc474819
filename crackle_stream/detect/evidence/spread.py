"""Whether the spread or the shape of the innovations changed within a window."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.autoregression import innovations, middle_and_width, order_for, robust_fit
from crackle_stream.detect.evidence.lengths import Lengths, counts_of, filled_below, later, means, of_columns, variances
from crackle_stream.detect.evidence.level import Levels, scan_level
from crackle_stream.detect.evidence.ranks import legendre_of_ranks, normal_scores, standard_legendre_of_ranks
from crackle_stream.detect.evidence.scan import SCORE_TRIM, TRIM, scan_white, split_off, white_drops
from crackle_stream.detect.evidence.tails import chi_scan_tail

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "SHAPE_DEGREES",
    "Shapes",
    "scan_amplitude",
    "scan_shape",
    "scan_spread",
    "smeared",
    "stronger",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

SMEAR = 0.25
"""Noise added to innovations before they are ranked, in robust standard deviations."""

INNER_SHARE = 0.75
"""Share of a metric's chance of a false change of spread that its innovations keep; the rest is the amplitude's."""

SHAPE_DEGREES = 6
"""Legendre polynomials that describe a distribution: level, spread, skewness, tails, and two finer ones."""

ESTIMATION_ROWS = 24.0
"""Rows that estimating the persistence costs; the statistic is shrunk by as much."""

PERSISTENCE = 1.12
"""Long-run over plain variance of a score from which it is deflated; under it the excess is estimation noise."""


DOUBTFUL = 0.1
"""P value in independent noise from which a change of spread or shape is not looked at closer: divided by its share of
the chances it is above every bar, and a closer look only makes it larger."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """The best single change of distribution of each of k series.

    Attributes:
        p: shape (k,).
        row: shape (k,), where it begins.
        statistic: shape (k,), root of the sum of squares over the degrees.
        parts: shape (degrees, k), the signed contribution of each polynomial.
    """

    p: Floats
    row: Ints
    statistic: Floats
    parts: Floats

    def of(self, columns: Ints) -> Shapes:
        """The given series alone."""
        return Shapes(self.p[columns], self.row[columns], self.statistic[columns], self.parts[:, columns])

    def with_series(self, columns: Ints, other: Shapes) -> Shapes:
        """A copy in which the given series are those of another result, in order."""
        p, row, statistic, parts = self.p.copy(), self.row.copy(), self.statistic.copy(), self.parts.copy()
        p[columns], row[columns], statistic[columns] = other.p, other.row, other.statistic
        parts[:, columns] = other.parts
        return Shapes(p, row, statistic, parts)


def scan_spread(e: Floats, lengths: Lengths | None = None) -> Levels:
    """The best single change of spread: a step in the second Legendre score of the innovations' ranks.

    The score of a series whose volatility comes in clusters (GARCH) is itself autocorrelated; it is scanned as any
    level is, so that a quiet spell of such a series is not taken for a lasting change.

    Args:
        e: shape (n, k), innovations, no NaN.
        lengths: of the series.
    """
    return _scan_scores(legendre_of_ranks(e, 2, 2, lengths), wary=False, trim=SCORE_TRIM, lengths=lengths)


def scan_amplitude(x: Floats, skipped: int, lengths: Lengths | None = None) -> Levels:
    """The best single change in how far values move from one row to the next, rows counted after the first `skipped`.

    Where a control loop starts to swing, the values move more and the innovations may not: the swing explains itself.
    Distances from the middle would tell it too, but also every turn of a random walk.

    Args:
        x: shape (n, k), the values, logarithms where they are whitened as such, seasons left in, no NaN.
        skipped: rows at the start that have no innovation, at least 1.
        lengths: of the series.
    """
    scores = normal_scores(np.abs(np.diff(x, axis=0)), later(lengths, 1))[skipped - 1 :]
    return _scan_scores(scores, wary=True, trim=TRIM, lengths=later(lengths, skipped))


def _scan_scores(scores: Floats, *, wary: bool, trim: float, lengths: Lengths | None) -> Levels:
    """A scan for a step, in which only series with something like one are taken to remember anything.

    Scores of spread go up and down with those before them, if at all, and that makes a step less likely and not more;
    so what is no step in independent noise needs no autoregression.
    """
    quick = _scan_white(scores, trim, lengths)
    doubtful = np.flatnonzero(quick.p < DOUBTFUL)
    if not len(doubtful):
        return quick
    closer = scan_level(scores[:, doubtful], wary=wary, trim=trim, lengths=of_columns(lengths, doubtful))
    return quick.with_series(doubtful, closer)


def _scan_white(scores: Floats, trim: float, lengths: Lengths | None) -> Levels:
    """The best single step of each series as if rows were independent; see `scan_level`."""
    k, p, n = scores.shape[1], order_for(len(scores)), counts_of(scores, lengths)
    centred = filled_below(scores - means(scores, lengths), lengths)
    without = np.sum(centred * centred, axis=0)
    scan = scan_white(centred / np.sqrt(np.maximum(without, 1e-300) / n), trim, lengths)
    row, series = np.argmax(np.abs(scan.statistic), axis=0), np.arange(k)
    statistic = scan.statistic[row, series]
    return Levels(
        p=chi_scan_tail(np.abs(statistic), white_drops(len(scores), trim, lengths)),
        row=row + scan.first,
        size=scan.size[row, series] * np.sqrt(without / n),
        statistic=statistic,
        phi=np.zeros((k, p)),
        orders=np.ones(k, dtype=np.intp),
        residual=without * (1 - np.minimum(statistic**2 / n, 1.0)),
        without=without,
    )


def stronger(inner: Levels, outer: Levels) -> Levels:
    """Of each series the change of innovations' spread or that of amplitude, whichever is less likely by chance."""
    p = np.minimum(inner.p / INNER_SHARE, 1.0)
    other = np.minimum(outer.p / (1 - INNER_SHARE), 1.0)
    clearer = np.flatnonzero(other < p)
    merged = replace(inner, p=p)
    chosen = replace(outer, p=other)
    return merged.with_series(clearer, chosen.of(clearer))


def smeared(e: Floats, x: Floats, which: Sequence[bool], lengths: Lengths | None = None) -> Floats:
    """Innovations with a quarter of their width of noise, seeded by the values they come from.

    Ranks at a sharp edge of a density (exponential innovations) follow every error of the coefficients; without this,
    p values of .001 are five times too frequent there. Normal scores have no edges and need none of it. Seeds are taken
    from the values and not from the innovations, whose last digits differ from one processor to the next.

    Args:
        e: shape (n - p, k), innovations, no NaN.
        x: shape (n, k), the values.
        which: the series that are not whitened as scores.
        lengths: of the innovations.
    """
    _, width = middle_and_width(e, lengths)
    smeared, ends = e.copy(order="K"), counts_of(e, lengths).tolist()
    skipped = len(x) - len(e)
    for column in np.flatnonzero(which).tolist():
        end = ends[column]
        rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(x[: end + skipped, column]).tobytes()))
        smeared[:end, column] += SMEAR * width[column] * rng.standard_normal(end)
    return smeared


def scan_shape(e: Floats, lengths: Lengths | None = None) -> Shapes:
    """The best single change of distribution: steps at a common row in six Legendre scores.

    Args:
        e: shape (n, k), innovations, known changes of level and spread taken out, no NaN.
        lengths: of the series.
    """
    scores = standard_legendre_of_ranks(e, SHAPE_DEGREES, lengths)
    shapes = _best_shapes(scores, lengths)
    doubtful = np.flatnonzero(shapes.p < DOUBTFUL)  # persistence makes a change less likely and never more
    if not len(doubtful):
        return shapes
    some = scores.reshape(len(e), SHAPE_DEGREES, -1)[:, :, doubtful].reshape(len(e), -1)
    ends = of_columns(lengths, doubtful)
    return shapes.with_series(doubtful, _best_shapes(some / np.sqrt(_persistence(some, ends)), ends))


def _best_shapes(scores: Floats, lengths: Lengths | None) -> Shapes:
    """The row at which the scores of all degrees change most, and how likely that is.

    Args:
        scores: shape (n, degrees k), of mean 0 and of unit variance in the long run, by degree and then by series.
        lengths: of the series, shape (k,).
    """
    n = len(scores)
    shrink = np.sqrt(1 - np.minimum(ESTIMATION_ROWS / (n if lengths is None else lengths.counts), 0.5))
    scan = scan_white(scores, SCORE_TRIM, None if lengths is None else lengths.repeated(SHAPE_DEGREES))
    parts = scan.statistic.reshape(len(scan.statistic), SHAPE_DEGREES, -1)
    total = np.sum(parts**2, axis=1)
    place, series = np.argmax(total, axis=0), np.arange(parts.shape[2])
    statistic = shrink * np.sqrt(total[place, series])
    return Shapes(
        p=chi_scan_tail(statistic, white_drops(n, SCORE_TRIM, lengths), SHAPE_DEGREES),
        row=place + scan.first,
        statistic=statistic,
        parts=shrink * parts[place, :, series].T,
    )


def _persistence(scores: Floats, lengths: Lengths | None) -> Floats:
    """Long-run over plain variance of each score, 1 where hardly more; its best split is no persistence."""
    p, ends = order_for(len(scores)), None if lengths is None else lengths.repeated(SHAPE_DEGREES)
    flat = split_off(scores, ends)
    model, _ = robust_fit(flat, p, lengths=ends)
    left = variances(innovations(flat, model, ends), later(ends, p))
    long_run = left / np.maximum(1 - model.phi.sum(axis=1), 0.02) ** 2
    ratio = long_run / np.maximum(variances(flat, ends), 1e-12)
    return np.where(ratio > PERSISTENCE, ratio, 1.0)
