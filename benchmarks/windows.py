"""Windows to measure on."""

from __future__ import annotations

import numpy as np

from benchmarks.noise import NULL
from crackle_stream import Window

__all__ = ["EVIDENCE_KINDS", "evidence_window", "window"]

EVIDENCE_KINDS = {"normal": "iid ops", "ar": "ar .9 ops", "mixed": "mixed", "counts": "poisson", "seasonal": "seasonal"}
"""Kinds of data the evidence family is timed on, and the families of noise they are."""

BALANCED_FROM = 12


def window(tasks: int, metrics: int, *, missing: float = 0.0, groups: int = 0, seed: int = 1) -> Window:
    """A window of independent normal metrics of unit variance.

    Args:
        tasks: number of rows.
        metrics: number of columns.
        missing: share of values left out at random.
        groups: tight groups that the tasks fall into; with 0 nothing is near anything in many metrics, which is the
            hardest case: every task leads.
        seed: of the generator.
    """
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(tasks, metrics))
    if groups:
        centres = rng.normal(size=(groups, metrics)) * 20
        values = values * 0.1 + centres[rng.integers(0, groups, tasks)]
    values[rng.random(values.shape) < missing] = np.nan
    return Window.from_columns(
        [f"task-{row}" for row in range(tasks)],
        np.arange(tasks, dtype=np.float64),
        [f"metric_{column}" for column in range(metrics)],
        values,
    )


def evidence_window(kind: str, tasks: int, metrics: int, *, missing: float = 0.0, seed: int = 1) -> Window:
    """A window of noise in which nothing happens, plus, from twelve metrics on, a balance of three of them.

    Args:
        kind: one of `EVIDENCE_KINDS`.
        tasks: number of rows.
        metrics: number of columns.
        missing: share of values left out at random.
        seed: of the generator.
    """
    rng = np.random.default_rng(seed)
    values, _ = NULL[EVIDENCE_KINDS[kind]].values(rng, tasks, metrics)
    if metrics >= BALANCED_FROM:
        values[:, 0] = rng.poisson(400, tasks)
        values[:, 1] = rng.binomial(values[:, 0].astype(int), 0.1)
        values[:, 2] = values[:, 0] - values[:, 1]
    values[rng.random(values.shape) < missing] = np.nan
    return Window.from_columns(
        [f"task-{row}" for row in range(tasks)],
        np.arange(tasks, dtype=np.float64),
        [f"metric_{column}" for column in range(metrics)],
        values,
    )
