"""Sinusoids that a window shows clearly, found and taken out one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.products import cross
from crackle_stream.detect.evidence.ranks import median

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["find_frequencies", "sinusoids", "waves", "without_sinusoids"]

Floats = npt.NDArray[np.float64]

MAX_SINUSOIDS = 6
"""Sinusoids taken out of one metric: two cycles with three harmonics each."""

MIN_CYCLES = 3.5
"""Cycles a window must hold: slower ones cannot be told from a wandering level."""

MAX_SHARE = 0.45
"""Fastest frequency looked at, in cycles a task."""

LINE_TAIL = 1e-5
"""Chance, over all frequencies, of taking a peak of noise for a season."""

NEIGHBOURS = 1.6
"""The background of a frequency is the median power within this factor of it, at least eight bins to a side."""

STRIDE = 32
"""Rows of a stretch whose angles are worked out once."""

ZOOM = 33
"""Trial frequencies between the neighbouring bins of a peak."""


def find_frequencies(y: Floats) -> tuple[float, ...]:
    """Frequencies (cycles a task) whose power stands out of their neighbourhood, strongest first.

    The power of noise in one bin over the local median is exponential; a peak is taken where that is too small a
    chance over all bins. Each is fitted at its best frequency between the bins and removed before the next.

    Args:
        y: shape (n,), bounded scores of a metric, no NaN, its level shift taken off.
    """
    found: list[float] = []
    rest = y - y.mean()
    while len(found) < MAX_SINUSOIDS:
        peak = _peak(rest)
        if peak is None:
            break
        found.append(_zoomed(rest, peak))
        rest = without_sinusoids(y, tuple(found))
    return tuple(found)


def sinusoids(n: int, frequencies: tuple[float, ...]) -> Floats:
    """A constant, and a cosine and a sine for each frequency: shape (n, 1 + 2 len(frequencies))."""
    turning = waves(n, frequencies)
    return np.hstack([np.ones((n, 1)), turning.real, turning.imag])


def waves(n: int, frequencies: Sequence[float] | Floats) -> npt.NDArray[np.complex128]:
    """A point that turns, exp(2 pi i f t) at the rows t from 0, for each frequency: shape (n, len(frequencies)).

    Angles are added by multiplying: of n rows only every `STRIDE`th and the first `STRIDE` need a sine.
    """
    turn = 2j * np.pi * np.asarray(frequencies)
    coarse = np.exp(np.arange(0, n, STRIDE)[:, None] * turn)
    fine = np.exp(np.arange(STRIDE)[:, None] * turn)
    return (coarse[:, None] * fine).reshape(-1, len(turn))[:n]


def without_sinusoids(y: Floats, frequencies: tuple[float, ...]) -> Floats:
    """The series without its best fit of the given frequencies; its mean goes too."""
    design = sinusoids(len(y), frequencies)
    # by normal equations: the waves are nearly orthogonal, and two of nearly one frequency are still solved
    coefficients = np.linalg.lstsq(cross(design, design), design.T @ y, rcond=None)[0]
    return np.asarray(y - design @ coefficients)


def _peak(y: Floats) -> int | None:
    n = len(y)
    power = np.abs(np.fft.rfft(y)) ** 2
    low, high = int(np.ceil(MIN_CYCLES)), int(MAX_SHARE * n)
    if high - low < 16:
        return None
    bar = np.log((high - low) / LINE_TAIL) / np.log(2)
    for bin_ in (np.argsort(power[low:high])[::-1][:4] + low).tolist():
        reach = max(8, int(bin_ * (NEIGHBOURS - 1)))
        around = power[max(2, min(int(bin_ / NEIGHBOURS), bin_ - 8)) : bin_ + reach + 1]
        if power[bin_] > bar * median(around):
            return int(bin_)
    return None


def _zoomed(y: Floats, bin_: int) -> float:
    n = len(y)
    trial = (bin_ + np.linspace(-1, 1, ZOOM)) / n
    rows = np.zeros(-(-n // STRIDE) * STRIDE)
    rows[:n] = y
    within = rows.reshape(-1, STRIDE) @ waves(STRIDE, trial)  # the sum over all rows, stretch by stretch
    power = np.abs(np.sum(within * waves(len(within), STRIDE * trial), axis=0))
    best = int(np.clip(np.argmax(power), 1, ZOOM - 2))
    left, top, right = power[best - 1 : best + 2]
    bend = left - 2 * top + right
    offset = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(trial[best] + np.clip(offset, -1, 1) * (trial[1] - trial[0]))
