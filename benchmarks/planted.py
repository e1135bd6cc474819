"""Planted patterns: operational noise, and one pattern in metrics drawn at random."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.noise import KNOWN_WINDOWS, ar_noise, operational
from benchmarks.truth import Floats, Recipe, Rng, Truth

__all__ = [
    "PLANTED",
    "conserved",
    "fixed_sum",
    "groups",
    "lagged",
    "learned_shift",
    "linear",
    "mean_shift",
    "nonlinear",
    "odd_group",
    "shape_shift",
    "two_shifts",
    "variance_shift",
]


def _pick(rng: Rng, m: int, count: int) -> tuple[int, ...]:
    return tuple(int(c) for c in rng.choice(m, count, replace=False))


def _noise(rng: Rng, n: int, phi: float) -> Floats:
    return ar_noise(rng, n, 1, phi)[:, 0] if phi else rng.standard_normal(n)


def _background(rng: Rng, n: int, m: int, phi: float = 0.0) -> Floats:
    return operational(rng, ar_noise(rng, n, m, phi) if phi else rng.standard_normal((n, m)))


def _put(rng: Rng, values: Floats, column: int, z: Floats) -> None:
    values[:, column] = operational(rng, z[:, None])[:, 0]


def _at(rng: Rng, n: int) -> int:
    return int(rng.integers(int(0.25 * n), int(0.75 * n)))


def mean_shift(size: float, phi: float = 0.0, count: int = 1) -> Recipe:
    """The mean moves by `size` standard deviations and stays."""

    def values(rng: Rng, n: int, m: int) -> tuple[Floats, tuple[Truth, ...]]:
        x, index, columns = _background(rng, n, m, phi), _at(rng, n), _pick(rng, m, count)
        for column in columns:
            z = _noise(rng, n, phi)
            z[index:] += size * rng.choice([-1, 1])
            _put(rng, x, column, z)
        return x, tuple(Truth("phase transition", "mean", (column,), index) for column in columns)

    return Recipe(values)


def learned_shift(size: float, phi: float, known: int = KNOWN_WINDOWS) -> Recipe:
    """The mean moves by `size` standard deviations after `known` windows in which it did not."""

    def values(rng: Rng, n: int, m: int) -> tuple[Floats, tuple[Truth, ...]]:
        (column,), index, rows = _pick(rng, m, 1), _at(rng, n), (known + 1) * n
        z = ar_noise(rng, rows, m, phi)
        z[known * n + index :, column] += size * rng.choice([-1, 1])
        return operational(rng, z), (Truth("phase transition", "mean", (column,), index),)

    return Recipe(values, known=known)


def two_shifts(size: float) -> Recipe:
    """The mean moves at a quarter to a third of the window, and back or on at two thirds to three quarters."""

    def values(rng: Rng, n: int, m: int) -> tuple[Floats, tuple[Truth, ...]]:
        x, (column,) = _background(rng, n, m), _pick(rng, m, 1)
        first = int(rng.integers(int(0.2 * n), int(0.4 * n)))
        second = int(rng.integers(int(0.6 * n), int(0.8 * n)))
        z = rng.standard_normal(n)
        z[first:] += size * rng.choice([-1, 1])
        z[second:] += size * rng.choice([-1, 1])
        _put(rng, x, column, z)
        return x, tuple(Truth("phase transition", "mean", (column,), index) for index in (first, second))

    return Recipe(values)


def variance_shift(ratio: float, phi: float = 0.0) -> Recipe:
    """The standard deviation is multiplied and stays so."""

    def values(rng: Rng, n: int, m: int) -> tuple[Floats, tuple[Truth, ...]]:
        x, index, (column,) = _background(rng, n, m, phi), _at(rng, n), _pick(rng, m, 1)
        z = _noise(rng, n, phi)
        z[index:] *= ratio
        _put(rng, x, column, z)
        return x, (Truth("phase transition", "variance", (column,), index),)

    return Recipe(values)


def _bimodal(rng: Rng, k: int) -> Floats:
    return np.asarray(0.95 * rng.choice([-1, 1], k) + np.sqrt(1 - 0.95**2) * rng.standard_normal(k))


SHAPES: dict[str, Callable[[Rng, int], Floats]] = {
    "bimodal": _bimodal,
    "exponential": lambda rng, k: rng.exponential(1, k) - 1,
    "tails": lambda rng, k: rng.standard_t(3, k) / np.sqrt(3),
    "uniform": lambda rng, k: rng.uniform(-np.sqrt(3), np.sqrt(3), k),
}
"""Distributions of mean 0 and variance 1."""


def shape_shift(shape: str) -> Recipe:
    """The distribution changes, mean and variance stay."""

    def values(rng: Rng, n: int, m: int) -> tuple[Floats, tuple[Truth, ...]]:
        x, index, (column,) = _background(rng, n, m), _at(rng, n), _pick(rng, m, 1)
        z = rng.standard_normal(n)
        z[index:] = SHAPES[shape](rng, n - index)
        _put(rng, x, column, z)
        return x, (Truth("phase transition", "shape", (column,), index),)

    return Recipe(values)


def linear(r: float, phi: float = 0.0) -> Recipe:
    """Two metrics with a correlation of r."""
    return _lagged_pair(0, r, phi)


def lagged(lag: int, r: float = 0.8, phi: float = 0.0) -> Recipe:
    """A metric repeats another after `lag` tasks, with a correlation of r."""
    return _lagged_pair(lag, r, phi)


def _lagged_pair(lag: int, r: float, phi: float) -> Recipe:
    def values(rng: Rng, n: int, m: int) -> tuple[Floats, tuple[Truth, ...]]:
        x, (leader, follower) = _background(rng, n, m, phi), _pick(rng, m, 2)
        z = _noise(rng, n + lag, phi)
        _put(rng, x, leader, z[lag:])
        _put(rng, x, follower, r * z[:n] + np.sqrt(1 - r * r) * _noise(rng, n, phi))
        form = "lagged" if lag else "linear"
        return x, (Truth("correlation", form, (leader, follower), lag=lag),)

    return Recipe(values)


FORMS: dict[str, Callable[[Rng, Floats], tuple[Floats, Floats]]] = {
    "square": lambda rng, u: (u, u * u),
    "absolute": lambda rng, u: (u, np.abs(u)),
    "sine": lambda rng, u: (u, np.sin(3 * np.pi * u)),
    "circle": lambda rng, u: (np.cos(np.pi * u), np.sin(np.pi * u)),
    "multiplicative": lambda rng, u: (u, u * rng.standard_normal(len(u))),
}
"""Dependence without correlation, from a uniform variable in [-1, 1]."""


def nonlinear(form: str, noise: float) -> Recipe:
    """A metric that follows another along a curve, with `noise` standard deviations of its own."""

    def values(rng: Rng, n: int, m: int) -> tuple[Floats, tuple[Truth, ...]]:
        x, columns = _background(rng, n, m), _pick(rng, m, 2)
        a, b = FORMS[form](rng, rng.uniform(-1, 1, n))
        b = (b - b.mean()) / b.std() + noise * rng.standard_normal(n)
        _put(rng, x, columns[0], a / a.std())
        _put(rng, x, columns[1], b / b.std())
        return x, (Truth("correlation", "nonlinear", columns),)

    return Recipe(values)


def conserved(noise: float, terms: int = 3, leak: float = 0.0) -> Recipe:
    """in = out + dropped (+ queued) with a relative noise on `in`; from a row on, a share of `out` may vanish."""

    def values(rng: Rng, n: int, m: int) -> tuple[Floats, tuple[Truth, ...]]:
        x, columns = _background(rng, n, m), _pick(rng, m, terms)
        total = np.round(np.exp(rng.normal(6, 0.5, n)))
        dropped = np.round(total * rng.beta(2, 18, n))
        parts = [total - dropped, dropped]
        if terms == 4:
            queued = np.round(parts[0] * rng.beta(3, 9, n))
            parts = [parts[0] - queued, dropped, queued]
        coefficients = (1.0, *(-1.0 for _ in parts))
        truths = [Truth("conservation law", "linear law", columns, coefficients=coefficients)]
        if leak:
            index = int(rng.integers(int(0.4 * n), int(0.7 * n)))
            parts[0][index:] = np.round(parts[0][index:] * (1 - leak))
            rows = np.arange(index, n)
            truths = [Truth("conservation law", "broken law", columns, index, coefficients=coefficients, rows=rows)]
        x[:, columns[0]] = total * (1 + noise * rng.standard_normal(n))
        for column, part in zip(columns[1:], parts, strict=True):
            x[:, column] = part
        return x, tuple(truths)

    return Recipe(values)


def fixed_sum(noise: float) -> Recipe:
    """Three shares that add up to 100."""

    def values(rng: Rng, n: int, m: int) -> tuple[Floats, tuple[Truth, ...]]:
        x, columns = _background(rng, n, m), _pick(rng, m, 3)
        shares = rng.dirichlet([3, 2, 4], n) * 100
        x[:, columns] = shares + noise * 100 / 3 * rng.standard_normal(shares.shape)
        return x, (Truth("conservation law", "linear law", columns, coefficients=(1.0, 1.0, 1.0)),)

    return Recipe(values)


def groups(count: int, separation: float, dimensions: int = 4, noise_share: float = 0.1) -> Recipe:
    """Tasks fall into groups whose centres are at least `separation` standard deviations apart."""

    def values(rng: Rng, n: int, m: int) -> tuple[Floats, tuple[Truth, ...]]:
        x, columns = _background(rng, n, m), _pick(rng, m, dimensions)
        centres, nearest = np.zeros((count, dimensions)), 0.0
        while nearest <= 0.8:
            centres = rng.standard_normal((count, dimensions))
            gaps = np.linalg.norm(centres[:, None] - centres[None], axis=2)[np.triu_indices(count, 1)]
            nearest = float(gaps.min())
        centres *= separation / nearest
        members = rng.integers(0, count, n)
        z = centres[members] + rng.standard_normal((n, dimensions))
        stray = rng.random(n) < noise_share
        z[stray] = rng.uniform(centres.min() - 4, centres.max() + 4, (int(stray.sum()), dimensions))
        for place, column in enumerate(columns):
            _put(rng, x, column, z[:, place])
        spread = np.ptp(centres, axis=0) >= 1.0
        named = tuple(column for column, apart in zip(columns, spread, strict=True) if apart)
        return x, (Truth("clustering", "groups", named, members=np.where(stray, -1, members)),)

    return Recipe(values)


def odd_group(size: int, separation: float = 6.0, dimensions: int = 3) -> Recipe:
    """A few tasks, scattered over the window, stand apart from all others in some metrics."""

    def values(rng: Rng, n: int, m: int) -> tuple[Floats, tuple[Truth, ...]]:
        x, columns = _background(rng, n, m), _pick(rng, m, dimensions)
        odd = rng.choice(n, size, replace=False)
        direction = rng.choice([-1.0, 1.0], dimensions)
        for place, column in enumerate(columns):
            z = rng.standard_normal(n)
            z[odd] += separation * direction[place]
            _put(rng, x, column, z)
        members = np.zeros(n, dtype=np.intp)
        members[odd] = 1
        return x, (Truth("clustering", "groups", columns, members=members),)

    return Recipe(values)


PLANTED: dict[str, Recipe] = {
    **{f"mean {size:g} sd": mean_shift(size) for size in (0.5, 0.6, 1.0, 2.0, 4.0)},
    **{f"mean {size:g} sd in ar .9": mean_shift(size, 0.9) for size in (1.0, 2.0, 3.0)},
    **{f"mean {size:g} sd in ar .9, known": learned_shift(size, 0.9) for size in (1.0, 2.0)},
    "mean 1.5 sd in 3 metrics": mean_shift(1.5, count=3),
    "two changes of 2 sd": two_shifts(2.0),
    **{f"variance x{ratio:g}": variance_shift(ratio) for ratio in (1.5, 1.7, 2.0, 3.0)},
    "variance x2 in ar .9": variance_shift(2.0, 0.9),
    **{f"shape {shape}": shape_shift(shape) for shape in SHAPES},
    **{f"linear r {r:g}": linear(r) for r in (0.25, 0.3, 0.4, 0.6, 0.8, 0.95)},
    "linear r .8 in ar .9": linear(0.8, 0.9),
    **{f"{form} at noise {noise:g}": nonlinear(form, noise) for form in FORMS for noise in (0.3, 0.6)},
    **{f"lag {lag}": lagged(lag) for lag in (1, 5, 20)},
    "lag 5 in ar .9": lagged(5, phi=0.9),
    "lag 7, r .3": lagged(7, 0.3),
    **{f"law at noise {noise:g}": conserved(noise) for noise in (0.0, 0.001, 0.01, 0.02)},
    "law of 4 terms": conserved(0.001, terms=4),
    "fixed sum, noise .5 %": fixed_sum(0.005),
    "fixed sum, noise 5 %": fixed_sum(0.05),
    "leak of 8 %": conserved(0.001, leak=0.08),
    "leak of 2 %, noise 1 %": conserved(0.01, leak=0.02),
    "2 groups": groups(2, 8.0),
    "3 groups": groups(3, 6.0),
    "5 groups": groups(5, 8.0),
    "odd group of 20": odd_group(20),
}
"""Families with a known truth."""
