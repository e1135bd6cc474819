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
from crackle_stream.detect.evidence.level import Levels
from crackle_stream.detect.evidence.ranks import median, medians, normal_scores
from crackle_stream.detect.evidence.scan import split_off
from crackle_stream.detect.evidence.seasonality import find_frequencies, without_sinusoids
from crackle_stream.detect.evidence.spread import Shapes, scan_amplitude, scan_shape, scan_spread, smeared, stronger
from crackle_stream.detect.evidence.steps import WORTH_REMOVING, Step, removed, steps_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Transform", "White", "independent_rows", "seasons_of", "whiten"]

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
) -> White | None:
    """Whiten metrics on the rows where all of them are present; None where there was no time to end it.

    Args:
        x: shape (n, k), untied values, no NaN.
        seasons: what `seasons_of` says of them, where that is known.
        drifts: what `drifts_of` says of them, where that is known.
        bar: p value under which a change of level is taken out.
        stop: the cooperative deadline, asked between the parts of the work.
    """
    n, k = x.shape
    drifts = drifts_of(x) if drifts is None else drifts
    x = np.asfortranarray(drifts.taken_from(x))
    frequencies = seasons_of(x) if seasons is None else tuple(seasons)
    y, plain, transforms = _chosen_scale(x, normal_scores(x), frequencies)
    if stop():
        return None
    y, levels = _trends_told_apart(y, find_level(y))
    if stop():
        return None
    steps = with_excursions(y, steps_in(y, levels, bar=bar), levels, bar=bar)
    p = order_for(n)
    settled = removed(y, steps)
    model, _ = robust_fit(settled, p)
    e = np.full((n, k), np.nan, order="F")
    e[p:] = innovations(settled, model)
    if stop():
        return None
    amplitudes = scan_amplitude(plain, p)
    rough = [transform is not Transform.SCORES for transform in transforms]
    if stop():
        return None
    spreads, even = _spreads(smeared(e[p:], x, rough), amplitudes)
    if stop():
        return None
    z = np.full((n, k), np.nan, order="F")
    z[p:] = normal_scores(even)
    return White(
        y,
        transforms,
        drifts,
        frequencies,
        levels,
        steps,
        spreads,
        amplitudes,
        scan_shape(even),
        e,
        z,
        model.phi,
        independent_rows(settled, e[p:], model.phi),
        np.zeros(k, dtype=bool),
    )


def independent_rows(settled: Floats, e: Floats, phi: Floats) -> Floats:
    """Independent observations that n rows of an autoregression are worth for a mean: shape (k,).

    Args:
        settled: shape (n, k), the series without steps.
        e: shape (n - p, k), its innovations.
        phi: shape (k, p), its coefficients.
    """
    n = len(settled)
    share = np.var(settled, axis=0) * (1 - phi.sum(axis=1)) ** 2 / np.maximum(np.var(e, axis=0), 1e-300)
    return np.asarray(n * np.clip(share, 1 / n, 1.0))


def _trends_told_apart(y: Floats, levels: Levels) -> tuple[Floats, Levels]:
    """A straight drift looks like a step; where it fits better than the best step, it is taken out instead."""
    doubtful = np.flatnonzero(levels.p < TREND_CHECK)
    if not len(doubtful):
        return y, levels
    clock = np.linspace(-1, 1, len(y))[:, None]
    level = y[:, doubtful]
    straight = level - level.mean(axis=0) - clock * (np.sum(clock * level, axis=0) / np.sum(clock * clock))
    again = find_level(straight)
    drifts = again.without <= levels.residual[doubtful]
    y[:, doubtful[drifts]] = straight[:, drifts]
    for known, new in zip(levels.arrays(), again.arrays(), strict=True):
        known[doubtful[drifts]] = new[drifts]
    return y, levels


def _spreads(even: Floats, amplitudes: Levels) -> tuple[Levels, Floats]:
    """Changes of spread, and the innovations without them."""
    spreads = stronger(scan_spread(even), amplitudes)
    for column in np.flatnonzero(spreads.p < WORTH_REMOVING).tolist():
        row = int(spreads.row[column])
        for part in (slice(0, row), slice(row, None)):
            spread = median(np.abs(even[part, column] - median(even[part, column])))
            even[part, column] /= spread if spread > 0 else 1.0
    return spreads, even


def _chosen_scale(
    x: Floats, scores: Floats, frequencies: tuple[tuple[float, ...], ...]
) -> tuple[Floats, Floats, tuple[Transform, ...]]:
    """Scores where there is little memory; else the scale on which innovations are most alike in spread.

    Returns:
        The series on their scales without their seasons; the values, logarithms where that is the scale; the scales.
    """
    n, k = x.shape
    p = order_for(n)
    y = _deseasoned(scores, frequencies)
    plain = x.copy(order="K")
    transforms = [Transform.SCORES] * k
    flat = split_off(y)
    model, _orders = robust_fit(flat, p)
    e = innovations(flat, model)
    slow = np.flatnonzero(np.var(e, axis=0) < (1 - MEMORY) * np.var(flat[p:], axis=0))
    if not len(slow):
        return y, plain, tuple(transforms)
    least = _unevenness(flat[:, slow][p:], e[:, slow]) + RAW_PREFERENCE / n
    for transform, values, columns in _other_scales(x[:, slow]):
        chosen = slow[columns]
        other = _deseasoned(values, tuple(frequencies[c] for c in chosen))
        flat = split_off(other)
        model, _ = robust_fit(flat, p)
        uneven = _unevenness(flat[p:], innovations(flat, model)) + (
            RAW_PREFERENCE / n if transform is Transform.LOG else 0
        )
        better = uneven < least[columns]
        least[columns[better]] = uneven[better]
        y[:, chosen[better]] = other[:, better]
        plain[:, chosen[better]] = values[:, better]
        for column in chosen[better].tolist():
            transforms[column] = transform
    return y, plain, tuple(transforms)


def _other_scales(x: Floats) -> list[tuple[Transform, Floats, Ints]]:
    middle = medians(x)
    spread = medians(np.abs(x - middle)) * 1.4826
    wide = np.where(spread > 0, WINSOR * spread, np.inf)
    raw = np.clip(x, middle - wide, middle + wide)
    everything = np.arange(x.shape[1])
    scales = [(Transform.RAW, raw, everything)]
    positive = np.flatnonzero(x.min(axis=0) > 0)
    if len(positive):
        scales.append((Transform.LOG, np.log(x[:, positive]), positive))
    return scales


def _deseasoned(y: Floats, frequencies: tuple[tuple[float, ...], ...]) -> Floats:
    rest = y - y.mean(axis=0)
    for column, found in enumerate(frequencies):
        if found:
            rest[:, column] = without_sinusoids(rest[:, column], found)
    return np.asarray(rest)


def _unevenness(y: Floats, e: Floats) -> Floats:
    """How much the size of an innovation depends on the level it starts from, and on the last one: shape (k,)."""
    size = normal_scores(np.abs(e - medians(e)))
    fitted = normal_scores(y - e)
    distance = normal_scores(np.abs(y - e - medians(y - e)))
    return np.asarray(
        _correlation(size, fitted) ** 2 + _correlation(size, distance) ** 2 + _correlation(size[1:], size[:-1]) ** 2
    )


def _correlation(a: Floats, b: Floats) -> Floats:
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    norm = np.sqrt(np.sum(a * a, axis=0) * np.sum(b * b, axis=0))
    return np.asarray(np.sum(a * b, axis=0) / np.maximum(norm, 1e-300))
