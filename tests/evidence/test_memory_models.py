"""The autoregressions of all memories at once beside those of one memory after the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import solve_toeplitz

from crackle_stream.detect.evidence.autoregression import LAG_PENALTY, MAX_ORDER, gram
from crackle_stream.detect.evidence.memory import SPREAD_LAGS, MetricMemory
from crackle_stream.detect.evidence.memory_models import series_models, spread_models

Floats = npt.NDArray[np.float64]

NOTHING = np.zeros(0)


def memory_of(y: Floats, rows: float) -> MetricMemory:
    """A memory of one series, its spread's memory that of the series itself."""
    autocovariances = np.array([np.mean(y[lag:] * y[: len(y) - lag]) for lag in range(SPREAD_LAGS + 1)])
    products = gram(y[:, None], MAX_ORDER)[0]
    return MetricMemory("raw", 0.0, 1.0, NOTHING, products, autocovariances, NOTHING, 1.0, 6.0, rows)


def plain_spread(memory: Floats, rows: float) -> Floats:
    """Levinson's recursion for one series, written as in a textbook."""
    firm = memory + np.eye(len(memory))[0] * 1e-6
    phi: list[float] = []
    residual = [float(memory[0])]
    for order in range(1, len(memory)):
        explained = sum(value * firm[order - 1 - place] for place, value in enumerate(phi))
        reflected = float((firm[order] - explained) / max(residual[-1], 1e-12))
        phi = [value - reflected * back for value, back in zip(phi, reversed(phi), strict=True)] + [reflected]
        residual.append(residual[-1] * (1 - reflected**2))
    criterion = [rows * np.log(max(left, 1e-12)) + LAG_PENALTY * order for order, left in enumerate(residual)]
    order = int(np.argmin(criterion))
    order = len(memory) - 1 if order > 1 else order
    found = np.zeros(len(memory) - 1)
    if order:
        found[:order] = solve_toeplitz(firm[:order], firm[1 : order + 1])
    return found


def drawn(seed: int, series: int) -> list[MetricMemory]:
    rng = np.random.default_rng(seed)
    memories = []
    for _ in range(series):
        y = rng.standard_normal(400)
        for row in range(1, 400):
            y[row] += rng.choice([0.0, 0.4, 0.9]) * y[row - 1]
        memories.append(memory_of(y, float(rng.uniform(0.5, 4000))))
    return memories


@given(seed=st.integers(0, 10_000), series=st.integers(1, 6))
def test_the_models_of_many_are_those_of_each(seed: int, series: int) -> None:
    memories = drawn(seed, series)
    together, spreads = series_models(memories), spread_models(memories)
    for place, memory in enumerate(memories):
        alone = series_models([memory])
        np.testing.assert_allclose(together.phi[place], alone.phi[0], rtol=1e-9, atol=1e-12)
        assert together.constant[place] == pytest.approx(alone.constant[0], rel=1e-9, abs=1e-12)
        plain = plain_spread(memory.spread_memory, memory.rows)
        np.testing.assert_allclose(spreads.phi[place], plain, rtol=1e-6, atol=1e-9)


def test_what_never_moved_has_no_memory_of_its_spread() -> None:
    still = replace(drawn(1, 1)[0], spread_memory=np.zeros(SPREAD_LAGS + 1))
    assert not spread_models([still]).phi.any()
