"""Windows without a pattern, and the rule that p values keep on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import comb

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.look import Context
from crackle_stream.history import History
from crackle_stream.model import Examination
from crackle_stream.testing.rules import require
from crackle_stream.window import Window

__all__ = ["AUTOCORRELATED", "INDEPENDENT", "check_null", "most_by_chance", "window_of"]

Floats = npt.NDArray[np.float64]

INDEPENDENT, AUTOCORRELATED = "independent noise", "autocorrelated noise"

WINDOWS = 40
"""Windows of each sort: enough to tell a level of .05 from one of .3, few enough for a unit test."""

ROWS, METRICS = 300, 4

MEMORY = 0.9
"""What a value of autocorrelated noise keeps of the one before: the load of a server, from one second to the next."""

LEVEL = 0.05
"""In this share of windows, at most, a valid test sees something that is not there."""

RISK = 1e-4
"""Chance that the rule fails a detector that keeps it."""

CURES = {
    INDEPENDENT: "count every test in Examination.tests, and compare the p values with a simulation",
    AUTOCORRELATED: "rows that depend on each other say less than independent ones: test "
    "prepared_of(window, context).whitened.scores in place of the values",
}


def check_null(
    name: str, examine: Callable[[str, Window, Context], Examination], *, seed: int, windows: int = WINDOWS
) -> None:
    """Check that p values are not too small where there is nothing to find; of a detector without p values, nothing.

    A window counts where the smallest p value times the number of tests is at most .05. Of valid p values at most
    .05 of the windows count on average; more than `most_by_chance` do once in 10,000 runs.

    Args:
        name: the detector's.
        examine: runs it on a titled window.
        seed: of the noise.
        windows: how many of each sort.

    Raises:
        AssertionError: too many windows count; the message has their number and the bar.
    """
    most = most_by_chance(windows)
    for sort in (INDEPENDENT, AUTOCORRELATED):
        count = sum(_seen(examine(f"of {sort}", window, _context(window))) for window in _noise(sort, seed, windows))
        require(
            count <= most,
            f"{name} sees something with a p value of {LEVEL} or less, times its tests, in {count} of {windows} "
            f"windows of {sort}, where there is nothing; the bar is {most}: {CURES[sort]}",
        )


def most_by_chance(windows: int, level: float = LEVEL, risk: float = RISK) -> int:
    """The largest number of windows that may count: more do with a chance of at most `risk`.

    Binomial upper tail, summed exactly.

    >>> most_by_chance(40)
    9
    """
    beyond = 1.0
    for count in range(windows + 1):
        beyond -= comb(windows, count) * level**count * (1 - level) ** (windows - count)
        if beyond <= risk:
            return count
    return windows


def window_of(values: Floats) -> Window:
    """A window of numbered tasks and metrics, a second apart.

    Args:
        values: shape (n, m).
    """
    tasks, metrics = values.shape
    return Window.from_columns(
        [f"task-{number}" for number in range(tasks)],
        1.7e9 + np.arange(tasks),
        [f"metric_{number}" for number in range(metrics)],
        values,
        key="kit",
        id="kit",
    )


def _noise(sort: str, seed: int, windows: int) -> Iterator[Window]:
    rng = np.random.default_rng([seed, len(sort)])
    for _ in range(windows):
        values = rng.normal(size=(ROWS, METRICS))
        if sort == AUTOCORRELATED:
            values[1:] *= np.sqrt(1 - MEMORY**2)
            for row in range(1, ROWS):
                values[row] += MEMORY * values[row - 1]
        yield window_of(100 + 10 * values)


def _context(window: Window) -> Context:
    return Context(window, History(), None, seed=0)


def _seen(made: Examination) -> bool:
    smallest = min((candidate.p for candidate in made.candidates if candidate.p is not None), default=1.0)
    return smallest * max(made.tests, 1) <= LEVEL
