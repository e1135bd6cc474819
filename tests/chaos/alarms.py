"""A detector whose findings are known beforehand: it reports each metric called alarm-something that a window holds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from crackle_stream.model import CracklePattern, Nature, Onset
from crackle_stream.window import Window

__all__ = ["Alarms"]


class Alarms:
    """One event a metric, in every window that holds a task with it."""

    name = "alarms"

    def __call__(self, window: Window) -> Iterator[CracklePattern]:
        """The alarms of a window."""
        for column, name in enumerate(window.names):
            rows = np.flatnonzero(np.isfinite(window.values[:, column]))
            if name.startswith("alarm-") and len(rows):
                first = int(rows[0])
                yield CracklePattern(
                    kind="alarm",
                    form="known",
                    nature=Nature.EVENT,
                    description=f"{name} is there",
                    confidence=1.0,
                    metric_names=(name,),
                    at=Onset(first, float(window.times[first])),
                )
