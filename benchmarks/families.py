"""Seeded windows with known truth: nothing at all (null families) or one planted pattern.

`make("mean .6 sd", seed=3)` gives the same window for ever. A null family has no truth: every pattern found in it is
false, but for the facts that its recipe states as true (the dependence of metrics that share a driver).
"""

from __future__ import annotations

import zlib

import numpy as np

from benchmarks.noise import NULL, ar_noise
from benchmarks.planted import PLANTED
from benchmarks.truth import Floats, Planted, Truth
from crackle_stream.window import Window

__all__ = ["NULL", "PLANTED", "Planted", "Truth", "ar_noise", "make"]

START_S = 1.79e9
"""Epoch seconds of the first task; one a second follows."""


def make(family: str, seed: int, n: int = 500, m: int = 12) -> Planted:
    """A window of a family."""
    recipe = {**NULL, **PLANTED}[family]
    values, truths = recipe.values(np.random.default_rng([seed, zlib.crc32(family.encode()), n, m]), n, m)
    *earlier, last = (_window(values[first : first + n], first) for first in range(0, len(values), n))
    return Planted(last, truths, tuple(earlier), recipe.dependent)


def _window(values: Floats, first: int) -> Window:
    n, m = values.shape
    rows = np.arange(first, first + n)
    return Window.from_columns(
        [f"task-{row - first}" for row in rows], START_S + rows, [f"metric_{c}" for c in range(m)], values
    )
