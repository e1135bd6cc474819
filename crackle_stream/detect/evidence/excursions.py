"""Short excursions: a handful of tasks at another level, too few for a step that lasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.autoregression import (
    CLIP,
    Autoregression,
    innovations,
    middle_and_width,
    robust_fit,
)
from crackle_stream.detect.evidence.lengths import Lengths, counts_of, filled_below, later, of_columns
from crackle_stream.detect.evidence.ranks import medians, normal_scores
from crackle_stream.detect.evidence.scan import step_profile
from crackle_stream.detect.evidence.steps import APART, Step, between, removed
from crackle_stream.detect.evidence.tails import chi_scan_tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from crackle_stream.detect.evidence.level import Levels

__all__ = ["find_excursions", "with_excursions"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Span = tuple[int, int]

LENGTHS = (4, 6, 8, 12, 16, 24, 32)
"""Tasks an excursion is tried with; three outliers in a row are outliers, and what lasts longer is found as a step."""

LONGEST_SHARE = 0.1
"""... and the longest share of the window: beyond, the ranks of its values no longer stand out."""

EXCURSION_SHARE = 0.01
"""Share of a metric's chance of a false step that excursions have; those that matter hold by many orders of magnitude:
eight tasks of 1,000 that are far out reach 7 standard deviations by their ranks alone."""

HINT = 4.5
"""Largest statistic of the clipped innovations under which their ranks are not looked at."""

NORMAL_MAD = 1.4826

WORTH_LOCATING = 0.01
"""P value from which an excursion's ends do not matter; the bar of a reported one is a tenth of it at most."""

LOCATED_WITHIN = 1.5
"""Factor around the best length within which every length is tried, to say where the excursion ends."""


def with_excursions(
    y: Floats,
    steps: tuple[tuple[Step, ...], ...],
    levels: Levels,
    *,
    bar: float,
    remembered: Ints | None = None,
    lengths: Lengths | None = None,
) -> tuple[tuple[Step, ...], ...]:
    """The steps of each series and the two edges of its clearest short excursion; `levels.p` is told of it.

    Args:
        y: shape (n, k), no NaN.
        steps: those found before.
        levels: the best single step of each, with the coefficients to whiten by.
        bar: p value under which an excursion is one.
        remembered: the only series that are looked at, their coefficients being known from earlier windows.
        lengths: of the series.
    """
    some = np.arange(y.shape[1]) if remembered is None else remembered
    flat = removed(y, steps, lengths)[:, some]
    their = of_columns(lengths, some)
    chances, spans = find_excursions(flat, levels.phi[some], remembered=remembered is not None, lengths=their)
    both, ends = list(steps), counts_of(y, lengths).tolist()
    for place in np.flatnonzero(chances < EXCURSION_SHARE * bar).tolist():
        column, p = int(some[place]), float(chances[place]) / EXCURSION_SHARE
        start, end = spans[place]
        kept = [step for step in steps[column] if not start - APART < step.row < end + APART]
        edges = sorted([*((step.row, step.p) for step in kept), (start, p), (end, p)])
        both[column] = between(y[: ends[column], column], [row for row, _ in edges], [chance for _, chance in edges])
        levels.p[column] = min(levels.p[column], p)
    return tuple(both)


def find_excursions(
    y: Floats, phi: Floats, *, remembered: bool = False, lengths: Lengths | None = None
) -> tuple[Floats, tuple[Span, ...]]:
    """The clearest excursion of each series: its p value, and the rows where it begins and where it is over.

    An excursion of w rows shows in the innovations of an autoregression as a pulse, w - 1 times the part of a step
    that the past does not explain, and the pulse back. The matched filter of that profile is run over normal scores of
    the innovations: as ranks decide, neither one outlier nor a heavy tail makes an excursion, many rows in company do.

    Args:
        y: shape (n, k), lasting changes taken out, no NaN.
        phi: shape (k, p), coefficients; fitted again without the excursion, unless they are remembered.
        remembered: whether the coefficients are known from earlier windows.
        lengths: of the series, all of which may hold the longest excursion.

    Returns:
        P values over all rows and lengths, shape (k,), and a span for each; (0, 0) where the p value is not under
        `WORTH_LOCATING`.
    """
    chances, spans = np.ones(y.shape[1]), [(0, 0)] * y.shape[1]
    tried = [length for length in LENGTHS if length <= LONGEST_SHARE * len(y)]
    rough = _clearest(_clipped_innovations(y, phi, lengths), phi, tried, later(lengths, phi.shape[1]))
    ends = counts_of(y, lengths).tolist()
    for column in np.flatnonzero(rough.statistic > HINT).tolist():
        series, own = y[: ends[column], [column]], phi[[column]]
        if not remembered:
            own = _fitted_around(series, own.shape[1], int(rough.row[column]), int(rough.length[column]))
        z = normal_scores(innovations(series, Autoregression(own, np.zeros(1))))
        chances[column], spans[column] = _judged(z, own, tried)
    return chances, tuple(spans)


@dataclass(frozen=True, slots=True)
class _Clearest:
    """The largest statistic of each of k series, its row (of the series) and its length; shape (k,) each."""

    statistic: Floats
    row: Ints
    length: Ints


def _clearest(z: Floats, phi: Floats, tried: Sequence[int], lengths: Lengths | None) -> _Clearest:
    k, p = phi.shape
    best = _Clearest(np.zeros(k), np.zeros(k, dtype=np.intp), np.zeros(k, dtype=np.intp))
    for length, statistic in zip(tried, _filtered(z, phi, tried), strict=True):
        size = filled_below(np.abs(statistic), later(lengths, length))
        largest = size.max(axis=0)
        better = largest > best.statistic
        best.statistic[better] = largest[better]
        best.row[better] = size.argmax(axis=0)[better] + p
        best.length[better] = length
    return best


def _clipped_innovations(y: Floats, phi: Floats, lengths: Lengths | None) -> Floats:
    ends = later(lengths, phi.shape[1])
    e = innovations(y, Autoregression(phi, np.zeros(len(phi))), lengths)
    middle, width = middle_and_width(e, ends)
    return filled_below(np.clip((e - middle) / np.where(width > 0, width, np.inf), -CLIP, CLIP), ends)


def _fitted_around(y: Floats, p: int, row: int, length: int) -> Floats:
    """Coefficients of one series without the excursion, which would pass for memory: shape (1, p)."""
    aside = np.r_[max(row - 2 * length, 0) : row, row + length : min(row + 3 * length, len(y))]
    flat = y.copy()
    flat[row : row + length] -= flat[row : row + length].mean() - y[aside].mean()
    return robust_fit(flat, p)[0].phi


def _judged(z: Floats, phi: Floats, lengths: Sequence[int]) -> tuple[float, Span]:
    """The p value over all rows and lengths of one series' scores, and the rows of the clearest excursion."""
    p = phi.shape[1]
    found = [_to_scale(one) for one in _filtered(z, phi, lengths)]
    largest = np.array([np.abs(one).max() for one in found])
    rows = np.array([len(one) for one in found])
    tails = chi_scan_tail(largest, _drops(phi, lengths), times=rows - 1)
    best = int(np.argmin(tails))
    chance = len(lengths) * float(tails[best])
    if chance >= WORTH_LOCATING:
        return min(chance, 1.0), (0, 0)
    start, end = _located(z, phi, lengths[best], int(np.argmax(np.abs(found[best]))))
    return chance, (start + p, end + p)


def _filtered(z: Floats, phi: Floats, lengths: Iterable[int]) -> list[Floats]:
    """Standard normal statistics of an excursion that begins at each row, shape (n - length, k), for each length."""
    n, p = len(z), phi.shape[1]
    later = np.zeros((n + p, z.shape[1]))
    later[:n] = np.cumsum(z[::-1], axis=0)[::-1]
    lasting = later[:n].copy()
    for lag in range(1, p + 1):
        lasting -= phi[:, lag - 1] * later[lag : n + lag]
    step = step_profile(phi)
    norms = (np.sqrt(np.sum(_profile(step, length) ** 2, axis=0)) for length in lengths)
    return [(lasting[: n - length] - lasting[length:]) / norm for length, norm in zip(lengths, norms, strict=True)]


def _to_scale(statistic: Floats) -> Floats:
    """Scaled down where most rows' statistics are too large: slow noise that the lags do not explain."""
    return np.asarray(statistic / np.maximum(NORMAL_MAD * medians(np.abs(statistic)), 1.0))


def _profile(step: Floats, length: int) -> Floats:
    """What an excursion of height 1 is in the innovations, given what a step is: shape (length + p, k)."""
    p = len(step) - 1
    profile = step[np.minimum(np.arange(length + p), p)]
    profile[length:] -= step[:p]
    return np.asarray(profile)


def _drops(phi: Floats, lengths: Sequence[int]) -> Floats:
    """1 minus the correlation of one series' statistics at neighbouring rows, the same for all: shape (1, lengths)."""
    step = step_profile(phi)
    profiles = [_profile(step, length)[:, 0] for length in lengths]
    return np.array([[1 - profile[1:] @ profile[:-1] / (profile @ profile) for profile in profiles]])


def _located(z: Floats, phi: Floats, length: int, row: int) -> Span:
    """The span of any length near the best one whose statistic is largest, near the row."""
    near = range(max(int(length / LOCATED_WITHIN), LENGTHS[0]), min(int(length * LOCATED_WITHIN) + 1, len(z) // 2))
    spans = []
    for tried, statistic in zip(near, _filtered(z, phi, near), strict=True):
        first = max(row - length // 2, 0)
        here = np.abs(statistic[first : row + length, 0])
        if len(here):
            start = first + int(np.argmax(here))
            spans.append((float(here.max()), start, start + tried))
    _, start, end = max(spans)
    return start, end
