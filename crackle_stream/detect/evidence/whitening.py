"""Innovations of every metric: what is left when season, shifts and memory are taken out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.autoregression import innovations, order_for, robust_fit
from crackle_stream.detect.evidence.bumps import find_level
from crackle_stream.detect.evidence.drift import Drifts, drifts_of
from crackle_stream.detect.evidence.excursions import with_excursions
from crackle_stream.detect.evidence.lengths import (
    Lengths,
    counts_of,
    filled_below,
    later,
    means,
    of_columns,
    variances,
)
from crackle_stream.detect.evidence.level import Levels
from crackle_stream.detect.evidence.ranks import median, medians, normal_scores
from crackle_stream.detect.evidence.scan import split_off
from crackle_stream.detect.evidence.seasonality import find_frequencies, without_sinusoids
from crackle_stream.detect.evidence.spread import Shapes, scan_amplitude, scan_shape, scan_spread, smeared, stronger
from crackle_stream.detect.evidence.steps import WORTH_REMOVING, Step, removed, steps_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["TOGETHER_ROWS", "Transform", "White", "independent_rows", "seasons_of", "whiten"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

WINSOR = 8.0
"""Robust standard deviations at which raw values are cut before an autoregression is fitted."""

MEMORY = 0.1
"""Share of the variance that the past explains under which normal scores are used: they suit any distribution, but
compress the wandering of a slow series, so that its innovations seem to change their spread (a false variance shift
in 41 % of windows of AR .99)."""


RAW_PREFERENCE = 4.0
"""Squared correlations, in units of 1/n, by which another scale must be more even than the raw one: on a Gaussian
series all are alike, and one in three would be whitened on scores, which makes its shape seem to change."""

TREND_CHECK = 0.01
"""P value of a step under which a straight drift is tried instead of it."""


TOGETHER_ROWS = 340
"""Rows that metrics of different lengths must have to be whitened in one table: all are then fitted with as many lags,
may hold the longest excursion, and no row is looked at that has fewer rows left than there are lags, of which a
remembered spread has the most."""


class Transform(StrEnum):
    """The scale on which a metric is whitened."""

    SCORES = "scores"
    RAW = "raw"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class White:
    """k metrics over the same n rows, whitened.

    Attributes:
        y: shape (n, k), the series on the chosen scale without season.
        transforms: the scale of each.
        drifts: the straight drifts taken out of them.
        frequencies: of the sinusoids taken out of each.
        levels: the best single step of each.
        steps: all steps found in each, in order of row.
        spreads: the best single change of spread of each, rows counted from the first innovation.
        amplitudes: the best single change in how far the values move in a row, likewise; part of `spreads`.
        shapes: the best single change of distribution of each, likewise.
        innovations: shape (n, k), without steps; NaN in the first rows, which have no past.
        scores: shape (n, k), normal scores of the innovations without changes of spread; NaN in the first rows.
        phi: shape (k, p), the coefficients.
        effective_n: shape (k,), independent observations the rows are worth for a mean.
        calibrated: shape (k,), whether the metric was judged by a memory that is long enough.
    """

    y: Floats
    transforms: tuple[Transform, ...]
    drifts: Drifts
    frequencies: tuple[tuple[float, ...], ...]
    levels: Levels
    steps: tuple[tuple[Step, ...], ...]
    spreads: Levels
    amplitudes: Levels
    shapes: Shapes
    innovations: Floats
    scores: Floats
    phi: Floats
    effective_n: Floats
    calibrated: npt.NDArray[np.bool_]

    def of(self, columns: Sequence[int], rows: int) -> White:
        """Some of the metrics, which fill so many rows."""
        some = list(columns)
        chosen = np.array(some, dtype=np.intp)
        return White(
            self.y[:rows, some],
            tuple(self.transforms[column] for column in some),
            self.drifts.of(some),
            tuple(self.frequencies[column] for column in some),
            self.levels.of(chosen),
            tuple(self.steps[column] for column in some),
            self.spreads.of(chosen),
            self.amplitudes.of(chosen),
            self.shapes.of(chosen),
            self.innovations[:rows, some],
            self.scores[:rows, some],
            self.phi[chosen],
            self.effective_n[chosen],
            self.calibrated[chosen],
        )


def seasons_of(x: Floats) -> tuple[tuple[float, ...], ...]:
    """Frequencies of the sinusoids in each of k metrics, in cycles a task; x as in `whiten`."""
    flat = split_off(normal_scores(x))
    return tuple(find_frequencies(flat[:, column]) for column in range(x.shape[1]))


def whiten(
    x: Floats,
    seasons: Sequence[tuple[float, ...]] | None = None,
    drifts: Drifts | None = None,
    bar: float = WORTH_REMOVING,
    stop: Callable[[], bool] = lambda: False,
    lengths: Lengths | None = None,
) -> White | None:
    """Whiten metrics on the rows where they are present; None where there was no time to end it.

    Args:
        x: shape (n, k), untied values, no NaN.
        seasons: what `seasons_of` says of them, where that is known.
        drifts: what `drifts_of` says of them, where that is known.
        bar: p value under which a change of level is taken out.
        stop: the cooperative deadline, asked between the parts of the work.
        lengths: of the metrics where they differ: at least `TOGETHER_ROWS`, in one table closed up over their gaps;
            drifts and seasons are known then.
    """
    n, k = x.shape
    drifts = drifts_of(x) if drifts is None else drifts
    x = np.asfortranarray(drifts.taken_from(x) if lengths is None else x)
    frequencies = seasons_of(x) if seasons is None else tuple(seasons)
    y, plain, transforms = _chosen_scale(x, normal_scores(x, lengths), frequencies, lengths)
    if stop():
        return None
    y, levels = _trends_told_apart(y, find_level(y, lengths), lengths)
    if stop():
        return None
    steps = with_excursions(y, steps_in(y, levels, bar=bar, lengths=lengths), levels, bar=bar, lengths=lengths)
    p = order_for(n)
    ends = later(lengths, p)  # of the innovations
    settled = removed(y, steps, lengths)
    model, _ = robust_fit(settled, p, lengths=lengths)
    e = np.full((n, k), np.nan, order="F")
    e[p:] = innovations(settled, model, lengths)
    if stop():
        return None
    amplitudes = scan_amplitude(plain, p, lengths)
    rough = [transform is not Transform.SCORES for transform in transforms]
    if stop():
        return None
    spreads, even = _spreads(smeared(e[p:], x, rough, ends), amplitudes, ends)
    if stop():
        return None
    z = np.full((n, k), np.nan, order="F")
    z[p:] = normal_scores(even, ends)
    return White(
        y,
        transforms,
        drifts,
        frequencies,
        levels,
        steps,
        spreads,
        amplitudes,
        scan_shape(even, ends),
        e,
        z,
        model.phi,
        independent_rows(settled, e[p:], model.phi, lengths),
        np.zeros(k, dtype=bool),
    )


def independent_rows(settled: Floats, e: Floats, phi: Floats, lengths: Lengths | None = None) -> Floats:
    """Independent observations that n rows of an autoregression are worth for a mean: shape (k,).

    Args:
        settled: shape (n, k), the series without steps.
        e: shape (n - p, k), its innovations.
        phi: shape (k, p), its coefficients.
        lengths: of the series.
    """
    n, left = counts_of(settled, lengths), variances(e, later(lengths, len(settled) - len(e)))
    share = variances(settled, lengths) * (1 - phi.sum(axis=1)) ** 2 / np.maximum(left, 1e-300)
    return np.asarray(n * np.clip(share, 1 / n, 1.0))


def _trends_told_apart(y: Floats, levels: Levels, lengths: Lengths | None) -> tuple[Floats, Levels]:
    """A straight drift looks like a step; where it fits better than the best step, it is taken out instead."""
    doubtful = np.flatnonzero(levels.p < TREND_CHECK)
    if not len(doubtful):
        return y, levels
    level, ends = y[:, doubtful], of_columns(lengths, doubtful)
    clock = -1 + np.arange(len(y))[:, None] * (2 / (counts_of(level, ends) - 1))
    filled_below(clock, ends)
    slope = np.sum(clock * level, axis=0) / np.sum(clock * clock, axis=0)
    straight = filled_below(level - means(level, ends) - clock * slope, ends)
    again = find_level(straight, ends)
    drifts = again.without <= levels.residual[doubtful]
    y[:, doubtful[drifts]] = straight[:, drifts]
    for known, new in zip(levels.arrays(), again.arrays(), strict=True):
        known[doubtful[drifts]] = new[drifts]
    return y, levels


def _spreads(even: Floats, amplitudes: Levels, lengths: Lengths | None) -> tuple[Levels, Floats]:
    """Changes of spread, and the innovations without them."""
    spreads = stronger(scan_spread(even, lengths), amplitudes)
    ends = counts_of(even, lengths).tolist()
    for column in np.flatnonzero(spreads.p < WORTH_REMOVING).tolist():
        row = int(spreads.row[column])
        for part in (slice(0, row), slice(row, ends[column])):
            spread = median(np.abs(even[part, column] - median(even[part, column])))
            even[part, column] /= spread if spread > 0 else 1.0
    return spreads, even


def _chosen_scale(
    x: Floats, scores: Floats, frequencies: tuple[tuple[float, ...], ...], lengths: Lengths | None
) -> tuple[Floats, Floats, tuple[Transform, ...]]:
    """Scores where there is little memory; else the scale on which innovations are most alike in spread.

    Returns:
        The series on their scales without their seasons; the values, logarithms where that is the scale; the scales.
    """
    p = order_for(len(x))
    y = _deseasoned(scores, frequencies, lengths)
    plain = x.copy(order="K")
    transforms = [Transform.SCORES] * x.shape[1]
    flat, ends = split_off(y, lengths), later(lengths, p)
    model, _orders = robust_fit(flat, p, lengths=lengths)
    e = innovations(flat, model, lengths)
    slow = np.flatnonzero(variances(e, ends) < (1 - MEMORY) * variances(flat[p:], ends))
    if not len(slow):
        return y, plain, tuple(transforms)
    preference = RAW_PREFERENCE / counts_of(x, lengths)
    least = _unevenness(flat[:, slow][p:], e[:, slow], of_columns(ends, slow)) + preference[slow]
    for transform, values, columns in _other_scales(x[:, slow], of_columns(lengths, slow)):
        chosen = slow[columns]
        their = of_columns(lengths, chosen)
        other = _deseasoned(values, tuple(frequencies[c] for c in chosen), their)
        flat = split_off(other, their)
        model, _ = robust_fit(flat, p, lengths=their)
        uneven = _unevenness(flat[p:], innovations(flat, model, their), later(their, p))
        if transform is Transform.LOG:
            uneven += preference[chosen]
        better = uneven < least[columns]
        least[columns[better]] = uneven[better]
        y[:, chosen[better]] = other[:, better]
        plain[:, chosen[better]] = values[:, better]
        for column in chosen[better].tolist():
            transforms[column] = transform
    return y, plain, tuple(transforms)


def _other_scales(x: Floats, lengths: Lengths | None) -> list[tuple[Transform, Floats, Ints]]:
    middle = medians(x, lengths)
    spread = medians(np.abs(x - middle), lengths) * 1.4826
    wide = np.where(spread > 0, WINSOR * spread, np.inf)
    raw = filled_below(np.clip(x, middle - wide, middle + wide), lengths)
    everything = np.arange(x.shape[1])
    scales = [(Transform.RAW, raw, everything)]
    above = x if lengths is None else filled_below(x.copy(order="K"), lengths, 1.0)  # whose logarithm is 0
    positive = np.flatnonzero(above.min(axis=0) > 0)
    if len(positive):
        scales.append((Transform.LOG, np.log(above[:, positive]), positive))
    return scales


def _deseasoned(y: Floats, frequencies: tuple[tuple[float, ...], ...], lengths: Lengths | None) -> Floats:
    rest = filled_below(y - means(y, lengths), lengths)
    for column, (found, end) in enumerate(zip(frequencies, counts_of(y, lengths).tolist(), strict=True)):
        if found:
            rest[:end, column] = without_sinusoids(rest[:end, column], found)
    return np.asarray(rest)


def _unevenness(y: Floats, e: Floats, lengths: Lengths | None) -> Floats:
    """How much the size of an innovation depends on the level it starts from, and on the last one: shape (k,)."""
    size = normal_scores(np.abs(e - medians(e, lengths)), lengths)
    explained = y - e
    fitted = normal_scores(explained, lengths)
    distance = normal_scores(np.abs(explained - medians(explained, lengths)), lengths)
    own = _correlation(size[1:], filled_below(size[:-1].copy(order="K"), later(lengths, 1)), later(lengths, 1))
    return np.asarray(_correlation(size, fitted, lengths) ** 2 + _correlation(size, distance, lengths) ** 2 + own**2)


def _correlation(a: Floats, b: Floats, lengths: Lengths | None) -> Floats:
    """Correlation of the columns of two tables, which are 0 below their ends: shape (k,)."""
    a, b = (filled_below(one - means(one, lengths), lengths) for one in (a, b))
    norm = np.sqrt(np.sum(a * a, axis=0) * np.sum(b * b, axis=0))
    return np.asarray(np.sum(a * b, axis=0) / np.maximum(norm, 1e-300))
