"""Streams that are like a given one, and in which nothing happens: no metric depends on another, none changes.

Two ways to make them, which fail differently. The autoregressive sieve keeps a metric's values and its autocorrelation
and loses everything else, spells of volatility above all. Shuffled blocks keep all that is within a block, and with it
jumps from one level to another where the recording itself has such levels: what they say is on the safe side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy import linalg, special

from crackle_stream.detect.evidence.metric_types import MetricType, steps_of

__all__ = ["METHODS", "Resample", "block_length", "shuffled_blocks", "sieve", "surrogate_of", "yule_walker"]

Floats = npt.NDArray[np.float64]

Resample = Callable[[Floats, int, np.random.Generator], Floats]
"""Makes so many values of given ones, in an order in which nothing happens."""

ORDER_FACTOR = 10.0
"""The largest order tried is ten times the decimal logarithm of the length, as is usual for a sieve."""

ROWS_PER_LAG = 12
"""Values there must be for each lag."""

BURN_IN = 500
"""Values thrown away before the first: an autoregression that begins at 0 has forgotten it by then."""

TIMES_PER_BLOCK = 10.0
"""Length of a block in correlation times: a seam then takes a tenth of the autocorrelation at one correlation time."""

LEAST_BLOCK = 10
"""Shorter blocks keep nothing that the sieve does not keep."""

MOST_BLOCK_SHARE = 0.1
"""Fewer than ten blocks would hardly be shuffled."""


def sieve(values: Floats, rows: int, rng: np.random.Generator) -> Floats:
    """Values in a new order with the same autocorrelation: the autoregressive sieve bootstrap, on normal scores.

    An autoregression is fitted to the normal scores of the values, its innovations are drawn independently with
    replacement, and the values take the places that the ranks of what comes of it give them. So their distribution
    holds whatever it is; where `rows` is a multiple of n, exactly.

    Args:
        values: shape (n,), finite.
        rows: how many to make.
        rng: draws innovations, and the order of equal values.

    Returns:
        Shape (rows,).

    References:
        [1] P. Buehlmann, Sieve bootstrap for time series, Bernoulli 3(2), 1997, doi:10.2307/3318584.
    """
    if len(values) < 2 * ROWS_PER_LAG or values.min() == values.max():
        return rng.permutation(np.resize(values, rows))
    scores = special.ndtri((_ranks(values, rng) + 0.5) / len(values))
    phi = yule_walker(scores)
    order = len(phi)
    innovations = scores[order:].copy()
    for lag, weight in enumerate(phi.tolist(), 1):
        innovations -= weight * scores[order - lag : len(scores) - lag]
    drawn = rng.choice(innovations - innovations.mean(), rows + BURN_IN)
    return _in_places_of(_recursion(phi, drawn)[BURN_IN:], values, rng)


def shuffled_blocks(values: Floats, rows: int, rng: np.random.Generator) -> Floats:
    """Blocks of the values in random order: what is within a block stays, what is between blocks is gone.

    The values are cut at a random place into blocks of `block_length`, the first and the last of which make one. Every
    round through the blocks uses each value once, so that their distribution holds exactly where `rows` is a multiple
    of n.

    Args:
        values: shape (n,), finite.
        rows: how many to make.
        rng: draws the cut and the order.

    Returns:
        Shape (rows,).

    References:
        [1] H. Kuensch, The jackknife and the bootstrap for general stationary observations, Annals of Statistics
            17(3), 1989, doi:10.1214/aos/1176347265.
    """
    length = block_length(values)
    rounds = []
    for _ in range(-(-rows // len(values))):
        turned = np.roll(values, int(rng.integers(len(values))))
        blocks = np.split(turned, range(length, len(values), length))
        rounds += [blocks[place] for place in rng.permutation(len(blocks)).tolist()]
    return np.concatenate(rounds)[:rows]


METHODS: Mapping[str, Resample] = MappingProxyType({"sieve": sieve, "blocks": shuffled_blocks})
"""By name."""


def surrogate_of(
    table: Floats, types: tuple[MetricType, ...], tiles: int, resample: Resample, rng: np.random.Generator
) -> Floats:
    """A table of metrics in which nothing happens, `tiles` times as long as the one given.

    Each metric is resampled by itself, so that none depends on another. A counter's steps are, and added up again.
    What no detector tests as a number (identifiers, constants, codes, moments) stays as it is, tile after tile; what
    rises through the whole table goes on rising. A metric is absent where it was.

    Args:
        table: shape (n, m), NaN where absent.
        types: m types.
        tiles: how often.
        resample: one of `METHODS`.
        rng: a generator, spawned once a metric, so that what is drawn for one does not depend on the others.

    Returns:
        Shape (tiles * n, m).
    """
    made = np.tile(table, (tiles, 1))
    for column, (type_, own) in enumerate(zip(types, rng.spawn(len(types)), strict=True)):
        present = np.flatnonzero(~np.isnan(made[:, column]))
        values = table[~np.isnan(table[:, column]), column]
        if len(values) < 2:
            continue
        if type_ is MetricType.GAUGE:
            made[present, column] = resample(values, len(present), own)
        elif type_ is MetricType.COUNTER:
            made[present, column] = _counter(values, len(present), resample, own)
        elif np.all(np.diff(values) >= 0):
            made[present, column] += np.repeat(np.arange(tiles) * _stride(values), len(values))
    return made


def _counter(values: Floats, rows: int, resample: Resample, rng: np.random.Generator) -> Floats:
    steps = steps_of(values)
    steps = steps[~np.isnan(steps)]
    if not len(steps):
        return np.resize(values, rows)
    return np.asarray(values[0] + np.concatenate([[0.0], np.cumsum(resample(steps, rows - 1, rng))]))


def _stride(values: Floats) -> float:
    """By how much a tile of rising values lies over the one before."""
    return float(values[-1] - values[0] + np.median(np.diff(values))) if values[-1] > values[0] else 0.0


def yule_walker(y: Floats) -> Floats:
    """Coefficients of an autoregression, its order by Akaike's criterion: shape (p,).

    By the recursion of Levinson and Durbin, which gives all orders at once; what it gives is always stationary, where
    least squares of a series that drifts would explode when played forward.

    Args:
        y: shape (n,).
    """
    n = len(y)
    most = max(min(int(ORDER_FACTOR * np.log10(n)), n // ROWS_PER_LAG), 1)
    centred = y - y.mean()
    r = np.array([centred[lag:] @ centred[: n - lag] for lag in range(most + 1)]) / n
    phi, variance = np.empty(0), r[0]
    best, least = phi, n * np.log(variance)
    for order in range(1, most + 1):
        reflection = (r[order] - phi @ r[order - 1 : 0 : -1]) / variance
        phi = np.append(phi - reflection * phi[::-1], reflection)
        variance *= 1 - reflection**2
        criterion = n * np.log(max(variance, np.finfo(float).tiny)) + 2 * order
        if criterion < least:
            best, least = phi, criterion
    return best


def block_length(values: Floats) -> int:
    """How long a block must be to keep a metric's autocorrelation.

    Some correlation times, which is 1 + 2 (r_1 + r_2 + ...) up to the first correlation that noise could have made.
    """
    n = len(values)
    centred = values - values.mean()
    variance = centred @ centred
    most = max(int(MOST_BLOCK_SHARE * n), 1)
    time = 1.0
    for lag in range(1, most):
        r = (centred[lag:] @ centred[: n - lag]) / variance if variance > 0 else 0.0
        if r < 2 / np.sqrt(n):
            break
        time += 2 * r
    return int(np.clip(np.ceil(TIMES_PER_BLOCK * time), min(LEAST_BLOCK, most), most))


def _recursion(phi: Floats, innovations: Floats) -> Floats:
    """y_t = phi_1 y_t-1 + ... + e_t from y = 0 on, solved as a banded system."""
    bands = np.ones((len(phi) + 1, len(innovations)))
    bands[1:] = -phi[:, None]
    return np.asarray(linalg.solve_banded((len(phi), 0), bands, innovations, check_finite=False))


def _ranks(values: Floats, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Ranks counted from 0; equal values in random order."""
    order = np.lexsort((rng.random(len(values)), values))
    ranks = np.empty(len(values), dtype=np.intp)
    ranks[order] = np.arange(len(values))
    return ranks


def _in_places_of(y: Floats, values: Floats, rng: np.random.Generator) -> Floats:
    """The values, each as often as every other, ordered as y is: shape of y."""
    return np.asarray(np.sort(values)[_ranks(y, rng) * len(values) // len(y)])
