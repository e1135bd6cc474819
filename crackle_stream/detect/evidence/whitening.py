"""Innovations of every metric: what is left when season, shifts and memory are taken out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.autoregression import innovations, order_for, robust_fit
from crackle_stream.detect.evidence.level import Levels, normal_scores, scan_level
from crackle_stream.detect.evidence.scan import split_off
from crackle_stream.detect.evidence.seasonality import find_frequencies, without_sinusoids
from crackle_stream.detect.evidence.steps import Step, removed, steps_in

__all__ = ["Transform", "White", "whiten"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

WINSOR = 8.0
"""Robust standard deviations at which raw values are cut before an autoregression is fitted."""

MEMORY = 0.1
"""Share of the variance that the past explains under which normal scores are used: they suit any distribution, but
compress the wandering of a slow series, so that its innovations seem to change their spread (a false variance shift
in 41 % of windows of AR .99)."""


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
        frequencies: of the sinusoids taken out of each.
        levels: the best single step of each.
        steps: all steps found in each, in order of row.
        innovations: shape (n, k), without steps; NaN in the first rows, which have no past.
        phi: shape (k, p), the coefficients.
        effective_n: shape (k,), independent observations the rows are worth for a mean.
    """

    y: Floats
    transforms: tuple[Transform, ...]
    frequencies: tuple[tuple[float, ...], ...]
    levels: Levels
    steps: tuple[tuple[Step, ...], ...]
    innovations: Floats
    phi: Floats
    effective_n: Floats


def whiten(x: Floats) -> White:
    """Whiten metrics on the rows where all of them are present.

    Args:
        x: shape (n, k), untied values, no NaN.
    """
    n, k = x.shape
    scores = normal_scores(x)
    flat = split_off(scores)
    frequencies = tuple(find_frequencies(flat[:, column]) for column in range(k))
    y, transforms = _chosen_scale(x, scores, frequencies)
    levels = scan_level(y)
    steps = steps_in(y, levels)
    p = order_for(n)
    settled = removed(y, steps)
    model, _ = robust_fit(settled, p)
    e = np.full((n, k), np.nan)
    e[p:] = innovations(settled, model)
    variance = np.var(settled, axis=0)
    rest = 1 - model.phi.sum(axis=1)
    worth = n * np.clip(variance * rest**2 / np.maximum(np.nanvar(e, axis=0), 1e-300), 1 / n, 1.0)
    return White(y, transforms, frequencies, levels, steps, e, model.phi, worth)


def _chosen_scale(
    x: Floats, scores: Floats, frequencies: tuple[tuple[float, ...], ...]
) -> tuple[Floats, tuple[Transform, ...]]:
    """Scores where there is little memory; else the scale on which innovations are most alike in spread."""
    n, k = x.shape
    p = order_for(n)
    y = _deseasoned(scores, frequencies)
    transforms = [Transform.SCORES] * k
    flat = split_off(y)
    model, orders = robust_fit(flat, p)
    e = innovations(flat, model)
    slow = np.flatnonzero(np.var(e, axis=0) < (1 - MEMORY) * np.var(flat[p:], axis=0))
    if not len(slow):
        return y, tuple(transforms)
    least = _unevenness(flat[:, slow][p:], e[:, slow])
    for transform, values, columns in _other_scales(x[:, slow]):
        chosen = slow[columns]
        other = _deseasoned(values, tuple(frequencies[c] for c in chosen))
        flat = split_off(other)
        model, _ = robust_fit(flat, p)
        uneven = _unevenness(flat[p:], innovations(flat, model))
        better = uneven < least[columns]
        least[columns[better]] = uneven[better]
        y[:, chosen[better]] = other[:, better]
        for column in chosen[better].tolist():
            transforms[column] = transform
    return y, tuple(transforms)


def _other_scales(x: Floats) -> list[tuple[Transform, Floats, Ints]]:
    middle = np.median(x, axis=0)
    spread = np.median(np.abs(x - middle), axis=0) * 1.4826
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
    return rest


def _unevenness(y: Floats, e: Floats) -> Floats:
    """How much the size of an innovation depends on the level it starts from, and on the last one: shape (k,)."""
    size = normal_scores(np.abs(e - np.median(e, axis=0)))
    fitted = normal_scores(y - e)
    distance = normal_scores(np.abs(y - e - np.median(y - e, axis=0)))
    return np.asarray(
        _correlation(size, fitted) ** 2 + _correlation(size, distance) ** 2 + _correlation(size[1:], size[:-1]) ** 2
    )


def _correlation(a: Floats, b: Floats) -> Floats:
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    norm = np.sqrt(np.sum(a * a, axis=0) * np.sum(b * b, axis=0))
    return np.asarray(np.sum(a * b, axis=0) / np.maximum(norm, 1e-300))
