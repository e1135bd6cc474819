"""A noisy law held against few tasks: it is not called broken because its residual has a memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from crackle_stream.detect.evidence.law import Law
from crackle_stream.detect.evidence.law_watch import Standing, watch

Floats = npt.NDArray[np.float64]

LAW = Law.of({"in": 1.0, "out": -1.0, "dropped": -1.0}, 0.0, 1.0)


def members(rng: np.random.Generator, rows: int, phi: float) -> Floats:
    """A balance whose noise is autocorrelated, of unit variance."""
    noise = rng.standard_normal(rows + 50)
    for row in range(1, len(noise)):
        noise[row] = phi * noise[row - 1] + np.sqrt(1 - phi * phi) * noise[row]
    out, dropped = rng.gamma(9, 10, rows), rng.gamma(9, 5, rows)
    return np.column_stack([dropped, out + dropped + noise[-rows:], out])


@pytest.mark.parametrize(("phi", "most"), [(0.0, 0.015), (0.5, 0.03)])
@pytest.mark.parametrize("before", [None, Standing(2000, 0, 1.0)], ids=["new", "known"])
def test_few_residuals_with_a_memory_are_seldom_taken_for_a_break(
    phi: float, most: float, before: Standing | None
) -> None:
    rng = np.random.default_rng(0)
    assert LAW.names == ("dropped", "in", "out")
    p = np.array([watch(LAW, members(rng, 60, phi), before, (0, 60), 1e-3).nearest for _ in range(600)])
    assert np.mean(p <= 0.01) <= most
    assert np.mean(p <= 0.001) <= most / 3


def test_a_leak_is_still_seen_in_few_tasks() -> None:
    seen = 0
    for seed in range(20):
        table = members(np.random.default_rng(seed), 80, 0.0)
        table[45:, 1] += 3.0
        made = watch(LAW, table, None, (0, 45), 1e-3)
        seen += made.broken is not None and abs(made.broken.first - 45) <= 3
    assert seen >= 18
