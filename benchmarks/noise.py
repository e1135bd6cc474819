"""Noise of many kinds: windows in which nothing happens."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.truth import Floats, Recipe, Rng

__all__ = ["KNOWN_WINDOWS", "NULL", "ar_noise", "operational"]

BURN_IN = 400

KNOWN_WINDOWS = 5
"""Windows of history in the families that have one: as many as a memory needs to be calibrated."""


def ar_noise(rng: Rng, n: int, m: int, phi: float, innovations: Floats | None = None) -> Floats:
    """m series of n rows of AR(1) noise; unit variance where the innovations are drawn here."""
    if innovations is None:
        innovations = np.sqrt(1 - phi * phi) * rng.standard_normal((n + BURN_IN, m))
    x = np.empty_like(innovations)
    x[0] = innovations[0]
    for row in range(1, len(x)):
        x[row] = phi * x[row - 1] + innovations[row]
    return x[-n:]


def operational(rng: Rng, z: Floats) -> Floats:
    """Every metric gets an offset of 5 to 2000 and a spread of .15 to 1 of it."""
    offset = np.exp(rng.uniform(np.log(5), np.log(2000), z.shape[1]))
    return np.asarray(offset + z * offset * rng.uniform(0.15, 1.0, z.shape[1]))


def _garch(rng: Rng, n: int, m: int, a: float, b: float) -> Floats:
    z = rng.standard_normal((n + BURN_IN, m))
    x, variance = np.empty_like(z), np.ones(m)
    for row in range(len(z)):
        x[row] = np.sqrt(variance) * z[row]
        variance = (1 - a - b) + a * x[row] ** 2 + b * variance
    return x[-n:]


def _seasonal(rng: Rng, n: int, m: int, harmonics: int = 1) -> Floats:
    t = np.arange(n)[:, None]
    period = np.exp(rng.uniform(np.log(12), np.log(120), m))
    x = 100 + 8 * rng.standard_normal((n, m))
    for h in range(1, harmonics + 1):
        x += 30 / h * np.sin(2 * np.pi * h * t / period + rng.uniform(0, 2 * np.pi, m))
    return x


def _heavy(rng: Rng, n: int, m: int) -> Floats:
    return np.column_stack([rng.standard_t(1.5, n) if c % 2 else rng.pareto(1.3, n) for c in range(m)])


def _ids(rng: Rng, n: int, m: int) -> Floats:
    t = np.arange(n)
    columns = [
        t + rng.integers(0, 10**6),
        1.79e9 + np.cumsum(rng.exponential(0.5, n)),
        np.cumsum(rng.poisson(3, n)) + 1e5,
        np.full(n, 8.0),
        np.full(n, 8080.0),
        np.zeros(n),
        np.ones(n),
        (rng.random(n) < 0.01).astype(float),
        rng.integers(1, 2**31, n).astype(float),
        np.repeat(rng.integers(1000, 9999, n // 50 + 1), 50)[:n].astype(float),
        99.9 + rng.normal(0, 1e-9, n),
        t % 16.0,
    ]
    return np.column_stack([columns[c % 12] for c in range(m)])


def _mixed(rng: Rng, n: int, m: int) -> Floats:
    ids = _ids(rng, n, 12)
    columns = [
        *(ids[:, c] for c in (0, 2, 3, 7)),
        np.exp(rng.normal(np.log(rng.uniform(5, 500)), rng.uniform(0.3, 1.2), n)),
        rng.poisson(rng.uniform(0.2, 60), n).astype(float),
        50 + 5 * ar_noise(rng, n, 1, 0.9)[:, 0],
        _seasonal(rng, n, 1)[:, 0],
        100 + 10 * rng.standard_normal(n),
        rng.pareto(1.3, n),
        rng.standard_normal(n),
        rng.random(n),
    ]
    return np.column_stack([columns[c % 12] for c in range(m)])


def _shared_driver(rng: Rng, n: int, m: int) -> Floats:
    driver = ar_noise(rng, n, 1, 0.9)
    return 0.7 * driver + 0.7 * ar_noise(rng, n, m, 0.5)


def _null(noise: Callable[[Rng, int, int], Floats], *, dependent: bool = False, known: int = 0) -> Recipe:
    return Recipe(lambda rng, n, m: (noise(rng, (known + 1) * n, m), ()), dependent, known)


def _exponential_ar(rng: Rng, n: int, m: int) -> Floats:
    return ar_noise(rng, n, m, 0.5, rng.exponential(1, (n + BURN_IN, m)))


def _moving_average(rng: Rng, n: int, m: int, theta: float) -> Floats:
    e = rng.standard_normal((n + 1, m))
    return np.asarray(e[1:] + theta * e[:-1])


NULL: dict[str, Recipe] = {
    "iid": _null(lambda r, n, m: r.standard_normal((n, m))),
    "iid ops": _null(lambda r, n, m: operational(r, r.standard_normal((n, m)))),
    "lognormal": _null(lambda r, n, m: np.exp(r.normal(np.log(r.uniform(5, 500, m)), r.uniform(0.3, 1.2, m), (n, m)))),
    "poisson": _null(lambda r, n, m: r.poisson(r.uniform(0.2, 60, m), (n, m)).astype(float)),
    "seasonal": _null(_seasonal),
    "seasonal, 3 harmonics": _null(lambda r, n, m: _seasonal(r, n, m, 3)),
    "heavy": _null(_heavy),
    "ids": _null(_ids),
    "mixed": _null(_mixed),
    "ar .9": _null(lambda r, n, m: ar_noise(r, n, m, 0.9)),
    "ar .9 ops": _null(lambda r, n, m: operational(r, ar_noise(r, n, m, 0.9))),
    "ar .99": _null(lambda r, n, m: ar_noise(r, n, m, 0.99)),
    "ar .3 to .95": _null(
        lambda r, n, m: np.column_stack([ar_noise(r, n, 1, r.uniform(0.3, 0.95))[:, 0] for _ in range(m)])
    ),
    "random walk": _null(lambda r, n, m: np.cumsum(r.standard_normal((n, m)), axis=0)),
    "exp(ar .9)": _null(lambda r, n, m: np.exp(ar_noise(r, n, m, 0.9))),
    "ar .9, t3": _null(lambda r, n, m: ar_noise(r, n, m, 0.9, r.standard_t(3, (n + BURN_IN, m)))),
    "ar .5, exponential": _null(_exponential_ar),
    "trend": _null(lambda r, n, m: r.uniform(-4, 4, m) * np.arange(n)[:, None] / n + r.standard_normal((n, m))),
    "ma .8": _null(lambda r, n, m: _moving_average(r, n, m, 0.8)),
    "counts, ar .9 rate": _null(lambda r, n, m: r.poisson(np.exp(1 + 0.5 * ar_noise(r, n, m, 0.9))).astype(float)),
    "shared driver": _null(_shared_driver, dependent=True),
    "garch": _null(lambda r, n, m: _garch(r, n, m, 0.15, 0.75)),
    "garch, known": _null(lambda r, n, m: _garch(r, n, m, 0.15, 0.75), known=KNOWN_WINDOWS),
}
"""Families in which no event happens."""
