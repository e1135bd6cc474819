"""Windows as a program without a library for them has them: a list a partition, and numpy when it is full."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["WINDOW", "Lists"]

WINDOW = 1000


class Lists:
    """One list of rows for each partition."""

    def __init__(self) -> None:
        self._rows: defaultdict[int, list[list[float]]] = defaultdict(list)

    def take(self, partition: int, metrics: Mapping[str, float]) -> None:
        """Add a record; a thousandth one ends a window."""
        rows = self._rows[partition]
        rows.append(list(metrics.values()))
        if len(rows) == WINDOW:
            table = np.array(rows)
            table.mean(axis=0)
            np.corrcoef(table, rowvar=False)
            rows.clear()
