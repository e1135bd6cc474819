"""Three windows of the kind the crate was reviewed with: a service that is well, one that gets worse, one that loses.

Nine metrics of 334 events each, seeded. Some follow from others and some stand still, so that every detector has
something to say of every window.
"""

from __future__ import annotations

import numpy as np

from crackle_stream import Window

__all__ = ["cycles"]

TASKS = 334

NAMES = (
    "latency_ms",
    "latency_p99_ms",
    "throughput",
    "memory_mb",
    "error_rate",
    "records_in",
    "records_out",
    "consumer_lag",
    "gc_pause_ms",
)


def cycles(missing: float = 0.0) -> tuple[Window, ...]:
    """The three windows.

    Args:
        missing: share of values left out at random.
    """
    rng = np.random.default_rng(1)
    return (
        _window(rng, missing, worse=0.0, lost=0.0),
        _window(rng, missing, worse=7.5, lost=0.0),
        _window(rng, missing, worse=0.5, lost=0.3),
    )


def _window(rng: np.random.Generator, missing: float, *, worse: float, lost: float) -> Window:
    """One window, in which latency grows by so many times and a share of records is lost by its end."""
    so_far = np.linspace(0.0, 1.0, TASKS)
    latency = 10.0 * (1.0 + worse * so_far + 0.1 * rng.normal(size=TASKS))
    errors = np.clip(0.05 * worse * so_far + 0.002 * rng.random(TASKS), 0.0, 0.5)
    columns = (
        latency,
        2.5 * latency,
        1e6 / latency,
        128.0 + 8.0 * worse * so_far + rng.normal(size=TASKS),
        errors,
        np.full(TASKS, 1000.0),
        1000.0 * (1.0 - errors) * (1.0 - lost * so_far),
        1000.0 * worse * so_far + 100.0 * rng.random(TASKS),
        5.0 + 6.0 * worse * so_far + 0.2 * rng.normal(size=TASKS),
    )
    values = np.column_stack(columns)
    values[rng.random(values.shape) < missing] = np.nan
    labels = [f"task-{row}" for row in range(TASKS)]
    return Window.from_columns(labels, np.arange(TASKS, dtype=np.float64), NAMES, values)
