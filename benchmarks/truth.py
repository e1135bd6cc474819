"""What is planted in a window, and how a family of windows is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crackle_stream.window import Window

__all__ = ["Floats", "Planted", "Recipe", "Rng", "Truth"]

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Truth:
    """One planted pattern.

    Attributes:
        kind: the pattern's kind.
        form: mean, variance, shape, linear, nonlinear, lagged, linear law, broken law, groups.
        columns: the metrics it is about; a lagged pair names the leader first.
        index: row where it begins, where it does.
        lag: tasks by which the second metric follows the first.
        coefficients: of a law, one a column.
        members: group of every row, -1 for noise.
        rows: guilty rows of a broken law.
    """

    kind: str
    form: str
    columns: tuple[int, ...]
    index: int | None = None
    lag: int | None = None
    coefficients: tuple[float, ...] = ()
    members: npt.NDArray[np.intp] | None = None
    rows: npt.NDArray[np.intp] | None = None


@dataclass(frozen=True, slots=True)
class Planted:
    """A window and what was planted in it.

    Attributes:
        window: the data.
        truths: what a detector should find; empty for a null family.
        earlier: windows of the same metrics before it, in which nothing happens.
        dependent: whether dependence between any metrics is true.
    """

    window: Window
    truths: tuple[Truth, ...] = ()
    earlier: tuple[Window, ...] = ()
    dependent: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a family is made.

    Attributes:
        values: (rng, n, m) -> values of (known + 1) n rows, and truths about the last n of them.
        dependent: whether dependence between any metrics is true.
        known: windows that the history knows before the one that is judged.
    """

    values: Callable[[Rng, int, int], tuple[Floats, tuple[Truth, ...]]]
    dependent: bool = False
    known: int = 0
